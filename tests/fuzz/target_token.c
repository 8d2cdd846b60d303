/* Tokens. An input of two lines or more is a header and a payload, and is signed with a key of
 * ours, since nobody guesses a signature: so the fuzzer gets behind it, to the claims. Any input is
 * tried as a token, too. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/file.h"
#include "core/text.h"
#include "security/token.h"

const char fuzz_name[] = "token";

/* The corpus is made for these. */
#define KID "20261124T150405Z-0badcafe"
#define KEY "an-hmac-key-of-exactly-32-bytes!"
#define NOW 1800000000

static const struct token_options options = {
    .issuer = "orderd", .audience = "shop", .lifetime_s = 3600};

static struct keyring *keys;
static struct arena arena;
static struct fault fault;

static void begin(void)
{
    char folder[] = "/tmp/orderd-fuzz-XXXXXX";
    arena_init(&arena, 16384);
    fault_begin(&fault, &arena);
    assert(mkdtemp(folder));
    const char *path = arena_printf(&arena, "%s/%s.key", folder, KID);
    assert(!file_replace(path, KEY, strlen(KEY), 0600, NULL));
    assert(!keyring_open(&keys, folder, NULL));
    assert(!unlink(path) && !rmdir(folder));
}

static char *encode(const void *bytes, size_t len)
{
    char *text = arena_alloc(&arena, (len + 2) / 3 * 4 + 1);
    text_base64url(text, bytes, len);
    return text;
}

/* base64url(header).base64url(payload).base64url(HMAC(...)) */
static char *forge(const char *key, const uint8_t *header, size_t header_len,
    const uint8_t *payload, size_t payload_len)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len;
    char *text =
        arena_printf(&arena, "%s.%s", encode(header, header_len), encode(payload, payload_len));
    assert(HMAC(
        EVP_sha256(), key, (int)strlen(key), (unsigned char *)text, strlen(text), mac, &mac_len));
    return arena_printf(&arena, "%s.%s", text, encode(mac, mac_len));
}

/* Refused, for a reason that is written down, and with nothing filled in. */
static void check_refusal(enum err e, const struct token_claims *claims)
{
    assert(e == ERR_INVALID_TOKEN);
    fuzz_check_fault(&fault, e);
    assert(!claims->user_id && !claims->role && !claims->epoch);
}

static enum err verify(const char *token, int64_t now, struct token_claims *claims)
{
    char *exact = xstrdup(token);
    fault_clear(&fault);
    enum err e = token_verify(keys, &options, exact, now, &arena, claims, &fault);
    if (e)
        check_refusal(e, claims);
    free(exact);
    return e;
}

/* A token that was accepted is so for as long as it says, and not with any part of it changed. */
static void check_accepted(const char *token, const struct token_claims *claims)
{
    struct token_claims other;
    char *changed = arena_text(&arena, token);
    size_t len = strlen(token);
    assert(len <= TOKEN_SIZE_MAX && claims->user_id > 0 && claims->epoch >= 0);
    assert(*claims->role && text_is_utf8(claims->role, strlen(claims->role)));
    assert(verify(token, INT64_MAX, &other));
    for (size_t i = 0; i < len; i += len / 16 + 1) {
        changed[i] = token[i] == 'A' ? 'B' : 'A';
        assert(verify(changed, NOW, &other));
        changed[i] = token[i];
    }
}

/* What it says can be said by a token of ours, which is accepted and says the same. */
static void check_issue(const struct token_claims *claims)
{
    struct token_claims again;
    char *token;
    if (token_issue(keys, &options, claims, NOW, &arena, &token, NULL))
        return; /* a role so long that escaping it makes the token too long */
    assert(!verify(token, NOW, &again));
    assert(again.user_id == claims->user_id && again.epoch == claims->epoch);
    assert(!strcmp(again.role, claims->role));
}

static void check_signed(
    const uint8_t *header, size_t header_len, const uint8_t *payload, size_t payload_len)
{
    struct token_claims claims;
    const char *token = forge(KEY, header, header_len, payload, payload_len);
    fuzz_accepted = !verify(token, NOW, &claims);
    if (!fuzz_accepted)
        return;
    check_accepted(token, &claims);
    check_issue(&claims);
    token = forge("another key, which is no key of ours", header, header_len, payload, payload_len);
    assert(verify(token, NOW, &claims));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token_claims claims;
    if (!keys)
        begin();
    char *text = fuzz_text(data, size);
    fuzz_accepted = !verify(text, NOW, &claims);
    if (fuzz_accepted)
        check_accepted(text, &claims);
    free(text);
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    if (newline && size <= TOKEN_SIZE_MAX)
        check_signed(
            data, (size_t)(newline - data), newline + 1, size - (size_t)(newline - data) - 1);
    arena_reset(&arena);
    return 0;
}
