/* db/payments (attempts and payments) against a real database. */
#include <string.h>

#include "db/payments.h"

#include "db_rig.h"
#include "unit.h"

static int64_t alice;

static struct db *db_with_user(void)
{
    struct db *db = rig_db();
    alice = rig_user(db, "alice");
    return db;
}

static enum attempt_state state_of(struct db *db, const char *uid)
{
    struct attempt attempt;
    ck_assert_int_eq(attempts_get(db, &rig_arena, uid, &attempt), ERR_NONE);
    return attempt.state;
}

START_TEST(an_attempt_is_read_as_it_was_written)
{
    struct db *db = db_with_user();
    rig_attempt(db, alice, rig_uid(1));
    struct attempt attempt;
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(1), &attempt), ERR_NONE);
    ck_assert_str_eq(attempt.uid, rig_uid(1));
    ck_assert_int_eq(attempt.user_id, alice);
    ck_assert_int_eq(attempt.state, ATTEMPT_STARTED);
    ck_assert_ptr_null(attempt.reason);
    ck_assert_int_eq(attempt.amount_minor, 2590);
    ck_assert_str_eq(attempt.currency, "EUR");
    ck_assert_int_eq(attempt.started_at, 1000);
    ck_assert_int_eq(attempt.tries, 0);
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(2), &attempt), ERR_NOT_FOUND);
}
END_TEST

START_TEST(starting_again_changes_nothing)
{
    struct db *db = db_with_user();
    rig_attempt(db, alice, rig_uid(1));
    enum attempt_state state;
    ck_assert_int_eq(
        attempts_end(db, rig_uid(1), ATTEMPT_DECLINED, "card_declined", 5, &state), ERR_NONE);
    rig_attempt(db, alice, rig_uid(1));
    ck_assert_int_eq(state_of(db, rig_uid(1)), ATTEMPT_DECLINED);
}
END_TEST

START_TEST(an_attempt_ends_once_and_the_loser_learns_how)
{
    static const enum attempt_state ends[] = {ATTEMPT_ORDERED, ATTEMPT_DECLINED, ATTEMPT_VOIDING};
    struct db *db = db_with_user();
    for (int i = 0; i < 9; i++) {
        const char *uid = rig_uid(i);
        rig_attempt(db, alice, uid);
        enum attempt_state state = ATTEMPT_NONE;
        ck_assert_int_eq(attempts_end(db, uid, ends[i / 3], "why", 5, &state), ERR_NONE);
        ck_assert_int_eq(state, ends[i / 3]);
        ck_assert_int_eq(attempts_end(db, uid, ends[i % 3], "other", 6, &state), ERR_REFUSED);
        ck_assert_int_eq(state, ends[i / 3]);
        struct attempt attempt;
        ck_assert_int_eq(attempts_get(db, &rig_arena, uid, &attempt), ERR_NONE);
        ck_assert_str_eq(attempt.reason, "why");
    }
}
END_TEST

START_TEST(an_attempt_that_never_was_has_no_state)
{
    struct db *db = db_with_user();
    enum attempt_state state = ATTEMPT_STARTED;
    ck_assert_int_eq(attempts_end(db, rig_uid(1), ATTEMPT_VOIDING, NULL, 5, &state), ERR_REFUSED);
    ck_assert_int_eq(state, ATTEMPT_NONE);
}
END_TEST

START_TEST(ending_with_no_end_is_a_bug)
{
    struct db *db = db_with_user();
    rig_attempt(db, alice, rig_uid(1));
    enum attempt_state state;
    (void)attempts_end(db, rig_uid(1), ATTEMPT_VOIDED, NULL, 5, &state);
}
END_TEST

START_TEST(abandoning_moves_what_is_started_and_nothing_else)
{
    struct db *db = db_with_user();
    enum attempt_state state;
    for (int i = 1; i < 6; i++)
        rig_attempt(db, alice, rig_uid(i));
    ck_assert_int_eq(attempts_end(db, rig_uid(1), ATTEMPT_DECLINED, "no", 5, &state), ERR_NONE);
    ck_assert_int_eq(attempts_end(db, rig_uid(2), ATTEMPT_ORDERED, NULL, 5, &state), ERR_NONE);
    int64_t count;
    ck_assert_int_eq(attempts_abandon_all(db, 7, &count), ERR_NONE);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(state_of(db, rig_uid(1)), ATTEMPT_DECLINED);
    ck_assert_int_eq(state_of(db, rig_uid(2)), ATTEMPT_ORDERED);
    ck_assert_int_eq(state_of(db, rig_uid(3)), ATTEMPT_VOIDING);
    ck_assert_int_eq(attempts_abandon_all(db, 8, &count), ERR_NONE);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(attempts_count(db, ATTEMPT_VOIDING, &count), ERR_NONE);
    ck_assert_int_eq(count, 3);
}
END_TEST

static void void_later(struct db *db, int n, int64_t at)
{
    enum attempt_state state;
    rig_attempt(db, alice, rig_uid(n));
    ck_assert_int_eq(
        attempts_end(db, rig_uid(n), ATTEMPT_VOIDING, "timeout", at, &state), ERR_NONE);
}

START_TEST(a_void_is_due_until_it_is_done)
{
    struct db *db = db_with_user();
    void_later(db, 1, 100);
    rig_attempt(db, alice, rig_uid(2));
    struct settle_row *rows;
    size_t count;
    ck_assert_int_eq(attempts_due(db, &rig_arena, 100, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].uid, rig_uid(1));
    ck_assert_int_eq(rows[0].amount_minor, 2590);
    ck_assert_str_eq(rows[0].currency, "EUR");
    ck_assert_int_eq(rows[0].since, 100);
    ck_assert_int_eq(rows[0].tries, 0);
    ck_assert_int_eq(attempts_settle(db, rig_uid(1), ATTEMPT_VOIDED, NULL, 110), ERR_NONE);
    ck_assert_int_eq(attempts_due(db, &rig_arena, 120, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
    struct attempt attempt;
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(1), &attempt), ERR_NONE);
    ck_assert_int_eq(attempt.state, ATTEMPT_VOIDED);
    ck_assert_str_eq(attempt.reason, "timeout");
}
END_TEST

START_TEST(settling_what_has_moved_on_changes_nothing)
{
    struct db *db = db_with_user();
    void_later(db, 1, 100);
    rig_attempt(db, alice, rig_uid(2));
    ck_assert_int_eq(attempts_settle(db, rig_uid(1), ATTEMPT_CONFLICT, "captured", 110), ERR_NONE);
    ck_assert_int_eq(attempts_settle(db, rig_uid(1), ATTEMPT_VOIDED, NULL, 111), ERR_NONE);
    ck_assert_int_eq(attempts_settle(db, rig_uid(2), ATTEMPT_VOIDED, NULL, 111), ERR_NONE);
    ck_assert_int_eq(attempts_settle(db, rig_uid(3), ATTEMPT_VOIDED, NULL, 111), ERR_NONE);
    ck_assert_int_eq(attempts_retry(db, rig_uid(1), "unavailable", 500), ERR_NONE);
    ck_assert_int_eq(state_of(db, rig_uid(1)), ATTEMPT_CONFLICT);
    ck_assert_int_eq(state_of(db, rig_uid(2)), ATTEMPT_STARTED);
    ck_assert_int_eq(rig_number("SELECT sum(tries) FROM payment_attempts"), 0);
}
END_TEST

START_TEST(a_failed_void_waits_for_its_time)
{
    struct db *db = db_with_user();
    void_later(db, 1, 100);
    ck_assert_int_eq(attempts_retry(db, rig_uid(1), "unavailable", 200), ERR_NONE);
    struct settle_row *rows;
    size_t count;
    ck_assert_int_eq(attempts_due(db, &rig_arena, 199, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(attempts_due(db, &rig_arena, 200, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(rows[0].tries, 1);
}
END_TEST

START_TEST(a_time_too_far_ahead_is_of_a_clock_that_jumped)
{
    struct db *db = db_with_user();
    void_later(db, 1, 100);
    rig_order(db, alice, rig_uid(2), NULL);
    ck_assert_int_eq(attempts_retry(db, rig_uid(1), "unavailable", 10000), ERR_NONE);
    ck_assert_int_eq(payments_retry(db, rig_uid(2), "unavailable", 10000), ERR_NONE);
    struct settle_row *rows;
    size_t count;
    ck_assert_int_eq(attempts_due(db, &rig_arena, 10000 - 3600, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(payments_due(db, &rig_arena, 10000 - 3600, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(attempts_due(db, &rig_arena, 10000 - 3601, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(payments_due(db, &rig_arena, 10000 - 3601, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(rows_that_fail_do_not_starve_new_ones)
{
    struct db *db = db_with_user();
    for (int i = 1; i < 5; i++)
        rig_order(db, alice, rig_uid(i), NULL);
    for (int i = 1; i < 4; i++)
        for (int tries = 0; tries < 4 - i; tries++)
            ck_assert_int_eq(payments_retry(db, rig_uid(i), "unavailable", 50), ERR_NONE);
    struct settle_row *rows;
    size_t count;
    ck_assert_int_eq(payments_due(db, &rig_arena, 100, 3, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(rows[i].uid, rig_uid(4 - i));
}
END_TEST

START_TEST(a_captured_payment_says_so_with_its_order_once)
{
    struct db *db = db_with_user();
    int64_t order_id = rig_order(db, alice, rig_uid(1), NULL);
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 90), ERR_NONE);
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 91), ERR_NONE);
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURE_FAILED, "no", 91), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT captured_minor FROM payments"), 2590);
    ck_assert_int_eq(rig_number("SELECT settled_at FROM payments WHERE status = 'captured'"), 90);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_events"), 1);
    ck_assert_int_eq(
        rig_number("SELECT order_id FROM order_events WHERE kind = 'payment_captured' AND at = 90"),
        order_id);
    struct settle_row *rows;
    size_t count;
    ck_assert_int_eq(payments_due(db, &rig_arena, 100, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_refused_capture_takes_nothing_and_says_why)
{
    struct db *db = db_with_user();
    rig_order(db, alice, rig_uid(1), NULL);
    ck_assert_int_eq(
        payments_settle(db, rig_uid(1), PAYMENT_CAPTURE_FAILED, "refused", 90), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT captured_minor FROM payments"), 0);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_events"
                                " WHERE kind = 'capture_failed' AND detail = 'refused'"),
        1);
}
END_TEST

START_TEST(settling_an_unknown_payment_is_harmless)
{
    struct db *db = db_with_user();
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 90), ERR_NONE);
    ck_assert_int_eq(payments_retry(db, rig_uid(1), NULL, 90), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_events"), 0);
}
END_TEST

START_TEST(an_order_has_one_payment)
{
    struct db *db = db_with_user();
    int64_t order_id = rig_order(db, alice, rig_uid(1), NULL);
    struct payment_new second = {order_id, 1, "EUR", 1};
    ck_assert_int_eq(payments_add(db, &second), ERR_TAKEN);
}
END_TEST

START_TEST(amounts_beyond_the_largest_total_are_a_bug_of_ours)
{
    struct db *db = db_with_user();
    static const int64_t amounts[] = {-1, 1000000000000001, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        struct attempt_new attempt = {rig_uid(1), alice, amounts[i], "EUR", "r", 1};
        ck_assert_int_eq(attempts_start(db, &attempt), ERR_BROKEN);
        db_clear(db);
    }
    struct attempt_new largest = {rig_uid(1), alice, 1000000000000000, "EUR", NULL, 1};
    ck_assert_int_eq(attempts_start(db, &largest), ERR_NONE);
}
END_TEST

START_TEST(attempts_of_nobody_or_in_no_currency_are_a_bug_of_ours)
{
    struct db *db = db_with_user();
    struct attempt_new attempt = {rig_uid(1), alice + 1, 1, "EUR", "r", 1};
    ck_assert_int_eq(attempts_start(db, &attempt), ERR_BROKEN);
    db_clear(db);
    attempt.user_id = alice;
    attempt.currency = "EURO";
    ck_assert_int_eq(attempts_start(db, &attempt), ERR_BROKEN);
    db_clear(db);
    attempt.currency = "EUR";
    attempt.uid = "0";
    ck_assert_int_eq(attempts_start(db, &attempt), ERR_BROKEN);
}
END_TEST

START_TEST(states_have_the_names_that_the_table_knows)
{
    struct db *db = db_with_user();
    for (int i = ATTEMPT_STARTED; i <= ATTEMPT_CONFLICT; i++) {
        const char *name = attempt_state_name((enum attempt_state)i);
        rig_attempt(db, alice, rig_uid(i));
        rig_run(arena_printf(&rig_arena,
            "UPDATE payment_attempts SET state = '%s' WHERE uid = '%s'", name, rig_uid(i)));
        ck_assert_int_eq(state_of(db, rig_uid(i)), i);
    }
    ck_assert_str_eq(payment_status_name(PAYMENT_AUTHORIZED), "authorized");
    ck_assert_str_eq(payment_status_name(PAYMENT_CAPTURED), "captured");
    ck_assert_str_eq(payment_status_name(PAYMENT_CAPTURE_FAILED), "capture_failed");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("payments");
    TCase *tc = tcase_create("payments");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_attempt_is_read_as_it_was_written);
    tcase_add_test(tc, starting_again_changes_nothing);
    tcase_add_test(tc, an_attempt_ends_once_and_the_loser_learns_how);
    tcase_add_test(tc, an_attempt_that_never_was_has_no_state);
    tcase_add_test_raise_signal(tc, ending_with_no_end_is_a_bug, 6);
    tcase_add_test(tc, abandoning_moves_what_is_started_and_nothing_else);
    tcase_add_test(tc, a_void_is_due_until_it_is_done);
    tcase_add_test(tc, settling_what_has_moved_on_changes_nothing);
    tcase_add_test(tc, a_failed_void_waits_for_its_time);
    tcase_add_test(tc, a_time_too_far_ahead_is_of_a_clock_that_jumped);
    tcase_add_test(tc, rows_that_fail_do_not_starve_new_ones);
    tcase_add_test(tc, a_captured_payment_says_so_with_its_order_once);
    tcase_add_test(tc, a_refused_capture_takes_nothing_and_says_why);
    tcase_add_test(tc, settling_an_unknown_payment_is_harmless);
    tcase_add_test(tc, an_order_has_one_payment);
    tcase_add_test(tc, amounts_beyond_the_largest_total_are_a_bug_of_ours);
    tcase_add_test(tc, attempts_of_nobody_or_in_no_currency_are_a_bug_of_ours);
    tcase_add_test(tc, states_have_the_names_that_the_table_knows);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
