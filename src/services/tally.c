/* See tally.h. Its difficulty: the ends of guesses come late and in any order, so an entry that
 * somebody still holds stays where it is, whatever the memory is wanted for.
 *
 * Entry 0 is nobody's: it is the head of the ring of those in use, from the one begun longest ago
 * to the latest, and as a number it means "none". */
#include "services/tally.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/metrics.h"

struct entry {
    unsigned char key[TALLY_KEY_SIZE];
    int64_t bucket;                   /* the latest that failures know of */
    uint32_t failures[TALLY_BUCKETS]; /* of bucket b at b % TALLY_BUCKETS */
    uint32_t under_way;
    uint32_t next;  /* of the same slot; or of the free ones */
    uint32_t newer; /* in the ring */
    uint32_t older;
};

struct tally {
    struct entry *entries; /* entries_max + 1 */
    uint32_t *slots;
    uint32_t mask;
    uint32_t entries_max;
    uint32_t touched; /* entries that were ever used */
    uint32_t free;    /* first of those given back */
    int64_t count;
    int64_t bucket_ms;
};

struct tally *tally_open(int entries_max, int64_t bucket_ms)
{
    assert(entries_max > 0 && bucket_ms > 0);
    struct tally *tally = xalloc(sizeof *tally);
    tally->entries_max = (uint32_t)entries_max;
    tally->bucket_ms = bucket_ms;
    tally->mask = 1;
    while (tally->mask < tally->entries_max)
        tally->mask = tally->mask * 2 + 1;
    tally->entries = xarray((size_t)entries_max + 1, sizeof *tally->entries);
    tally->slots = xarray((size_t)tally->mask + 1, sizeof *tally->slots);
    return tally;
}

void tally_close(struct tally *tally)
{
    if (!tally)
        return;
    free(tally->entries);
    free(tally->slots);
    free(tally);
}

static uint32_t *slot_of(const struct tally *tally, const unsigned char *key)
{
    uint32_t number;
    memcpy(&number, key, sizeof number);
    return &tally->slots[number & tally->mask];
}

static uint32_t find(const struct tally *tally, const unsigned char *key)
{
    uint32_t n = *slot_of(tally, key);
    while (n && memcmp(tally->entries[n].key, key, TALLY_KEY_SIZE) != 0)
        n = tally->entries[n].next;
    return n;
}

/* The window */

static int64_t latest_bucket(const struct tally *tally, const struct entry *entry, int64_t now_ms)
{
    int64_t bucket = now_ms / tally->bucket_ms;
    return bucket > entry->bucket ? bucket : entry->bucket;
}

/* Failures in that bucket, as seen when the window ends with latest. */
static uint32_t failures_in(const struct entry *entry, int64_t bucket)
{
    bool is_kept = bucket <= entry->bucket && bucket > entry->bucket - TALLY_BUCKETS;
    return is_kept ? entry->failures[bucket % TALLY_BUCKETS] : 0;
}

static int64_t failures_until(const struct entry *entry, int64_t latest)
{
    int64_t sum = 0;
    for (int64_t bucket = latest - TALLY_BUCKETS + 1; bucket <= latest; bucket++)
        sum += bucket < 0 ? 0 : failures_in(entry, bucket);
    return sum;
}

/* Buckets that have passed become free for new ones. */
static void move_on(struct entry *entry, int64_t latest)
{
    int64_t passed = latest - entry->bucket;
    if (passed > TALLY_BUCKETS)
        passed = TALLY_BUCKETS;
    for (int64_t i = 0; i < passed; i++)
        entry->failures[(latest - i) % TALLY_BUCKETS] = 0;
    entry->bucket = latest;
}

int64_t tally_wait_ms(const struct tally *tally, const unsigned char key[TALLY_KEY_SIZE],
    int64_t limit, int64_t now_ms)
{
    uint32_t n = find(tally, key);
    if (!n)
        return 0;
    const struct entry *entry = &tally->entries[n];
    int64_t latest = latest_bucket(tally, entry, now_ms);
    int64_t left = entry->under_way + failures_until(entry, latest);
    if (left < limit)
        return 0;
    for (int64_t bucket = latest - TALLY_BUCKETS + 1; bucket <= latest; bucket++) {
        left -= bucket < 0 ? 0 : failures_in(entry, bucket);
        if (left < limit)
            return (bucket + TALLY_BUCKETS) * tally->bucket_ms - now_ms;
    }
    return 1;
}

/* Entries */

static void leave_ring(struct tally *tally, uint32_t n)
{
    struct entry *entry = &tally->entries[n];
    tally->entries[entry->older].newer = entry->newer;
    tally->entries[entry->newer].older = entry->older;
}

static void enter_ring(struct tally *tally, uint32_t n)
{
    struct entry *head = &tally->entries[0];
    tally->entries[n].older = head->older;
    tally->entries[n].newer = 0;
    tally->entries[head->older].newer = n;
    head->older = n;
}

static void leave_slot(struct tally *tally, uint32_t n)
{
    uint32_t *at = slot_of(tally, tally->entries[n].key);
    while (*at != n)
        at = &tally->entries[*at].next;
    *at = tally->entries[n].next;
}

static void give_back(struct tally *tally, uint32_t n)
{
    leave_ring(tally, n);
    leave_slot(tally, n);
    memset(&tally->entries[n], 0, sizeof tally->entries[n]);
    tally->entries[n].next = tally->free;
    tally->free = n;
    tally->count--;
}

/* The entry begun longest ago that nobody holds. Those held are few, and mostly among the latest.
 */
static void evict(struct tally *tally, int64_t now_ms)
{
    uint32_t n = tally->entries[0].newer;
    while (n && tally->entries[n].under_way)
        n = tally->entries[n].newer;
    if (!n)
        return;
    const struct entry *entry = &tally->entries[n];
    if (failures_until(entry, latest_bucket(tally, entry, now_ms)))
        metrics_add(METRIC_throttle_evictions_total, 1);
    give_back(tally, n);
}

static uint32_t take(struct tally *tally, const unsigned char *key, int64_t now_ms)
{
    if (!tally->free && tally->touched == tally->entries_max)
        evict(tally, now_ms);
    uint32_t n = tally->free;
    if (n)
        tally->free = tally->entries[n].next;
    else if (tally->touched < tally->entries_max)
        n = ++tally->touched;
    else
        return 0;
    uint32_t *slot = slot_of(tally, key);
    memcpy(tally->entries[n].key, key, TALLY_KEY_SIZE);
    tally->entries[n].next = *slot;
    *slot = n;
    tally->count++;
    return n;
}

uint32_t tally_begin(struct tally *tally, const unsigned char key[TALLY_KEY_SIZE], int64_t now_ms)
{
    uint32_t n = find(tally, key);
    if (n)
        leave_ring(tally, n);
    else
        n = take(tally, key, now_ms);
    if (!n)
        return 0;
    enter_ring(tally, n);
    tally->entries[n].under_way++;
    return n;
}

void tally_end(struct tally *tally, uint32_t n, bool is_failure, int64_t now_ms)
{
    struct entry *entry = &tally->entries[n];
    assert(n && entry->under_way);
    entry->under_way--;
    move_on(entry, latest_bucket(tally, entry, now_ms));
    if (is_failure)
        entry->failures[entry->bucket % TALLY_BUCKETS]++;
    if (!entry->under_way && !failures_until(entry, entry->bucket))
        give_back(tally, n);
}

void tally_clear(struct tally *tally, uint32_t n)
{
    struct entry *entry = &tally->entries[n];
    assert(n && entry->under_way);
    memset(entry->failures, 0, sizeof entry->failures);
}

int64_t tally_count(const struct tally *tally)
{
    return tally->count;
}
