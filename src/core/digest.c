/* One-shot SHA-256. OpenSSL fails only when memory is out, and not always well: 3.0 crashes where
 * it sets itself up. So its memory is ours, which ends the process in one place. */
#include "core/digest.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/arena.h"
#include "core/text.h"

/* Asked for nothing, OpenSSL's own return NULL, and it asks for nothing. */
static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size ? xrealloc(NULL, size) : NULL;
}

static void give(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

static void *change(void *memory, size_t size, const char *file, int line)
{
    if (size)
        return xrealloc(memory, size);
    give(memory, file, line);
    return NULL;
}

/* Looked up once: to do so takes longer than to digest a token. */
static EVP_MD *sha256;

void digest_begin(void)
{
    int ok = CRYPTO_set_mem_functions(take, change, give);
    assert(ok == 1);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(sha256);
}

void digest_sha256(unsigned char out[DIGEST_SIZE], const void *bytes, size_t len)
{
    unsigned int out_len = 0;
    int ok = EVP_Digest(bytes, len, out, &out_len, sha256 ? sha256 : EVP_sha256(), NULL);
    assert(ok == 1 && out_len == DIGEST_SIZE);
}

void digest_sha256_text(char out[DIGEST_TEXT_SIZE], const void *bytes, size_t len)
{
    unsigned char digest[DIGEST_SIZE];
    digest_sha256(digest, bytes, len);
    text_hex(out, digest, sizeof digest);
}
