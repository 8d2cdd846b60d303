/* Random bytes from the kernel (getrandom(2)); aborts if there are none, which Linux does not do
 * after boot. */
#ifndef ORDERD_CORE_RANDOM_H
#define ORDERD_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *, size_t len);

/* Uniform in [0, bound); bound > 0. */
uint32_t random_below(uint32_t bound);

/* A name that nobody else has: a UUID of version 7 (RFC 9562, section 5.7) as 32 lower-case
 * hexadecimal digits, without hyphens, and a NUL. 74 bits are random; the time in milliseconds
 * comes first, so that rows are appended to the index of their names, where random names would
 * dirty a page each. Attempts, outbox rows and spool files are named so, since row ids are dealt
 * out again by a restored backup. */
#define UID_SIZE 33
void random_uid(char out[UID_SIZE]);

#endif
