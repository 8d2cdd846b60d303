/* The order service: what is written, what is not, and what is left when something fails on the
 * way. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/clock.h"

#include "fake_gateway.h"
#include "shop.h"
#include "unit.h"

static struct shop shop;

static const char *const order_tables[] = {
    "orders", "order_items", "order_events", "payments", "outbox", "idempotency_keys"};

/* Nothing of a failed create remains but its attempt. */
static void check_only_attempts(int64_t count)
{
    for (size_t i = 0; i < sizeof order_tables / sizeof order_tables[0]; i++)
        ck_assert_msg(shop_rows(&shop, order_tables[i]) == 0, "rows in %s", order_tables[i]);
    ck_assert_int_eq(shop_rows(&shop, "payment_attempts"), count);
}

static void open_with(struct fake_gateway *fake)
{
    fake_gateway_init(fake);
    shop_open(&shop, &(struct shop_options){.gateway = &fake->gateway});
}

START_TEST(confirmed_order_is_written_whole)
{
    struct order_created created;
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key-1", &created), ERR_NONE);
    ck_assert_int_gt(created.order_id, 0);
    ck_assert(!created.is_replay);
    ck_assert_str_eq(created.answer, "order 1 of total 2595 is authorized");
    ck_assert_int_eq(shop_rows(&shop, "orders"), 1);
    ck_assert_int_eq(shop_rows(&shop, "order_items"), 2);
    ck_assert_int_eq(shop_rows(&shop, "payments"), 1);
    ck_assert_str_eq(shop_text(&shop, "SELECT state FROM payment_attempts"), "ordered");
    ck_assert_str_eq(shop_text(&shop, "SELECT kind FROM order_events ORDER BY number"), "created");
    ck_assert_str_eq(shop_text(&shop, "SELECT total_minor FROM orders"), "2595");
    ck_assert_str_eq(shop_text(&shop, "SELECT answer FROM idempotency_keys"), created.answer);
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

static int files_in(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

START_TEST(confirmed_order_is_captured_and_its_mail_spooled)
{
    struct order_created created;
    char path[512], uid[64];
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
    free((char *)created.answer);
    shop_wait_at_rest(&shop);
    ck_assert_str_eq(shop_text(&shop, "SELECT status FROM payments"), "captured");
    ck_assert_str_eq(shop_text(&shop, "SELECT captured_minor FROM payments"), "2595");
    ck_assert_str_eq(
        shop_text(&shop, "SELECT kind FROM order_events ORDER BY number DESC"), "payment_captured");
    snprintf(uid, sizeof uid, "%s", shop_text(&shop, "SELECT uid FROM payment_attempts"));
    ck_assert_int_eq(shop_status(&shop, uid), GATEWAY_STATE_CAPTURED);
    snprintf(path, sizeof path, "%s/spool/new", shop.folder);
    ck_assert_int_eq(files_in(path), 1);
    shop_close(&shop);
}
END_TEST

START_TEST(largest_order_has_the_largest_total)
{
    struct order_item items[ORDER_ITEMS_MAX];
    struct order_created created;
    struct order_new order = shop_order("tok_ok");
    shop_open(&shop, NULL);
    for (size_t i = 0; i < ORDER_ITEMS_MAX; i++)
        items[i] =
            (struct order_item){.sku = "MAX", .quantity = 10000, .unit_price_minor = 1000000000};
    order.items = items;
    order.item_count = ORDER_ITEMS_MAX;
    ck_assert_int_eq(shop_create_new(&shop, &order, NULL, "", &created), ERR_NONE);
    ck_assert_str_eq(created.answer, "order 1 of total 1000000000000000 is authorized");
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

START_TEST(free_order_is_an_order)
{
    static const struct order_item item = {.sku = "GIFT", .quantity = 1, .unit_price_minor = 0};
    struct order_created created;
    struct order_new order = shop_order("tok_ok");
    shop_open(&shop, NULL);
    order.items = &item;
    order.item_count = 1;
    order.reference = NULL;
    ck_assert_int_eq(shop_create_new(&shop, &order, NULL, "", &created), ERR_NONE);
    ck_assert_str_eq(created.answer, "order 1 of total 0 is authorized");
    free((char *)created.answer);
    shop_wait_at_rest(&shop);
    shop_close(&shop);
}
END_TEST

/* Failures: what is left */

START_TEST(declined_payment_leaves_one_attempt_that_says_why)
{
    struct order_created created;
    shop_open(&shop, NULL);
    ck_assert_int_eq(
        shop_create(&shop, "tok_insufficient_funds", "key", &created), ERR_PAYMENT_FAILED);
    check_only_attempts(1);
    ck_assert_str_eq(shop_text(&shop, "SELECT state FROM payment_attempts"), "declined");
    ck_assert_str_eq(shop_text(&shop, "SELECT reason FROM payment_attempts"), "insufficient_funds");
    shop_close(&shop);
}
END_TEST

START_TEST(gateway_error_is_voided)
{
    struct order_created created;
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create(&shop, "tok_error", "key", &created), ERR_PAYMENT_UNAVAILABLE);
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    check_only_attempts(1);
    shop_close(&shop);
}
END_TEST

START_TEST(approval_after_the_time_out_is_voided)
{
    struct order_created created;
    shop_open(&shop, &(struct shop_options){.timeout_ms = 50});
    ck_assert_int_eq(shop_create(&shop, "tok_timeout", "key", &created), ERR_PAYMENT_UNAVAILABLE);
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    check_only_attempts(1);
    char uid[64];
    snprintf(uid, sizeof uid, "%s", shop_text(&shop, "SELECT uid FROM payment_attempts"));
    ck_assert_int_eq(shop_status(&shop, uid), GATEWAY_STATE_VOIDED);
    shop_close(&shop);
}
END_TEST

START_TEST(slow_gateway_cannot_approve_behind_our_back)
{
    struct order_created created;
    shop_open(&shop, &(struct shop_options){.timeout_ms = 30, .latency_ms = 200});
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_PAYMENT_UNAVAILABLE);
    char uid[64];
    snprintf(uid, sizeof uid, "%s", shop_text(&shop, "SELECT uid FROM payment_attempts"));
    /* The outside world does late what it will do; then a gateway that answers at once settles it.
     */
    shop.options = (struct shop_options){.timeout_ms = 5000};
    shop_reopen(&shop);
    shop_exec(&shop, "UPDATE payment_attempts SET next_try_at = 0");
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    ck_assert_int_eq(shop_status(&shop, uid), GATEWAY_STATE_VOIDED);
    check_only_attempts(1);
    shop_close(&shop);
}
END_TEST

START_TEST(order_that_cannot_be_written_is_rolled_back_and_voided)
{
    static const struct order_item item = {.sku = "", .quantity = 1, .unit_price_minor = 1};
    struct order_created created;
    struct order_new order = shop_order("tok_ok");
    shop_open(&shop, NULL);
    order.items = &item; /* the table's CHECK refuses an empty sku, in the second unit */
    order.item_count = 1;
    ck_assert_int_eq(shop_create_new(&shop, &order, "key", "", &created), ERR_BROKEN);
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    check_only_attempts(1);
    char uid[64];
    snprintf(uid, sizeof uid, "%s", shop_text(&shop, "SELECT uid FROM payment_attempts"));
    ck_assert_int_eq(shop_status(&shop, uid), GATEWAY_STATE_VOIDED);
    shop_close(&shop);
}
END_TEST

/* A disk that takes no more, from the gateway's approval on. */
static void fill_disk(void *arg, const struct gateway_charge *charge)
{
    struct rlimit limit;
    (void)arg;
    (void)charge;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 1;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void free_disk(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(end_that_cannot_be_written_is_written_when_it_can)
{
    struct fake_gateway fake;
    struct order_created created;
    signal(SIGXFSZ, SIG_IGN);
    open_with(&fake);
    fake.during_authorise = fill_disk;
    enum err e = shop_create(&shop, "tok_ok", "key", &created);
    ck_assert_int_eq(err_info(e)->status, 503);
    ck_assert_str_eq(err_info(e)->problem, "unavailable");
    ck_assert_int_eq(atomic_load(&fake.voided), 0); /* nothing durable says that it may be */
    free_disk();
    fake.during_authorise = NULL;
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    ck_assert_int_eq(atomic_load(&fake.voided), 1);
    check_only_attempts(1);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &created), ERR_NONE);
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

START_TEST(backlog_of_unwritten_ends_stops_creates_until_it_is_written)
{
    struct fake_gateway fake;
    struct order_created created;
    signal(SIGXFSZ, SIG_IGN);
    fake_gateway_init(&fake);
    shop_open(&shop, &(struct shop_options){.gateway = &fake.gateway, .backlog_max = 1});
    fake.during_authorise = fill_disk;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_UNAVAILABLE);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_UNAVAILABLE);
    ck_assert_int_eq(atomic_load(&fake.authorised), 1); /* the second was not begun */
    free_disk();
    fake.during_authorise = NULL;
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

/* The gateway is asked after the attempt is on disk and while nobody holds the database. */
static void look_during_authorise(void *arg, const struct gateway_charge *charge)
{
    struct shop *its_shop = arg;
    char sql[256];
    snprintf(
        sql, sizeof sql, "SELECT state FROM payment_attempts WHERE uid = '%s'", charge->reference);
    ck_assert_str_eq(shop_text(its_shop, sql), "started");
    ck_assert_int_eq(shop_rows(its_shop, "orders"), 0);
    shop_exec(its_shop,
        "BEGIN IMMEDIATE; INSERT INTO settings (name, value) VALUES ('looked', x'01'); COMMIT");
}

START_TEST(gateway_is_asked_outside_any_transaction)
{
    struct fake_gateway fake;
    struct order_created created;
    open_with(&fake);
    fake.during_authorise = look_during_authorise;
    fake.arg = &shop;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
    ck_assert_str_eq(shop_text(&shop, "SELECT name FROM settings WHERE name = 'looked'"), "looked");
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

/* Somebody else ended the attempt while the gateway was asked: the order must not come to be. */
static void void_during_authorise(void *arg, const struct gateway_charge *charge)
{
    (void)charge;
    shop_exec(arg, "UPDATE payment_attempts SET state = 'voiding'");
}

START_TEST(ended_attempt_is_never_ordered)
{
    struct fake_gateway fake;
    struct order_created created;
    open_with(&fake);
    fake.during_authorise = void_during_authorise;
    fake.arg = &shop;
    enum err e = shop_create(&shop, "tok_ok", "key", &created);
    ck_assert_int_ne(e, ERR_NONE);
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    check_only_attempts(1);
    ck_assert_int_eq(atomic_load(&fake.captured), 0);
    shop_close(&shop);
}
END_TEST

START_TEST(without_a_permit_nothing_is_begun)
{
    struct order_created created;
    struct context ctx;
    shop_open(&shop, &(struct shop_options){.permits = 1});
    context_begin(&ctx, &shop.arena, "other");
    ck_assert_int_eq(payment_permit(shop.payment, &ctx), ERR_NONE);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &created), ERR_UNAVAILABLE);
    check_only_attempts(0);
    payment_permit_return(shop.payment);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &created), ERR_NONE);
    free((char *)created.answer);
    ck_assert_int_eq(shop_create(&shop, "tok_declined", NULL, &created), ERR_PAYMENT_FAILED);
    ck_assert_int_eq(
        payment_permit(shop.payment, &ctx), ERR_NONE); /* every way out gives it back */
    shop_close(&shop);
}
END_TEST

START_TEST(attempt_of_a_dead_process_is_voided_and_its_key_freed)
{
    struct order_created created;
    shop_open(&shop, NULL);
    shop_exec(&shop,
        "INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency, request_id, "
        "started_at)"
        " VALUES ('0123456789abcdef0123456789abcdef', 1, 'started', 2595, 'EUR', 'r', 1);"
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, attempt_uid, claimed_at)"
        " VALUES (1, 'key', zeroblob(32), '0123456789abcdef0123456789abcdef', 1)");
    shop_reopen(&shop);
    ck_assert_int_eq(shop_rows(&shop, "idempotency_keys"), 0);
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
    ck_assert_int_eq(shop_status(&shop, "0123456789abcdef0123456789abcdef"), GATEWAY_STATE_VOIDED);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &created), ERR_NONE);
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

/* Idempotency keys */

START_TEST(same_key_and_body_get_the_first_answer_again)
{
    struct order_created first, again;
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &first), ERR_NONE);
    shop_wait_at_rest(&shop); /* captured by now; the first answer said authorized */
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &again), ERR_NONE);
    ck_assert(again.is_replay);
    ck_assert_int_eq(again.order_id, first.order_id);
    ck_assert_str_eq(again.answer, first.answer);
    free((char *)again.answer);
    shop_reopen(&shop);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &again), ERR_NONE);
    ck_assert_str_eq(again.answer, first.answer);
    free((char *)again.answer);
    free((char *)first.answer);
    ck_assert_int_eq(shop_rows(&shop, "orders"), 1);
    shop_close(&shop);
}
END_TEST

START_TEST(same_key_with_another_body_is_refused)
{
    struct order_created created;
    struct order_new order = shop_order("tok_ok");
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create_new(&shop, &order, "key", "{}", &created), ERR_NONE);
    free((char *)created.answer);
    ck_assert_int_eq(shop_create_new(&shop, &order, "key", "{} ", &created), ERR_KEY_REUSED);
    ck_assert_int_eq(shop_rows(&shop, "orders"), 1);
    shop_close(&shop);
}
END_TEST

START_TEST(key_belongs_to_its_user)
{
    struct order_created created;
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &created), ERR_NONE);
    free((char *)created.answer);
    shop.user_id = shop.admin_id;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &created), ERR_NONE);
    ck_assert(!created.is_replay);
    free((char *)created.answer);
    ck_assert_int_eq(shop_rows(&shop, "orders"), 2);
    shop_close(&shop);
}
END_TEST

START_TEST(key_is_free_after_a_decline_and_after_an_error)
{
    struct order_created created;
    struct order_new order = shop_order("tok_declined");
    shop_open(&shop, NULL);
    ck_assert_int_eq(shop_create_new(&shop, &order, "key", "1", &created), ERR_PAYMENT_FAILED);
    order.payment_token = "tok_error";
    ck_assert_int_eq(shop_create_new(&shop, &order, "key", "2", &created), ERR_PAYMENT_UNAVAILABLE);
    order.payment_token = "tok_ok";
    ck_assert_int_eq(shop_create_new(&shop, &order, "key", "3", &created), ERR_NONE);
    free((char *)created.answer);
    shop_close(&shop);
}
END_TEST

/* A gate that holds one create at the gateway. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
    atomic_int waiting;
};

static void wait_at_gate(void *arg, const struct gateway_charge *charge)
{
    struct gate *gate = arg;
    (void)charge;
    pthread_mutex_lock(&gate->lock);
    atomic_fetch_add(&gate->waiting, 1);
    while (!gate->is_open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static int somebody_waits(void *arg)
{
    struct gate *gate = arg;
    return atomic_load(&gate->waiting) > 0;
}

static void *create_in_thread(void *arg)
{
    struct order_created *created = arg;
    if (shop_create(&shop, "tok_ok", "key", created))
        created->order_id = 0;
    return NULL;
}

START_TEST(key_is_in_progress_while_the_first_runs)
{
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct fake_gateway fake;
    struct order_created first = {.order_id = 0}, other;
    pthread_t thread;
    open_with(&fake);
    fake.during_authorise = wait_at_gate;
    fake.arg = &gate;
    ck_assert_int_eq(pthread_create(&thread, NULL, create_in_thread, &first), 0);
    unit_wait(somebody_waits, &gate, "the first create at the gateway");
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "key", &other), ERR_KEY_IN_PROGRESS);
    ck_assert_int_eq(shop_create(&shop, "tok_declined", "key", &other), ERR_KEY_REUSED);
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_signal(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(first.order_id, 1);
    free((char *)first.answer);
    ck_assert_int_eq(shop_rows(&shop, "payment_attempts"), 1);
    shop_close(&shop);
}
END_TEST

#define TWINS 20

static void *create_until_known(void *arg)
{
    struct order_created *created = arg;
    enum err e;
    int64_t deadline_ms = clock_mono_ms() + 10000;
    do
        e = shop_create(&shop, "tok_ok", "key", created);
    while (e == ERR_KEY_IN_PROGRESS && clock_mono_ms() < deadline_ms);
    if (e)
        created->order_id = 0;
    return NULL;
}

START_TEST(twenty_twins_make_one_order)
{
    pthread_t threads[TWINS];
    struct order_created created[TWINS];
    int firsts = 0;
    shop_open(&shop, NULL);
    for (int i = 0; i < TWINS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_until_known, &created[i]), 0);
    for (int i = 0; i < TWINS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < TWINS; i++) {
        ck_assert_int_eq(created[i].order_id, created[0].order_id);
        ck_assert_str_eq(created[i].answer, created[0].answer);
        firsts += !created[i].is_replay;
    }
    for (int i = 0; i < TWINS; i++)
        free((char *)created[i].answer);
    ck_assert_int_eq(firsts, 1);
    ck_assert_int_eq(shop_rows(&shop, "orders"), 1);
    ck_assert_int_eq(shop_rows(&shop, "payment_attempts"), 1);
    shop_close(&shop);
}
END_TEST

/* Reading */

START_TEST(order_is_seen_by_its_owner_and_by_an_admin_only)
{
    struct user owner = {.role = ROLE_USER}, stranger = {.id = 99, .role = ROLE_USER},
                admin = {.id = 98, .role = ROLE_ADMIN};
    struct order_created created;
    struct order order;
    shop_open(&shop, NULL);
    owner.id = shop.user_id;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
    free((char *)created.answer);
    ck_assert_int_eq(order_get(&shop.orders, &shop.ctx, &owner, 1, &order), ERR_NONE);
    ck_assert_int_eq(order.total_minor, 2595);
    ck_assert_uint_eq(order.item_count, 2);
    ck_assert_str_eq(order.items[0].sku, "TEA-250");
    ck_assert_ptr_null(order.items[1].name);
    ck_assert_int_eq(order_get(&shop.orders, &shop.ctx, &admin, 1, &order), ERR_NONE);
    ck_assert_int_eq(order_get(&shop.orders, &shop.ctx, &stranger, 1, &order), ERR_NOT_FOUND);
    ck_assert_int_eq(order_get(&shop.orders, &shop.ctx, &owner, 2, &order), ERR_NOT_FOUND);
    shop_close(&shop);
}
END_TEST

START_TEST(pages_end_where_they_should)
{
    struct order_created created;
    struct order_page page;
    struct order_filter filter = {.before_id = INT64_MAX, .limit = 2};
    shop_open(&shop, NULL);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
        free((char *)created.answer);
    }
    ck_assert_int_eq(order_list(&shop.orders, &shop.ctx, &filter, &page), ERR_NONE);
    ck_assert_uint_eq(page.count, 2);
    ck_assert_int_eq(page.orders[0].id, 4);
    ck_assert(page.has_more);
    filter.before_id = page.orders[1].id;
    ck_assert_int_eq(order_list(&shop.orders, &shop.ctx, &filter, &page), ERR_NONE);
    ck_assert_uint_eq(page.count, 2);
    ck_assert_int_eq(page.orders[1].id, 1);
    ck_assert(!page.has_more);
    filter.before_id = 1;
    ck_assert_int_eq(order_list(&shop.orders, &shop.ctx, &filter, &page), ERR_NONE);
    ck_assert_uint_eq(page.count, 0);
    shop_close(&shop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order service");
    TCase *tests = tcase_create("order service");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, declined_payment_leaves_one_attempt_that_says_why);
    tcase_add_test(tests, gateway_error_is_voided);
    tcase_add_test(tests, approval_after_the_time_out_is_voided);
    tcase_add_test(tests, slow_gateway_cannot_approve_behind_our_back);
    tcase_add_test(tests, order_that_cannot_be_written_is_rolled_back_and_voided);
    tcase_add_test(tests, end_that_cannot_be_written_is_written_when_it_can);
    tcase_add_test(tests, backlog_of_unwritten_ends_stops_creates_until_it_is_written);
    tcase_add_test(tests, gateway_is_asked_outside_any_transaction);
    tcase_add_test(tests, ended_attempt_is_never_ordered);
    tcase_add_test(tests, without_a_permit_nothing_is_begun);
    tcase_add_test(tests, attempt_of_a_dead_process_is_voided_and_its_key_freed);
    tcase_add_test(tests, same_key_and_body_get_the_first_answer_again);
    tcase_add_test(tests, same_key_with_another_body_is_refused);
    tcase_add_test(tests, key_belongs_to_its_user);
    tcase_add_test(tests, key_is_free_after_a_decline_and_after_an_error);
    tcase_add_test(tests, key_is_in_progress_while_the_first_runs);
    tcase_add_test(tests, twenty_twins_make_one_order);
    tcase_add_test(tests, confirmed_order_is_written_whole);
    tcase_add_test(tests, confirmed_order_is_captured_and_its_mail_spooled);
    tcase_add_test(tests, largest_order_has_the_largest_total);
    tcase_add_test(tests, free_order_is_an_order);
    tcase_add_test(tests, order_is_seen_by_its_owner_and_by_an_admin_only);
    tcase_add_test(tests, pages_end_where_they_should);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
