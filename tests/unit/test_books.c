/* db/books: every attempt once, with what belongs to it, and no more than that. */
#include <string.h>

#include "db/books.h"
#include "db/outbox.h"

#include "db_rig.h"
#include "unit.h"

static int64_t user;
static struct books_row rows[8];
static size_t count;

static void keep(void *arg, const struct books_row *row)
{
    (void)arg;
    ck_assert_uint_lt(count, 8);
    rows[count] = *row;
    rows[count].uid = arena_text(&rig_arena, row->uid);
    rows[count].currency = arena_text(&rig_arena, row->currency);
    rows[count].order_currency = arena_text(&rig_arena, row->order_currency);
    rows[count].payment_currency = arena_text(&rig_arena, row->payment_currency);
    count++;
}

static struct db *db_with_user(void)
{
    struct db *db = rig_db();
    user = rig_user(db, "alice");
    return db;
}

static const struct books_row *row_of(struct db *db, const char *uid)
{
    count = 0;
    ck_assert_int_eq(books_walk(db, keep, NULL), ERR_NONE);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(rows[i].uid, uid))
            return &rows[i];
    ck_abort_msg("%s is not in the books", uid);
}

START_TEST(empty_books_have_no_row)
{
    struct db *db = db_with_user();
    count = 0;
    ck_assert_int_eq(books_walk(db, keep, NULL), ERR_NONE);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(an_attempt_without_an_order_has_none)
{
    struct db *db = db_with_user();
    rig_attempt(db, user, rig_uid(1));
    const struct books_row *row = row_of(db, rig_uid(1));
    ck_assert_int_eq(row->state, ATTEMPT_STARTED);
    ck_assert_int_eq(row->amount_minor, 2590);
    ck_assert_str_eq(row->currency, "EUR");
    ck_assert_int_eq(row->since, 1000);
    ck_assert_int_eq(row->try_at, 0);
    ck_assert(!row->is_written_off);
    ck_assert_int_eq(row->order_id, 0);
    ck_assert(!row->has_payment);
}
END_TEST

START_TEST(a_void_is_as_old_as_its_beginning_and_its_next_try)
{
    struct db *db = db_with_user();
    enum attempt_state now;
    rig_attempt(db, user, rig_uid(1));
    ck_assert_int_eq(
        attempts_end(db, rig_uid(1), ATTEMPT_VOIDING, "timeout", 1010, &now), ERR_NONE);
    ck_assert_int_eq(attempts_retry(db, rig_uid(1), "unavailable", 1020), ERR_NONE);
    const struct books_row *row = row_of(db, rig_uid(1));
    ck_assert_int_eq(row->state, ATTEMPT_VOIDING);
    ck_assert_int_eq(row->since, 1010);
    ck_assert_int_eq(row->try_at, 1020);
    ck_assert_int_eq(row->tries, 1);
}
END_TEST

START_TEST(an_order_comes_with_its_payment)
{
    struct db *db = db_with_user();
    int64_t id = rig_order(db, user, rig_uid(1), NULL);
    rig_run("UPDATE orders SET total_minor = 7, currency = 'USD'");
    rig_run("UPDATE payments SET authorized_minor = 9, currency = 'CHF', authorized_at = 1005");
    const struct books_row *row = row_of(db, rig_uid(1));
    ck_assert_int_eq(row->state, ATTEMPT_ORDERED);
    ck_assert_int_eq(row->order_id, id);
    ck_assert_int_eq(row->order_total_minor, 7);
    ck_assert_str_eq(row->order_currency, "USD");
    ck_assert(row->has_payment);
    ck_assert_int_eq(row->payment_status, PAYMENT_AUTHORIZED);
    ck_assert_int_eq(row->authorized_minor, 9);
    ck_assert_int_eq(row->captured_minor, 0);
    ck_assert_str_eq(row->payment_currency, "CHF");
    ck_assert_int_eq(row->since, 1005);
    ck_assert_int_eq(row->tries, 0);
    ck_assert_int_eq(payments_retry(db, rig_uid(1), "unavailable", 1020), ERR_NONE);
    ck_assert_int_eq(row_of(db, rig_uid(1))->tries, 1);
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURED, NULL, 1100), ERR_NONE);
    row = row_of(db, rig_uid(1));
    ck_assert_int_eq(row->payment_status, PAYMENT_CAPTURED);
    ck_assert_int_eq(row->captured_minor, 9);
}
END_TEST

START_TEST(what_was_written_off_says_so)
{
    static const struct write_off write_off = {99, "alice", "settled by hand"};
    struct db *db = db_with_user();
    rig_order(db, user, rig_uid(1), NULL);
    ck_assert_int_eq(payments_settle(db, rig_uid(1), PAYMENT_CAPTURE_FAILED, "x", 60), ERR_NONE);
    ck_assert(!row_of(db, rig_uid(1))->is_written_off);
    ck_assert_int_eq(payments_write_off(db, &rig_arena, rig_uid(1), &write_off), ERR_NONE);
    ck_assert(row_of(db, rig_uid(1))->is_written_off);
    rig_attempt(db, user, rig_uid(2));
    rig_run("UPDATE payment_attempts SET state = 'conflict' WHERE state = 'started'");
    ck_assert(!row_of(db, rig_uid(2))->is_written_off);
    ck_assert_int_eq(attempts_write_off(db, rig_uid(2), &write_off), ERR_NONE);
    ck_assert(row_of(db, rig_uid(2))->is_written_off);
}
END_TEST

static const char *outbox;

static void keep_outbox(void *arg, int64_t order_id, const char *uid)
{
    (void)arg;
    outbox = arena_printf(&rig_arena, "%s%lld:%s ", outbox, (long long)order_id, uid + 30);
}

START_TEST(the_outbox_says_what_waits_for_which_order)
{
    struct db *db = db_with_user();
    outbox = "";
    ck_assert_int_eq(outbox_walk(db, keep_outbox, NULL), ERR_NONE);
    ck_assert_str_eq(outbox, "");
    for (int n = 1; n <= 2; n++) {
        struct outbox_row row = {
            rig_uid(n), "order_confirmed", rig_order(db, user, rig_uid(n), NULL), "x", 1, 1000};
        ck_assert_int_eq(outbox_add(db, &row), ERR_NONE);
    }
    ck_assert_int_eq(outbox_walk(db, keep_outbox, NULL), ERR_NONE);
    ck_assert_str_eq(outbox, "1:01 2:02 ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("books");
    TCase *tc = tcase_create("books");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_add_test(tc, empty_books_have_no_row);
    tcase_add_test(tc, an_attempt_without_an_order_has_none);
    tcase_add_test(tc, a_void_is_as_old_as_its_beginning_and_its_next_try);
    tcase_add_test(tc, an_order_comes_with_its_payment);
    tcase_add_test(tc, what_was_written_off_says_so);
    tcase_add_test(tc, the_outbox_says_what_waits_for_which_order);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
