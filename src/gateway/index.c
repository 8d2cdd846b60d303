/* Open addressing with linear probing; nothing is ever removed, so a free slot ends every walk. */
#include "gateway/index.h"

#include <stdlib.h>

#include "core/arena.h"

#define FIRST_SLOTS 1024

/* FNV-1a: references are random names of our own making, nobody aims at collisions. */
uint32_t index_hash(const char *reference)
{
    uint32_t hash = 2166136261U;
    for (; *reference; reference++)
        hash = (hash ^ (unsigned char)*reference) * 16777619U;
    return hash;
}

/* The first slot from start on that has the hash or is free. An index without slots has the free
 * slot 0. */
static size_t probe(const struct index *index, uint32_t hash, size_t start)
{
    if (!index->slot_count)
        return 0;
    size_t slot = start & (index->slot_count - 1);
    while (index->offsets[slot] != INDEX_NOWHERE && index->hashes[slot] != hash)
        slot = (slot + 1) & (index->slot_count - 1);
    return slot;
}

size_t index_first(const struct index *index, uint32_t hash)
{
    return probe(index, hash, hash);
}

size_t index_next(const struct index *index, uint32_t hash, size_t slot)
{
    return probe(index, hash, slot + 1);
}

int64_t index_offset(const struct index *index, size_t slot)
{
    return index->slot_count ? index->offsets[slot] : INDEX_NOWHERE;
}

void index_move(struct index *index, size_t slot, int64_t offset)
{
    index->offsets[slot] = offset;
}

static void put(struct index *index, uint32_t hash, int64_t offset)
{
    size_t slot = index_first(index, hash);
    while (index->offsets[slot] != INDEX_NOWHERE)
        slot = index_next(index, hash, slot);
    index->hashes[slot] = hash;
    index->offsets[slot] = offset;
    index->used++;
}

static void grow(struct index *index)
{
    struct index larger = {.slot_count = index->slot_count ? 2 * index->slot_count : FIRST_SLOTS};
    larger.hashes = xarray(larger.slot_count, sizeof *larger.hashes);
    larger.offsets = xarray(larger.slot_count, sizeof *larger.offsets);
    for (size_t i = 0; i < larger.slot_count; i++)
        larger.offsets[i] = INDEX_NOWHERE;
    for (size_t i = 0; i < index->slot_count; i++)
        if (index->offsets[i] != INDEX_NOWHERE)
            put(&larger, index->hashes[i], index->offsets[i]);
    index_fini(index);
    *index = larger;
}

void index_add(struct index *index, uint32_t hash, int64_t offset)
{
    if (index->used >= index->slot_count / 4 * 3)
        grow(index);
    put(index, hash, offset);
}

void index_fini(struct index *index)
{
    free(index->hashes);
    free(index->offsets);
    *index = (struct index){0};
}
