/* The outbox: notifications that are committed with their order and not yet in the spool. */
#ifndef ORDERD_DB_OUTBOX_H
#define ORDERD_DB_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct arena;
struct db;

struct outbox_row {
    const char *uid;
    const char *kind; /* "order_confirmed" */
    int64_t order_id;
    const void *message;
    size_t message_len;
    int64_t created_at;
};

/* Repeatable: a row of that uid is left as it is. */
enum err outbox_add(struct db *, const struct outbox_row *);
/* The oldest up to limit; in the arena. */
enum err outbox_next(
    struct db *, struct arena *, int64_t limit, struct outbox_row **out, size_t *count);
/* What every row is for; uid is good until visit() is back. */
typedef void outbox_visit(void *arg, int64_t order_id, const char *uid);
enum err outbox_walk(struct db *, outbox_visit *, void *arg);
enum err outbox_delete(struct db *, const char *uid);
enum err outbox_count(struct db *, int64_t *out);

#endif
