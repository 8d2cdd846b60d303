/* Open addressing with linear probing; nothing is ever removed, so a free slot ends every walk.
 *
 * A slot has its whole hash, 28 bits, so a table grows without a look at the ledger. A hash is at
 * home at its share of the table, which need not be a power of two. */
#include "gateway/index.h"

#include <assert.h>
#include <stdlib.h>

#include "core/arena.h"

#define FIRST_SLOTS 1024
#define HASH_BITS   (64 - INDEX_OFFSET_BITS)
#define OFFSET_MASK ((UINT64_C(1) << INDEX_OFFSET_BITS) - 1)

/* FNV-1a, folded: references are random names of our own making, nobody aims at collisions. */
uint32_t index_hash(const char *reference)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *reference; reference++)
        hash = (hash ^ (unsigned char)*reference) * UINT64_C(1099511628211);
    return (uint32_t)((hash ^ hash >> HASH_BITS) & ((1U << HASH_BITS) - 1));
}

static size_t home(const struct index *index, uint32_t hash)
{
    return (size_t)((uint64_t)hash * index->slot_count >> HASH_BITS);
}

/* The first slot from start on that has the hash or is free. An index without slots has the free
 * slot 0. */
static size_t probe(const struct index *index, uint32_t hash, size_t start)
{
    if (!index->slot_count)
        return 0;
    size_t slot = start < index->slot_count ? start : 0;
    while (index->slots[slot] && index->slots[slot] >> INDEX_OFFSET_BITS != hash)
        slot = slot + 1 < index->slot_count ? slot + 1 : 0;
    return slot;
}

size_t index_first(const struct index *index, uint32_t hash)
{
    return probe(index, hash, home(index, hash));
}

size_t index_next(const struct index *index, uint32_t hash, size_t slot)
{
    return probe(index, hash, slot + 1);
}

int64_t index_offset(const struct index *index, size_t slot)
{
    return index->slot_count ? (int64_t)(index->slots[slot] & OFFSET_MASK) - 1 : INDEX_NOWHERE;
}

static uint64_t pack(uint64_t hash, int64_t offset)
{
    assert(offset >= 0 && offset <= INDEX_OFFSET_MAX);
    return hash << INDEX_OFFSET_BITS | ((uint64_t)offset + 1);
}

void index_move(struct index *index, size_t slot, int64_t offset)
{
    index->slots[slot] = pack(index->slots[slot] >> INDEX_OFFSET_BITS, offset);
}

static void put(struct index *index, uint64_t packed)
{
    size_t slot = home(index, (uint32_t)(packed >> INDEX_OFFSET_BITS));
    while (index->slots[slot])
        slot = slot + 1 < index->slot_count ? slot + 1 : 0;
    index->slots[slot] = packed;
    index->used++;
}

static void resize(struct index *index, size_t slot_count)
{
    struct index larger = {.slot_count = slot_count};
    larger.slots = xarray(slot_count, sizeof *larger.slots);
    for (size_t i = 0; i < index->slot_count; i++)
        if (index->slots[i])
            put(&larger, index->slots[i]);
    index_fini(index);
    *index = larger;
}

void index_reserve(struct index *index, size_t count)
{
    size_t slot_count = count / 3 * 4 + FIRST_SLOTS;
    if (slot_count > index->slot_count)
        resize(index, slot_count);
}

void index_add(struct index *index, uint32_t hash, int64_t offset)
{
    if (index->used >= index->slot_count / 4 * 3)
        index_reserve(index, index->used / 2 * 3);
    put(index, pack(hash, offset));
}

void index_fini(struct index *index)
{
    free(index->slots);
    *index = (struct index){0};
}
