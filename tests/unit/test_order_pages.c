/* Paging through 100,000 orders: what a page costs, counted in steps of SQLite's machine and not in
 * time, which a busy machine would stretch. */
#include <inttypes.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "db/db_sqlite.h"
#include "db/orders.h"

#include "db_rig.h"
#include "unit.h"

#define ORDER_COUNT 100000
#define PAGE        50

/* Every order has the reference "all", every 1,000th is bob's: his are the last page of nobody
 * else's list, and deep in it. */
static void make_orders(void)
{
    rig_run(arena_printf(&rig_arena,
        "PRAGMA foreign_keys = OFF; BEGIN;"
        "CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n;"
        "INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency, started_at)"
        " SELECT printf('%%032x', i), 1 + (i %% 1000 = 0), 'ordered', 1, 'EUR', 1000 FROM n;"
        "INSERT INTO orders (id, user_id, attempt_uid, status, currency, total_minor, reference,"
        " created_at, updated_at) SELECT i, 1 + (i %% 1000 = 0), printf('%%032x', i), 'confirmed',"
        " 'EUR', 1, 'all', 1000, 1000 FROM n;"
        "INSERT INTO order_items (order_id, line, sku, quantity, unit_price_minor)"
        " SELECT i, 0, 'A', 1, 1 FROM n;"
        "INSERT INTO payments (order_id, status, currency, authorized_minor, authorized_at)"
        " SELECT i, 'captured', 'EUR', 1, 1000 FROM n;"
        "COMMIT",
        ORDER_COUNT));
}

/* Since the last call: steps, and rows that were read only to be passed over or sorted. */
static int64_t take_count(struct db *db, int what)
{
    int64_t count = 0;
    for (int i = 0; i < Q__COUNT; i++)
        count += sqlite3_stmt_status(db->queries[i].stmt, what, 1);
    return count;
}

/* Reads a page and says what it took; *last_id is its last order's. */
static int64_t read_page(struct db *db, struct order_filter filter, int64_t *last_id)
{
    struct order *orders;
    size_t count;
    (void)take_count(db, SQLITE_STMTSTATUS_VM_STEP);
    ck_assert_int_eq(orders_list(db, &rig_arena, &filter, &orders, &count), ERR_NONE);
    ck_assert_uint_eq(count, PAGE);
    ck_assert_int_eq(take_count(db, SQLITE_STMTSTATUS_FULLSCAN_STEP), 0);
    ck_assert_int_eq(take_count(db, SQLITE_STMTSTATUS_SORT), 0);
    *last_id = orders[count - 1].id;
    return take_count(db, SQLITE_STMTSTATUS_VM_STEP);
}

static const struct order_filter filters[] = {
    {.user_id = 0, .reference = NULL},
    {.user_id = 1, .reference = NULL},
    {.user_id = 2, .reference = NULL},
    {.user_id = 0, .reference = "all"},
    {.user_id = 1, .reference = "all"},
    {.user_id = 2, .reference = "all"},
};

#define FILTER_COUNT (sizeof filters / sizeof *filters)

START_TEST(the_last_page_costs_what_the_first_does)
{
    struct db *db = rig_db();
    rig_user(db, "alice");
    rig_user(db, "bob");
    make_orders();
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        struct order_filter filter = filters[i];
        int64_t last_id;
        filter.limit = PAGE;
        filter.before_id = INT64_MAX;
        int64_t first = read_page(db, filter, &last_id);
        ck_assert_int_gt(last_id, ORDER_COUNT / 2 - PAGE);
        filter.before_id = filter.user_id == 2 ? last_id : PAGE + 2;
        int64_t last = read_page(db, filter, &last_id);
        ck_assert_int_le(last_id, 1000);
        ck_assert_msg(llabs(last - first) <= PAGE,
            "filter %zu: the first page takes %" PRId64 " steps, the last %" PRId64, i, first,
            last);
        ck_assert_int_lt(first, 200 * PAGE);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_pages");
    TCase *tests = tcase_create("order_pages");
    tcase_add_checked_fixture(tests, rig_begin, rig_end);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_last_page_costs_what_the_first_does);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
