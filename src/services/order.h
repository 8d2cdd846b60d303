/* The order service: the order transaction, and reading orders.
 *
 * A create is two units of work with the gateway between them, outside any transaction:
 *
 * 1. attempt (started), claim of the idempotency key: one unit, durable
 *
 * 2. authorise at the gateway, by the attempt's uid: no transaction
 *
 * 3. started -> ordered, then order, items, event, payment, outbox row, stored answer: one unit,
 * durable; or, as 3', started -> voiding or declined, key freed: one unit, durable or on settle's
 * list
 *
 * 4. the answer
 *
 * Whatever happens in between, the row of the attempt says what is to be done (settle.h). */
#ifndef ORDERD_SERVICES_ORDER_H
#define ORDERD_SERVICES_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/context.h"
#include "core/error.h"
#include "db/orders.h"
#include "db/store.h"
#include "db/users.h"
#include "services/payment.h"
#include "services/relay.h"
#include "services/settle.h"

struct order_service {
    struct store *store;
    struct payment *payment;
    struct settle *settle;
    struct relay *relay;
    int store_timeout_ms;
};

/* What a client asks for; already checked field by field. */
struct order_new {
    const char *currency;
    const struct order_item *items;
    size_t item_count;
    const char *payment_token;
    const char *reference; /* NULL: left out */
};

/* Appends the answer that is stored with the order and sent: pure, since a unit may run again. */
typedef void order_render(const struct order *, struct buffer *);

struct order_create {
    const struct order_new *order;
    const char *idempotency_key; /* NULL: none */
    const char *body;            /* what a repetition must equal, byte for byte */
    size_t body_len;
    order_render *render;
};

struct order_created {
    int64_t order_id;
    const char *answer; /* in the context's arena */
    size_t answer_len;
    bool is_replay;
};

/* For ctx->user_id. ERR_NONE: the order is on disk, its payment reserved. ERR_PAYMENT_FAILED,
 * ERR_PAYMENT_UNAVAILABLE: nothing of it remains but the attempt. ERR_KEY_REUSED,
 * ERR_KEY_IN_PROGRESS. ERR_UNAVAILABLE: not known, or not begun; the client repeats with its key.
 */
enum err order_create(const struct order_service *, struct context *, const struct order_create *,
    struct order_created *);

/* ERR_NOT_FOUND, also for somebody else's order unless the caller is an admin. */
enum err order_get(const struct order_service *, struct context *, const struct user *caller,
    int64_t id, struct order *);

struct order_page {
    struct order *orders;
    size_t count;
    bool has_more; /* there is an order after the last one */
};

/* Up to filter->limit orders. */
enum err order_list(const struct order_service *, struct context *, const struct order_filter *,
    struct order_page *);

#endif
