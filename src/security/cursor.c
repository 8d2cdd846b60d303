/* base64url(id, 8 bytes, most significant first; then the first 16 bytes of HMAC-SHA-256(key, id,
 * purpose)). The id comes first and has a fixed length, so no other pair of id and purpose gives
 * the same bytes to sign. */
#include "security/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/arena.h"
#include "core/text.h"

#define ID_SIZE     8
#define SEAL_SIZE   16 /* RFC 2104, section 5: at least half of the hash */
#define SEALED_SIZE (ID_SIZE + SEAL_SIZE)

static void seal(unsigned char out[SEALED_SIZE], const unsigned char key[CURSOR_KEY_SIZE],
    const char *purpose, int64_t id)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    size_t purpose_len = strlen(purpose);
    for (int i = 0; i < ID_SIZE; i++)
        out[i] = (unsigned char)((uint64_t)id >> (56 - 8 * i));
    unsigned char *message = xalloc(ID_SIZE + purpose_len);
    memcpy(message, out, ID_SIZE);
    memcpy(message + ID_SIZE, purpose, purpose_len);
    const unsigned char *done =
        HMAC(EVP_sha256(), key, CURSOR_KEY_SIZE, message, ID_SIZE + purpose_len, hash, NULL);
    free(message);
    assert(done); /* fails only for want of memory */
    memcpy(out + ID_SIZE, hash, SEAL_SIZE);
}

void cursor_seal(char out[CURSOR_SIZE], const unsigned char key[CURSOR_KEY_SIZE],
    const char *purpose, int64_t id)
{
    unsigned char sealed[SEALED_SIZE];
    seal(sealed, key, purpose, id);
    text_base64url(out, sealed, sizeof sealed);
}

bool cursor_has_form(const char *cursor, size_t len)
{
    unsigned char sealed[SEALED_SIZE];
    size_t sealed_len;
    return text_unbase64url(sealed, sizeof sealed, &sealed_len, cursor, len) &&
           sealed_len == sizeof sealed;
}

bool cursor_open(
    const char *cursor, const unsigned char key[CURSOR_KEY_SIZE], const char *purpose, int64_t *id)
{
    unsigned char given[SEALED_SIZE], own[SEALED_SIZE];
    size_t len;
    uint64_t number = 0;
    if (!text_unbase64url(given, sizeof given, &len, cursor, strnlen(cursor, CURSOR_SIZE)) ||
        len != sizeof given)
        return false;
    for (int i = 0; i < ID_SIZE; i++)
        number = number << 8 | given[i];
    seal(own, key, purpose, (int64_t)number);
    if (CRYPTO_memcmp(given, own, sizeof own) != 0)
        return false;
    *id = (int64_t)number;
    return true;
}
