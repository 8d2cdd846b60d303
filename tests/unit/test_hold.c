/* services/hold: while a restored database is held nothing goes out, and nothing new comes in. */
#include <stdlib.h>
#include <string.h>

#include "services/hold.h"

#include "fake_gateway.h"
#include "shop.h"
#include "unit.h"

static struct shop shop;
static struct fake_gateway fake;

static void open_shop(void)
{
    fake_gateway_init(&fake);
    shop_open(&shop, &(struct shop_options){.gateway = &fake.gateway, .spool = "/dev/null/none"});
}

static void close_shop(void)
{
    shop_close(&shop);
}

static enum err create(const char *key)
{
    struct order_created created;
    enum err e = shop_create(&shop, "tok_ok", key, &created);
    if (!e)
        free((char *)created.answer);
    return e;
}

/* An order to be captured, with its mail in the outbox, and an attempt that is open; as a backup of
 * a busy shop has them. */
static void hold(void)
{
    atomic_store(&fake.capture, GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(create("key"), ERR_NONE);
    shop_wait(&shop, "SELECT tries > 0 FROM payments", "1");
    shop_exec(&shop, "INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency,"
                     " started_at) SELECT '00000000000000000000000000000001', id, 'started', 1,"
                     " 'EUR', 1 FROM users WHERE username = 'shop'");
    shop_exec(&shop, "INSERT INTO settings (name, value)"
                     " VALUES ('held_since', CAST('2026-11-24T15:04:05Z' AS BLOB))");
    shop.options.spool = NULL; /* a good one from here on */
    shop_reopen(&shop);
    shop_exec(&shop, "UPDATE payments SET next_try_at = 0");
    atomic_store(&fake.capture, GATEWAY_DONE);
    atomic_store(&fake.captured, 0);
    atomic_store(&fake.voided, 0);
}

static void release(void)
{
    shop_exec(&shop, "DELETE FROM settings WHERE name = 'held_since'");
}

static int has_looked(void *arg)
{
    bool is_held;
    (void)arg;
    return hold_look(shop.hold, &is_held) == ERR_NONE && !is_held;
}

START_TEST(a_database_that_was_not_restored_is_not_held)
{
    ck_assert(hold_is_over(shop.hold));
    ck_assert(!settle_is_held(shop.settle));
    shop_exec(&shop, "INSERT INTO settings (name, value) VALUES ('held_since', x'00')");
    bool is_held = true;
    ck_assert_int_eq(hold_look(shop.hold, &is_held), ERR_NONE); /* it never begins while we run */
    ck_assert(!is_held);
}
END_TEST

START_TEST(while_it_is_held_the_gateway_and_the_spool_hear_nothing)
{
    hold();
    ck_assert(settle_is_held(shop.settle));
    for (int i = 0; i < 100; i++) { /* time enough for both of them */
        settle_wake(shop.settle);
        relay_wake(shop.relay);
        ck_assert_int_eq(create(NULL), ERR_UNAVAILABLE);
    }
    ck_assert_int_eq(atomic_load(&fake.authorised), 1); /* the first */
    settle_close(shop.settle);                          /* whatever it was about to do is done */
    relay_close(shop.relay);
    shop.settle = NULL;
    shop.relay = NULL;
    ck_assert_int_eq(atomic_load(&fake.captured), 0);
    ck_assert_int_eq(atomic_load(&fake.voided), 0);
    ck_assert_str_eq(
        shop_text(&shop, "SELECT count(*) FROM payment_attempts WHERE state = 'started'"), "1");
    ck_assert_int_eq(shop_rows(&shop, "outbox"), 1);
    ck_assert_int_eq(shop_rows(&shop, "orders"), 1);
}
END_TEST

START_TEST(an_answer_that_is_known_is_given_again_while_it_is_held)
{
    hold();
    ck_assert_int_eq(create("key"), ERR_NONE);
    ck_assert_int_eq(shop_rows(&shop, "orders"), 1);
}
END_TEST

START_TEST(when_it_ends_everything_goes_on_without_a_restart)
{
    hold();
    release();
    shop_wait(&shop, "SELECT status FROM payments", "captured");
    shop_wait(&shop, "SELECT state FROM payment_attempts WHERE uid LIKE '%0001'", "voided");
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    ck_assert(!settle_is_held(shop.settle));
    ck_assert_int_eq(create(NULL), ERR_NONE);
}
END_TEST

START_TEST(a_mark_that_cannot_be_read_holds)
{
    hold();
    shop_exec(&shop, "UPDATE settings SET value = x'00' WHERE name = 'held_since'");
    bool is_held = false;
    ck_assert_int_eq(hold_look(shop.hold, &is_held), ERR_CORRUPT);
    ck_assert(is_held);
    ck_assert_int_eq(create(NULL), ERR_UNAVAILABLE);
    release();
    unit_wait(has_looked, NULL, "the end of the hold");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hold");
    TCase *tc = tcase_create("hold");
    tcase_add_checked_fixture(tc, open_shop, close_shop);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_database_that_was_not_restored_is_not_held);
    tcase_add_test(tc, while_it_is_held_the_gateway_and_the_spool_hear_nothing);
    tcase_add_test(tc, an_answer_that_is_known_is_given_again_while_it_is_held);
    tcase_add_test(tc, when_it_ends_everything_goes_on_without_a_restart);
    tcase_add_test(tc, a_mark_that_cannot_be_read_holds);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
