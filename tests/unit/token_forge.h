/* Tokens forged with the right key, whatever they say: so that what refuses them is the check in
 * question and not the signature. */
#ifndef ORDERD_TESTS_TOKEN_FORGE_H
#define ORDERD_TESTS_TOKEN_FORGE_H

#include <stddef.h>

#include "core/arena.h"
#include "core/error.h"
#include "security/keyring.h"
#include "security/token_cache.h"

#define KID      "20261124T150405Z-0badcafe"
#define OLD_KID  "20251124T150405Z-0badcafe"
#define GONE_KID "20261024T150405Z-0badcafe" /* retired at NOW */
#define KEY      "an-hmac-key-of-exactly-32-bytes!"
#define OLD_KEY  "the-key-of-the-year-before-this!"
#define GONE_KEY "the-key-that-has-been-let-go-of!"

#define NOW 1800000000

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}"

/* The claims, each by itself, so that a row can leave one out or put another in. */
#define ISS     "\"iss\":\"orderd\","
#define AUD     "\"aud\":\"shop\","
#define SUB     "\"sub\":\"7\","
#define ROLE    "\"role\":\"user\","
#define EPOCH   "\"epoch\":2,"
#define IAT     "\"iat\":1800000000,"
#define NBF     "\"nbf\":1800000000,"
#define EXP     "\"exp\":1800000001,"
#define JTI     "\"jti\":\"x\""
#define PAYLOAD "{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI "}"

extern const struct token_options options;
extern struct keyring *keys; /* KID, OLD_KID and GONE_KID */
extern struct token_cache *cache;
extern struct arena arena;
extern struct fault fault;

void forge_begin(void);
void forge_end(void);

/* base64url(header).base64url(payload).base64url(HMAC(...)) */
char *forge_with(const char *key, const char *header, size_t header_len, const char *payload,
    size_t payload_len);
char *forge(const char *header, const char *payload); /* with KEY */

/* At NOW; with and without the cache, which must say the same. */
enum err verify_token(const char *token, struct token_claims *claims);
void expect_refused(const char *token, const char *why); /* part of the fault's text */
void expect_accepted(const char *token);                 /* for user 7, role user, epoch 2 */

#endif
