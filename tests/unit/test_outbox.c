/* db/outbox against a real database. */
#include <string.h>

#include "db/outbox.h"

#include "db_rig.h"
#include "unit.h"

static int64_t order_id;

static struct db *db_with_order(void)
{
    struct db *db = rig_db();
    order_id = rig_order(db, rig_user(db, "alice"), rig_uid(1), NULL);
    return db;
}

static enum err add(struct db *db, int n, const char *message)
{
    struct outbox_row row = {
        .uid = rig_uid(n),
        .kind = "order_confirmed",
        .order_id = order_id,
        .message = message,
        .message_len = strlen(message),
        .created_at = 77,
    };
    return outbox_add(db, &row);
}

START_TEST(the_oldest_come_first)
{
    struct db *db = db_with_order();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(add(db, 9 - i, "m"), ERR_NONE);
    struct outbox_row *rows;
    size_t count;
    ck_assert_int_eq(outbox_next(db, &rig_arena, 3, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(rows[i].uid, rig_uid(9 - i));
}
END_TEST

START_TEST(a_message_comes_back_byte_for_byte)
{
    struct db *db = db_with_order();
    static const char message[] = "a\0b\xff\n";
    struct outbox_row row = {rig_uid(3), "order_confirmed", order_id, message, sizeof message, 77};
    ck_assert_int_eq(outbox_add(db, &row), ERR_NONE);
    struct outbox_row *rows;
    size_t count;
    ck_assert_int_eq(outbox_next(db, &rig_arena, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].kind, "order_confirmed");
    ck_assert_int_eq(rows[0].order_id, order_id);
    ck_assert_int_eq(rows[0].created_at, 77);
    ck_assert_uint_eq(rows[0].message_len, sizeof message);
    ck_assert_mem_eq(rows[0].message, message, sizeof message);
}
END_TEST

START_TEST(an_empty_message_is_a_message)
{
    struct db *db = db_with_order();
    ck_assert_int_eq(add(db, 3, ""), ERR_NONE);
    struct outbox_row *rows;
    size_t count;
    ck_assert_int_eq(outbox_next(db, &rig_arena, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_ptr_nonnull(rows[0].message);
    ck_assert_uint_eq(rows[0].message_len, 0);
}
END_TEST

START_TEST(a_row_that_is_there_is_left_as_it_is)
{
    struct db *db = db_with_order();
    ck_assert_int_eq(add(db, 3, "first"), ERR_NONE);
    ck_assert_int_eq(add(db, 3, "second"), ERR_NONE);
    struct outbox_row *rows;
    size_t count;
    ck_assert_int_eq(outbox_next(db, &rig_arena, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_mem_eq(rows[0].message, "first", 5);
}
END_TEST

START_TEST(deleted_rows_are_gone_and_deleting_again_is_harmless)
{
    struct db *db = db_with_order();
    ck_assert_int_eq(add(db, 3, "m"), ERR_NONE);
    ck_assert_int_eq(add(db, 4, "m"), ERR_NONE);
    ck_assert_int_eq(outbox_delete(db, rig_uid(3)), ERR_NONE);
    ck_assert_int_eq(outbox_delete(db, rig_uid(3)), ERR_NONE);
    ck_assert_int_eq(outbox_delete(db, "no uid at all"), ERR_NONE);
    int64_t left;
    ck_assert_int_eq(outbox_count(db, &left), ERR_NONE);
    ck_assert_int_eq(left, 1);
}
END_TEST

START_TEST(an_empty_outbox_has_nothing_next)
{
    struct db *db = rig_db();
    struct outbox_row *rows;
    size_t count = 9;
    ck_assert_int_eq(outbox_next(db, &rig_arena, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_row_of_no_order_or_without_a_proper_uid_is_a_bug_of_ours)
{
    struct db *db = db_with_order();
    struct outbox_row row = {rig_uid(3), "order_confirmed", order_id + 1, "m", 1, 77};
    ck_assert_int_eq(outbox_add(db, &row), ERR_BROKEN);
    db_clear(db);
    row.order_id = order_id;
    row.uid = "short";
    ck_assert_int_eq(outbox_add(db, &row), ERR_BROKEN);
    db_clear(db);
    row.uid = rig_uid(3);
    row.message = NULL;
    ck_assert_int_eq(outbox_add(db, &row), ERR_BROKEN);
}
END_TEST

START_TEST(what_comes_after_a_deletion_comes_last)
{
    struct db *db = db_with_order();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(add(db, 9 - i, "m"), ERR_NONE);
    ck_assert_int_eq(outbox_delete(db, rig_uid(7)), ERR_NONE); /* the newest */
    ck_assert_int_eq(outbox_delete(db, rig_uid(9)), ERR_NONE); /* the oldest */
    ck_assert_int_eq(add(db, 1, "m"), ERR_NONE);
    struct outbox_row *rows;
    size_t count;
    ck_assert_int_eq(outbox_next(db, &rig_arena, 10, &rows, &count), ERR_NONE);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].uid, rig_uid(8));
    ck_assert_str_eq(rows[1].uid, rig_uid(1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tc = tcase_create("outbox");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_oldest_come_first);
    tcase_add_test(tc, a_message_comes_back_byte_for_byte);
    tcase_add_test(tc, an_empty_message_is_a_message);
    tcase_add_test(tc, a_row_that_is_there_is_left_as_it_is);
    tcase_add_test(tc, deleted_rows_are_gone_and_deleting_again_is_harmless);
    tcase_add_test(tc, an_empty_outbox_has_nothing_next);
    tcase_add_test(tc, a_row_of_no_order_or_without_a_proper_uid_is_a_bug_of_ours);
    tcase_add_test(tc, what_comes_after_a_deletion_comes_last);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
