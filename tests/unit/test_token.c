/* Access tokens: each way one can be bad. All of them are forged here with the right key, so that
 * what refuses them is the check in question and not the signature. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/text.h"
#include "security/keyring.h"
#include "security/token.h"

#include "unit.h"

#define KID     "20261124T150405Z-0badcafe"
#define OLD_KID "20251124T150405Z-0badcafe"
#define KEY     "an-hmac-key-of-exactly-32-bytes!"
#define OLD_KEY "the-key-of-the-year-before-this!"

#define NOW 1800000000

static const struct token_options options = {
    .issuer = "orderd", .audience = "shop", .lifetime_s = 3600};

static struct keyring *keys;
static struct arena arena;
static struct fault fault;

static void put_key(const char *folder, const char *name, const char *bytes)
{
    ck_assert_int_eq(
        file_replace(unit_path(folder, name), bytes, strlen(bytes), 0600, NULL), ERR_NONE);
}

static void begin(void)
{
    const char *folder = unit_folder();
    put_key(folder, OLD_KID ".key", OLD_KEY);
    put_key(folder, KID ".key", KEY);
    ck_assert_int_eq(keyring_open(&keys, folder, NULL), ERR_NONE);
    arena_init(&arena, 16384);
    fault_begin(&fault, &arena);
}

static void end(void)
{
    arena_fini(&arena);
    keyring_close(keys);
}

static char *encode(const void *bytes, size_t len)
{
    char *text = arena_alloc(&arena, (len + 2) / 3 * 4 + 1);
    text_base64url(text, bytes, len);
    return text;
}

/* base64url(header).base64url(payload).base64url(HMAC(...)) */
static char *forge_with(
    const char *key, const char *header, size_t header_len, const char *payload, size_t payload_len)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len;
    char *text =
        arena_printf(&arena, "%s.%s", encode(header, header_len), encode(payload, payload_len));
    HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)text, strlen(text), mac, &mac_len);
    return arena_printf(&arena, "%s.%s", text, encode(mac, mac_len));
}

static char *forge(const char *header, const char *payload)
{
    return forge_with(KEY, header, strlen(header), payload, strlen(payload));
}

/* From memory of exactly its size, so that a sanitizer sees every byte read past it. */
static enum err verify(const char *token, struct token_claims *claims)
{
    char *exact = strdup(token);
    ck_assert_ptr_nonnull(exact);
    fault_clear(&fault);
    enum err e = token_verify(keys, &options, exact, NOW, &arena, claims, &fault);
    free(exact);
    return e;
}

static void refuse(const char *token, const char *why)
{
    struct token_claims claims = {.user_id = 1, .role = "admin"};
    ck_assert_int_eq(verify(token, &claims), ERR_INVALID_TOKEN);
    ck_assert_msg(strstr(fault.text, why) != NULL, "\"%s\" is not \"%s\"", fault.text, why);
    ck_assert_int_eq(claims.user_id, 0);
    ck_assert_ptr_null(claims.role);
}

static void accept(const char *token)
{
    struct token_claims claims;
    enum err e = verify(token, &claims);
    ck_assert_msg(!e, "%s", e ? fault.text : "");
    ck_assert_int_eq(claims.user_id, 7);
    ck_assert_str_eq(claims.role, "user");
    ck_assert_int_eq(claims.epoch, 2);
}

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

/* ---- headers ---- */

static const struct {
    const char *header, *why;
} headers[] = {
    {"{\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":null,\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":256,\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"hs256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS256 \",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS\\u003256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS384\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS512\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"Alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":[\"HS256\"],\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "a value within a value"},
    {"{\"alg\":\"HS256\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"foo\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"jwt\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWE\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":1,\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":null}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":1}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"20261124T150405Z\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "0\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"../" KID "\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"crit\":\"exp\"}", "more than"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"crit\":[\"exp\"]}", "a value"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"jku\":\"http://x\"}", "more than"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"alg\":\"HS256\"}", "a name twice"},
    {"{\"alg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "a name twice"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"\\u0061lg\":\"none\"}", "no plain"},
    {"[]", "not an object"},
    {"\"HS256\"", "not an object"},
    {"null", "not an object"},
    {"{", "no plain name"},
    {"{}", "alg"},
    {HEADER " x", "text behind"},
    {HEADER HEADER, "text behind"},
    {"\xef\xbb\xbf" HEADER, "not an object"},
};

START_TEST(a_bad_header_is_refused)
{
    refuse(forge(headers[_i].header, PAYLOAD), headers[_i].why);
}
END_TEST

/* ---- payloads ---- */

static const struct {
    const char *payload, *why;
} payloads[] = {
    {"{" AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss"},
    {"{" ISS SUB ROLE EPOCH IAT NBF EXP JTI "}", "aud"},
    {"{" ISS AUD ROLE EPOCH IAT NBF EXP JTI "}", "sub"},
    {"{" ISS AUD SUB EPOCH IAT NBF EXP JTI "}", "role"},
    {"{" ISS AUD SUB ROLE IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE EPOCH NBF EXP JTI "}", "iat"},
    {"{" ISS AUD SUB ROLE EPOCH IAT EXP JTI "}", "nbf"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF JTI "}", "exp"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800000001}", "jti"},
    {"{\"iss\":\"Orderd\"," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is not ours"},
    {"{\"iss\":\"orderd2\"," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is not ours"},
    {"{\"iss\":\"\"," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is no text"},
    {"{\"iss\":1," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is no text"},
    {"{" ISS "\"aud\":\"other\"," SUB ROLE EPOCH IAT NBF EXP JTI "}", "aud is not ours"},
    {"{" ISS "\"aud\":[\"shop\"]," SUB ROLE EPOCH IAT NBF EXP JTI "}", "a value within"},
    {"{" ISS "\"aud\":null," SUB ROLE EPOCH IAT NBF EXP JTI "}", "aud is no text"},
    {"{" ISS AUD "\"sub\":7," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no text"},
    {"{" ISS AUD "\"sub\":\"007\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"0\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"-1\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"+1\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"1 \"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"1e1\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"alice\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"9223372036854775808\"," ROLE EPOCH IAT NBF EXP JTI "}",
        "sub is no user"},
    {"{" ISS AUD "\"sub\":\"7\\u0000\"," ROLE EPOCH IAT NBF EXP JTI "}", "not JSON"},
    {"{" ISS AUD SUB "\"role\":\"\"," EPOCH IAT NBF EXP JTI "}", "role"},
    {"{" ISS AUD SUB "\"role\":true," EPOCH IAT NBF EXP JTI "}", "role"},
    {"{" ISS AUD SUB ROLE "\"epoch\":\"2\"," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":-1," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":2.0," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":2e0," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":false," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE EPOCH "\"iat\":\"1800000000\"," NBF EXP JTI "}", "iat"},
    {"{" ISS AUD SUB ROLE EPOCH "\"iat\":1800000000.5," NBF EXP JTI "}", "iat"},
    {"{" ISS AUD SUB ROLE EPOCH "\"iat\":1800000006," NBF EXP JTI "}", "iat is in the future"},
    {"{" ISS AUD SUB ROLE EPOCH IAT "\"nbf\":null," EXP JTI "}", "nbf"},
    {"{" ISS AUD SUB ROLE EPOCH IAT "\"nbf\":-5," EXP JTI "}", "nbf"},
    {"{" ISS AUD SUB ROLE EPOCH IAT "\"nbf\":1800000006," EXP JTI "}", "not valid yet"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800000000," JTI "}", "expired"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1799999999," JTI "}", "expired"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":0," JTI "}", "expired"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":-1," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":\"1800000001\"," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800000001.0," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":18e8," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":true," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":null," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":9223372036854775808," JTI "}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":01800000001," JTI "}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":{}," JTI "}", "a value within"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"jti\":\"\"}", "jti"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"jti\":5}", "jti"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"exp\":1900000000," JTI "}", "a name twice"},
    {"{" ISS AUD SUB SUB ROLE EPOCH IAT NBF EXP JTI "}", "a name twice"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"s\\u0075b\":\"1\"," JTI "}", "no plain name"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI, "not one object"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",}", "no plain name"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI " \"x\":1}", "not one object"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\"}", "no colon"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":}", "no value"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":", "no value"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"", "a text without end"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\\", "a text without end"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\\q\"}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":nul}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\xff\"}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\n\"}", "a text without end"},
    {PAYLOAD "{}", "text behind"},
    {"[" PAYLOAD "]", "not an object"},
    {"[]", "not an object"},
    {"7", "not an object"},
    {"{}", "iss"},
};

START_TEST(a_bad_payload_is_refused)
{
    refuse(forge(HEADER, payloads[_i].payload), payloads[_i].why);
}
END_TEST

START_TEST(text_behind_a_nul_is_refused)
{
    static const char header[] = HEADER "\0";
    static const char payload[] = PAYLOAD "\0,";
    refuse(forge_with(KEY, header, sizeof header - 1, PAYLOAD, strlen(PAYLOAD)), "text behind");
    refuse(forge_with(KEY, HEADER, strlen(HEADER), payload, sizeof payload - 1), "text behind");
}
END_TEST

START_TEST(too_many_members_are_refused)
{
    char *members = arena_printf(&arena, "%.*s", (int)strlen(PAYLOAD) - 1, PAYLOAD);
    for (int i = 9; i < 32; i++)
        members = arena_printf(&arena, "%s,\"x%d\":%d", members, i, i);
    accept(forge(HEADER, arena_printf(&arena, "%s}", members)));
    refuse(forge(HEADER, arena_printf(&arena, "%s,\"more\":1}", members)), "too many members");
}
END_TEST

/* ---- shapes ---- */

static const char *const shapes[] = {
    "",
    ".",
    "..",
    "...",
    "a",
    "a.b",
    "a.b.",
    ".b.c",
    "a..c",
    "a.b.c.d",
    "a.b.c.",
    ".a.b.c",
    " a.b.c",
    "a.b.c ",
    "a.b.c\n",
    "a=.b.c",
    "a.b.c=",
    "a+.b.c",
    "a/.b.c",
    "a.\xc3\xa4.c",
    "Bearer a.b.c",
};

START_TEST(what_has_no_shape_of_a_token_is_refused)
{
    refuse(shapes[_i], "not three parts");
}
END_TEST

static char *good(void)
{
    return forge(HEADER, PAYLOAD);
}

START_TEST(a_part_that_is_no_base64url_is_refused)
{
    const char *token = good();
    int header_len = (int)strcspn(token, ".");
    refuse("A.AA.AA", "the header is not base64url");
    refuse("AB.AA.AA", "the header is not base64url"); /* stray bits */
    refuse(arena_printf(&arena, "%.*s.A.AA", header_len, token), "the payload is not base64url");
    refuse(arena_printf(&arena, "%.*s.AB.AA", header_len, token), "the payload is not base64url");
}
END_TEST

START_TEST(padding_and_more_segments_are_refused)
{
    const char *token = good();
    refuse(arena_printf(&arena, "%s=", token), "not three parts");
    refuse(arena_printf(&arena, "%s.", token), "not three parts");
    refuse(arena_printf(&arena, "%s.AA", token), "not three parts");
    refuse(arena_printf(&arena, "%s.AA.AA", token), "not three parts");
}
END_TEST

START_TEST(a_token_cut_anywhere_is_refused)
{
    char *token = good();
    for (size_t len = strlen(token); len-- > 0;) {
        token[len] = '\0';
        refuse(token, "");
    }
}
END_TEST

START_TEST(a_token_changed_anywhere_is_refused)
{
    char *token = good();
    for (size_t i = 0; token[i]; i++) {
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        refuse(token, "");
        token[i] = (char)(kept ^ 1);
        refuse(token, "");
        token[i] = kept;
    }
    accept(token);
}
END_TEST

START_TEST(the_longest_token_is_4096_bytes)
{
    size_t longest = 0, shortest = SIZE_MAX;
    for (int pad = 2750; pad < 2850; pad++) {
        char *payload = arena_printf(
            &arena, "%.*s,\"pad\":\"%0*d\"}", (int)strlen(PAYLOAD) - 1, PAYLOAD, pad, 0);
        char *token = forge(HEADER, payload);
        size_t len = strlen(token);
        if (len > TOKEN_SIZE_MAX) {
            refuse(token, "too long");
            shortest = len < shortest ? len : shortest;
        } else {
            accept(token);
            longest = len > longest ? len : longest;
        }
    }
    ck_assert_uint_ge(longest, 4095);
    ck_assert_uint_le(shortest, 4098);
}
END_TEST

/* Nested deep enough to blow a small stack in a parser that recurses, before or after the
 * signature. */
static void *verify_nested(void *arg)
{
    const char *opening = arg;
    char *payload = arena_alloc(&arena, 2900);
    for (size_t used = 0; used + strlen(opening) < 2900; used += strlen(opening))
        memcpy(payload + used, opening, strlen(opening));
    refuse(forge(HEADER, payload), "");
    refuse(forge(payload, PAYLOAD), "");
    refuse(forge(HEADER, arena_printf(&arena, "{\"x\":%.2700s", payload)), "a value within");
    accept(good());
    return NULL;
}

START_TEST(nesting_does_not_reach_the_stack)
{
    static const char *const openings[] = {"[", "{\"a\":"};
    pthread_attr_t attr;
    pthread_t thread;
    ck_assert(!pthread_attr_init(&attr));
    ck_assert(!pthread_attr_setstacksize(&attr, 256 << 10));
    ck_assert(!pthread_create(&thread, &attr, verify_nested, (void *)(uintptr_t)openings[_i]));
    ck_assert(!pthread_join(thread, NULL));
    pthread_attr_destroy(&attr);
}
END_TEST

/* ---- signatures ---- */

START_TEST(a_signature_by_another_key_is_refused)
{
    static const char *const wrong[] = {"", OLD_KEY, KID, "an-hmac-key-of-exactly-32-bytes?"};
    refuse(forge_with(wrong[_i], HEADER, strlen(HEADER), PAYLOAD, strlen(PAYLOAD)), "signature");
}
END_TEST

START_TEST(a_signature_of_another_token_is_refused)
{
    char *mine = good(),
         *other = forge(HEADER, "{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"jti\":\"y\"}");
    memcpy(strrchr(mine, '.'), strrchr(other, '.'), 44);
    refuse(mine, "signature");
}
END_TEST

START_TEST(a_made_up_signature_is_refused)
{
    static const char *const made_up[] = {"A", "AA", "garbage-signature",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    char *token = good();
    *strrchr(token, '.') = '\0';
    refuse(arena_printf(&arena, "%s.%s", token, made_up[_i]), "signature");
}
END_TEST

START_TEST(alg_none_is_refused_with_and_without_a_signature)
{
    char *token = forge("{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", PAYLOAD);
    refuse(token, "alg");
    strrchr(token, '.')[1] = '\0';
    refuse(token, "not three parts");
}
END_TEST

/* ---- good ones ---- */

START_TEST(a_good_token_is_accepted)
{
    static const char *const spellings[] = {
        PAYLOAD,
        " \t\r\n" PAYLOAD " ",
        "{ \"iss\" : \"orderd\" , " AUD SUB ROLE EPOCH IAT NBF EXP JTI "}",
        "{\"iss\":\"o\\u0072derd\"," AUD SUB "\"role\":\"\\u0075ser\"," EPOCH IAT NBF EXP JTI "}",
        "{" JTI "," EXP NBF IAT EPOCH ROLE SUB AUD "\"iss\":\"orderd\"}",
        "{" ISS AUD SUB ROLE EPOCH "\"iat\":1800000005,\"nbf\":1800000005," EXP JTI "}",
        "{" ISS AUD SUB ROLE EPOCH "\"iat\":0,\"nbf\":0,\"exp\":9223372036854775807," JTI "}",
        "{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":true,\"y\":null,\"z\":-1.5e3}",
    };
    accept(forge(HEADER, spellings[_i]));
}
END_TEST

START_TEST(the_largest_numbers_are_read)
{
    struct token_claims claims;
    ck_assert_int_eq(
        verify(forge(HEADER, "{" ISS AUD ROLE IAT NBF EXP JTI ",\"sub\":\"9223372036854775807\","
                             "\"epoch\":9223372036854775807}"),
            &claims),
        ERR_NONE);
    ck_assert_int_eq(claims.user_id, INT64_MAX);
    ck_assert_int_eq(claims.epoch, INT64_MAX);
}
END_TEST

START_TEST(an_older_key_still_verifies)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" OLD_KID "\"}";
    accept(forge_with(OLD_KEY, header, strlen(header), PAYLOAD, strlen(PAYLOAD)));
}
END_TEST

/* ---- issuing ---- */

static const struct token_claims alice = {.user_id = 7, .role = "user", .epoch = 2};

static char *issue(const struct token_options *with, int64_t at)
{
    char *token;
    enum err e = token_issue(keys, with, &alice, at, &arena, &token, &fault);
    ck_assert_msg(!e, "%s", e ? fault.text : "");
    return token;
}

START_TEST(an_issued_token_is_accepted_until_it_expires)
{
    struct token_claims claims;
    char *token = issue(&options, NOW);
    accept(token);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW + 3599, &arena, &claims, NULL), ERR_NONE);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW + 3600, &arena, &claims, NULL), ERR_INVALID_TOKEN);
    ck_assert_int_eq(token_verify(keys, &options, token, NOW - 5, &arena, &claims, NULL), ERR_NONE);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW - 6, &arena, &claims, NULL), ERR_INVALID_TOKEN);
}
END_TEST

static char *decode_part(const char *part)
{
    char *text = arena_alloc(&arena, 4096);
    size_t len;
    ck_assert(text_unbase64url(text, 4095, &len, part, strcspn(part, ".")));
    return text;
}

START_TEST(an_issued_token_says_what_is_documented)
{
    char *token = issue(&options, NOW);
    ck_assert_str_eq(decode_part(token), "{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}");
    char *payload = decode_part(strchr(token, '.') + 1);
    static const char *const claims[] = {"\"iss\":\"orderd\"", "\"aud\":\"shop\"", "\"sub\":\"7\"",
        "\"role\":\"user\"", "\"epoch\":2", "\"iat\":1800000000", "\"nbf\":1800000000",
        "\"exp\":1800003600", "\"jti\":\""};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        ck_assert_msg(strstr(payload, claims[i]) != NULL, "%s", claims[i]);
}
END_TEST

START_TEST(no_two_tokens_are_the_same)
{
    ck_assert_str_ne(issue(&options, NOW), issue(&options, NOW));
}
END_TEST

START_TEST(any_text_can_be_issuer_and_audience)
{
    struct token_options odd = {
        .issuer = "Händler \"A\\B\" 🍵 /", .audience = "{\"aud\":[1]}", .lifetime_s = 1};
    struct token_claims claims;
    char *token = issue(&odd, NOW);
    ck_assert_int_eq(token_verify(keys, &odd, token, NOW, &arena, &claims, &fault), ERR_NONE);
    refuse(token, "iss is not ours");
}
END_TEST

START_TEST(what_cannot_be_verified_is_not_issued)
{
    char *token = (char *)(uintptr_t) "x";
    struct token_options odd = options;
    odd.issuer = _i ? arena_printf(&arena, "%04000d", 0) : "\xff";
    ck_assert_int_eq(token_issue(keys, &odd, &alice, NOW, &arena, &token, &fault), ERR_INTERNAL);
    ck_assert_ptr_null(token);
}
END_TEST

/* ---- threads ---- */

static void *verify_often(void *arg)
{
    struct arena own;
    arena_init(&own, 16384);
    for (int i = 0; i < 200; i++) {
        struct token_claims claims;
        ck_assert_int_eq(token_verify(keys, &options, arg, NOW, &own, &claims, NULL), ERR_NONE);
        char *token;
        ck_assert_int_eq(token_issue(keys, &options, &claims, NOW, &own, &token, NULL), ERR_NONE);
        arena_reset(&own);
    }
    arena_fini(&own);
    return NULL;
}

START_TEST(threads_share_a_ring)
{
    pthread_t threads[4];
    char *token = issue(&options, NOW);
    for (int i = 0; i < 4; i++)
        ck_assert(!pthread_create(&threads[i], NULL, verify_often, token));
    for (int i = 0; i < 4; i++)
        ck_assert(!pthread_join(threads[i], NULL));
}
END_TEST

static void add_refusals(TCase *bad)
{
    tcase_add_loop_test(
        bad, what_has_no_shape_of_a_token_is_refused, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_loop_test(bad, a_bad_header_is_refused, 0, (int)(sizeof headers / sizeof *headers));
    tcase_add_loop_test(
        bad, a_bad_payload_is_refused, 0, (int)(sizeof payloads / sizeof *payloads));
    tcase_add_test(bad, text_behind_a_nul_is_refused);
    tcase_add_test(bad, too_many_members_are_refused);
    tcase_add_test(bad, a_part_that_is_no_base64url_is_refused);
    tcase_add_test(bad, padding_and_more_segments_are_refused);
    tcase_add_test(bad, a_token_cut_anywhere_is_refused);
    tcase_add_test(bad, a_token_changed_anywhere_is_refused);
    tcase_add_test(bad, the_longest_token_is_4096_bytes);
    tcase_add_loop_test(bad, nesting_does_not_reach_the_stack, 0, 2);
    tcase_add_loop_test(bad, a_signature_by_another_key_is_refused, 0, 4);
    tcase_add_test(bad, a_signature_of_another_token_is_refused);
    tcase_add_loop_test(bad, a_made_up_signature_is_refused, 0, 5);
    tcase_add_test(bad, alg_none_is_refused_with_and_without_a_signature);
}

int main(void)
{
    Suite *suite = suite_create("token");
    TCase *bad = tcase_create("bad");
    tcase_add_checked_fixture(bad, begin, end);
    add_refusals(bad);
    suite_add_tcase(suite, bad);

    TCase *fine = tcase_create("good");
    tcase_add_checked_fixture(fine, begin, end);
    tcase_add_loop_test(fine, a_good_token_is_accepted, 0, 8);
    tcase_add_test(fine, the_largest_numbers_are_read);
    tcase_add_test(fine, an_older_key_still_verifies);
    tcase_add_test(fine, an_issued_token_is_accepted_until_it_expires);
    tcase_add_test(fine, an_issued_token_says_what_is_documented);
    tcase_add_test(fine, no_two_tokens_are_the_same);
    tcase_add_test(fine, any_text_can_be_issuer_and_audience);
    tcase_add_loop_test(fine, what_cannot_be_verified_is_not_issued, 0, 2);
    tcase_add_test(fine, threads_share_a_ring);
    suite_add_tcase(suite, fine);
    return unit_run(suite);
}
