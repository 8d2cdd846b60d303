/* See shop.h. */
#include "shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "core/clock.h"
#include "gateway/simulated.h"
#include "security/keyring.h"
#include "spool/spool.h"

#include "unit.h"

#define SHOP_TIMEOUT_MS 5000

static void render(const struct order *order, struct buffer *out)
{
    buffer_text(out, "order ");
    buffer_int(out, order->id);
    buffer_text(out, " of total ");
    buffer_int(out, order->total_minor);
    buffer_text(out, " is ");
    buffer_text(out, payment_status_name(order->payment_status));
}

static void check_opened(enum err e, const struct fault *fault)
{
    ck_assert_msg(!e, "%s: %s", err_info(e)->name, fault->text ? fault->text : "no cause");
}

static void open_store(struct shop *shop, struct fault *fault)
{
    char migrations[512];
    const char *srcdir = getenv("srcdir");
    snprintf(migrations, sizeof migrations, "%s/sql", srcdir ? srcdir : ".");
    struct store_options options = {
        .path = unit_path(shop->folder, "orders.db"),
        .migrations = migrations,
        .lock_timeout_ms = 1000,
        .queue_max = 256,
        .group_max = 128,
        .quick_readers = 1,
        .shared_readers = 4,
    };
    check_opened(store_open(&shop->store, &options, fault), fault);
}

static void open_gateway(struct shop *shop, struct fault *fault)
{
    struct simulated_options simulated = {
        .ledger = unit_path(shop->folder, "ledger"), .latency_ms = shop->options.latency_ms};
    shop->gateway = shop->options.gateway;
    if (!shop->gateway)
        check_opened(simulated_open(&shop->gateway, &simulated, fault), fault);
    int timeout_ms = shop->options.timeout_ms ? shop->options.timeout_ms : SHOP_TIMEOUT_MS;
    shop->payment = payment_open(
        shop->gateway, &(struct payment_options){
                           .permits = shop->options.permits ? shop->options.permits : 32,
                           .permit_timeout_ms = 100,
                           .timeout_ms = timeout_ms,
                       });
}

static void open_background(struct shop *shop, struct fault *fault)
{
    shop->hold = hold_open(shop->store, SHOP_TIMEOUT_MS);
    struct settle_options settle = {
        .parallel = 8,
        .retry_first_s = 1,
        .retry_max_s = shop->options.retry_max_s ? shop->options.retry_max_s : 600,
        .capture_days = 6,
        .backlog_max = shop->options.backlog_max ? shop->options.backlog_max : 1000,
        .store_timeout_ms = SHOP_TIMEOUT_MS,
        .keep_keys_hours = 72,
        .hold = shop->hold,
    };
    check_opened(settle_open(&shop->settle, shop->store, shop->payment, &settle, fault), fault);
    struct relay_options relay = {
        .spool = shop->options.spool ? shop->options.spool : unit_path(shop->folder, "spool"),
        .retry_ms = 50,
        .store_timeout_ms = SHOP_TIMEOUT_MS,
        .hold = shop->hold,
    };
    check_opened(relay_open(&shop->relay, shop->store, &relay, fault), fault);
}

static int or_default(int value, int otherwise)
{
    return value ? value : otherwise;
}

static struct throttle_options throttle_of(const struct shop_options *options)
{
    const struct throttle_options *wanted = &options->throttle;
    return (struct throttle_options){
        .window_s = or_default(wanted->window_s, 300),
        .pair_max = or_default(wanted->pair_max, 10),
        .address_max = or_default(wanted->address_max, 100),
        .account_max = or_default(wanted->account_max, 50),
        .entries_max = or_default(wanted->entries_max, 4096),
    };
}

static void open_auth(struct shop *shop, struct fault *fault)
{
    const char *keys = unit_path(shop->folder, "keys");
    struct keyring *keyring;
    char kid[KEY_ID_SIZE];
    struct stat st;
    if (stat(keys, &st) != 0)
        check_opened(keyring_new_key(keys, kid, fault), fault);
    check_opened(keyring_open(&keyring, keys, fault), fault);
    struct password_options passwords = {.memory_kib = 64,
        .passes = or_default(shop->options.hash_passes, 1),
        .running = 2,
        .waiting = 8,
        .timeout_ms = SHOP_TIMEOUT_MS};
    check_opened(hasher_open(&shop->hasher, &passwords, fault), fault);
    struct auth_options options = {.issuer = "orderd",
        .audience = "orderd",
        .token_lifetime_s = 3600,
        .store_timeout_ms = SHOP_TIMEOUT_MS,
        .throttle = throttle_of(&shop->options),
        .trust_days = 30,
        .trust_addresses = 3};
    shop->auth = auth_open(shop->store, shop->hasher, keyring, &options);
}

static int64_t add_user(struct shop *shop, const char *name, const char *email, const char *role)
{
    struct user user;
    struct registration in = {
        .username = name, .password = SHOP_PASSWORD, .email = email, .role = role};
    struct context ctx;
    context_begin(&ctx, &shop->arena, "setup");
    check_opened(auth_register(shop->auth, &ctx, &in, &user), &ctx.fault);
    return user.id;
}

static void open_all(struct shop *shop)
{
    struct fault fault;
    fault_begin(&fault, NULL);
    open_store(shop, &fault);
    open_gateway(shop, &fault);
    open_background(shop, &fault);
    open_auth(shop, &fault);
    shop->orders = (struct order_service){
        .store = shop->store,
        .payment = shop->payment,
        .settle = shop->settle,
        .relay = shop->relay,
        .store_timeout_ms = SHOP_TIMEOUT_MS,
    };
}

static void close_all(struct shop *shop)
{
    relay_close(shop->relay);
    settle_close(shop->settle);
    hold_close(shop->hold);
    payment_close(shop->payment);
    if (!shop->options.gateway)
        gateway_close(shop->gateway);
    auth_close(shop->auth);
    hasher_close(shop->hasher);
    store_close(shop->store);
}

void shop_open(struct shop *shop, const struct shop_options *options)
{
    *shop = (struct shop){.folder = unit_folder()};
    if (options)
        shop->options = *options;
    arena_init(&shop->arena, 16 * 1024);
    open_all(shop);
    shop->user_id = add_user(shop, "shop", "shop@example.com", NULL);
    shop->admin_id = add_user(shop, "admin", "admin@example.com", "admin");
    shop_begin(shop);
}

void shop_close(struct shop *shop)
{
    close_all(shop);
    arena_fini(&shop->arena);
}

void shop_reopen(struct shop *shop)
{
    close_all(shop);
    open_all(shop);
    shop_begin(shop);
}

void shop_begin(struct shop *shop)
{
    context_begin(&shop->ctx, &shop->arena, "request-1");
    shop->ctx.user_id = shop->user_id;
}

struct order_new shop_order(const char *token)
{
    static const struct order_item items[] = {
        {.sku = "TEA-250", .name = "Gr\xc3\xbcner Tee", .quantity = 2, .unit_price_minor = 1295},
        {.sku = "BAG", .quantity = 5, .unit_price_minor = 1},
    };
    return (struct order_new){.currency = "EUR",
        .items = items,
        .item_count = 2,
        .payment_token = token,
        .reference = "WEB-1"};
}

enum err shop_create_new(struct shop *shop, const struct order_new *order, const char *key,
    const char *body, struct order_created *out)
{
    struct order_create in = {.order = order,
        .idempotency_key = key,
        .body = body,
        .body_len = strlen(body),
        .render = render};
    struct arena arena;
    struct context ctx;
    arena_init(&arena, 16 * 1024);
    context_begin(&ctx, &arena, "request-1");
    ctx.user_id = shop->user_id;
    enum err e = order_create(&shop->orders, &ctx, &in, out);
    if (!e)
        out->answer = memcpy(xalloc(out->answer_len + 1), out->answer, out->answer_len);
    arena_fini(&arena);
    return e;
}

enum err shop_create(
    struct shop *shop, const char *token, const char *key, struct order_created *out)
{
    struct order_new order = shop_order(token);
    return shop_create_new(shop, &order, key, token, out);
}

static sqlite3 *open_beside(struct shop *shop)
{
    sqlite3 *db;
    const char *path = unit_path(shop->folder, "orders.db");
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_busy_timeout(db, SHOP_TIMEOUT_MS), SQLITE_OK);
    ck_assert_int_eq(sqlite3_wal_autocheckpoint(db, 0), SQLITE_OK);
    ck_assert_int_eq(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    return db;
}

const char *shop_text(struct shop *shop, const char *sql)
{
    static char text[16384];
    sqlite3_stmt *stmt;
    sqlite3 *db = open_beside(shop);
    ck_assert_msg(
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    text[0] = '\0';
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(stmt, 0));
    ck_assert_msg(rc == SQLITE_ROW || rc == SQLITE_DONE, "%s", sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

int64_t shop_rows(struct shop *shop, const char *table)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return strtoll(shop_text(shop, sql), NULL, 10);
}

void shop_exec(struct shop *shop, const char *sql)
{
    sqlite3 *db = open_beside(shop);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

struct expectation {
    struct shop *shop;
    const char *sql;
    const char *text;
};

static int is_met(void *arg)
{
    const struct expectation *expectation = arg;
    return strcmp(shop_text(expectation->shop, expectation->sql), expectation->text) == 0;
}

void shop_wait(struct shop *shop, const char *sql, const char *text)
{
    unit_wait(is_met, &(struct expectation){.shop = shop, .sql = sql, .text = text}, sql);
}

void shop_wait_at_rest(struct shop *shop)
{
    shop_wait(shop,
        "SELECT (SELECT count(*) FROM payment_attempts WHERE state IN ('started', 'voiding'))"
        " + (SELECT count(*) FROM payments WHERE status = 'authorized')"
        " + (SELECT count(*) FROM outbox)",
        "0");
}

enum gateway_state shop_status(struct shop *shop, const char *reference)
{
    struct gateway_answer answer = {.state = GATEWAY_STATE_UNKNOWN};
    enum gateway_result result = shop->gateway->ops->status(
        shop->gateway, reference, clock_mono_ms() + SHOP_TIMEOUT_MS, &answer);
    ck_assert_int_eq(result, GATEWAY_DONE);
    return answer.state;
}
