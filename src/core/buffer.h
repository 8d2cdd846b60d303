/* A growing run of bytes in an arena: what answers, spool files and log lines are built in.
 *
 * data is always followed by a NUL that len does not count. It moves when it grows. */
#ifndef ORDERD_CORE_BUFFER_H
#define ORDERD_CORE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct buffer {
    struct arena *arena;
    char *data;
    size_t len;
    size_t cap;
};

void buffer_begin(struct buffer *, struct arena *, size_t cap);
/* len more bytes, which are the caller's to fill before any other call. */
char *buffer_extend(struct buffer *, size_t len);
void buffer_bytes(struct buffer *, const void *, size_t len);
void buffer_text(struct buffer *, const char *);
void buffer_char(struct buffer *, char);
void buffer_int(struct buffer *, int64_t); /* decimal */

#endif
