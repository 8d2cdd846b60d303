/* Orders, their items and their history: rows <-> structs, no rules. */
#ifndef ORDERD_DB_ORDERS_H
#define ORDERD_DB_ORDERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "db/payments.h"

struct arena;
struct db;

struct order_item {
    const char *sku;
    const char *name; /* NULL: left out */
    int64_t quantity;
    int64_t unit_price_minor;
};

struct order {
    int64_t id;
    int64_t user_id;
    const char *status; /* "confirmed" */
    const char *currency;
    int64_t total_minor;
    const char *reference; /* NULL: left out */
    const struct order_item *items;
    size_t item_count;
    const char *attempt_uid; /* the payment's id is "pay_" + it */
    enum payment_status payment_status;
    int64_t created_at;
};

#define ORDER_ITEMS_MAX 100

/* Writes order and items (not the payment); id and status are ignored, it is born confirmed. *id is
 * the new one, or 0 if there is one of that attempt already. */
enum err orders_add(struct db *, const struct order *, int64_t *id);

/* One more line of its history. kind: "created", "payment_captured" ...; detail may be NULL. */
enum err order_events_add(
    struct db *, int64_t order_id, const char *kind, const char *detail, int64_t at);

struct order_event {
    const char *kind;
    const char *detail; /* or NULL */
    int64_t at;
};
/* The oldest first; its texts are good until visit() is back. */
typedef void order_event_visit(void *arg, const struct order_event *);
enum err order_events_walk(struct db *, int64_t order_id, order_event_visit *, void *arg);

/* ERR_NOT_FOUND. */
enum err orders_get(struct db *, struct arena *, int64_t id, struct order *out);
enum err orders_get_by_attempt(struct db *, struct arena *, const char *uid, struct order *out);

struct order_filter {
    int64_t user_id;       /* 0: everybody's */
    const char *reference; /* NULL: any */
    int64_t before_id;     /* only smaller ids; INT64_MAX: from the newest */
    int64_t limit;
};

/* Largest id first, items and payments included, by key: one page costs what another does. */
enum err orders_list(
    struct db *, struct arena *, const struct order_filter *, struct order **out, size_t *count);

#endif
