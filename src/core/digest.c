/* One-shot SHA-256; OpenSSL fails only when memory is out, and then so do we. */
#include "core/digest.h"

#include <assert.h>

#include <openssl/evp.h>

#include "core/text.h"

void digest_sha256(unsigned char out[DIGEST_SIZE], const void *bytes, size_t len)
{
    unsigned int out_len = 0;
    int ok = EVP_Digest(bytes, len, out, &out_len, EVP_sha256(), NULL);
    assert(ok == 1 && out_len == DIGEST_SIZE);
}

void digest_sha256_text(char out[DIGEST_TEXT_SIZE], const void *bytes, size_t len)
{
    unsigned char digest[DIGEST_SIZE];
    digest_sha256(digest, bytes, len);
    text_hex(out, digest, sizeof digest);
}
