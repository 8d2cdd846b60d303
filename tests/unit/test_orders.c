/* db/orders against a real database. */
#include <stdio.h>
#include <string.h>

#include "db/orders.h"

#include "db_rig.h"
#include "unit.h"

static int64_t alice;
static int64_t bob;

static struct db *db_with_users(void)
{
    struct db *db = rig_db();
    alice = rig_user(db, "alice");
    bob = rig_user(db, "bob");
    return db;
}

static const struct order_item three_items[] = {
    {"TEA-250", "Gr\xc3\xbcner Tee, 250 g", 2, 1295},
    {"CUP", NULL, 1, 0},
    {"TEA-250", "again", 10000, 1000000000},
};

static struct order new_order(const char *uid)
{
    return (struct order){
        .user_id = alice,
        .currency = "EUR",
        .total_minor = 12345,
        .reference = "WEB-1",
        .items = three_items,
        .item_count = 3,
        .attempt_uid = uid,
        .created_at = 1700000000,
    };
}

START_TEST(an_order_is_read_as_it_was_written)
{
    struct db *db = db_with_users();
    rig_attempt(db, alice, rig_uid(1));
    struct order order = new_order(rig_uid(1));
    int64_t id;
    ck_assert_int_eq(orders_add(db, &order, &id), ERR_NONE);
    struct order read;
    ck_assert_int_eq(orders_get(db, &rig_arena, id, &read), ERR_NONE);
    ck_assert_int_eq(read.id, id);
    ck_assert_int_eq(read.user_id, alice);
    ck_assert_str_eq(read.status, "confirmed");
    ck_assert_str_eq(read.currency, "EUR");
    ck_assert_int_eq(read.total_minor, 12345);
    ck_assert_str_eq(read.reference, "WEB-1");
    ck_assert_str_eq(read.attempt_uid, rig_uid(1));
    ck_assert_int_eq(read.payment_status, PAYMENT_AUTHORIZED);
    ck_assert_int_eq(read.created_at, 1700000000);
    ck_assert_uint_eq(read.item_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(read.items[i].sku, three_items[i].sku);
        ck_assert_pstr_eq(read.items[i].name, three_items[i].name);
        ck_assert_int_eq(read.items[i].quantity, three_items[i].quantity);
        ck_assert_int_eq(read.items[i].unit_price_minor, three_items[i].unit_price_minor);
    }
    struct order same;
    ck_assert_int_eq(orders_get_by_attempt(db, &rig_arena, rig_uid(1), &same), ERR_NONE);
    ck_assert_int_eq(same.id, id);
    ck_assert_uint_eq(same.item_count, 3);
}
END_TEST

START_TEST(an_order_that_is_not_there_is_not_found)
{
    struct db *db = db_with_users();
    struct order order;
    ck_assert_int_eq(orders_get(db, &rig_arena, 1, &order), ERR_NOT_FOUND);
    ck_assert_int_eq(orders_get(db, &rig_arena, INT64_MAX, &order), ERR_NOT_FOUND);
    ck_assert_int_eq(orders_get_by_attempt(db, &rig_arena, rig_uid(1), &order), ERR_NOT_FOUND);
}
END_TEST

START_TEST(an_attempt_makes_one_order)
{
    struct db *db = db_with_users();
    int64_t first = rig_order(db, alice, rig_uid(1), NULL);
    struct order order = new_order(rig_uid(1));
    int64_t id = 99;
    ck_assert_int_eq(orders_add(db, &order, &id), ERR_NONE);
    ck_assert_int_eq(id, 0);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_items"), 1);
    ck_assert_int_eq(orders_get_by_attempt(db, &rig_arena, rig_uid(1), &order), ERR_NONE);
    ck_assert_int_eq(order.id, first);
}
END_TEST

START_TEST(a_hundred_items_keep_their_order)
{
    struct db *db = db_with_users();
    struct order_item items[ORDER_ITEMS_MAX];
    for (int i = 0; i < ORDER_ITEMS_MAX; i++)
        items[i] = (struct order_item){arena_printf(&rig_arena, "S%d", i), NULL, i + 1, i};
    rig_attempt(db, alice, rig_uid(1));
    struct order order = new_order(rig_uid(1));
    order.items = items;
    order.item_count = ORDER_ITEMS_MAX;
    int64_t id;
    ck_assert_int_eq(orders_add(db, &order, &id), ERR_NONE);
    ck_assert_int_eq(orders_get(db, &rig_arena, id, &order), ERR_NONE);
    ck_assert_uint_eq(order.item_count, ORDER_ITEMS_MAX);
    for (int i = 0; i < ORDER_ITEMS_MAX; i++)
        ck_assert_int_eq(order.items[i].quantity, i + 1);
}
END_TEST

START_TEST(limits_are_the_tables_too)
{
    static char long_sku[66];
    static char long_name[202];
    memset(long_sku, 's', sizeof long_sku - 1);
    memset(long_name, 'n', sizeof long_name - 1);
    const struct order_item bad[] = {
        {"", NULL, 1, 1},
        {long_sku, NULL, 1, 1},
        {NULL, NULL, 1, 1},
        {"A", "", 1, 1},
        {"A", long_name, 1, 1},
        {"A", NULL, 0, 1},
        {"A", NULL, 10001, 1},
        {"A", NULL, 1, -1},
        {"A", NULL, 1, 1000000001},
    };
    struct db *db = db_with_users();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *uid = rig_uid((int)i);
        rig_attempt(db, alice, uid);
        struct order order = new_order(uid);
        order.items = &bad[i];
        order.item_count = 1;
        int64_t id;
        ck_assert_int_eq(orders_add(db, &order, &id), ERR_BROKEN);
        db_clear(db);
    }
}
END_TEST

START_TEST(the_longest_texts_fit_counted_in_code_points)
{
    char sku[64 * 4 + 1] = "";
    char name[200 * 4 + 1] = "";
    for (int i = 0; i < 200; i++) {
        memcpy(name + 4 * i, "\xf0\x9f\x8d\xb5", 4);
        if (i < 64)
            memcpy(sku + 4 * i, "\xf0\x9f\x8d\xb5", 4);
    }
    struct db *db = db_with_users();
    rig_attempt(db, alice, rig_uid(1));
    struct order_item item = {sku, name, 1, 1};
    struct order order = new_order(rig_uid(1));
    order.items = &item;
    order.item_count = 1;
    order.reference = sku;
    int64_t id;
    ck_assert_int_eq(orders_add(db, &order, &id), ERR_NONE);
}
END_TEST

START_TEST(orders_break_no_rule_of_the_table)
{
    struct db *db = db_with_users();
    for (int i = 0; i < 5; i++) {
        rig_attempt(db, alice, rig_uid(i));
        struct order order = new_order(rig_uid(i));
        if (i == 0)
            order.total_minor = 1000000000000001;
        if (i == 1)
            order.total_minor = -1;
        if (i == 2)
            order.reference = "";
        if (i == 3)
            order.user_id = 99;
        if (i == 4)
            order.currency = "EU";
        int64_t id;
        ck_assert_int_eq(orders_add(db, &order, &id), ERR_BROKEN);
        db_clear(db);
    }
    struct order orphan = new_order(rig_uid(50));
    int64_t id;
    ck_assert_int_eq(orders_add(db, &orphan, &id), ERR_BROKEN);
}
END_TEST

START_TEST(the_payment_s_state_shows_on_the_order)
{
    struct db *db = db_with_users();
    int64_t id = rig_order(db, alice, rig_uid(1), NULL);
    int64_t other = rig_order(db, alice, rig_uid(2), NULL);
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 5), ERR_NONE);
    ck_assert_int_eq(payments_settle(db, rig_uid(2), PAYMENT_CAPTURE_FAILED, "x", 5), ERR_NONE);
    struct order order;
    ck_assert_int_eq(orders_get(db, &rig_arena, id, &order), ERR_NONE);
    ck_assert_int_eq(order.payment_status, PAYMENT_CAPTURED);
    ck_assert_int_eq(orders_get(db, &rig_arena, other, &order), ERR_NONE);
    ck_assert_int_eq(order.payment_status, PAYMENT_CAPTURE_FAILED);
}
END_TEST

START_TEST(events_are_kept_with_their_order)
{
    struct db *db = db_with_users();
    int64_t id = rig_order(db, alice, rig_uid(1), NULL);
    ck_assert_int_eq(order_events_add(db, id, "created", NULL, 5), ERR_NONE);
    ck_assert_int_eq(order_events_add(db, id, "created", "again", 6), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_events WHERE at IN (5, 6)"), 2);
    ck_assert_int_eq(order_events_add(db, id + 1, "created", NULL, 5), ERR_BROKEN);
}
END_TEST

static void add_time(void *arg, const struct order_event *event)
{
    const char **times = arg;
    *times = arena_printf(&rig_arena, "%s %lld", *times, (long long)event->at);
}

START_TEST(the_history_of_an_order_is_told_as_it_was_written)
{
    struct db *db = db_with_users();
    int64_t ids[2] = {rig_order(db, alice, rig_uid(1), NULL), rig_order(db, bob, rig_uid(2), NULL)};
    static const int64_t times[] = {9, 5, 7, 5};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        for (size_t n = 0; n < 2; n++)
            ck_assert_int_eq(order_events_add(db, ids[n], "x", NULL, times[i]), ERR_NONE);
    const char *told = "";
    ck_assert_int_eq(order_events_walk(db, ids[1], add_time, &told), ERR_NONE);
    ck_assert_str_eq(told, " 9 5 7 5");
    ck_assert_int_eq(rig_number("SELECT min(number) FROM order_events"), 1);
    ck_assert_int_eq(rig_number("SELECT max(number) FROM order_events"), 4);
}
END_TEST

/* 12 orders: the even ones alice's; every third one has the reference "R". */
static void twelve_orders(struct db *db)
{
    for (int i = 0; i < 12; i++)
        rig_order(db, i % 2 ? bob : alice, rig_uid(i), i % 3 ? NULL : "R");
}

/* Walks all pages of two and returns how many orders there were; fails if ids do not fall. */
static size_t walk(struct db *db, int64_t user_id, const char *reference)
{
    struct order_filter filter = {user_id, reference, INT64_MAX, 2};
    size_t sum = 0;
    for (;;) {
        struct order *orders;
        size_t count;
        ck_assert_int_eq(orders_list(db, &rig_arena, &filter, &orders, &count), ERR_NONE);
        for (size_t i = 0; i < count; i++) {
            ck_assert_int_lt(orders[i].id, filter.before_id);
            filter.before_id = orders[i].id;
            ck_assert(!user_id || orders[i].user_id == user_id);
            ck_assert(!reference || !strcmp(orders[i].reference, reference));
            ck_assert_uint_eq(orders[i].item_count, 1);
            ck_assert_str_eq(orders[i].items[0].sku, "TEA-250");
        }
        sum += count;
        if (count < 2)
            return sum;
    }
}

START_TEST(a_walk_meets_each_order_once_newest_first)
{
    struct db *db = db_with_users();
    twelve_orders(db);
    ck_assert_uint_eq(walk(db, 0, NULL), 12);
    ck_assert_uint_eq(walk(db, alice, NULL), 6);
    ck_assert_uint_eq(walk(db, bob, NULL), 6);
    ck_assert_uint_eq(walk(db, 0, "R"), 4);
    ck_assert_uint_eq(walk(db, alice, "R"), 2);
}
END_TEST

START_TEST(filters_that_match_nothing_give_an_empty_page)
{
    struct db *db = db_with_users();
    twelve_orders(db);
    ck_assert_uint_eq(walk(db, 99, NULL), 0);
    ck_assert_uint_eq(walk(db, 0, "r"), 0);
    ck_assert_uint_eq(walk(db, 99, "R"), 0);
    struct order_filter filter = {0, NULL, 1, 50};
    struct order *orders;
    size_t count = 7;
    ck_assert_int_eq(orders_list(db, &rig_arena, &filter, &orders, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
}
END_TEST

/* Without a gap they are read by one statement, with gaps one by one. (An order without items
 * cannot be made but by hand.) */
START_TEST(each_order_of_a_page_has_its_own_items)
{
    struct db *db = db_with_users();
    for (int i = 0; i < 4; i++) {
        rig_attempt(db, alice, rig_uid(i));
        struct order order = new_order(rig_uid(i));
        order.user_id = i == 2 ? bob : alice;
        order.item_count = (size_t)i;
        int64_t id;
        ck_assert_int_eq(orders_add(db, &order, &id), ERR_NONE);
    }
    for (int round = 0; round < 2; round++) {
        struct order_filter filter = {round ? alice : 0, NULL, INT64_MAX, 50};
        struct order *orders;
        size_t count;
        ck_assert_int_eq(orders_list(db, &rig_arena, &filter, &orders, &count), ERR_NONE);
        ck_assert_uint_eq(count, round ? 3 : 4);
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_eq(orders[i].item_count, (size_t)(orders[i].attempt_uid[31] - '0'));
            for (size_t line = 0; line < orders[i].item_count; line++)
                ck_assert_str_eq(orders[i].items[line].sku, three_items[line].sku);
        }
    }
}
END_TEST

START_TEST(orders_that_arrive_meanwhile_do_not_disturb_a_walk)
{
    struct db *db = db_with_users();
    twelve_orders(db);
    struct order_filter filter = {0, NULL, INT64_MAX, 6};
    struct order *orders;
    size_t count;
    ck_assert_int_eq(orders_list(db, &rig_arena, &filter, &orders, &count), ERR_NONE);
    filter.before_id = orders[5].id;
    rig_order(db, alice, rig_uid(100), NULL);
    ck_assert_int_eq(orders_list(db, &rig_arena, &filter, &orders, &count), ERR_NONE);
    ck_assert_uint_eq(count, 6);
    ck_assert_int_eq(orders[0].id, filter.before_id - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("orders");
    TCase *tc = tcase_create("orders");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_order_is_read_as_it_was_written);
    tcase_add_test(tc, an_order_that_is_not_there_is_not_found);
    tcase_add_test(tc, an_attempt_makes_one_order);
    tcase_add_test(tc, a_hundred_items_keep_their_order);
    tcase_add_test(tc, limits_are_the_tables_too);
    tcase_add_test(tc, the_longest_texts_fit_counted_in_code_points);
    tcase_add_test(tc, orders_break_no_rule_of_the_table);
    tcase_add_test(tc, the_payment_s_state_shows_on_the_order);
    tcase_add_test(tc, events_are_kept_with_their_order);
    tcase_add_test(tc, the_history_of_an_order_is_told_as_it_was_written);
    tcase_add_test(tc, a_walk_meets_each_order_once_newest_first);
    tcase_add_test(tc, filters_that_match_nothing_give_an_empty_page);
    tcase_add_test(tc, each_order_of_a_page_has_its_own_items);
    tcase_add_test(tc, orders_that_arrive_meanwhile_do_not_disturb_a_walk);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
