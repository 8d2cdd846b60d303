/* Where in the ledger each reference was last heard of: a hash table from a reference's hash to an
 * offset.
 *
 * Holds no reference, so that a year of payments fits into memory (8 bytes a slot, at most three
 * quarters of them in use): who looks one up reads the line at each offset with that hash and
 * compares. Not for use by two threads at once. */
#ifndef ORDERD_GATEWAY_INDEX_H
#define ORDERD_GATEWAY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index {
    uint64_t *slots; /* the hash, and the offset plus one; 0: free */
    size_t slot_count;
    size_t used;
};

#define INDEX_OFFSET_BITS 36
#define INDEX_OFFSET_MAX  ((INT64_C(1) << INDEX_OFFSET_BITS) - 2)
#define INDEX_NOWHERE     ((int64_t)-1)

uint32_t index_hash(const char *reference);

/* Walks the slots with that hash: *slot is for index_next alone, and for index_move until the next
 * index_add. */
size_t index_first(const struct index *, uint32_t hash);
size_t index_next(const struct index *, uint32_t hash, size_t slot);
int64_t index_offset(const struct index *, size_t slot); /* INDEX_NOWHERE: the walk has ended */

/* Makes room for so many references at once: a table that grows is there twice for a moment. */
void index_reserve(struct index *, size_t count);

/* offset: 0 to INDEX_OFFSET_MAX. */
void index_move(struct index *, size_t slot, int64_t offset);
void index_add(struct index *, uint32_t hash, int64_t offset);
void index_fini(struct index *);

#endif
