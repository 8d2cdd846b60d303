/* db/backup: a file that is there is a whole backup, of one moment; and what has no name stays
 * without one. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/file.h"
#include "db/backup.h"
#include "db/migrate.h"

#include "db_rig.h"
#include "unit.h"

static struct fault fault;
static struct admin_options options;
static const char *folder; /* where backups go */
static const char *file;
static struct backup made;

static void begin(void)
{
    rig_begin();
    fault_begin(&fault, &rig_arena);
    folder = rig_file("backups");
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    file = rig_file("backups/orders");
    options =
        (struct admin_options){.path = rig_path(), .migrations = rig_migrations(), .wait_ms = 2000};
}

static int files(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    ck_assert_int_eq(closedir(dir), 0);
    return count;
}

static enum err make(void)
{
    fault_clear(&fault);
    return backup_make(&options, file, &made, &fault);
}

/* Nothing is left of it, partial files neither. */
static void refuse(enum err expected, const char *words)
{
    int before = files();
    ck_assert_int_eq(make(), expected);
    ck_assert_msg(strstr(fault.text, words), "\"%s\" is not in: %s", words, fault.text);
    ck_assert_int_eq(files(), before);
}

static int64_t number_in(const char *path, const char *sql)
{
    sqlite3 *handle;
    sqlite3_stmt *stmt;
    ck_assert_int_eq(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);
    ck_assert_msg(code == SQLITE_OK, "%s", sqlite3_errmsg(handle));
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
    return number;
}

static void must_make(void)
{
    enum err e = make();
    ck_assert_msg(!e, "%s", fault.text);
}

/* ---- what comes to nothing */

START_TEST(what_has_the_name_is_never_overwritten)
{
    char *text;
    size_t len;
    (void)rig_db();
    ck_assert_int_eq(file_replace(file, "mine", 4, 0600, NULL), ERR_NONE);
    refuse(ERR_TAKEN, "exists already");
    ck_assert_int_eq(file_read(&rig_arena, file, 100, &text, &len, NULL), ERR_NONE);
    ck_assert_str_eq(text, "mine");
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(symlink("nowhere", file), 0);
    refuse(ERR_TAKEN, "exists already");
    file = rig_path();
    refuse(ERR_TAKEN, "exists already");
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_told)
{
    (void)rig_db();
    file = rig_file("backups/none/orders");
    refuse(ERR_IO, "No such file");
    file = rig_file("log/orders");
    refuse(ERR_IO, "Not a directory");
}
END_TEST

START_TEST(without_a_database_there_is_no_backup)
{
    refuse(ERR_NOT_FOUND, "No such file");
    ck_assert_int_ne(access(rig_path(), F_OK), 0);
}
END_TEST

START_TEST(what_is_no_database_of_ours_is_not_backed_up)
{
    ck_assert_int_eq(file_replace(rig_path(), "", 0, 0600, NULL), ERR_NONE);
    refuse(ERR_CONFIG, "no database of orderd");
    rig_run("CREATE TABLE t (x)");
    refuse(ERR_CONFIG, "no database of orderd");
    char garbage[8192];
    memset(garbage, 'x', sizeof garbage);
    ck_assert_int_eq(file_replace(rig_path(), garbage, sizeof garbage, 0600, NULL), ERR_NONE);
    refuse(ERR_CORRUPT, "not a database");
}
END_TEST

START_TEST(a_database_of_a_newer_program_is_not_backed_up)
{
    (void)rig_db();
    rig_run("INSERT INTO schema_migrations VALUES (999, '0999_later.sql', 'x', 1)");
    refuse(ERR_CONFIG, "newer than this program");
}
END_TEST

START_TEST(what_is_damaged_gets_no_name)
{
    (void)rig_db();
    rig_run("PRAGMA foreign_keys=OFF; INSERT INTO order_events"
            " (order_id, number, kind, at) VALUES (77, 1, 'x', 1)");
    refuse(ERR_CORRUPT, "points to no row of orders");
}
END_TEST

/* A page of an index, overwritten by another program. */
START_TEST(a_page_that_was_overwritten_gets_no_name)
{
    struct db *db = rig_db();
    (void)rig_order(db, rig_user(db, "alice"), rig_uid(1), NULL);
    int64_t pages;
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 1000, &pages), ERR_NONE);
    int64_t root =
        rig_number("SELECT rootpage FROM sqlite_schema WHERE name = 'orders_attempt_uid'");
    int64_t page_len = rig_number("PRAGMA page_size");
    rig_db_close();
    FILE *database = fopen(rig_path(), "r+b");
    ck_assert_ptr_nonnull(database);
    ck_assert_int_eq(fseek(database, (long)((root - 1) * page_len + page_len - 20), SEEK_SET), 0);
    ck_assert_uint_eq(fwrite("xxxxxxxxxxxxxxxx", 1, 16, database), 16);
    ck_assert_int_eq(fclose(database), 0);
    refuse(ERR_CORRUPT, "is damaged");
}
END_TEST

START_TEST(a_disk_without_room_leaves_nothing)
{
    struct db *db = rig_db();
    (void)rig_order(db, rig_user(db, "alice"), rig_uid(1), NULL);
    struct rlimit limit = {.rlim_cur = 60000, .rlim_max = RLIM_INFINITY};
    ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    refuse(ERR_FULL, "cannot copy");
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    must_make();
}
END_TEST

/* ---- what is a backup */

START_TEST(a_backup_is_one_private_file_and_the_log_is_in_it)
{
    struct db *db = rig_db();
    int64_t user = rig_user(db, "alice");
    int64_t pages;
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 1000, &pages), ERR_NONE);
    int64_t order = rig_order(db, user, rig_uid(1), NULL); /* in the log alone */
    mode_t old = umask(0);
    must_make();
    (void)umask(old);
    ck_assert_int_eq(files(), 1);
    struct stat st;
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(made.bytes, st.st_size);
    ck_assert_int_eq(made.order_id, order);
    ck_assert_int_eq(made.ordered_at, 1000);
    ck_assert_int_eq(number_in(file, "SELECT count(*) FROM orders"), 1);
    ck_assert_int_eq(number_in(file, "SELECT seq FROM sqlite_sequence WHERE name = 'orders'"), 1);
    ck_assert_int_eq(files(), 1); /* a lone file has no log, even when it is read */
}
END_TEST

START_TEST(a_database_without_orders_has_no_newest_one)
{
    (void)rig_db();
    must_make();
    ck_assert_int_eq(made.order_id, 0);
    ck_assert_int_eq(made.ordered_at, 0);
}
END_TEST

START_TEST(what_a_newer_program_would_bring_up_to_date_can_be_backed_up_before)
{
    char *sql;
    size_t len;
    struct db *bare;
    const char *old = rig_file("old");
    const char *first = arena_printf(&rig_arena, "%s/0001_initial.sql", rig_migrations());
    ck_assert_int_eq(mkdir(old, 0700), 0);
    ck_assert_int_eq(file_read(&rig_arena, first, 1 << 20, &sql, &len, NULL), ERR_NONE);
    ck_assert_int_eq(
        file_replace(rig_file("old/0001_initial.sql"), sql, len, 0600, NULL), ERR_NONE);
    ck_assert_int_eq(db_open_bare(&bare, rig_path(), NULL), ERR_NONE);
    ck_assert_int_eq(migrate(bare, old, NULL, NULL), ERR_NONE);
    db_close(bare);
    must_make();
    ck_assert_int_eq(number_in(file, "SELECT count(*) FROM schema_migrations"), 1);
}
END_TEST

static atomic_bool is_over;

/* Two counters that are always equal, in one transaction each. */
static void *write_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        rig_run("BEGIN IMMEDIATE; UPDATE t SET n = n + 1 WHERE id = 1;"
                "UPDATE t SET n = n + 1 WHERE id = 5000; COMMIT");
    return NULL;
}

START_TEST(a_backup_is_of_one_moment_while_others_write)
{
    (void)rig_db();
    rig_run("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, pad BLOB);"
            "WITH RECURSIVE c (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 5000)"
            " INSERT INTO t SELECT i, 0, zeroblob(1000) FROM c");
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_on, NULL), 0);
    int64_t last = -1;
    for (int i = 0; i < 8; i++) {
        file = arena_printf(&rig_arena, "%s/%d", folder, i);
        must_make();
        int64_t first = number_in(file, "SELECT n FROM t WHERE id = 1");
        ck_assert_int_eq(first, number_in(file, "SELECT n FROM t WHERE id = 5000"));
        ck_assert_int_ge(first, last);
        last = first;
    }
    int64_t now = rig_number("SELECT n FROM t WHERE id = 1");
    atomic_store(&is_over, true);
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
    ck_assert_int_gt(now, 0); /* it did write meanwhile */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backup");
    TCase *tc = tcase_create("backup");
    tcase_add_checked_fixture(tc, begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_has_the_name_is_never_overwritten);
    tcase_add_test(tc, a_folder_that_is_not_there_is_told);
    tcase_add_test(tc, without_a_database_there_is_no_backup);
    tcase_add_test(tc, what_is_no_database_of_ours_is_not_backed_up);
    tcase_add_test(tc, a_database_of_a_newer_program_is_not_backed_up);
    tcase_add_test(tc, what_is_damaged_gets_no_name);
    tcase_add_test(tc, a_page_that_was_overwritten_gets_no_name);
    tcase_add_test(tc, a_disk_without_room_leaves_nothing);
    tcase_add_test(tc, a_backup_is_one_private_file_and_the_log_is_in_it);
    tcase_add_test(tc, a_database_without_orders_has_no_newest_one);
    tcase_add_test(tc, what_a_newer_program_would_bring_up_to_date_can_be_backed_up_before);
    tcase_add_test(tc, a_backup_is_of_one_moment_while_others_write);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
