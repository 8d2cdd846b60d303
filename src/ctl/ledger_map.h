/* The gateway's ledger as a table: the last that is said of each reference. */
#ifndef ORDERD_CTL_LEDGER_MAP_H
#define ORDERD_CTL_LEDGER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"
#include "gateway/event.h"
#include "gateway/index.h"

struct account {
    const char *reference;
    enum event_kind kind; /* of the last event */
    int64_t amount_minor;
    char currency[4];  /* "": neither amount nor currency is known */
    int capture_count; /* events that say so */
    bool is_known;     /* ours: for whoever compares */
};

struct ledger_map {
    struct account *accounts;
    size_t count;
    size_t cap;
    struct index index; /* from a reference's hash to its place in accounts */
    struct arena names;
};

/* Reads the whole ledger. As ledger_scan(). The map is to be closed in any case. */
enum err ledger_map_open(struct ledger_map *, const char *path, int wait_ms, struct fault *);
void ledger_map_close(struct ledger_map *);

/* NULL: the ledger does not know it. */
struct account *ledger_map_find(const struct ledger_map *, const char *reference);

#endif
