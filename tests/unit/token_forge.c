/* See token_forge.h. */
#include "token_forge.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/file.h"
#include "core/text.h"

#include "unit.h"

const struct token_options options = {.issuer = "orderd", .audience = "shop", .lifetime_s = 3600};

struct keyring *keys;
struct token_cache *cache;
struct arena arena;
struct fault fault;

static void put_key(const char *folder, const char *name, const char *bytes)
{
    ck_assert_int_eq(
        file_replace(unit_path(folder, name), bytes, strlen(bytes), 0600, NULL), ERR_NONE);
}

void forge_begin(void)
{
    const char *folder = unit_folder();
    put_key(folder, OLD_KID ".key", OLD_KEY);
    put_key(folder, GONE_KID ".retired-20270115T080000Z.key", GONE_KEY);
    put_key(folder, KID ".key", KEY);
    ck_assert_int_eq(keyring_open(&keys, folder, NULL), ERR_NONE);
    arena_init(&arena, 16384);
    fault_begin(&fault, &arena);
    cache = token_cache_new();
}

void forge_end(void)
{
    token_cache_free(cache);
    arena_fini(&arena);
    keyring_close(keys);
}

static char *encode(const void *bytes, size_t len)
{
    char *text = arena_alloc(&arena, (len + 2) / 3 * 4 + 1);
    text_base64url(text, bytes, len);
    return text;
}

char *forge_with(
    const char *key, const char *header, size_t header_len, const char *payload, size_t payload_len)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len;
    char *text =
        arena_printf(&arena, "%s.%s", encode(header, header_len), encode(payload, payload_len));
    HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)text, strlen(text), mac, &mac_len);
    return arena_printf(&arena, "%s.%s", text, encode(mac, mac_len));
}

char *forge(const char *header, const char *payload)
{
    return forge_with(KEY, header, strlen(header), payload, strlen(payload));
}

static void expect_same_of_cache(const char *token, const struct token_claims *wanted, enum err e)
{
    struct fault other;
    struct token_claims claims = {.user_id = 1, .role = "admin"};
    fault_begin(&other, &arena);
    ck_assert_int_eq(
        token_cache_verify(cache, keys, &options, token, NOW, &arena, &claims, &other), e);
    ck_assert_pstr_eq(other.text, e ? fault.text : NULL);
    ck_assert_int_eq(claims.user_id, wanted->user_id);
    ck_assert_int_eq(claims.epoch, wanted->epoch);
    ck_assert_int_eq(claims.expires_at, wanted->expires_at);
    ck_assert_pstr_eq(claims.role, wanted->role);
    ck_assert_pstr_eq(claims.kid, wanted->kid);
}

/* From memory of exactly its size, so that a sanitizer sees every byte read past it. */
enum err verify_token(const char *token, struct token_claims *claims)
{
    char *exact = strdup(token);
    ck_assert_ptr_nonnull(exact);
    fault_clear(&fault);
    enum err e = token_verify(keys, &options, exact, NOW, &arena, claims, &fault);
    expect_same_of_cache(exact, claims, e); /* when it is new there */
    expect_same_of_cache(exact, claims, e); /* and when it is known */
    free(exact);
    return e;
}

void expect_refused(const char *token, const char *why)
{
    struct token_claims claims = {.user_id = 1, .role = "admin"};
    ck_assert_int_eq(verify_token(token, &claims), ERR_INVALID_TOKEN);
    ck_assert_msg(strstr(fault.text, why) != NULL, "\"%s\" is not \"%s\"", fault.text, why);
    ck_assert_int_eq(claims.user_id, 0);
    ck_assert_ptr_null(claims.role);
}

void expect_accepted(const char *token)
{
    struct token_claims claims;
    enum err e = verify_token(token, &claims);
    ck_assert_msg(!e, "%s", e ? fault.text : "");
    ck_assert_int_eq(claims.user_id, 7);
    ck_assert_str_eq(claims.role, "user");
    ck_assert_int_eq(claims.epoch, 2);
}
