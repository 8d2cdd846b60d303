/* getrandom(2) may be interrupted or give less than was asked for (from 256 bytes on). */
#include "core/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/clock.h"
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
    uint64_t now_ms = (uint64_t)clock_now_ms();
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(now_ms >> (40 - 8 * i));
    random_bytes(bytes + 6, sizeof bytes - 6);
    bytes[6] = (bytes[6] & 0x0F) | 0x70; /* version 7 */
    bytes[8] = (bytes[8] & 0x3F) | 0x80; /* variant of RFC 9562 */
    text_hex(out, bytes, sizeof bytes);
}
