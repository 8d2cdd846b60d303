/* See ledger_map.h. A year of payments fits: some hundred bytes a reference. */
#include "ctl/ledger_map.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/ledger_scan.h"

#define FIRST_CAP 256

struct account *ledger_map_find(const struct ledger_map *map, const char *reference)
{
    uint32_t hash = index_hash(reference);
    for (size_t slot = index_first(&map->index, hash);;
         slot = index_next(&map->index, hash, slot)) {
        int64_t place = index_offset(&map->index, slot);
        if (place == INDEX_NOWHERE)
            return NULL;
        if (!strcmp(map->accounts[place].reference, reference))
            return &map->accounts[place];
    }
}

static struct account *add(struct ledger_map *map, const char *reference)
{
    if (map->count == map->cap) {
        map->cap = map->cap ? map->cap * 2 : FIRST_CAP;
        map->accounts = xrealloc(map->accounts, map->cap * sizeof *map->accounts);
    }
    struct account *account = &map->accounts[map->count];
    *account = (struct account){.reference = arena_text(&map->names, reference)};
    index_add(&map->index, index_hash(reference), (int64_t)map->count);
    map->count++;
    return account;
}

static void take_event(void *arg, const struct event *event)
{
    struct ledger_map *map = arg;
    struct account *account = ledger_map_find(map, event->reference);
    if (!account)
        account = add(map, event->reference);
    account->kind = event->kind;
    account->amount_minor = event->amount_minor;
    memcpy(account->currency, event->currency, sizeof account->currency);
    account->capture_count += event->kind == EVENT_CAPTURE;
}

enum err ledger_map_open(struct ledger_map *map, const char *path, int wait_ms, struct fault *fault)
{
    *map = (struct ledger_map){.count = 0};
    arena_init(&map->names, 65536);
    return ledger_scan(path, wait_ms, take_event, map, fault);
}

void ledger_map_close(struct ledger_map *map)
{
    free(map->accounts);
    index_fini(&map->index);
    arena_fini(&map->names);
    *map = (struct ledger_map){.count = 0};
}
