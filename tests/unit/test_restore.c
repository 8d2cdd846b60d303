/* db/restore, db/restored: a backup becomes the database only where there is none, and what it has
 * forgotten is never dealt out again. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "db/attempts.h"
#include "db/migrate.h"
#include "db/orders.h"
#include "db/restore.h"
#include "db/restored.h"
#include "db/users.h"

#include "db_rig.h"
#include "unit.h"

#define AT 1764000000 /* 2025-11-24T16:00:00Z */

static struct fault fault;
static struct admin_options options;
static const char *file;
static struct backup restored;

static void begin(void)
{
    rig_begin();
    fault_begin(&fault, &rig_arena);
    file = rig_file("backup");
    options =
        (struct admin_options){.path = rig_path(), .migrations = rig_migrations(), .wait_ms = 200};
}

/* Of the rig's database, which is taken away then. */
static void back_up(void)
{
    struct backup made;
    enum err e = backup_make(&options, file, &made, &fault);
    ck_assert_msg(!e, "%s", fault.text);
    rig_db_close();
    static const char *const names[] = {"orders.db", "orders.db-wal", "orders.db-shm"};
    for (int i = 0; i < 3; i++)
        (void)unlink(rig_file(names[i]));
}

static enum err restore(void)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    fault_clear(&fault);
    enum err e = restore_from(&options, fd, file, AT, &restored, &fault);
    file_close(&fd);
    return e;
}

static void must_restore(void)
{
    enum err e = restore();
    ck_assert_msg(!e, "%s", fault.text);
}

static bool exists(const char *name)
{
    struct stat st;
    return lstat(rig_file(name), &st) == 0;
}

static bool is_partial_there(void)
{
    return exists("orders.db.restoring") || exists("orders.db.restoring-wal") ||
           exists("orders.db.restoring-shm");
}

static void refuse(enum err expected, const char *words)
{
    ck_assert_int_eq(restore(), expected);
    ck_assert_msg(strstr(fault.text, words), "\"%s\" is not in: %s", words, fault.text);
    ck_assert(!is_partial_there());
}

static void put(const char *name, const char *text)
{
    ck_assert_int_eq(file_replace(rig_file(name), text, strlen(text), 0600, NULL), ERR_NONE);
}

/* ---- what is refused */

START_TEST(whatever_is_of_a_database_is_in_the_way)
{
    static const char *const names[] = {
        "orders.db", "orders.db-wal", "orders.db-shm", "orders.db-journal"};
    (void)rig_db();
    back_up();
    for (int i = 0; i < 4; i++) {
        char *text;
        size_t len;
        put(names[i], "mine");
        refuse(ERR_TAKEN, "move it away first");
        ck_assert_int_eq(
            file_read(&rig_arena, rig_file(names[i]), 100, &text, &len, NULL), ERR_NONE);
        ck_assert_str_eq(text, "mine");
        ck_assert_int_eq(unlink(rig_file(names[i])), 0);
    }
    ck_assert_int_eq(symlink("elsewhere", rig_path()), 0);
    refuse(ERR_TAKEN, "move it away first");
    ck_assert_int_eq(unlink(rig_path()), 0);
    must_restore();
}
END_TEST

START_TEST(beside_a_responder_nothing_is_restored)
{
    int fd;
    (void)rig_db();
    back_up();
    ck_assert_int_eq(file_lock(rig_file("orders.lock"), 0, &fd, NULL), ERR_NONE);
    refuse(ERR_BUSY, "stop it first");
    file_close(&fd);
    ck_assert_int_eq(file_lock(rig_file("orders.write"), 0, &fd, NULL), ERR_NONE);
    refuse(ERR_BUSY, "somebody else is writing");
    file_close(&fd);
    ck_assert(!exists("orders.db"));
    must_restore();
}
END_TEST

START_TEST(what_is_no_backup_is_refused)
{
    put("backup", "");
    refuse(ERR_CORRUPT, "is not a database");
    char garbage[8193];
    memset(garbage, 'x', sizeof garbage - 1);
    garbage[sizeof garbage - 1] = '\0';
    put("backup", garbage);
    refuse(ERR_CORRUPT, file);
    ck_assert(!exists("orders.db"));
}
END_TEST

/* It may be a secret of somebody else's. A folder where the copy would be makes that fail. */
START_TEST(what_is_no_database_is_not_even_copied)
{
    put("backup", "root:$y$j9T$secret:20000:0:99999:7:::\n");
    ck_assert_int_eq(mkdir(rig_file("orders.db.restoring"), 0700), 0);
    ck_assert_int_eq(restore(), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(fault.text, "is not a database"));
    ck_assert_int_eq(rmdir(rig_file("orders.db.restoring")), 0);
}
END_TEST

START_TEST(a_backup_that_was_cut_or_spoilt_is_refused)
{
    struct db *db = rig_db();
    (void)rig_order(db, rig_user(db, "alice"), rig_uid(1), NULL);
    back_up();
    struct stat st;
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(truncate(file, st.st_size - 4096), 0);
    refuse(ERR_CORRUPT, file);
    ck_assert(!exists("orders.db"));
}
END_TEST

START_TEST(a_backup_of_a_newer_program_is_refused)
{
    (void)rig_db();
    back_up();
    put("0001_other.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    options.migrations = rig_folder();
    refuse(ERR_CONFIG, "0001_initial.sql");
    ck_assert(!exists("orders.db"));
}
END_TEST

START_TEST(a_disk_without_room_leaves_nothing)
{
    (void)rig_db();
    back_up();
    struct rlimit limit = {.rlim_cur = 50000, .rlim_max = RLIM_INFINITY};
    ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_ne(restore(), ERR_NONE);
    ck_assert(!is_partial_there());
    ck_assert(!exists("orders.db"));
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    must_restore();
}
END_TEST

/* ---- what is restored */

START_TEST(ids_go_on_a_million_further)
{
    struct db *db = rig_db();
    int64_t user = rig_user(db, "alice");
    int64_t order = 0;
    for (int i = 1; i <= 3; i++)
        order = rig_order(db, user, rig_uid(i), NULL);
    back_up();
    must_restore();
    ck_assert_int_eq(restored.order_id, order);
    db = rig_db();
    ck_assert_int_eq(rig_order(db, user, rig_uid(4), NULL), order + 1000001);
    ck_assert_int_eq(rig_user(db, "bob"), user + 1000001);
}
END_TEST

/* Orders came after the backup, in a table that had never had any. */
START_TEST(ids_of_tables_without_rows_go_on_too)
{
    (void)rig_db();
    back_up();
    must_restore();
    struct db *db = rig_db();
    int64_t user = rig_user(db, "alice");
    ck_assert_int_eq(user, 1000001);
    ck_assert_int_eq(rig_order(db, user, rig_uid(1), NULL), 1000001);
}
END_TEST

START_TEST(no_token_from_before_is_good_any_more)
{
    struct db *db = rig_db();
    int64_t user = rig_user(db, "alice");
    ck_assert_int_eq(users_set_password(db, user, 0, "$other$"), ERR_NONE);
    (void)rig_user(db, "bob");
    back_up();
    must_restore();
    ck_assert_int_eq(rig_number("SELECT token_epoch FROM users WHERE username = 'alice'"), 1000001);
    ck_assert_int_eq(rig_number("SELECT token_epoch FROM users WHERE username = 'bob'"), 1000000);
}
END_TEST

START_TEST(a_restored_database_is_whole_private_and_alone)
{
    struct stat st;
    (void)rig_db();
    back_up();
    ck_assert_int_eq(chmod(file, 0644), 0);
    put("orders.db.restoring", "of one that was killed");
    put("orders.db.restoring-wal", "and its log");
    mode_t before = umask(0777);
    must_restore();
    (void)umask(before);
    ck_assert(!is_partial_there());
    ck_assert_int_eq(stat(rig_path(), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(restored.bytes, st.st_size);
    ck_assert(!exists("orders.db-wal")); /* all that was changed is in it */
    struct db *db = rig_db();
    struct restored mark;
    ck_assert_int_eq(restored_get(db, &mark), ERR_NONE);
    ck_assert(mark.is_held);
    refuse(ERR_TAKEN, "move it away first");
}
END_TEST

START_TEST(a_backup_by_other_means_that_expects_a_log_is_taken)
{
    struct db *db = rig_db();
    int64_t pages;
    (void)rig_user(db, "alice");
    ck_assert_int_eq(db_checkpoint(db, DB_TRUNCATE, 1000, &pages), ERR_NONE);
    rig_db_close();
    ck_assert_int_eq(rename(rig_path(), file), 0);
    (void)unlink(rig_file("orders.db-wal"));
    (void)unlink(rig_file("orders.db-shm"));
    must_restore();
    ck_assert_int_eq(rig_number("SELECT count(*) FROM users"), 1);
}
END_TEST

START_TEST(an_older_backup_is_brought_up_to_date_at_the_next_start)
{
    char *sql;
    size_t len;
    struct db *bare;
    const char *first = arena_printf(&rig_arena, "%s/0001_initial.sql", rig_migrations());
    ck_assert_int_eq(mkdir(rig_file("old"), 0700), 0);
    ck_assert_int_eq(file_read(&rig_arena, first, 1 << 20, &sql, &len, NULL), ERR_NONE);
    ck_assert_int_eq(
        file_replace(rig_file("old/0001_initial.sql"), sql, len, 0600, NULL), ERR_NONE);
    ck_assert_int_eq(db_open_bare(&bare, rig_path(), NULL), ERR_NONE);
    ck_assert_int_eq(migrate(bare, rig_file("old"), NULL, NULL), ERR_NONE);
    db_close(bare);
    back_up();
    must_restore();
    struct restored mark;
    ck_assert_int_eq(restored_get(rig_db(), &mark), ERR_NONE);
    ck_assert(mark.is_held);
}
END_TEST

/* ---- the hold */

START_TEST(a_hold_is_ended_by_who_saw_it_and_once)
{
    struct db *db = rig_db();
    struct restored first, second, none;
    ck_assert_int_eq(restored_get(db, &none), ERR_NONE);
    ck_assert(!none.is_held);
    ck_assert_int_eq(restored_mark(db, AT), ERR_NONE);
    ck_assert_int_eq(restored_get(db, &first), ERR_NONE);
    ck_assert_str_eq(first.held_since, "2025-11-24T16:00:00Z");
    ck_assert_int_eq(restored_mark(db, AT + 60), ERR_NONE);
    ck_assert_int_eq(restored_release(db, &first), ERR_REFUSED);
    ck_assert_int_eq(restored_get(db, &second), ERR_NONE);
    ck_assert(second.is_held);
    ck_assert_int_eq(restored_release(db, &second), ERR_NONE);
    ck_assert_int_eq(restored_release(db, &second), ERR_REFUSED);
    ck_assert_int_eq(restored_get(db, &second), ERR_NONE);
    ck_assert(!second.is_held);
    ck_assert_int_eq(rig_number("SELECT CAST(value AS TEXT) = '2025-11-24T16:01:00Z' FROM settings"
                                " WHERE name = 'restored_at'"),
        1);
}
END_TEST

static const char *state_of(struct db *db, int n)
{
    struct attempt attempt;
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(n), &attempt), ERR_NONE);
    return attempt_state_name(attempt.state);
}

START_TEST(open_attempts_that_were_captured_become_conflicts)
{
    struct db *db = rig_db();
    enum attempt_state state;
    int64_t user = rig_user(db, "alice");
    rig_attempt(db, user, rig_uid(1));
    rig_attempt(db, user, rig_uid(2));
    rig_attempt(db, user, rig_uid(3));
    ck_assert_int_eq(
        attempts_end(db, rig_uid(2), ATTEMPT_VOIDING, "timeout", 1001, &state), ERR_NONE);
    ck_assert_int_eq(attempts_end(db, rig_uid(3), ATTEMPT_DECLINED, "no", 1001, &state), ERR_NONE);
    (void)rig_order(db, user, rig_uid(4), NULL);
    for (int n = 1; n <= 3; n++)
        rig_run(arena_printf(&rig_arena,
            "INSERT INTO idempotency_keys (user_id, key, fingerprint, attempt_uid, claimed_at)"
            " VALUES (%d, 'k%d', zeroblob(32), '%s', 1)",
            (int)user, n, rig_uid(n)));
    for (int n = 1; n <= 5; n++) /* the last is unknown */
        ck_assert_int_eq(attempts_captured(db, rig_uid(n), AT), ERR_NONE);
    ck_assert_str_eq(state_of(db, 1), "conflict");
    ck_assert_str_eq(state_of(db, 2), "conflict");
    ck_assert_str_eq(state_of(db, 3), "declined");
    ck_assert_str_eq(state_of(db, 4), "ordered");
    ck_assert_int_eq(rig_number("SELECT count(*) FROM idempotency_keys"), 1); /* of the third */
    struct attempt attempt;
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(1), &attempt), ERR_NONE);
    ck_assert_int_eq(attempt.ended_at, AT);
    ck_assert_int_eq(attempt.settled_at, AT);
    ck_assert_str_eq(attempt.last_error, "captured");
    ck_assert_str_eq(attempt.reason, "restored");
    ck_assert_int_eq(attempts_get(db, &rig_arena, rig_uid(2), &attempt), ERR_NONE);
    ck_assert_int_eq(attempt.ended_at, 1001);
    ck_assert_str_eq(attempt.reason, "timeout");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("restore");
    TCase *tc = tcase_create("restore");
    tcase_add_checked_fixture(tc, begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, whatever_is_of_a_database_is_in_the_way);
    tcase_add_test(tc, beside_a_responder_nothing_is_restored);
    tcase_add_test(tc, what_is_no_backup_is_refused);
    tcase_add_test(tc, what_is_no_database_is_not_even_copied);
    tcase_add_test(tc, a_backup_that_was_cut_or_spoilt_is_refused);
    tcase_add_test(tc, a_backup_of_a_newer_program_is_refused);
    tcase_add_test(tc, a_disk_without_room_leaves_nothing);
    tcase_add_test(tc, ids_go_on_a_million_further);
    tcase_add_test(tc, ids_of_tables_without_rows_go_on_too);
    tcase_add_test(tc, no_token_from_before_is_good_any_more);
    tcase_add_test(tc, a_restored_database_is_whole_private_and_alone);
    tcase_add_test(tc, a_backup_by_other_means_that_expects_a_log_is_taken);
    tcase_add_test(tc, an_older_backup_is_brought_up_to_date_at_the_next_start);
    tcase_add_test(tc, a_hold_is_ended_by_who_saw_it_and_once);
    tcase_add_test(tc, open_attempts_that_were_captured_become_conflicts);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
