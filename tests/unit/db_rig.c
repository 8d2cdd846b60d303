/* See db_rig.h. */
#include "db_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "core/random.h"
#include "db/migrate.h"
#include "db/orders.h"
#include "db/payments.h"
#include "db/users.h"

#include "unit.h"

struct arena rig_arena;
static const char *folder;
static const char *path;
static struct db *db;

void rig_begin(void)
{
    arena_init(&rig_arena, 4096);
    folder = unit_folder();
    path = rig_file("orders.db");
    struct log_options log = {.path = rig_file("log"), .level = LOG_LEVEL_DEBUG};
    ck_assert_int_eq(log_open(&log, NULL), ERR_NONE);
}

void rig_db_close(void)
{
    db_close(db);
    db = NULL;
}

void rig_end(void)
{
    rig_db_close();
    log_close();
    arena_fini(&rig_arena);
}

const char *rig_folder(void)
{
    return folder;
}

const char *rig_file(const char *name)
{
    return arena_printf(&rig_arena, "%s/%s", folder, name);
}

const char *rig_path(void)
{
    return path;
}

const char *rig_migrations(void)
{
    const char *source = getenv("srcdir");
    return arena_printf(&rig_arena, "%s/sql", source ? source : SOURCE_FOLDER);
}

int rig_logged(const char *words)
{
    char *text;
    size_t len;
    int count = 0;
    ck_assert_int_eq(file_read(&rig_arena, rig_file("log"), 1 << 24, &text, &len, NULL), ERR_NONE);
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

struct db *rig_db(void)
{
    struct db *bare;
    ck_assert_int_eq(db_open_bare(&bare, rig_path(), NULL), ERR_NONE);
    ck_assert_int_eq(migrate(bare, rig_migrations(), NULL, NULL), ERR_NONE);
    db_close(bare);
    ck_assert_int_eq(db_open(&db, rig_path(), DB_WRITER, NULL), ERR_NONE);
    return db;
}

struct store_options rig_options(void)
{
    return (struct store_options){
        .path = rig_path(),
        .migrations = rig_migrations(),
        .lock_timeout_ms = 0,
        .queue_max = 512,
        .group_max = 128,
        .group_ms = 20000, /* what waits is one group, however slow the machine */
        .quick_readers = 1,
        .shared_readers = 2,
    };
}

struct store *rig_store(void)
{
    struct store_options options = rig_options();
    struct fault fault;
    fault_begin(&fault, NULL);
    struct store *store;
    enum err e = store_open(&store, &options, &fault);
    ck_assert_msg(!e, "store_open: %s", fault.text);
    return store;
}

int64_t rig_soon(void)
{
    return clock_mono_ms() + 20000;
}

static sqlite3 *open_outside(int flags)
{
    sqlite3 *handle;
    ck_assert_int_eq(sqlite3_open_v2(rig_path(), &handle, flags, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_busy_timeout(handle, 5000), SQLITE_OK);
    return handle;
}

int64_t rig_number(const char *sql)
{
    sqlite3 *handle = open_outside(SQLITE_OPEN_READONLY);
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);
    ck_assert_msg(code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(handle));
    code = sqlite3_step(stmt);
    ck_assert_msg(code == SQLITE_ROW || code == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(handle));
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
    return number;
}

void rig_run(const char *sql)
{
    sqlite3 *handle = open_outside(SQLITE_OPEN_READWRITE);
    int code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    ck_assert_msg(code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(handle));
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
}

const char *rig_uid(int n)
{
    static char uids[16][UID_SIZE];
    static unsigned next;
    char *out = uids[next++ % 16];
    (void)snprintf(out, UID_SIZE, "%032x", (unsigned)n);
    return out;
}

int64_t rig_user(struct db *in, const char *name)
{
    struct user_new user = {
        .username = name,
        .email = arena_printf(&rig_arena, "%s@example.com", name),
        .role = ROLE_USER,
        .password_hash = "$argon2id$x",
        .created_at = 1000,
    };
    struct user_added added;
    ck_assert_int_eq(users_add(in, &user, &added), ERR_NONE);
    return added.id;
}

void rig_attempt(struct db *in, int64_t user_id, const char *uid)
{
    struct attempt_new attempt = {
        .uid = uid,
        .user_id = user_id,
        .amount_minor = 2590,
        .currency = "EUR",
        .request_id = "r1",
        .started_at = 1000,
    };
    ck_assert_int_eq(attempts_start(in, &attempt), ERR_NONE);
}

int64_t rig_order(struct db *in, int64_t user_id, const char *uid, const char *reference)
{
    rig_attempt(in, user_id, uid);
    enum attempt_state state;
    ck_assert_int_eq(attempts_end(in, uid, ATTEMPT_ORDERED, NULL, 1000, &state), ERR_NONE);
    struct order_item item = {.sku = "TEA-250", .quantity = 2, .unit_price_minor = 1295};
    struct order order = {
        .user_id = user_id,
        .currency = "EUR",
        .total_minor = 2590,
        .reference = reference,
        .items = &item,
        .item_count = 1,
        .attempt_uid = uid,
        .created_at = 1000,
    };
    int64_t id;
    ck_assert_int_eq(orders_add(in, &order, &id), ERR_NONE);
    struct payment_new payment = {
        .order_id = id,
        .amount_minor = 2590,
        .currency = "EUR",
        .authorized_at = 1000,
    };
    ck_assert_int_eq(payments_add(in, &payment), ERR_NONE);
    return id;
}
