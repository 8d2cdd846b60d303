/* Access tokens: JWT (RFC 7519), HS256, by libjwt. Nothing else includes jwt.h.
 *
 * libjwt 1.10 takes the algorithm from the token, never looks at exp, nbf, iss or aud, takes
 * duplicate claims and writes past an empty segment; so the shape is checked before it and every
 * claim after it. */
#ifndef ORDERD_SECURITY_TOKEN_H
#define ORDERD_SECURITY_TOKEN_H

#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"
#include "security/keyring.h"

/* Leeway for nbf and iat, none for exp. */
#define TOKEN_LEEWAY_S 5
#define TOKEN_SIZE_MAX 4096

struct token_options {
    const char *issuer;
    const char *audience;
    int64_t lifetime_s;
};

struct token_claims {
    int64_t user_id; /* sub, a canonical decimal string */
    const char *role;
    int64_t epoch;
    /* Read by token_verify(); token_issue() makes its own. */
    int64_t issued_at;
    int64_t not_before_at;
    int64_t expires_at;
    const char *kid;
};

/* *out lives in the arena. Adds iss, aud, iat, nbf, exp, jti; header alg, typ, kid. */
enum err token_issue(const struct keyring *, const struct token_options *,
    const struct token_claims *, int64_t now, struct arena *, char **out, struct fault *);

/* Checks everything but what the database says (epoch, user, role). ERR_INVALID_TOKEN; the fault's
 * text says why, for the tests and the log: a client is told one thing whatever it was. */
enum err token_verify(const struct keyring *, const struct token_options *, const char *token,
    int64_t now, struct arena *, struct token_claims *out, struct fault *);

/* What may have changed about a token that was verified before: its key may verify no more, and
 * time goes on. ERR_INVALID_TOKEN. */
enum err token_check_again(const struct keyring *, const struct token_options *,
    const struct token_claims *, int64_t now, struct fault *);

#endif
