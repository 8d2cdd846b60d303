/* Who is it, and may he come in: registration, login, passwords, tokens.
 *
 * A login does the same work and gives the same answer for an unknown user, a wrong password and a
 * disabled user. The database decides about role and epoch at every request; a token only says who
 * it is. */
#ifndef ORDERD_SERVICES_AUTH_H
#define ORDERD_SERVICES_AUTH_H

#include <stdint.h>

#include "core/context.h"
#include "core/error.h"
#include "db/store.h"
#include "db/users.h"
#include "security/keyring.h"
#include "security/password.h"
#include "security/token.h"

#include "services/throttle.h"

struct auth_options {
    const char *issuer; /* borrowed */
    const char *audience;
    int64_t token_lifetime_s;
    int store_timeout_ms;
    struct throttle_options throttle;
    int trust_days;      /* an address that logged in is trusted so long; 0: never */
    int trust_addresses; /* kept for each user */
};

struct auth;

/* Owns the key ring from here on, also on failure; borrows the rest. */
struct auth *auth_open(
    struct store *, struct hasher *, struct keyring *, const struct auth_options *);
void auth_close(struct auth *); /* NULL is harmless */

/* Another key ring from now on (SIGHUP); owns it. */
void auth_set_keyring(struct auth *, struct keyring *);

struct registration {
    const char *username;
    const char *password;
    const char *email;
    const char *role; /* NULL: "user" */
};

/* ERR_CONFLICT names the fields that are taken. ERR_UNAVAILABLE: too much hashing. */
enum err auth_register(
    struct auth *, struct context *, const struct registration *, struct user *out);

struct access_token {
    char *text; /* a secret, in the context's arena */
    int64_t expires_in_s;
};

/* From ctx->client. ERR_INVALID_CREDENTIALS. ERR_TOO_MANY_REQUESTS (fault.retry_after_s): too many
 * failures, nothing was compared. ERR_UNAVAILABLE. */
enum err auth_login(struct auth *, struct context *, const char *username, const char *password,
    struct access_token *out);

/* For ctx->user_id; ends every token he has. ERR_INVALID_CREDENTIALS: the current one is wrong,
 * which counts like a failed login. ERR_TOO_MANY_REQUESTS and ERR_UNAVAILABLE as above. */
enum err auth_change_password(
    struct auth *, struct context *, const char *current, const char *new_password);

/* authorization: the header's value, or NULL. ERR_UNAUTHORIZED: no bearer token (RFC 6750,
 * section 2.1). ERR_INVALID_TOKEN. Sets ctx->user_id. */
enum err auth_authenticate(
    struct auth *, struct context *, const char *authorization, struct user *out);

#endif
