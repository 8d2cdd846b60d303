/* The seal that ends a spool file: its length and a checksum, so that a file that was cut off or
 * damaged is told from a whole one. It guards against accidents; whoever may write to the spool can
 * seal as well. */
#ifndef ORDERD_SPOOL_SEAL_H
#define ORDERD_SPOOL_SEAL_H

#include <stdbool.h>
#include <stddef.h>

/* "end LENGTH SHA256\n": ten digits, 64 hexadecimal ones. */
#define SEAL_SIZE 80

/* Writes SEAL_SIZE bytes, no NUL. len: at most 10 digits. */
void seal_make(char out[SEAL_SIZE], const void *bytes, size_t len);

/* Are these bytes something and the seal of it? *content_len: how much of them is that something.
 */
bool seal_check(const char *bytes, size_t len, size_t *content_len);

#endif
