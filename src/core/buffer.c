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

void buffer_grow(struct buffer *buffer, size_t len)
{
    size_t needed;
    if (__builtin_add_overflow(buffer->len, len, &needed) || needed > SIZE_MAX / 4)
        abort();
    size_t cap = 2 * buffer->cap > needed ? 2 * buffer->cap : needed;
    char *data = arena_alloc(buffer->arena, cap + 1);
    memcpy(data, buffer->data, buffer->len);
    buffer->data = data;
    buffer->cap = cap;
}

/* Written in its place; what the longest number would have taken is given back. */
void buffer_int(struct buffer *buffer, int64_t number)
{
    const size_t most = TEXT_INT_SIZE - 1;
    size_t len = text_int(buffer_extend(buffer, most), number);
    buffer->len -= most - len;
}
