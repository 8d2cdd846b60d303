/* Two promises lean on one invariant, that bytes of a block which are not handed out are zero:
 * allocations are zeroed without being written to, and a reset has to wipe only what was used.
 * Under AddressSanitizer those bytes are poisoned as well, so that a pointer kept over a reset is
 * found.
 *
 * Owns all memory but that of foreign libraries; nothing else calls malloc. */
#include "core/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_POISONS 1
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define poison(at, len)   ASAN_POISON_MEMORY_REGION((at), (len))
#define unpoison(at, len) ASAN_UNPOISON_MEMORY_REGION((at), (len))
#else
#define poison(at, len)   ((void)(at), (void)(len))
#define unpoison(at, len) ((void)(at), (void)(len))
#endif

#define ALIGNMENT _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next; /* the one that was filled before */
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) char data[];
};

static _Noreturn void die(void)
{
    static const char words[] = "out of memory\n";
    ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    (void)written;
    abort();
}

static size_t times(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        die();
    return total;
}

void arena_init(struct arena *arena, size_t first_size)
{
    *arena = (struct arena){.first_size = first_size ? first_size : 1};
}

static void add_block(struct arena *arena, size_t size)
{
    size_t total;
    if (__builtin_add_overflow(sizeof(struct arena_block), size, &total))
        die();
    struct arena_block *block = xalloc(total);
    block->next = arena->head;
    block->size = size;
    poison(block->data, size);
    arena->head = block;
}

static void wipe_block(struct arena_block *block)
{
    unpoison(block->data, block->used);
    explicit_bzero(block->data, block->used);
    poison(block->data, block->used);
    block->used = 0;
}

static void free_block(struct arena_block *block)
{
    unpoison(block->data, block->size);
    free(block);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->head;
    while (block) {
        struct arena_block *next = block->next;
        wipe_block(block);
        if (next)
            free_block(block);
        else
            arena->head = block;
        block = next;
    }
}

void arena_fini(struct arena *arena)
{
    arena_reset(arena);
    if (arena->head)
        free_block(arena->head);
    arena->head = NULL;
}

/* The first block always has the arena's own size, since it is the one that is kept. */
static void make_room(struct arena *arena, size_t size)
{
    if (!arena->head)
        add_block(arena, times((arena->first_size - 1) / ALIGNMENT + 1, ALIGNMENT));
    if (arena->head->size - arena->head->used < size)
        add_block(arena, size > arena->first_size ? size : arena->first_size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t whole = times((size ? size - 1 : 0) / ALIGNMENT + 1, ALIGNMENT);
    make_room(arena, whole);
    struct arena_block *block = arena->head;
    char *at = block->data + block->used;
    block->used += whole;
    unpoison(at, size);
    return at;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    return arena_alloc(arena, times(count, size));
}

char *arena_text(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t len)
{
    if (len == SIZE_MAX)
        die();
    char *copy = arena_alloc(arena, len + 1);
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = arena_vprintf(arena, fmt, args);
    va_end(args);
    return text;
}

/* Most texts are short, and printed once; a longer one is printed again where there is room. */
char *arena_vprintf(struct arena *arena, const char *fmt, va_list args)
{
    char first[128];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(first, sizeof first, fmt, again);
    va_end(again);
    if (len < 0)
        die();
    char *text;
    if ((size_t)len < sizeof first) {
        text = arena_copy(arena, first, (size_t)len);
    } else {
        text = arena_alloc(arena, (size_t)len + 1);
        if (vsnprintf(text, (size_t)len + 1, fmt, args) != len)
            die();
    }
    explicit_bzero(first, sizeof first);
    return text;
}

void *xalloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        die();
    return memory;
}

void *xarray(size_t count, size_t size)
{
    return xalloc(times(count, size));
}

void *xrealloc(void *memory, size_t size)
{
    void *moved = realloc(memory, size ? size : 1);
    if (!moved)
        die();
    return moved;
}

char *xstrdup(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        die();
    return copy;
}
