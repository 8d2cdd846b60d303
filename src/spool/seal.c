/* The seal has a fixed size, so it is found from the end of the file, and there is one spelling: a
 * file is whole if sealing its content again gives the same bytes. */
#include "spool/seal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/digest.h"

#define LENGTH_MAX 9999999999 /* ten digits */

void seal_make(char out[SEAL_SIZE], const void *bytes, size_t len)
{
    assert(len <= LENGTH_MAX);
    char digest[DIGEST_TEXT_SIZE];
    char text[SEAL_SIZE + 1];
    digest_sha256_text(digest, bytes, len);
    int used = snprintf(text, sizeof text, "end %010zu %s\n", len, digest);
    assert(used == SEAL_SIZE);
    memcpy(out, text, SEAL_SIZE);
}

bool seal_check(const char *bytes, size_t len, size_t *content_len)
{
    if (len <= SEAL_SIZE || len - SEAL_SIZE > LENGTH_MAX)
        return false;
    char expected[SEAL_SIZE];
    seal_make(expected, bytes, len - SEAL_SIZE);
    if (memcmp(expected, bytes + len - SEAL_SIZE, SEAL_SIZE) != 0)
        return false;
    *content_len = len - SEAL_SIZE;
    return true;
}
