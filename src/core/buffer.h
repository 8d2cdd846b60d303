/* A growing run of bytes in an arena: what answers, spool files and log lines are built in.
 *
 * data is always followed by a NUL that len does not count. It moves when it grows. */
#ifndef ORDERD_CORE_BUFFER_H
#define ORDERD_CORE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct buffer {
    struct arena *arena;
    char *data;
    size_t len;
    size_t cap;
};

void buffer_begin(struct buffer *, struct arena *, size_t cap);

/* Makes room for len more bytes: buffer_extend()'s, which is small enough to be everywhere. */
void buffer_grow(struct buffer *, size_t len);

/* len more bytes, which are the caller's to fill before any other call. */
static inline char *buffer_extend(struct buffer *buffer, size_t len)
{
    if (buffer->cap - buffer->len < len)
        buffer_grow(buffer, len);
    char *at = buffer->data + buffer->len;
    buffer->len += len;
    at[len] = '\0';
    return at;
}

static inline void buffer_bytes(struct buffer *buffer, const void *bytes, size_t len)
{
    if (len) /* bytes may be NULL then */
        memcpy(buffer_extend(buffer, len), bytes, len);
}

static inline void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_bytes(buffer, text, strlen(text));
}

static inline void buffer_char(struct buffer *buffer, char c)
{
    *buffer_extend(buffer, 1) = c;
}

void buffer_int(struct buffer *, int64_t); /* decimal */

#endif
