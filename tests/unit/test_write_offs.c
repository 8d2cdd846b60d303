/* What an administrator does to payments and attempts that ended badly: tried again, or written off
 * for good; each by one statement that names the state it comes from. */
#include <string.h>

#include "db/orders.h"
#include "db/payments.h"

#include "db_rig.h"
#include "unit.h"

static const struct write_off write_off = {.at = 99, .by = "alice", .reason = "refunded by hand"};

static int64_t user;
static int64_t order_id;

static struct db *db_with_order(void)
{
    struct db *db = rig_db();
    user = rig_user(db, "alice");
    order_id = rig_order(db, user, rig_uid(1), NULL);
    return db;
}

static struct payment_row payment_of(struct db *db)
{
    struct payment_row row;
    ck_assert_int_eq(payments_get(db, &rig_arena, rig_uid(1), &row), ERR_NONE);
    return row;
}

static struct attempt attempt_of(struct db *db)
{
    struct attempt attempt;
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(2), &attempt), ERR_NONE);
    return attempt;
}

/* Attempt 2, in that state. */
static void end_attempt(struct db *db, enum attempt_state to)
{
    enum attempt_state now, first = to == ATTEMPT_DECLINED ? to : ATTEMPT_VOIDING;
    rig_attempt(db, user, rig_uid(2));
    if (to == ATTEMPT_STARTED)
        return;
    ck_assert_int_eq(attempts_end(db, rig_uid(2), first, "timeout", 50, &now), ERR_NONE);
    if (to != first)
        ck_assert_int_eq(attempts_settle(db, rig_uid(2), to, "refused", 60), ERR_NONE);
}

static void fail_capture(struct db *db)
{
    ck_assert_int_eq(payments_retry(db, rig_uid(1), "unavailable", 500), ERR_NONE);
    ck_assert_int_eq(
        payments_settle(db, rig_uid(1), PAYMENT_CAPTURE_FAILED, "expired", 60), ERR_NONE);
}

static size_t due_count(struct db *db, int64_t now)
{
    struct settle_row *rows;
    size_t voids, captures;
    ck_assert_int_eq(attempts_due(db, &rig_arena, now, 10, &rows, &voids), ERR_NONE);
    ck_assert_int_eq(payments_due(db, &rig_arena, now, 10, &rows, &captures), ERR_NONE);
    return voids + captures;
}

static const char *events;

static void add_event(void *arg, const struct order_event *event)
{
    (void)arg;
    events = arena_printf(&rig_arena, "%s%s:%s@%lld ", events, event->kind,
        event->detail ? event->detail : "", (long long)event->at);
}

static void expect_events(struct db *db, const char *expected)
{
    events = "";
    ck_assert_int_eq(order_events_walk(db, order_id, add_event, NULL), ERR_NONE);
    ck_assert_str_eq(events, expected);
}

/* ---- payments */

START_TEST(what_is_no_failed_capture_is_left_alone)
{
    struct db *db = db_with_order();
    if (_i == 1)
        ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 60), ERR_NONE);
    struct payment_row before = payment_of(db);
    ck_assert_int_eq(payments_reopen(db, rig_uid(1), "alice", 99), ERR_REFUSED);
    ck_assert_int_eq(payments_write_off(db, &rig_arena, rig_uid(1), &write_off), ERR_REFUSED);
    struct payment_row after = payment_of(db);
    ck_assert_str_eq(after.status, before.status);
    ck_assert_int_eq(after.next_try_at, before.next_try_at);
    ck_assert_int_eq(after.write_off.at, 0);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_events"), _i);
}
END_TEST

START_TEST(a_payment_that_is_not_there_is_not_found)
{
    struct db *db = db_with_order();
    struct payment_row row;
    rig_attempt(db, user, rig_uid(2));
    ck_assert_int_eq(payments_get(db, &rig_arena, rig_uid(2), &row), ERR_NOT_FOUND);
    ck_assert_int_eq(payments_reopen(db, rig_uid(2), "alice", 99), ERR_NOT_FOUND);
    ck_assert_int_eq(payments_write_off(db, &rig_arena, rig_uid(2), &write_off), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_failed_capture_is_tried_again_at_once)
{
    struct db *db = db_with_order();
    fail_capture(db);
    ck_assert_uint_eq(due_count(db, 99), 0);
    ck_assert_int_eq(payments_reopen(db, rig_uid(1), "alice", 99), ERR_NONE);
    ck_assert_int_eq(payments_reopen(db, rig_uid(1), "alice", 99), ERR_REFUSED);
    struct payment_row row = payment_of(db);
    ck_assert_str_eq(row.status, "authorized");
    ck_assert_int_eq(row.tries, 0);
    ck_assert_int_eq(row.next_try_at, 99);
    ck_assert_int_eq(row.settled_at, 0);
    ck_assert_ptr_null(row.last_error);
    ck_assert_uint_eq(due_count(db, 99), 1);
    expect_events(db, "capture_failed:expired@60 capture_reopened:alice@99 ");
}
END_TEST

START_TEST(a_failed_capture_is_written_off_once_and_for_good)
{
    struct db *db = db_with_order();
    fail_capture(db);
    ck_assert_int_eq(payments_write_off(db, &rig_arena, rig_uid(1), &write_off), ERR_NONE);
    ck_assert_int_eq(
        payments_write_off(db, &rig_arena, rig_uid(1), &(struct write_off){100, "bob", "no"}),
        ERR_REFUSED);
    ck_assert_int_eq(payments_reopen(db, rig_uid(1), "bob", 100), ERR_REFUSED);
    struct payment_row row = payment_of(db);
    ck_assert_str_eq(row.status, "capture_failed");
    ck_assert_str_eq(row.last_error, "expired");
    ck_assert_int_eq(row.settled_at, 60);
    ck_assert_int_eq(row.order_id, order_id);
    ck_assert_int_eq(row.authorized_minor, 2590);
    ck_assert_int_eq(row.write_off.at, 99);
    ck_assert_str_eq(row.write_off.by, "alice");
    ck_assert_str_eq(row.write_off.reason, "refunded by hand");
    expect_events(db, "capture_failed:expired@60 written_off:alice: refunded by hand@99 ");
}
END_TEST

/* ---- attempts */

static const enum attempt_state sound[] = {
    ATTEMPT_STARTED, ATTEMPT_DECLINED, ATTEMPT_VOIDING, ATTEMPT_VOIDED};

START_TEST(what_is_no_failed_void_is_left_alone)
{
    struct db *db = db_with_order();
    end_attempt(db, sound[_i]);
    ck_assert_int_eq(attempts_reopen(db, rig_uid(2), 99), ERR_REFUSED);
    ck_assert_int_eq(attempts_write_off(db, rig_uid(2), &write_off), ERR_REFUSED);
    ck_assert_int_eq(attempt_of(db).state, sound[_i]);
    ck_assert_int_eq(attempt_of(db).next_try_at, 0);
    ck_assert_int_eq(attempt_of(db).write_off.at, 0);
    ck_assert_int_eq(attempts_reopen(db, rig_uid(3), 99), ERR_NOT_FOUND);
    ck_assert_int_eq(attempts_write_off(db, rig_uid(3), &write_off), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_failed_void_is_tried_again_at_once)
{
    struct db *db = db_with_order();
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 60), ERR_NONE);
    end_attempt(db, ATTEMPT_VOID_FAILED);
    ck_assert_uint_eq(due_count(db, 99), 0);
    ck_assert_int_eq(attempts_reopen(db, rig_uid(2), 99), ERR_NONE);
    ck_assert_int_eq(attempts_reopen(db, rig_uid(2), 99), ERR_REFUSED);
    struct attempt attempt = attempt_of(db);
    ck_assert_int_eq(attempt.state, ATTEMPT_VOIDING);
    ck_assert_int_eq(attempt.next_try_at, 99);
    ck_assert_int_eq(attempt.settled_at, 0);
    ck_assert_int_eq(attempt.ended_at, 50);
    ck_assert_ptr_null(attempt.last_error);
    ck_assert_uint_eq(due_count(db, 99), 1);
}
END_TEST

START_TEST(a_conflict_is_never_tried_again)
{
    struct db *db = db_with_order();
    end_attempt(db, ATTEMPT_CONFLICT);
    ck_assert_int_eq(attempts_reopen(db, rig_uid(2), 99), ERR_REFUSED);
    ck_assert_int_eq(attempt_of(db).state, ATTEMPT_CONFLICT);
}
END_TEST

START_TEST(what_could_not_be_voided_is_written_off_once_and_for_good)
{
    static const enum attempt_state states[] = {ATTEMPT_VOID_FAILED, ATTEMPT_CONFLICT};
    struct db *db = db_with_order();
    end_attempt(db, states[_i]);
    ck_assert_int_eq(attempts_write_off(db, rig_uid(2), &write_off), ERR_NONE);
    ck_assert_int_eq(
        attempts_write_off(db, rig_uid(2), &(struct write_off){100, "bob", "no"}), ERR_REFUSED);
    ck_assert_int_eq(attempts_reopen(db, rig_uid(2), 100), ERR_REFUSED);
    struct attempt attempt = attempt_of(db);
    ck_assert_int_eq(attempt.state, states[_i]);
    ck_assert_str_eq(attempt.request_id, "r1");
    ck_assert_str_eq(attempt.reason, "timeout");
    ck_assert_str_eq(attempt.last_error, "refused");
    ck_assert_int_eq(attempt.settled_at, 60);
    ck_assert_int_eq(attempt.write_off.at, 99);
    ck_assert_str_eq(attempt.write_off.by, "alice");
    ck_assert_str_eq(attempt.write_off.reason, "refunded by hand");
}
END_TEST

START_TEST(a_reason_beyond_its_bounds_is_a_bug_of_ours)
{
    struct db *db = db_with_order();
    char longest[WRITE_OFF_REASON_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    end_attempt(db, ATTEMPT_CONFLICT);
    fail_capture(db);
    struct write_off too_long = {99, "alice", longest};
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    if (_i)
        ck_assert_int_eq(attempts_write_off(db, rig_uid(2), &too_long), ERR_BROKEN);
    else
        ck_assert_int_eq(payments_write_off(db, &rig_arena, rig_uid(1), &too_long), ERR_BROKEN);
    db_clear(db);
    db_rollback(db);
    longest[WRITE_OFF_REASON_MAX] = '\0';
    ck_assert_int_eq(attempts_write_off(db, rig_uid(2), &too_long), ERR_NONE);
    ck_assert_int_eq(payments_write_off(db, &rig_arena, rig_uid(1), &too_long), ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("write offs");
    TCase *tc = tcase_create("write offs");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_add_loop_test(tc, what_is_no_failed_capture_is_left_alone, 0, 2);
    tcase_add_test(tc, a_payment_that_is_not_there_is_not_found);
    tcase_add_test(tc, a_failed_capture_is_tried_again_at_once);
    tcase_add_test(tc, a_failed_capture_is_written_off_once_and_for_good);
    tcase_add_loop_test(tc, what_is_no_failed_void_is_left_alone, 0, 4);
    tcase_add_test(tc, a_failed_void_is_tried_again_at_once);
    tcase_add_test(tc, a_conflict_is_never_tried_again);
    tcase_add_loop_test(tc, what_could_not_be_voided_is_written_off_once_and_for_good, 0, 2);
    tcase_add_loop_test(tc, a_reason_beyond_its_bounds_is_a_bug_of_ours, 0, 2);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
