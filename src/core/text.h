/* Small, strict text functions: what the network and the disk send is looked at here. */
#ifndef ORDERD_CORE_TEXT_H
#define ORDERD_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)? */
bool text_is_utf8(const char *, size_t len);

/* Bytes of the well-formed UTF-8 sequence at the start of len > 0 bytes; 0: there is none. */
size_t text_sequence(const char *, size_t len);

/* Code points of well-formed UTF-8. */
size_t text_count(const char *, size_t len);

/* Holds a control character: U+0000 to U+001F or U+007F? */
bool text_has_control(const char *, size_t len);

/* Canonical decimal, 0 or [1-9][0-9]*, of all len bytes, at most max. False: not that; *out is
 * untouched. */
bool text_parse_uint(const char *, size_t len, int64_t max, int64_t *out);

/* Decimal digits of a number, '-' before negative ones, and a NUL; returns their count. */
#define TEXT_INT_SIZE 21
size_t text_int(char out[TEXT_INT_SIZE], int64_t);

/* An uid as random_uid() makes it: [0-9a-f]{32}, then the NUL. */
bool text_is_uid(const char *);

/* Copies with A-Z made a-z, cut to size - 1 bytes; for names compared without regard to ASCII case.
 */
void text_fold(char *out, size_t size, const char *);

/* Equal length and bytes, in time that depends on the lengths only. */
bool text_equal_secret(const char *, const char *);

/* Lower-case hexadecimal; out holds 2 * len + 1. */
void text_hex(char *out, const void *, size_t len);

/* The value of a hexadecimal digit of either case; -1: it is none. */
int text_hex_digit(char);

/* Base64url without padding (RFC 4648, section 5). Encode: out holds (len + 2) / 3 * 4 + 1. Decode:
 * strict (canonical: no padding, no stray bits); false if it is not, or does not fit into size;
 * *out_len bytes. */
void text_base64url(char *out, const void *, size_t len);
bool text_unbase64url(void *out, size_t size, size_t *out_len, const char *, size_t len);

#endif
