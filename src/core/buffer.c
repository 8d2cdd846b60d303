/* Growing leaves the old bytes behind in the arena, which wipes them at its reset: nothing is freed
 * here. */
#include "core/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/text.h"

/* One byte more than cap is allocated, for the NUL. */
void buffer_begin(struct buffer *buffer, struct arena *arena, size_t cap)
{
    *buffer = (struct buffer){.arena = arena, .cap = cap};
    buffer->data = arena_array(arena, cap + 1, 1);
}

static void make_room(struct buffer *buffer, size_t len)
{
    if (buffer->cap - buffer->len >= len)
        return;
    size_t needed;
    if (__builtin_add_overflow(buffer->len, len, &needed) || needed > SIZE_MAX / 4)
        abort();
    size_t cap = 2 * buffer->cap > needed ? 2 * buffer->cap : needed;
    char *data = arena_alloc(buffer->arena, cap + 1);
    memcpy(data, buffer->data, buffer->len);
    buffer->data = data;
    buffer->cap = cap;
}

char *buffer_extend(struct buffer *buffer, size_t len)
{
    make_room(buffer, len);
    char *at = buffer->data + buffer->len;
    buffer->len += len;
    buffer->data[buffer->len] = '\0';
    return at;
}

void buffer_bytes(struct buffer *buffer, const void *bytes, size_t len)
{
    if (len) /* bytes may be NULL then */
        memcpy(buffer_extend(buffer, len), bytes, len);
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_bytes(buffer, text, strlen(text));
}

void buffer_char(struct buffer *buffer, char c)
{
    *buffer_extend(buffer, 1) = c;
}

void buffer_int(struct buffer *buffer, int64_t number)
{
    char digits[TEXT_INT_SIZE];
    size_t len = text_int(digits, number);
    buffer_bytes(buffer, digits, len);
}
