/* Settle: captures and voids after the fact, from the rows alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#include "fake_gateway.h"
#include "shop.h"
#include "unit.h"

static struct shop shop;
static struct fake_gateway fake;

static void open_shop(void)
{
    fake_gateway_init(&fake);
    shop_open(&shop, &(struct shop_options){.gateway = &fake.gateway});
}

static void close_shop(void)
{
    shop_close(&shop);
}

static void create_one(void)
{
    struct order_created created;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
    free((char *)created.answer);
}

static void fail_one(void)
{
    struct order_created created;
    atomic_store(&fake.authorise, GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_PAYMENT_UNAVAILABLE);
}

START_TEST(capture_that_fails_is_tried_again_until_it_succeeds)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    create_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    ck_assert_str_eq(shop_text(&shop, "SELECT status FROM payments"), "authorized");
    atomic_store(&fake.capture, GATEWAY_DONE);
    shop_wait(&shop, "SELECT status FROM payments", "captured");
}
END_TEST

START_TEST(back_off_doubles)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    create_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    int64_t before = clock_now();
    shop_exec(&shop, "UPDATE payments SET tries = 6, next_try_at = 0");
    settle_wake(shop.settle);
    shop_wait(&shop, "SELECT tries FROM payments", "7");
    int64_t next = strtoll(shop_text(&shop, "SELECT next_try_at FROM payments"), NULL, 10);
    ck_assert_int_ge(next - before, 64 - 16);
    ck_assert_int_le(next - clock_now(), 64);
}
END_TEST

/* A time further ahead than an hour would be due at once: a busy loop at the gateway. */
START_TEST(back_off_is_never_further_ahead_than_its_maximum)
{
    shop.options.retry_max_s = 3600;
    shop_reopen(&shop);
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    create_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    for (int i = 20; i < 25; i++) {
        char sql[96], tries[8];
        snprintf(sql, sizeof sql, "UPDATE payments SET tries = %d, next_try_at = 0", i);
        snprintf(tries, sizeof tries, "%d", i + 1);
        shop_exec(&shop, sql);
        settle_wake(shop.settle);
        shop_wait(&shop, "SELECT tries FROM payments", tries);
        int64_t next = strtoll(shop_text(&shop, "SELECT next_try_at FROM payments"), NULL, 10);
        ck_assert_int_le(next - clock_now(), 3600);
    }
}
END_TEST

START_TEST(next_try_far_ahead_means_that_the_clock_has_jumped)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    create_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    shop_exec(&shop, "UPDATE payments SET next_try_at = next_try_at + 86400");
    atomic_store(&fake.capture, GATEWAY_DONE);
    shop_wait(&shop, "SELECT status FROM payments", "captured");
}
END_TEST

START_TEST(capture_refused_for_good_is_shown_and_the_order_stays)
{
    atomic_store(&fake.capture, GATEWAY_REFUSED);
    create_one();
    shop_wait(&shop, "SELECT status FROM payments", "capture_failed");
    ck_assert_str_eq(shop_text(&shop, "SELECT status FROM orders"), "confirmed");
    ck_assert_str_eq(
        shop_text(&shop, "SELECT kind FROM order_events ORDER BY number DESC"), "capture_failed");
    ck_assert_int_eq(atomic_load(&fake.captured), 1);
}
END_TEST

START_TEST(authorisation_that_got_too_old_is_given_up)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    create_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    shop_exec(&shop,
        "UPDATE payments SET authorized_at = authorized_at - 6 * 86400 + 60, next_try_at = 0");
    shop_wait(&shop, "SELECT tries > 1 FROM payments", "1");
    ck_assert_str_eq(shop_text(&shop, "SELECT status FROM payments"), "authorized");
    shop_exec(&shop, "UPDATE payments SET authorized_at = authorized_at - 120, next_try_at = 0");
    shop_wait(&shop, "SELECT status FROM payments", "capture_failed");
}
END_TEST

START_TEST(each_end_of_a_void_has_its_state)
{
    static const struct {
        enum gateway_result result;
        const char *state;
    } rows[] = {
        {GATEWAY_DONE, "voided"},
        {GATEWAY_REFUSED, "void_failed"},
        {GATEWAY_CONFLICT, "conflict"},
    };
    atomic_store(&fake.void_, rows[_i].result);
    fail_one();
    shop_wait(&shop, "SELECT state FROM payment_attempts", rows[_i].state);
    ck_assert_int_eq(atomic_load(&fake.voided), 1); /* none of them is tried again */
}
END_TEST

START_TEST(void_that_fails_is_tried_again_until_it_succeeds)
{
    atomic_store(&fake.void_, GATEWAY_UNAVAILABLE);
    fail_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payment_attempts", "1");
    ck_assert_str_eq(shop_text(&shop, "SELECT state FROM payment_attempts"), "voiding");
    atomic_store(&fake.void_, GATEWAY_DONE);
    shop_wait(&shop, "SELECT state FROM payment_attempts", "voided");
}
END_TEST

/* More than a round of rows that fail: those that can be settled still are. */
START_TEST(failures_do_not_starve_the_rest)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    for (int i = 0; i < 70; i++)
        create_one();
    shop_wait(&shop, "SELECT count(*) FROM payments WHERE tries > 0", "70");
    fail_one();
    shop_wait(&shop, "SELECT count(*) FROM payment_attempts WHERE state = 'voided'", "1");
    atomic_store(&fake.capture, GATEWAY_DONE);
    shop_exec(&shop, "UPDATE payments SET next_try_at = 0");
    shop_wait(&shop, "SELECT count(*) FROM payments WHERE status = 'captured'", "70");
}
END_TEST

static int has_begun(void *arg)
{
    (void)arg;
    return atomic_load(&fake.captured) > 0;
}

/* The next process waits for us: a round of 64 calls that all time out must not be waited for. */
START_TEST(stop_waits_only_for_the_calls_that_were_begun)
{
    shop.options.timeout_ms = 500;
    shop_reopen(&shop);
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    for (int i = 0; i < 64; i++)
        create_one();
    shop_wait(&shop, "SELECT count(*) FROM payments WHERE tries > 0", "64");
    shop_exec(&shop, "UPDATE payments SET next_try_at = next_try_at + 1000");
    fail_one(); /* once this is voided, no round goes on that was begun before */
    shop_wait(&shop, "SELECT state FROM payment_attempts WHERE state <> 'ordered'", "voided");
    atomic_store(&fake.captured, 0);
    atomic_store(&fake.is_slow, true);
    shop_exec(&shop, "UPDATE payments SET next_try_at = 0");
    settle_wake(shop.settle);
    unit_wait(has_begun, NULL, "captures");
    settle_close(shop.settle);
    shop.settle = NULL;
    ck_assert_int_le(atomic_load(&fake.captured), 16); /* 8 at once */
    char rest[16];
    snprintf(rest, sizeof rest, "%d", 64 - atomic_load(&fake.captured));
    ck_assert_str_eq(shop_text(&shop, "SELECT count(*) FROM payments WHERE next_try_at = 0"), rest);
}
END_TEST

START_TEST(rows_are_the_memory_over_a_restart)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    create_one();
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    atomic_store(&fake.capture, GATEWAY_DONE);
    shop_reopen(&shop);
    shop_wait(&shop, "SELECT status FROM payments", "captured");
}
END_TEST

START_TEST(old_answers_are_swept_and_younger_ones_kept)
{
    struct order_created created;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "old", &created), ERR_NONE);
    free((char *)created.answer);
    ck_assert_int_eq(shop_create(&shop, "tok_ok", "young", &created), ERR_NONE);
    free((char *)created.answer);
    shop_wait_at_rest(&shop);
    shop_exec(&shop,
        "UPDATE idempotency_keys SET finished_at = finished_at - 72 * 3600 - 60 WHERE key = 'old';"
        "UPDATE idempotency_keys SET finished_at = finished_at - 71 * 3600 WHERE key = 'young'");
    shop_reopen(&shop);
    shop_wait(&shop, "SELECT count(*) FROM idempotency_keys", "1");
    ck_assert_str_eq(shop_text(&shop, "SELECT key FROM idempotency_keys"), "young");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settle");
    TCase *tests = tcase_create("settle");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_shop, close_shop);
    tcase_add_test(tests, capture_that_fails_is_tried_again_until_it_succeeds);
    tcase_add_test(tests, back_off_doubles);
    tcase_add_test(tests, back_off_is_never_further_ahead_than_its_maximum);
    tcase_add_test(tests, next_try_far_ahead_means_that_the_clock_has_jumped);
    tcase_add_test(tests, capture_refused_for_good_is_shown_and_the_order_stays);
    tcase_add_test(tests, authorisation_that_got_too_old_is_given_up);
    tcase_add_loop_test(tests, each_end_of_a_void_has_its_state, 0, 3);
    tcase_add_test(tests, void_that_fails_is_tried_again_until_it_succeeds);
    tcase_add_test(tests, failures_do_not_starve_the_rest);
    tcase_add_test(tests, stop_waits_only_for_the_calls_that_were_begun);
    tcase_add_test(tests, rows_are_the_memory_over_a_restart);
    tcase_add_test(tests, old_answers_are_swept_and_younger_ones_kept);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
