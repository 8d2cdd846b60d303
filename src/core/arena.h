/* Memory of one request, freed at once.
 *
 * Allocations are never freed one by one. Reset wipes every byte that was handed out (bodies hold
 * passwords and payment tokens) and keeps the first block, so that a busy connection does not
 * allocate. Running out of memory aborts: there is no recovery that could be tested. Not for use by
 * two threads at once. */
#ifndef ORDERD_CORE_ARENA_H
#define ORDERD_CORE_ARENA_H

#include <stddef.h>
#include <stdarg.h>

struct arena_block;

struct arena {
    struct arena_block *head; /* the block that is allocated from */
    size_t first_size;
};

/* first_size: bytes of the block that is kept over resets. Nothing is allocated yet. */
void arena_init(struct arena *, size_t first_size);
void arena_reset(struct arena *);
void arena_fini(struct arena *); /* harmless when called twice */

/* Zeroed, aligned for any type; never NULL. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *, size_t size);
/* count * size, checked for overflow. */
void *arena_array(struct arena *, size_t count, size_t size);
/* Copies end with a NUL. arena_text(arena, NULL) is NULL. */
char *arena_text(struct arena *, const char *);
char *arena_copy(struct arena *, const void *, size_t len);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *, const char *fmt, va_list) __attribute__((format(printf, 2, 0)));

/* malloc and friends that abort instead of returning NULL: the one wrapper for memory outside an
 * arena. */
void *xalloc(size_t size); /* zeroed */
void *xarray(size_t count, size_t size);
void *xrealloc(void *, size_t size);
char *xstrdup(const char *);

#endif
