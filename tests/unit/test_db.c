/* db/db.h on SQLite: the seam's promises and its misuse. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "db/migrate.h"
#include "db/settings.h"

#include "db_rig.h"
#include "unit.h"

static struct fault fault;

static void begin(void)
{
    rig_begin();
    fault_begin(&fault, &rig_arena);
}

/* Opening */

START_TEST(a_reader_makes_no_database)
{
    struct db *db = (struct db *)&fault;
    ck_assert_int_eq(db_open(&db, rig_path(), DB_READER, &fault), ERR_NOT_FOUND);
    ck_assert_ptr_null(db);
    ck_assert(strstr(fault.text, "orders.db"));
    ck_assert_int_eq(access(rig_path(), F_OK), -1);
}
END_TEST

START_TEST(what_is_no_database_is_corrupt)
{
    char text[4096];
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(file_replace(rig_path(), text, sizeof text, 0600, NULL), ERR_NONE);
    struct db *db;
    ck_assert_int_eq(db_open(&db, rig_path(), DB_WRITER, &fault), ERR_CORRUPT);
    ck_assert(strstr(fault.text, "not a database"));
    ck_assert_int_eq(db_open(&db, rig_path(), DB_READER, NULL), ERR_CORRUPT);
}
END_TEST

START_TEST(a_folder_or_a_place_that_is_not_there_is_no_database)
{
    struct db *db;
    ck_assert_int_eq(db_open(&db, rig_folder(), DB_WRITER, &fault), ERR_IO);
    fault_clear(&fault);
    ck_assert_int_eq(db_open(&db, rig_file("no/orders.db"), DB_WRITER, &fault), ERR_IO);
    ck_assert(strstr(fault.text, "No such file"));
}
END_TEST

START_TEST(a_database_without_tables_is_broken)
{
    struct db *db;
    ck_assert_int_eq(db_open_bare(&db, rig_path(), NULL), ERR_NONE);
    db_close(db);
    ck_assert_int_eq(db_open(&db, rig_path(), DB_WRITER, &fault), ERR_BROKEN);
    ck_assert(strstr(fault.text, "no such table"));
}
END_TEST

START_TEST(all_files_are_ours_alone_whatever_the_umask)
{
    static const mode_t masks[] = {0, 0777};
    static const char *const names[] = {"orders.db", "orders.db-wal", "orders.db-shm"};
    for (size_t i = 0; i < 2; i++) {
        mode_t before = umask(masks[i]);
        (void)rig_db();
        (void)umask(before);
        for (size_t j = 0; j < 3; j++) {
            struct stat st;
            ck_assert_int_eq(stat(rig_file(names[j]), &st), 0);
            ck_assert_int_eq(st.st_mode & 0777, 0600);
        }
        rig_end();
        rig_begin();
    }
}
END_TEST

START_TEST(closing_nothing_is_harmless)
{
    db_close(NULL);
}
END_TEST

START_TEST(closing_does_not_checkpoint)
{
    struct db *db;
    ck_assert_int_eq(db_open_bare(&db, rig_path(), NULL), ERR_NONE);
    ck_assert_int_eq(migrate(db, rig_migrations(), NULL, NULL), ERR_NONE);
    db_close(db);
    struct stat st;
    ck_assert_int_eq(stat(rig_file("orders.db-wal"), &st), 0);
    ck_assert_int_gt(st.st_size, 4096);
}
END_TEST

/* Statements */

START_TEST(parameters_go_by_name_not_by_place)
{
    struct db *db = rig_db();
    int64_t id = rig_user(db, "alice");
    struct query *query = db_query(db, Q_USER_SET_PASSWORD); /* $3 stands before $1 */
    query_text(query, 3, "secret");
    query_int(query, 2, 0);
    query_int(query, 1, id);
    ck_assert(query_row(query));
    ck_assert_int_eq(column_int(query, 0), id);
    ck_assert_int_eq(query_end(query), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM users WHERE password_hash = 'secret'"), 1);
}
END_TEST

static enum err put(struct db *db, const char *name, const void *value, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_ADD);
    query_text(query, 1, name);
    query_bytes(query, 2, value, len);
    return query_exec(query);
}

START_TEST(a_failure_sticks_until_the_unit_is_over)
{
    struct db *db = rig_db();
    ck_assert_int_eq(put(db, NULL, "v", 1), ERR_BROKEN); /* NOT NULL */
    ck_assert_int_eq(db_error(db), ERR_BROKEN);
    ck_assert(strstr(db_text(db), "settings.name"));
    ck_assert_int_eq(put(db, "k", "v", 1), ERR_BROKEN);
    struct query *query = db_query(db, Q_USER_COUNT);
    ck_assert(!query_row(query));
    ck_assert_int_eq(query_end(query), ERR_BROKEN);
    int64_t count = 5;
    ck_assert_int_eq(query_count(db_query(db, Q_USER_COUNT), &count), ERR_BROKEN);
    ck_assert_int_eq(count, 0);
    db_clear(db);
    ck_assert_int_eq(db_error(db), ERR_NONE);
    ck_assert_int_eq(put(db, "k", "v", 1), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM settings"), 1);
}
END_TEST

START_TEST(the_first_failure_is_the_one_that_counts)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    (void)rig_order(db, alice, rig_uid(1), NULL);
    struct query *query = db_query(db, Q_PAYMENT_ADD);
    query_int(query, 1, 1);
    query_int(query, 2, 1);
    query_text(query, 3, "EUR");
    query_int(query, 4, 1);
    ck_assert_int_eq(query_exec(query), ERR_TAKEN);
    ck_assert_int_eq(put(db, NULL, "v", 1), ERR_TAKEN);
    ck_assert_int_eq(db_error(db), ERR_TAKEN);
}
END_TEST

START_TEST(null_and_empty_are_two_things)
{
    struct db *db = rig_db();
    int64_t id = rig_order(db, rig_user(db, "alice"), rig_uid(1), NULL);
    struct query *query = db_query(db, Q_EVENT_ADD);
    query_int(query, 1, id);
    query_text(query, 2, "created");
    query_text(query, 3, "");
    query_int(query, 4, 1);
    ck_assert_int_eq(query_exec(query), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM order_events WHERE detail = ''"), 1);
    ck_assert_int_eq(put(db, "empty", "", 0), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT length(value) FROM settings WHERE name = 'empty'"), 0);
    ck_assert_int_eq(put(db, "null", NULL, 0), ERR_BROKEN); /* NOT NULL */
}
END_TEST

START_TEST(an_absent_integer_is_null)
{
    struct db *db = rig_db();
    struct query *query = db_query(db, Q_EVENT_ADD);
    query_null(query, 1);
    query_text(query, 2, "created");
    query_text(query, 3, NULL);
    query_int(query, 4, 1);
    ck_assert_int_eq(query_exec(query), ERR_BROKEN);
    ck_assert(strstr(db_text(db), "NOT NULL"));
}
END_TEST

static struct query *new_order(struct db *db, int64_t user_id, const char *attempt_uid)
{
    struct query *query = db_query(db, Q_ORDER_ADD);
    query_int(query, 1, user_id);
    query_text(query, 2, attempt_uid);
    query_int(query, 3, 100);
    query_text(query, 4, "EUR");
    query_text(query, 5, NULL);
    query_int(query, 6, 1);
    return query;
}

static struct query *end_of_attempt(struct db *db, const char *uid)
{
    struct query *query = db_query(db, Q_ATTEMPT_END);
    query_text(query, 1, uid);
    query_text(query, 2, "ordered");
    query_text(query, 3, NULL);
    query_int(query, 4, 2);
    return query;
}

START_TEST(returning_is_stepped_to_its_end)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    for (int i = 0; i < 5; i++)
        rig_attempt(db, alice, rig_uid(i));
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(db_savepoint(db), ERR_NONE);
    struct query *query = db_query(db, Q_ATTEMPT_ABANDON);
    query_int(query, 1, 5);
    ck_assert(query_row(query)); /* four more are there */
    ck_assert_int_eq(query_end(query), ERR_NONE);
    ck_assert_int_eq(db_release(db), ERR_NONE);
    ck_assert_int_eq(db_commit(db), ERR_NONE);
    ck_assert_int_eq(
        rig_number("SELECT count(*) FROM payment_attempts WHERE state = 'voiding'"), 5);
}
END_TEST

/* SQLite's own answers are of an earlier statement then: one more row, another id. */
START_TEST(a_conflict_changes_nothing_and_gives_no_id)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    for (int i = 0; i < 2; i++)
        rig_attempt(db, alice, rig_uid(i));
    int64_t ids[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(query_insert(new_order(db, alice, rig_uid(i / 2)), &ids[i]), ERR_NONE);
    ck_assert_int_gt(ids[0], 0);
    ck_assert_int_eq(ids[1], 0);
    ck_assert_int_gt(ids[2], ids[0]);
    bool changed[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(query_change(end_of_attempt(db, rig_uid(i / 2)), &changed[i]), ERR_NONE);
    ck_assert(changed[0] && !changed[1] && changed[2]);
}
END_TEST

START_TEST(after_an_error_nothing_was_changed)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    int64_t id = 7;
    bool changed = true;
    rig_attempt(db, alice, rig_uid(0));
    ck_assert_int_eq(query_insert(new_order(db, alice, rig_uid(0)), &id), ERR_NONE);
    ck_assert_int_eq(
        query_insert(new_order(db, alice, rig_uid(1)), &id), ERR_BROKEN); /* no attempt */
    ck_assert_int_eq(id, 0);
    ck_assert_int_eq(
        query_change(end_of_attempt(db, rig_uid(0)), &changed), ERR_BROKEN); /* sticks */
    ck_assert(!changed);
}
END_TEST

START_TEST(clearing_ends_what_a_unit_left_open)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    for (int i = 0; i < 5; i++)
        rig_attempt(db, alice, rig_uid(i));
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(db_savepoint(db), ERR_NONE);
    struct query *query = db_query(db, Q_ATTEMPT_ABANDON);
    query_int(query, 1, 5);
    ck_assert(query_row(query));
    db_clear(db);
    ck_assert_int_eq(db_release(db), ERR_NONE);
    ck_assert_int_eq(db_commit(db), ERR_NONE);
    query = db_query(db, Q_ATTEMPT_ABANDON);
    query_int(query, 1, 5);
    ck_assert_int_eq(query_exec(query), ERR_NONE);
}
END_TEST

START_TEST(a_bare_connection_prepares_when_it_must)
{
    struct db *db;
    ck_assert_int_eq(db_open_bare(&db, rig_path(), NULL), ERR_NONE);
    ck_assert_int_eq(put(db, "k", "v", 1), ERR_BROKEN);
    ck_assert(strstr(db_text(db), "no such table"));
    db_clear(db);
    ck_assert_int_eq(
        db_script(db, "CREATE TABLE settings (name TEXT UNIQUE, value BLOB) STRICT"), ERR_NONE);
    ck_assert_int_eq(put(db, "k", "v", 1), ERR_NONE);
    db_close(db);
}
END_TEST

START_TEST(a_reader_does_not_write)
{
    (void)rig_db();
    struct db *reader;
    ck_assert_int_eq(db_open(&reader, rig_path(), DB_READER, NULL), ERR_NONE);
    ck_assert_int_eq(put(reader, "k", "v", 1), ERR_BROKEN);
    db_close(reader);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM settings"), 0);
}
END_TEST

START_TEST(text_in_double_quotes_is_no_string)
{
    struct db *db = rig_db();
    ck_assert_int_eq(db_script(db, "SELECT \"nosuchcolumn\""), ERR_BROKEN);
    ck_assert_int_eq(
        db_script(db, "CREATE TABLE t (x TEXT CHECK (x <> \"text\")) STRICT"), ERR_BROKEN);
}
END_TEST

/* Misuse: each of these is a bug of ours and aborts. */

START_TEST(misuse_a_query_begun_twice)
{
    struct db *db = rig_db();
    (void)db_query(db, Q_USER_COUNT);
    (void)db_query(db, Q_USER_COUNT);
}
END_TEST

START_TEST(misuse_a_statement_that_is_none)
{
    (void)db_query(rig_db(), Q__COUNT);
}
END_TEST

START_TEST(misuse_a_value_of_another_type)
{
    query_int(db_query(rig_db(), Q_USER_FIND), 1, 5);
}
END_TEST

START_TEST(misuse_a_parameter_that_is_not_there)
{
    query_text(db_query(rig_db(), Q_USER_FIND), 2, "x");
}
END_TEST

START_TEST(misuse_parameter_zero)
{
    query_text(db_query(rig_db(), Q_USER_FIND), 0, "x");
}
END_TEST

START_TEST(misuse_a_parameter_without_a_value)
{
    struct query *query = db_query(rig_db(), Q_SETTING_ADD);
    query_text(query, 1, "x");
    (void)query_exec(query);
}
END_TEST

START_TEST(misuse_binding_after_the_first_row)
{
    struct query *query = db_query(rig_db(), Q_USER_GET);
    query_int(query, 1, 1);
    (void)query_row(query);
    query_int(query, 1, 2);
}
END_TEST

START_TEST(misuse_stepping_a_query_that_was_ended)
{
    struct query *query = db_query(rig_db(), Q_USER_COUNT);
    (void)query_end(query);
    (void)query_row(query);
}
END_TEST

START_TEST(misuse_a_column_without_a_row)
{
    (void)column_int(db_query(rig_db(), Q_USER_COUNT), 0);
}
END_TEST

START_TEST(misuse_a_column_that_is_not_there)
{
    struct query *query = db_query(rig_db(), Q_USER_COUNT);
    ck_assert(query_row(query));
    (void)column_int(query, 1);
}
END_TEST

START_TEST(misuse_a_commit_after_a_failure)
{
    struct db *db = rig_db();
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(put(db, NULL, "v", 1), ERR_BROKEN);
    (void)db_commit(db);
}
END_TEST

START_TEST(misuse_a_savepoint_on_a_reader)
{
    (void)rig_db();
    struct db *reader;
    ck_assert_int_eq(db_open(&reader, rig_path(), DB_READER, NULL), ERR_NONE);
    (void)db_savepoint(reader);
}
END_TEST

/* Transactions */

START_TEST(what_was_undone_is_gone_and_the_rest_stays)
{
    struct db *db = rig_db();
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(db_savepoint(db), ERR_NONE);
    ck_assert_int_eq(put(db, "a", "v", 1), ERR_NONE);
    ck_assert_int_eq(db_release(db), ERR_NONE);
    ck_assert_int_eq(db_savepoint(db), ERR_NONE);
    ck_assert_int_eq(put(db, "b", "v", 1), ERR_NONE);
    ck_assert_int_eq(db_undo(db), ERR_NONE);
    ck_assert_int_eq(db_savepoint(db), ERR_NONE);
    ck_assert_int_eq(put(db, "c", "v", 1), ERR_NONE);
    ck_assert_int_eq(db_release(db), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM settings"), 0);
    ck_assert_int_eq(db_commit(db), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM settings WHERE name IN ('a', 'c')"), 2);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM settings"), 2);
}
END_TEST

START_TEST(a_second_writer_is_told_at_once)
{
    struct db *db = rig_db();
    struct db *other;
    ck_assert_int_eq(db_open(&other, rig_path(), DB_WRITER, NULL), ERR_NONE);
    ck_assert_int_eq(db_begin(other), ERR_NONE);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(db_begin(db), ERR_BUSY);
    ck_assert_int_lt(clock_mono_ms() - before, 1000);
    ck_assert_int_eq(db_error(db), ERR_NONE);
    db_rollback(other);
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    db_rollback(db);
    db_rollback(db); /* harmless */
    db_close(other);
}
END_TEST

START_TEST(a_snapshot_does_not_see_later_commits)
{
    struct db *db = rig_db();
    struct db *reader;
    ck_assert_int_eq(db_open(&reader, rig_path(), DB_READER, NULL), ERR_NONE);
    int64_t count;
    ck_assert_int_eq(db_begin(reader), ERR_NONE);
    ck_assert_int_eq(query_count(db_query(reader, Q_USER_COUNT), &count), ERR_NONE);
    (void)rig_user(db, "alice");
    ck_assert_int_eq(query_count(db_query(reader, Q_USER_COUNT), &count), ERR_NONE);
    ck_assert_int_eq(count, 0);
    db_rollback(reader);
    ck_assert_int_eq(query_count(db_query(reader, Q_USER_COUNT), &count), ERR_NONE);
    ck_assert_int_eq(count, 1);
    db_close(reader);
}
END_TEST

START_TEST(a_script_may_not_touch_the_transaction)
{
    struct db *db = rig_db();
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(db_script(db, "CREATE TABLE t (x INTEGER) STRICT; COMMIT"), ERR_BROKEN);
    ck_assert(db_in_transaction(db));
    db_rollback(db);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema WHERE name = 't'"), 0);
}
END_TEST

/* Checkpoints */

/* Each commit writes 50 pages or so. */
static void write_pages(struct db *db, int commits)
{
    static char value[50 * 4096];
    for (int i = 0; i < commits; i++) {
        memset(value, ++value[0], sizeof value); /* what is the same already is not written */
        ck_assert_int_eq(db_begin(db), ERR_NONE);
        ck_assert_int_eq(settings_put(db, "k", value, sizeof value), ERR_NONE);
        ck_assert_int_eq(db_commit(db), ERR_NONE);
    }
}

START_TEST(the_log_grows_until_it_is_told_otherwise)
{
    struct db *db = rig_db();
    write_pages(db, 30);
    ck_assert_int_gt(db_log_pages(db), 1400);
    int64_t pages;
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 0, &pages), ERR_NONE);
    ck_assert_int_eq(pages, 0);
    write_pages(db, 1);
    ck_assert_int_lt(db_log_pages(db), 200);
}
END_TEST

START_TEST(a_commit_of_nothing_leaves_no_pages)
{
    struct db *db = rig_db();
    write_pages(db, 1);
    ck_assert_int_gt(db_log_pages(db), 0);
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(db_commit(db), ERR_NONE);
    ck_assert_int_eq(db_log_pages(db), 0);
}
END_TEST

START_TEST(a_reader_makes_the_log_stay_but_not_for_longer_than_was_said)
{
    struct db *db = rig_db();
    write_pages(db, 10);
    struct db *reader;
    ck_assert_int_eq(db_open(&reader, rig_path(), DB_READER, NULL), ERR_NONE);
    int64_t count;
    ck_assert_int_eq(db_begin(reader), ERR_NONE);
    ck_assert_int_eq(query_count(db_query(reader, Q_USER_COUNT), &count), ERR_NONE);
    write_pages(db, 10);
    int64_t pages;
    ck_assert_int_eq(db_checkpoint(db, DB_PASSIVE, 0, &pages), ERR_NONE);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(db_checkpoint(db, DB_RESTART, 50, &pages), ERR_BUSY);
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 50, &pages), ERR_BUSY);
    int64_t waited = clock_mono_ms() - before;
    ck_assert_int_ge(waited, 80);
    ck_assert_int_lt(waited, 5000);
    ck_assert_int_gt(pages, 0);
    db_rollback(reader);
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 50, &pages), ERR_NONE);
    db_close(reader);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, begin, rig_end);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tc;
}

static void add_opening(TCase *tc)
{
    tcase_add_test(tc, a_reader_makes_no_database);
    tcase_add_test(tc, what_is_no_database_is_corrupt);
    tcase_add_test(tc, a_folder_or_a_place_that_is_not_there_is_no_database);
    tcase_add_test(tc, a_database_without_tables_is_broken);
    tcase_add_test(tc, all_files_are_ours_alone_whatever_the_umask);
    tcase_add_test(tc, closing_nothing_is_harmless);
    tcase_add_test(tc, closing_does_not_checkpoint);
}

static void add_statements(TCase *tc)
{
    tcase_add_test(tc, parameters_go_by_name_not_by_place);
    tcase_add_test(tc, a_failure_sticks_until_the_unit_is_over);
    tcase_add_test(tc, the_first_failure_is_the_one_that_counts);
    tcase_add_test(tc, null_and_empty_are_two_things);
    tcase_add_test(tc, an_absent_integer_is_null);
    tcase_add_test(tc, returning_is_stepped_to_its_end);
    tcase_add_test(tc, a_conflict_changes_nothing_and_gives_no_id);
    tcase_add_test(tc, after_an_error_nothing_was_changed);
    tcase_add_test(tc, clearing_ends_what_a_unit_left_open);
    tcase_add_test(tc, a_bare_connection_prepares_when_it_must);
    tcase_add_test(tc, a_reader_does_not_write);
    tcase_add_test(tc, text_in_double_quotes_is_no_string);
}

static void add_misuse(TCase *tc)
{
    tcase_add_test_raise_signal(tc, misuse_a_query_begun_twice, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_statement_that_is_none, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_value_of_another_type, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_parameter_that_is_not_there, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_parameter_zero, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_parameter_without_a_value, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_binding_after_the_first_row, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_stepping_a_query_that_was_ended, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_column_without_a_row, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_column_that_is_not_there, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_commit_after_a_failure, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_a_savepoint_on_a_reader, SIGABRT);
}

static void add_transactions(TCase *tc)
{
    tcase_add_test(tc, what_was_undone_is_gone_and_the_rest_stays);
    tcase_add_test(tc, a_second_writer_is_told_at_once);
    tcase_add_test(tc, a_snapshot_does_not_see_later_commits);
    tcase_add_test(tc, a_script_may_not_touch_the_transaction);
    tcase_add_test(tc, the_log_grows_until_it_is_told_otherwise);
    tcase_add_test(tc, a_commit_of_nothing_leaves_no_pages);
    tcase_add_test(tc, a_reader_makes_the_log_stay_but_not_for_longer_than_was_said);
}

int main(void)
{
    Suite *suite = suite_create("db");
    add_opening(new_case(suite, "opening"));
    add_statements(new_case(suite, "statements"));
    add_misuse(new_case(suite, "misuse"));
    add_transactions(new_case(suite, "transactions"));
    return unit_run(suite);
}
