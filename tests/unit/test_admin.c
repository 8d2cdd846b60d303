/* db/admin: the administrator's door, with and without a responder. A responder is here whoever
 * holds orders.lock, and a connection that writes beside us. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "db/admin.h"
#include "db/db_unit.h"
#include "db/migrate.h"
#include "db/users.h"

#include "unit.h"

static struct arena arena;
static struct fault fault;
static const char *folder;
static const char *path;
static struct admin_options options;

static const char *migrations(void)
{
    const char *source = getenv("srcdir");
    return arena_printf(&arena, "%s/sql", source ? source : ".");
}

static void begin(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
    folder = unit_folder();
    path = arena_text(&arena, unit_path(folder, "orders.db"));
    options = (struct admin_options){.path = path, .migrations = migrations(), .wait_ms = 60000};
}

static void end(void)
{
    arena_fini(&arena);
}

static int take_lock(const char *name)
{
    int fd = -1;
    ck_assert_int_eq(file_lock(unit_path(folder, name), 0, &fd, NULL), ERR_NONE);
    return fd;
}

static bool is_locked(const char *name)
{
    int fd = -1;
    enum err e = file_lock(unit_path(folder, name), 0, &fd, NULL);
    file_close(&fd);
    return e == ERR_BUSY;
}

static bool exists(const char *name)
{
    return access(unit_path(folder, name), F_OK) == 0;
}

static off_t size_of(const char *name)
{
    struct stat st;
    ck_assert_int_eq(stat(unit_path(folder, name), &st), 0);
    return st.st_size;
}

/* ---- units of work */

static enum err add_named(struct db *db, const char *name)
{
    struct user_added added;
    return users_add(db,
        &(struct user_new){
            .username = name,
            .email = arena_printf(&arena, "%s@example.com", name),
            .role = ROLE_USER,
            .password_hash = "$hash$",
            .created_at = 1,
        },
        &added);
}

static enum err add_unit(struct db *db, void *arg)
{
    return add_named(db, arg);
}

static enum err add_then_refuse(struct db *db, void *arg)
{
    enum err e = add_named(db, arg);
    return e ? e : ERR_REFUSED;
}

/* The table's CHECK says no, and the unit does not look. */
static enum err add_and_overlook(struct db *db, void *arg)
{
    (void)add_named(db, arg);
    (void)add_named(db, "x");
    return ERR_NONE;
}

static enum err count_unit(struct db *db, void *arg)
{
    return users_count(db, arg);
}

static void add(const char *name)
{
    enum err e = admin_write(&options, add_unit, (void *)name, &fault);
    ck_assert_msg(!e, "%s", fault.text);
}

static int64_t count_users(void)
{
    int64_t count = -1;
    enum err e = admin_read(&options, count_unit, &count, &fault);
    ck_assert_msg(!e, "%s", fault.text);
    return count;
}

/* ---- writing without a responder */

START_TEST(a_folder_that_is_not_there_is_told)
{
    options.path = unit_path(folder, "none/orders.db");
    ck_assert_int_eq(admin_write(&options, add_unit, "alice", &fault), ERR_IO);
    ck_assert_ptr_nonnull(strstr(fault.text, "none/orders."));
}
END_TEST

START_TEST(missing_migrations_are_told_and_the_locks_let_go)
{
    options.migrations = unit_path(folder, "none");
    ck_assert_int_eq(admin_write(&options, add_unit, "alice", &fault), ERR_CONFIG);
    ck_assert(!is_locked("orders.lock"));
    ck_assert(!is_locked("orders.write"));
}
END_TEST

START_TEST(what_is_no_database_is_told_and_left_alone)
{
    char garbage[4096];
    memset(garbage, 'x', sizeof garbage);
    ck_assert_int_eq(file_replace(path, garbage, sizeof garbage, 0600, NULL), ERR_NONE);
    ck_assert_int_eq(admin_write(&options, add_unit, "alice", &fault), ERR_CORRUPT);
    ck_assert_int_eq(size_of("orders.db"), sizeof garbage);
}
END_TEST

START_TEST(a_refusal_rolls_back_and_comes_back_as_it_is)
{
    ck_assert_int_eq(admin_write(&options, add_then_refuse, "alice", &fault), ERR_REFUSED);
    ck_assert_int_eq(count_users(), 0);
}
END_TEST

START_TEST(an_error_that_the_unit_overlooked_rolls_back_too)
{
    ck_assert_int_eq(admin_write(&options, add_and_overlook, "alice", &fault), ERR_BROKEN);
    ck_assert_ptr_nonnull(strstr(fault.text, "CHECK"));
    ck_assert_int_eq(count_users(), 0);
}
END_TEST

static ssize_t fail_to_write(int fd, const void *bytes, size_t len, off_t at)
{
    (void)fd, (void)bytes, (void)len, (void)at;
    errno = EIO;
    return -1;
}

/* write: what SQLite writes with; NULL: the system's own again. */
static void set_write(ssize_t (*write)(int, const void *, size_t, off_t))
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    static const char *const names[] = {"write", "pwrite", "pwrite64"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        (void)vfs->xSetSystemCall(vfs, names[n], (sqlite3_syscall_ptr)(void (*)(void))write);
}

static enum err add_and_lose_the_disk(struct db *db, void *arg)
{
    enum err e = add_named(db, arg);
    set_write(fail_to_write);
    return e;
}

START_TEST(a_commit_whose_outcome_is_not_known_says_so)
{
    add("alice");
    enum err e = admin_write(&options, add_and_lose_the_disk, "bob", &fault);
    set_write(NULL);
    ck_assert_int_eq(e, ERR_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(fault.text, "not known whether it was done"));
    ck_assert(!is_locked("orders.write"));
}
END_TEST

START_TEST(a_database_is_made_and_migrated_where_there_is_none)
{
    add("alice");
    ck_assert_int_eq(count_users(), 1);
    ck_assert(!is_locked("orders.lock"));
    ck_assert(!is_locked("orders.write"));
}
END_TEST

static enum err both_locks_are_held(struct db *db, void *arg)
{
    (void)db;
    *(bool *)arg = is_locked("orders.lock") && is_locked("orders.write");
    return ERR_NONE;
}

START_TEST(no_responder_can_start_while_we_write)
{
    bool held = false;
    ck_assert_int_eq(admin_write(&options, both_locks_are_held, &held, &fault), ERR_NONE);
    ck_assert(held);
}
END_TEST

START_TEST(nothing_is_checkpointed)
{
    add("alice");
    off_t before = size_of("orders.db");
    add("bob");
    ck_assert_int_eq(size_of("orders.db"), before);
    ck_assert_int_gt(size_of("orders.db-wal"), 0);
}
END_TEST

START_TEST(many_at_once_all_get_in)
{
    enum {
        WRITERS = 8
    };
    pid_t children[WRITERS];
    for (int n = 0; n < WRITERS; n++) {
        children[n] = fork();
        ck_assert_int_ge(children[n], 0);
        if (children[n] == 0)
            _exit((int)admin_write(&options, add_unit, arena_printf(&arena, "user%d", n), &fault));
    }
    for (int n = 0; n < WRITERS; n++) {
        int status = -1;
        ck_assert_int_eq(waitpid(children[n], &status, 0), children[n]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(count_users(), WRITERS);
}
END_TEST

/* ---- writing beside one */

START_TEST(somebody_who_writes_for_too_long_is_told)
{
    add("alice");
    int fd = take_lock("orders.write");
    options.wait_ms = 50;
    ck_assert_int_eq(admin_write(&options, add_unit, "bob", &fault), ERR_BUSY);
    file_close(&fd);
    ck_assert_int_eq(count_users(), 1);
}
END_TEST

START_TEST(a_responders_database_is_not_migrated)
{
    int fd = take_lock("orders.lock");
    options.wait_ms = 50;
    ck_assert_int_eq(admin_write(&options, add_unit, "alice", &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "not up to date"));
    ck_assert(!is_locked("orders.write"));
    file_close(&fd);
}
END_TEST

START_TEST(beside_a_responder_only_orders_write_is_held)
{
    add("alice");
    int fd = take_lock("orders.lock");
    bool held = false;
    ck_assert_int_eq(admin_write(&options, both_locks_are_held, &held, &fault), ERR_NONE);
    ck_assert(held);
    ck_assert(is_locked("orders.lock"));
    file_close(&fd);
    ck_assert(!is_locked("orders.lock"));
}
END_TEST

static void *start_slowly(void *arg)
{
    struct db *db = NULL;
    (void)arg;
    clock_sleep_until(clock_mono_ms() + 60); /* the start of a responder takes its time */
    int fd = -1;
    if (file_lock(unit_path(folder, "orders.write"), 10000, &fd, NULL))
        abort();
    if (db_open_bare(&db, path, NULL) || migrate(db, migrations(), NULL, NULL))
        abort();
    db_close(db);
    file_close(&fd);
    return NULL;
}

START_TEST(a_responder_that_is_still_starting_is_waited_for)
{
    int fd = take_lock("orders.lock");
    pthread_t responder;
    ck_assert_int_eq(pthread_create(&responder, NULL, start_slowly, NULL), 0);
    add("alice");
    ck_assert_int_eq(pthread_join(responder, NULL), 0);
    ck_assert_int_eq(count_users(), 1);
    file_close(&fd);
}
END_TEST

START_TEST(a_reader_waits_for_a_responder_that_is_still_starting)
{
    int fd = take_lock("orders.lock");
    pthread_t responder;
    ck_assert_int_eq(pthread_create(&responder, NULL, start_slowly, NULL), 0);
    ck_assert_int_eq(count_users(), 0);
    ck_assert_int_eq(pthread_join(responder, NULL), 0);
    file_close(&fd);
}
END_TEST

static struct db *begin_group(void)
{
    struct db *db = NULL;
    ck_assert_int_eq(db_open(&db, path, DB_WRITER, &fault), ERR_NONE);
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(add_named(db, "bystander"), ERR_NONE);
    return db;
}

START_TEST(a_group_that_never_ends_is_told)
{
    add("alice");
    int fd = take_lock("orders.lock");
    struct db *db = begin_group();
    options.wait_ms = 50;
    ck_assert_int_eq(admin_write(&options, add_unit, "bob", &fault), ERR_BUSY);
    db_rollback(db);
    db_close(db);
    file_close(&fd);
    ck_assert_int_eq(count_users(), 1);
}
END_TEST

static void *end_group_later(void *arg)
{
    struct db *db = arg;
    clock_sleep_until(clock_mono_ms() + 60);
    if (db_commit(db))
        abort();
    db_close(db);
    return NULL;
}

START_TEST(a_group_that_had_begun_is_waited_for)
{
    add("alice");
    int fd = take_lock("orders.lock");
    pthread_t responder;
    ck_assert_int_eq(pthread_create(&responder, NULL, end_group_later, begin_group()), 0);
    add("bob");
    ck_assert_int_eq(pthread_join(responder, NULL), 0);
    ck_assert_int_eq(count_users(), 3);
    file_close(&fd);
}
END_TEST

/* ---- reading */

START_TEST(reading_makes_nothing)
{
    int64_t count;
    ck_assert_int_eq(admin_read(&options, count_unit, &count, &fault), ERR_NOT_FOUND);
    ck_assert(!exists("orders.db"));
    ck_assert(!exists("orders.lock"));
    ck_assert(!exists("orders.write"));
}
END_TEST

START_TEST(reading_what_is_not_up_to_date_is_told)
{
    int64_t count;
    struct db *db = NULL;
    ck_assert_int_eq(db_open_bare(&db, path, &fault), ERR_NONE);
    db_close(db);
    ck_assert_int_eq(admin_read(&options, count_unit, &count, &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "not up to date"));
}
END_TEST

START_TEST(a_reader_cannot_write)
{
    add("alice");
    ck_assert_int_ne(admin_read(&options, add_unit, "bob", &fault), ERR_NONE);
    ck_assert_int_eq(count_users(), 1);
}
END_TEST

static enum err count_twice(struct db *db, void *arg)
{
    int64_t *counts = arg;
    enum err e = users_count(db, &counts[0]);
    add("bob");
    return e ? e : users_count(db, &counts[1]);
}

START_TEST(a_reader_sees_one_snapshot)
{
    int64_t counts[2] = {-1, -1};
    add("alice");
    ck_assert_int_eq(admin_read(&options, count_twice, counts, &fault), ERR_NONE);
    ck_assert_int_eq(counts[0], 1);
    ck_assert_int_eq(counts[1], 1);
    ck_assert_int_eq(count_users(), 2);
}
END_TEST

START_TEST(a_reader_holds_no_lock)
{
    bool held = true;
    add("alice");
    ck_assert_int_eq(admin_read(&options, both_locks_are_held, &held, &fault), ERR_NONE);
    ck_assert(!held);
}
END_TEST

/* ---- migrating */

START_TEST(migrating_beside_a_responder_is_refused)
{
    int fd = take_lock("orders.lock");
    ck_assert_int_eq(admin_migrate(&options, NULL, &fault), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(fault.text, "stop it first"));
    file_close(&fd);
    ck_assert(!exists("orders.db"));
}
END_TEST

START_TEST(migrating_twice_applies_nothing_more)
{
    int64_t applied = -1;
    ck_assert_int_eq(admin_migrate(&options, &applied, &fault), ERR_NONE);
    ck_assert_int_ge(applied, 1);
    ck_assert_int_eq(admin_migrate(&options, &applied, &fault), ERR_NONE);
    ck_assert_int_eq(applied, 0);
}
END_TEST

/* ---- the check */

static struct admin_health check_health(void)
{
    struct admin_health health;
    enum err e = admin_check(&options, &arena, &health, &fault);
    ck_assert_msg(!e, "%s", fault.text);
    return health;
}

START_TEST(a_healthy_database_has_no_problems)
{
    add("alice");
    struct admin_health health = check_health();
    ck_assert_uint_eq(health.problem_count, 0);
    ck_assert_int_eq(health.pending_count, 0);
}
END_TEST

START_TEST(checking_makes_no_database)
{
    struct admin_health health;
    ck_assert_int_eq(admin_check(&options, &arena, &health, &fault), ERR_NOT_FOUND);
    ck_assert_uint_eq(health.problem_count, 0);
    ck_assert(!exists("orders.db"));
}
END_TEST

static void run_script(const char *sql)
{
    struct db *db = NULL;
    ck_assert_int_eq(db_open_bare(&db, path, &fault), ERR_NONE);
    enum err e = db_script(db, sql);
    ck_assert_msg(!e, "%s", db_text(db));
    db_close(db);
}

START_TEST(a_row_that_points_nowhere_is_a_problem)
{
    add("alice");
    run_script(
        "PRAGMA foreign_keys=OFF;"
        "INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency, started_at)"
        " VALUES ('00000000000000000000000000000000', 4711, 'declined', 1, 'EUR', 1);"
        "INSERT INTO payments (order_id, status, currency, authorized_minor, authorized_at)"
        " VALUES (4712, 'captured', 'EUR', 1, 1)");
    struct admin_health health = check_health();
    ck_assert_uint_eq(health.problem_count, 2);
    ck_assert_str_eq(health.problems[0], "row 4712 of payments points to no row of orders");
    ck_assert_str_eq(health.problems[1], "a row of payment_attempts points to no row of users");
}
END_TEST

/* A page that is not the first gets nonsense on the disk. */
static void damage_a_page(void)
{
    struct db *db = NULL;
    int64_t pages;
    ck_assert_int_eq(db_open(&db, path, DB_WRITER, &fault), ERR_NONE);
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 1000, &pages), ERR_NONE);
    db_close(db);
    char nonsense[4096];
    memset(nonsense, 0xa5, sizeof nonsense);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, nonsense, sizeof nonsense, size_of("orders.db") - 4096), 4096);
    file_close(&fd);
}

START_TEST(a_damaged_page_is_a_problem)
{
    add("alice");
    damage_a_page();
    struct admin_health health;
    enum err e = admin_check(&options, &arena, &health, &fault);
    ck_assert(e == ERR_CORRUPT || (!e && health.problem_count > 0));
}
END_TEST

static void copy_migrations(const char *to)
{
    DIR *dir = opendir(options.migrations);
    ck_assert_ptr_nonnull(dir);
    ck_assert_int_eq(mkdir(to, 0700), 0);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char *bytes;
        size_t len;
        if (entry->d_name[0] == '.')
            continue;
        const char *from = arena_printf(&arena, "%s/%s", options.migrations, entry->d_name);
        ck_assert_int_eq(file_read(&arena, from, 1 << 20, &bytes, &len, NULL), ERR_NONE);
        const char *copy = arena_printf(&arena, "%s/%s", to, entry->d_name);
        ck_assert_int_eq(file_replace(copy, bytes, len, 0600, NULL), ERR_NONE);
    }
    closedir(dir);
}

static void write_migration(const char *in, int number, const char *sql)
{
    const char *file = arena_printf(&arena, "%s/%04d_more.sql", in, number);
    ck_assert_int_eq(file_replace(file, sql, strlen(sql), 0600, NULL), ERR_NONE);
}

START_TEST(migrations_that_are_not_applied_are_counted)
{
    int64_t applied = 0;
    ck_assert_int_eq(admin_migrate(&options, &applied, &fault), ERR_NONE);
    const char *more = arena_text(&arena, unit_path(folder, "sql"));
    copy_migrations(more);
    write_migration(more, (int)applied + 1, "CREATE TABLE more (id INTEGER) STRICT;");
    options.migrations = more;
    ck_assert_int_eq(check_health().pending_count, 1);
    ck_assert_int_eq(check_health().pending_count, 1); /* looking did not apply it */
    add("alice");
    ck_assert_int_eq(check_health().pending_count, 0);
}
END_TEST

START_TEST(a_database_newer_than_the_program_is_told)
{
    int64_t applied = 0;
    const char *all = options.migrations;
    const char *more = arena_text(&arena, unit_path(folder, "sql"));
    struct admin_health health;
    copy_migrations(more);
    ck_assert_int_eq(admin_migrate(&options, &applied, &fault), ERR_NONE);
    write_migration(more, (int)applied + 1, "CREATE TABLE more (id INTEGER) STRICT;");
    options.migrations = more;
    ck_assert_int_eq(admin_migrate(&options, NULL, &fault), ERR_NONE);
    options.migrations = all;
    ck_assert_int_eq(admin_check(&options, &arena, &health, &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "newer than this program"));
}
END_TEST

static void add_writing(Suite *suite)
{
    TCase *alone = tcase_create("alone");
    tcase_add_checked_fixture(alone, begin, end);
    tcase_add_test(alone, a_folder_that_is_not_there_is_told);
    tcase_add_test(alone, missing_migrations_are_told_and_the_locks_let_go);
    tcase_add_test(alone, what_is_no_database_is_told_and_left_alone);
    tcase_add_test(alone, a_refusal_rolls_back_and_comes_back_as_it_is);
    tcase_add_test(alone, an_error_that_the_unit_overlooked_rolls_back_too);
    tcase_add_test(alone, a_commit_whose_outcome_is_not_known_says_so);
    tcase_add_test(alone, a_database_is_made_and_migrated_where_there_is_none);
    tcase_add_test(alone, no_responder_can_start_while_we_write);
    tcase_add_test(alone, nothing_is_checkpointed);
    tcase_add_test(alone, many_at_once_all_get_in);
    suite_add_tcase(suite, alone);
    TCase *beside = tcase_create("beside");
    tcase_add_checked_fixture(beside, begin, end);
    tcase_add_test(beside, somebody_who_writes_for_too_long_is_told);
    tcase_add_test(beside, a_responders_database_is_not_migrated);
    tcase_add_test(beside, beside_a_responder_only_orders_write_is_held);
    tcase_add_test(beside, a_responder_that_is_still_starting_is_waited_for);
    tcase_add_test(beside, a_reader_waits_for_a_responder_that_is_still_starting);
    tcase_add_test(beside, a_group_that_never_ends_is_told);
    tcase_add_test(beside, a_group_that_had_begun_is_waited_for);
    suite_add_tcase(suite, beside);
}

static void add_reading(Suite *suite)
{
    TCase *reading = tcase_create("reading");
    tcase_add_checked_fixture(reading, begin, end);
    tcase_add_test(reading, reading_makes_nothing);
    tcase_add_test(reading, reading_what_is_not_up_to_date_is_told);
    tcase_add_test(reading, a_reader_cannot_write);
    tcase_add_test(reading, a_reader_sees_one_snapshot);
    tcase_add_test(reading, a_reader_holds_no_lock);
    suite_add_tcase(suite, reading);
    TCase *migrating = tcase_create("migrating");
    tcase_add_checked_fixture(migrating, begin, end);
    tcase_add_test(migrating, migrating_beside_a_responder_is_refused);
    tcase_add_test(migrating, migrating_twice_applies_nothing_more);
    suite_add_tcase(suite, migrating);
    TCase *check = tcase_create("check");
    tcase_add_checked_fixture(check, begin, end);
    tcase_add_test(check, checking_makes_no_database);
    tcase_add_test(check, a_row_that_points_nowhere_is_a_problem);
    tcase_add_test(check, a_damaged_page_is_a_problem);
    tcase_add_test(check, migrations_that_are_not_applied_are_counted);
    tcase_add_test(check, a_database_newer_than_the_program_is_told);
    tcase_add_test(check, a_healthy_database_has_no_problems);
    suite_add_tcase(suite, check);
}

int main(void)
{
    Suite *suite = suite_create("admin");
    add_writing(suite);
    add_reading(suite);
    return unit_run(suite);
}
