/* Users: rows <-> structs. Called inside a unit of work; strings go to the arena. */
#ifndef ORDERD_DB_USERS_H
#define ORDERD_DB_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct arena;
struct db;

/* The zero value may do nothing, so that a forgotten column refuses. */
enum role {
    ROLE_NONE,
    ROLE_USER,
    ROLE_ADMIN,
};

struct user {
    int64_t id;
    const char *username;
    const char *email;
    enum role role;
    const char *password_hash;
    int64_t epoch; /* tokens with another one are void */
    bool disabled;
    int64_t created_at;
};

struct user_new {
    const char *username;
    const char *email;
    enum role role; /* ROLE_USER or ROLE_ADMIN */
    const char *password_hash;
    int64_t created_at;
};

struct user_added {
    int64_t id; /* 0: refused, and at least one of: */
    bool username_taken;
    bool email_taken;
};

const char *role_name(enum role);       /* "user", "admin" */
enum role role_parse(const char *name); /* ROLE_NONE: no role's name */

/* Compares names and addresses folded (ASCII case). ERR_REFUSED when taken; out says which. */
enum err users_add(struct db *, const struct user_new *, struct user_added *out);
/* ERR_NOT_FOUND. */
enum err users_get(struct db *, struct arena *, int64_t id, struct user *out);
enum err users_find(struct db *, struct arena *, const char *username, struct user *out);
enum err users_count(struct db *, int64_t *out);
/* New hash and epoch + 1, if the epoch is still the one given; else ERR_REFUSED (somebody else
 * changed it). */
enum err users_set_password(struct db *, int64_t id, int64_t epoch, const char *password_hash);
/* Another hash of the same password, if the hash is still the old one; else ERR_REFUSED. Tokens
 * live on. */
enum err users_renew_hash(struct db *, int64_t id, const char *old_hash, const char *new_hash);

/* Each ends the user's tokens at once (epoch + 1). Already so: ERR_NONE, and nothing changes.
 * ERR_NOT_FOUND. ERR_REFUSED: he is the last admin who is not disabled, and must remain one; of two
 * who are disabled or demoted at once, one is refused. */
enum err users_disable(struct db *, int64_t id, int64_t disabled_at);
enum err users_enable(struct db *, int64_t id);
enum err users_set_role(struct db *, int64_t id, enum role); /* ROLE_USER or ROLE_ADMIN */

/* Ends every token of everybody, also those of the next million changes of a password. */
enum err users_void_tokens(struct db *);

/* By id, ascending, after the given id. */
enum err users_list(
    struct db *, struct arena *, int64_t after_id, int64_t limit, struct user **out, size_t *count);

#endif
