/* What was found out about tokens, so that a client who comes again and again costs a digest and
 * not a parser and a signature each time: half of the instructions of an order's GET otherwise
 * (bench/instructions).
 *
 * Of a token only its digest is kept. Whatever may change from one request to the next is looked at
 * each time: its times, and whether its key verifies still. The user row is its caller's. */
#ifndef ORDERD_SECURITY_TOKEN_CACHE_H
#define ORDERD_SECURITY_TOKEN_CACHE_H

#include "security/token.h"

struct token_cache; /* any thread may call, but for open and close */

struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *); /* NULL is harmless */

/* As token_verify(), whose parameters these are. The keyring and the options are the same at each
 * call, until token_cache_forget(). */
enum err token_cache_verify(struct token_cache *, const struct keyring *,
    const struct token_options *, const char *token, int64_t now, struct arena *,
    struct token_claims *out, struct fault *);

/* Before another keyring is used: a key may have other bytes under its old name. No call may be
 * under way that still uses the old one. */
void token_cache_forget(struct token_cache *);

#endif
