/* getrandom(2) may be interrupted or give less than was asked for (from 256 bytes on). */
#include "core/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/text.h"

void random_bytes(void *out, size_t len)
{
    char *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        len -= (size_t)got;
    }
}

/* Numbers below 2^32 mod bound are thrown away: what is left is a whole multiple of bound. */
uint32_t random_below(uint32_t bound)
{
    assert(bound > 0);
    uint32_t uneven = -bound % bound;
    uint32_t number;
    do
        random_bytes(&number, sizeof number);
    while (number < uneven);
    return number % bound;
}

void random_uid(char out[UID_SIZE])
{
    unsigned char bytes[(UID_SIZE - 1) / 2];
    random_bytes(bytes, sizeof bytes);
    text_hex(out, bytes, sizeof bytes);
}
