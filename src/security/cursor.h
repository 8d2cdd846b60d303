/* Opaque cursors: an id, sealed with HMAC-SHA-256 together with what it may be used for, so that a
 * client can neither make one nor use it on another route, for another caller or with other
 * filters. */
#ifndef ORDERD_SECURITY_CURSOR_H
#define ORDERD_SECURITY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURSOR_KEY_SIZE 32
#define CURSOR_SIZE     64 /* text and NUL */

/* purpose: whatever must be the same again, e.g. "route\ncaller\nfilters". */
void cursor_seal(char out[CURSOR_SIZE], const unsigned char key[CURSOR_KEY_SIZE],
    const char *purpose, int64_t id);

/* Looks like one of ours; whether it is one, cursor_open() tells. */
bool cursor_has_form(const char *, size_t len);

/* False: not one of ours for that purpose. */
bool cursor_open(
    const char *cursor, const unsigned char key[CURSOR_KEY_SIZE], const char *purpose, int64_t *id);

#endif
