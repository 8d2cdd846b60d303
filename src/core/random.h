/* Random bytes from the kernel (getrandom(2)); aborts if there are none, which Linux does not do
 * after boot. */
#ifndef ORDERD_CORE_RANDOM_H
#define ORDERD_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *, size_t len);

/* Uniform in [0, bound); bound > 0. */
uint32_t random_below(uint32_t bound);

/* A random 128-bit name: 32 lower-case hexadecimal digits and a NUL. Attempts, outbox rows and
 * spool files are named so, since row ids are dealt out again by a restored backup. */
#define UID_SIZE 33
void random_uid(char out[UID_SIZE]);

#endif
