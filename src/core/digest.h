/* SHA-256 (FIPS 180-4), by OpenSSL. */
#ifndef ORDERD_CORE_DIGEST_H
#define ORDERD_CORE_DIGEST_H

#include <stddef.h>

#define DIGEST_SIZE      32
#define DIGEST_TEXT_SIZE (2 * DIGEST_SIZE + 1)

/* Once, before anything of OpenSSL's is used: from then on it aborts for want of memory, as we do.
 */
void digest_begin(void);

void digest_sha256(unsigned char out[DIGEST_SIZE], const void *, size_t len);

/* The same in lower-case hexadecimal, with a NUL. */
void digest_sha256_text(char out[DIGEST_TEXT_SIZE], const void *, size_t len);

#endif
