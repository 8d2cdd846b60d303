/* A whole order service in a folder of its own, without HTTP: what the tests of services and api
 * stand on. */
#ifndef ORDERD_TESTS_SHOP_H
#define ORDERD_TESTS_SHOP_H

#include "core/context.h"
#include "gateway/gateway.h"
#include "services/auth.h"
#include "services/order.h"

#define SHOP_PASSWORD "correct horse"

struct shop_options {
    struct gateway *gateway;          /* NULL: the simulated one; else stays the caller's */
    int latency_ms;                   /* of the simulated one */
    int timeout_ms;                   /* of the gateway; 0: 5000 */
    int permits;                      /* 0: 32 */
    int backlog_max;                  /* 0: 1000 */
    int retry_max_s;                  /* of settle; 0: 600 */
    const char *spool;                /* NULL: a good one */
    int hash_passes;                  /* 0: 1 */
    struct throttle_options throttle; /* zero members: as orderd has them by default */
};

struct shop {
    const char *folder;
    struct shop_options options;
    struct store *store;
    struct gateway *gateway;
    struct payment *payment;
    struct hold *hold;
    struct settle *settle;
    struct relay *relay;
    struct hasher *hasher;
    struct auth *auth;
    struct order_service orders;
    int64_t user_id;  /* "shop", role user */
    int64_t admin_id; /* "admin" */
    struct arena arena;
    struct context ctx; /* for user_id */
};

/* Fails the test when something does not open. options may be NULL. */
void shop_open(struct shop *, const struct shop_options *);
void shop_close(struct shop *);

/* Closes and opens again on the same folder, as after a restart. */
void shop_reopen(struct shop *);

/* A fresh context for the user, on the shop's arena (which is not reset). */
void shop_begin(struct shop *);

/* A small order of two items, total 2590 + 5; token as given. */
struct order_new shop_order(const char *token);

/* Creates an order, on its own context (so threads may call it); the answer is "order ID of total T
 * is STATUS", allocated with malloc. The first form creates shop_order(token) and takes the token
 * as the body. */
enum err shop_create(struct shop *, const char *token, const char *key, struct order_created *);
enum err shop_create_new(struct shop *, const struct order_new *, const char *key, const char *body,
    struct order_created *);

/* Rows of a table, the first column of a query (static memory; "" when there is no row), and a
 * write of another process. The database is opened beside the store, never checkpointed. */
int64_t shop_rows(struct shop *, const char *table);
const char *shop_text(struct shop *, const char *sql);
void shop_exec(struct shop *, const char *sql);

/* Polls until the query's first column is the text. */
void shop_wait(struct shop *, const char *sql, const char *text);

/* No attempt started or voiding, no payment authorized, no outbox row. */
void shop_wait_at_rest(struct shop *);

enum gateway_state shop_status(struct shop *, const char *reference);

#endif
