/* db/store and other processes: a second orderd, tools that write beside it, readers that do not
 * let go, and kill -9. Locks by flock(2) belong to the open file, so another descriptor of this
 * process is as good as another process. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/metrics.h"
#include "db/checkpoint.h"
#include "db/locks.h"
#include "db/settings.h"

#include "db_rig.h"
#include "store_rig.h"
#include "unit.h"

static enum err write_one(struct store *store, int n)
{
    struct put put = {.n = n};
    return store_write(store, STORE_BEGIN, put_unit, &put, rig_soon());
}

/* The lock */

START_TEST(a_second_orderd_is_refused_with_words)
{
    struct store *store = rig_store();
    struct store_options options = rig_options();
    struct store *second;
    struct fault fault;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(store_open(&second, &options, &fault), ERR_BUSY);
    ck_assert_ptr_null(second);
    ck_assert(strstr(fault.text, "another orderd is running with the database"));
    ck_assert(strstr(fault.text, "orders.lock"));
    ck_assert_int_eq(write_one(store, 1), ERR_NONE);
    store_close(store);
    store = rig_store();
    store_close(store);
}
END_TEST

START_TEST(a_database_behind_a_link_has_the_same_lock)
{
    struct store *store = rig_store();
    struct store_options options = rig_options();
    struct store *second;
    ck_assert_int_eq(mkdir(rig_file("elsewhere"), 0700), 0);
    ck_assert_int_eq(symlink(rig_file("orders.db"), rig_file("elsewhere/link.db")), 0);
    options.path = rig_file("elsewhere/link.db");
    ck_assert_int_eq(store_open(&second, &options, NULL), ERR_BUSY);
    ck_assert(locks_database_is_taken(options.path));
    store_close(store);
    ck_assert_int_eq(store_open(&store, &options, NULL), ERR_NONE);
    ck_assert(locks_database_is_taken(rig_file("orders.db")));
    store_close(store);
}
END_TEST

struct opener {
    struct store *store;
    enum err result;
    pthread_t thread;
};

static void *open_later(void *arg)
{
    struct opener *opener = arg;
    struct store_options options = rig_options();
    options.lock_timeout_ms = 20000;
    opener->result = store_open(&opener->store, &options, NULL);
    return NULL;
}

START_TEST(a_second_start_waits_for_the_first_to_end)
{
    struct store *store = rig_store();
    struct opener opener = {0};
    ck_assert_int_eq(write_one(store, 1), ERR_NONE);
    ck_assert_int_eq(pthread_create(&opener.thread, NULL, open_later, &opener), 0);
    store_close(store);
    ck_assert_int_eq(pthread_join(opener.thread, NULL), 0);
    ck_assert_int_eq(opener.result, ERR_NONE);
    ck_assert(put_is_there(1));
    store_close(opener.store);
}
END_TEST

START_TEST(a_start_that_fails_says_why_and_lets_the_lock_go)
{
    struct store_options options = rig_options();
    options.migrations = rig_folder();
    struct store *store;
    struct fault fault;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(store_open(&store, &options, &fault), ERR_CONFIG);
    ck_assert(strstr(fault.text, "no migrations"));
    options.migrations = rig_migrations();
    options.path = rig_file("no/orders.db");
    fault_clear(&fault);
    ck_assert_int_eq(store_open(&store, &options, &fault), ERR_IO);
    ck_assert(strstr(fault.text, "orders.lock"));
    store = rig_store();
    store_close(store);
}
END_TEST

START_TEST(two_databases_have_two_stores)
{
    struct store *store = rig_store();
    ck_assert_int_eq(mkdir(rig_file("other"), 0700), 0);
    struct store_options options = rig_options();
    options.path = rig_file("other/orders.db");
    struct store *other;
    ck_assert_int_eq(store_open(&other, &options, NULL), ERR_NONE);
    ck_assert_int_eq(write_one(store, 1), ERR_NONE);
    ck_assert_int_eq(write_one(other, 2), ERR_NONE);
    store_close(other);
    store_close(store);
    ck_assert_int_eq(put_count(), 1);
}
END_TEST

START_TEST(all_files_are_ours_alone)
{
    static const char *const names[] = {
        "orders.db", "orders.db-wal", "orders.db-shm", "orders.lock", "orders.write"};
    mode_t before = umask(0);
    struct store *store = rig_store();
    (void)umask(before);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat st;
        ck_assert_int_eq(stat(rig_file(names[i]), &st), 0);
        ck_assert_int_eq(st.st_mode & 0777, 0600);
    }
    store_close(store);
}
END_TEST

/* A tool that writes beside it */

START_TEST(while_a_tool_writes_units_wait_and_can_be_withdrawn)
{
    struct store *store = rig_store();
    int fd;
    ck_assert_int_eq(locks_open_write(rig_path(), &fd, NULL), ERR_NONE);
    ck_assert(locks_take_write(fd, 5000));
    struct put late = {.n = 1};
    struct put patient = {.n = 2};
    struct job job = job_of(store, put_unit, &patient);
    job_start(&job);
    ck_assert_int_eq(
        store_write(store, STORE_BEGIN, put_unit, &late, clock_mono_ms() + 100), ERR_TIMEOUT);
    ck_assert_int_eq(late.runs, 0);
    ck_assert_int_eq(patient.runs, 0);
    locks_release_write(fd);
    ck_assert_int_eq(job_join(&job), ERR_NONE);
    ck_assert_int_eq(put_count(), 1);
    file_close(&fd);
    store_close(store);
}
END_TEST

struct writer {
    struct store *store;
    atomic_bool is_over;
    int64_t units;
    pthread_t thread;
};

static void *write_constantly(void *arg)
{
    struct writer *writer = arg;
    for (int i = 0; !atomic_load(&writer->is_over); i++) {
        ck_assert_int_eq(write_one(writer->store, i % 100), ERR_NONE);
        writer->units++;
    }
    return NULL;
}

START_TEST(a_tool_gets_in_under_load_and_what_it_wrote_is_seen)
{
    struct store *store = rig_store();
    struct writer writers[4];
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){.store = store};
        ck_assert_int_eq(
            pthread_create(&writers[i].thread, NULL, write_constantly, &writers[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        int fd;
        struct db *db;
        ck_assert_int_eq(locks_open_write(rig_path(), &fd, NULL), ERR_NONE);
        ck_assert(locks_take_write(fd, 10000));
        ck_assert_int_eq(db_open(&db, rig_path(), DB_WRITER, NULL), ERR_NONE);
        while (db_begin(db) == ERR_BUSY) /* the group that runs ends first */
            clock_sleep_until(clock_mono_ms() + 1);
        (void)rig_user(db, arena_printf(&rig_arena, "user%d", i));
        ck_assert_int_eq(db_commit(db), ERR_NONE);
        db_close(db);
        file_close(&fd);
    }
    for (int i = 0; i < 4; i++) {
        atomic_store(&writers[i].is_over, true);
        ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
        ck_assert_int_gt(writers[i].units, 0);
    }
    store_close(store);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM users"), 10);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM pragma_integrity_check"), 1);
}
END_TEST

START_TEST(a_lock_that_is_never_let_go_is_told_and_heals_without_traffic)
{
    struct store *store = rig_store();
    struct db *other;
    ck_assert_int_eq(db_open(&other, rig_path(), DB_WRITER, NULL), ERR_NONE);
    ck_assert_int_eq(db_begin(other), ERR_NONE); /* without orders.write: somebody's sqlite3 */
    struct put put = {.n = 1};
    ck_assert_int_eq(
        store_write(store, STORE_BEGIN, put_unit, &put, clock_mono_ms() + 3000), ERR_TIMEOUT);
    ck_assert(store_is_degraded(store));
    ck_assert_int_eq(rig_logged("writes fail"), 1);
    ck_assert_int_eq(rig_logged("another process writes to the database"), 1);
    db_rollback(other);
    wait_until_degraded(store, false);
    ck_assert_int_eq(rig_logged("writes work again"), 1);
    db_close(other);
    store_close(store);
    ck_assert_int_eq(put_count(), 0);
}
END_TEST

START_TEST(closing_while_a_tool_writes_ends_with_the_units_deadlines)
{
    struct store *store = rig_store();
    int fd;
    ck_assert_int_eq(locks_open_write(rig_path(), &fd, NULL), ERR_NONE);
    ck_assert(locks_take_write(fd, 5000));
    struct put put = {.n = 1};
    struct job job = job_of(store, put_unit, &put);
    job.deadline_ms = clock_mono_ms() + 1000;
    job_start(&job);
    int64_t before = clock_mono_ms();
    store_close(store);
    ck_assert_int_lt(clock_mono_ms() - before, 10000);
    ck_assert_int_eq(job_join(&job), ERR_TIMEOUT);
    ck_assert_int_eq(rig_logged("write-ahead log not emptied"), 1);
    file_close(&fd);
}
END_TEST

START_TEST(no_checkpoint_while_a_tool_writes)
{
    struct db *db = rig_db();
    int mine;
    int tools;
    ck_assert_int_eq(locks_open_write(rig_path(), &mine, NULL), ERR_NONE);
    ck_assert_int_eq(locks_open_write(rig_path(), &tools, NULL), ERR_NONE);
    ck_assert(locks_take_write(tools, 0));
    struct checkpoint checkpoint = {.db = db, .write_fd = mine};
    checkpoint_if_due(&checkpoint, 5000);
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), 0);
    ck_assert_int_eq(checkpoint_all(db, mine, 20), ERR_BUSY);
    locks_release_write(tools);
    checkpoint_if_due(&checkpoint, 5000);
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), 1);
    checkpoint_if_due(&checkpoint, 5999);
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), 1);
    checkpoint_if_due(&checkpoint, 6000);
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), 2);
    checkpoint_if_due(&checkpoint, 10); /* begun anew */
    checkpoint_if_due(&checkpoint, 1000);
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), 3);
    ck_assert(locks_write_is_free(tools));
    file_close(&mine);
    file_close(&tools);
}
END_TEST

/* A reader that holds on to the log, in which there is something newer than it sees. */
static struct db *begin_reading(struct db *writer)
{
    struct db *reader;
    int64_t seen;
    ck_assert_int_eq(db_open(&reader, rig_path(), DB_READER, NULL), ERR_NONE);
    ck_assert_int_eq(db_begin(reader), ERR_NONE);
    ck_assert_int_eq(query_count(db_query(reader, Q_USER_COUNT), &seen), ERR_NONE);
    ck_assert_int_eq(settings_put(writer, "k1", "x", 1), ERR_NONE);
    return reader;
}

START_TEST(a_reader_that_does_not_let_go_is_waited_for_but_not_for_ever)
{
    struct db *db = rig_db();
    struct db *reader = begin_reading(db);
    int fd;
    ck_assert_int_eq(locks_open_write(rig_path(), &fd, NULL), ERR_NONE);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(checkpoint_all(db, fd, 100), ERR_BUSY);
    struct checkpoint checkpoint = {.db = db, .write_fd = fd};
    checkpoint_if_due(&checkpoint, 9000); /* past the bound: it waits for the reader a little */
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    ck_assert_int_eq(rig_logged("checkpoints fail"), 1);
    ck_assert_int_eq(rig_logged("outcome=busy"), 1);
    db_rollback(reader);
    checkpoint_if_due(&checkpoint, 10000);
    ck_assert_int_eq(rig_logged("checkpoints work again"), 1);
    ck_assert_int_eq(checkpoint_all(db, fd, 100), ERR_NONE);
    db_close(reader);
    file_close(&fd);
}
END_TEST

/* Readers that end, but overlap, are waited for in the end; one that never does costs no more than
 * a tenth of a second for 1,000 pages. */
START_TEST(readers_are_waited_for_longer_the_more_the_log_has_grown)
{
    static const struct {
        int64_t pages, next_restart;
        int wait_ms;
    } rows[] = {
        {8000, 0, 100}, /* the bound itself is passed by nobody's waiting */
        {9000, 10000, 200},
        {9999, 10000, 200},
        {10000, 12000, 400},
        {11000, 12000, 400},
        {12000, 16000, 800},
    };
    struct db *db = rig_db();
    struct db *reader = begin_reading(db);
    int fd;
    ck_assert_int_eq(locks_open_write(rig_path(), &fd, NULL), ERR_NONE);
    struct checkpoint checkpoint = {.db = db, .write_fd = fd};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        checkpoint_if_due(&checkpoint, rows[i].pages);
        ck_assert_int_eq(checkpoint.next_restart, rows[i].next_restart);
        ck_assert_int_eq(checkpoint.restart_wait_ms, rows[i].wait_ms);
    }
    ck_assert_int_eq(rig_logged("checkpoints fail"), 1);
    ck_assert_int_eq(rig_logged("checkpoints work again"), 0);
    db_rollback(reader);
    checkpoint_if_due(&checkpoint, 10); /* begun anew */
    ck_assert_int_eq(checkpoint.restart_wait_ms, 100);
    checkpoint_if_due(&checkpoint, 1000);
    ck_assert_int_eq(rig_logged("checkpoints work again"), 1);
    db_close(reader);
    file_close(&fd);
}
END_TEST

/* kill -9 */

static int told[2];

static enum err unfinished_unit(struct db *db, void *arg)
{
    struct put *put = arg;
    (void)put_unit(db, put);
    ck_assert_int_eq(write(told[1], "!", 1), 1);
    for (;;)
        (void)pause();
}

/* Commits k1 and k2, then is in the middle of k3 for ever. */
static void live_until_killed(void)
{
    struct store *store = rig_store();
    struct put put = {.n = 3};
    if (write_one(store, 1) || write_one(store, 2))
        _exit(1);
    (void)store_write(store, STORE_BEGIN, unfinished_unit, &put, rig_soon());
    _exit(1);
}

START_TEST(what_was_told_survives_kill_9_and_the_rest_does_not)
{
    ck_assert_int_eq(pipe(told), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child)
        live_until_killed();
    char byte;
    ck_assert_int_eq(read(told[0], &byte, 1), 1);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    struct stat st;
    ck_assert_int_eq(stat(rig_file("orders.db-wal"), &st), 0);
    ck_assert_int_gt(st.st_size, 0);
    struct store *store = rig_store();
    ck_assert_int_eq(stat(rig_file("orders.db-wal"), &st), 0);
    ck_assert_int_eq(st.st_size, 0); /* emptied before anybody reads */
    ck_assert(put_is_there(1) && put_is_there(2) && !put_is_there(3));
    ck_assert_int_eq(write_one(store, 3), ERR_NONE);
    store_close(store);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("store_processes");
    TCase *tc = new_case(suite, "lock");
    tcase_add_test(tc, a_second_orderd_is_refused_with_words);
    tcase_add_test(tc, a_database_behind_a_link_has_the_same_lock);
    tcase_add_test(tc, a_second_start_waits_for_the_first_to_end);
    tcase_add_test(tc, a_start_that_fails_says_why_and_lets_the_lock_go);
    tcase_add_test(tc, two_databases_have_two_stores);
    tcase_add_test(tc, all_files_are_ours_alone);
    tc = new_case(suite, "tool");
    tcase_add_test(tc, while_a_tool_writes_units_wait_and_can_be_withdrawn);
    tcase_add_test(tc, a_tool_gets_in_under_load_and_what_it_wrote_is_seen);
    tcase_add_test(tc, a_lock_that_is_never_let_go_is_told_and_heals_without_traffic);
    tcase_add_test(tc, closing_while_a_tool_writes_ends_with_the_units_deadlines);
    tcase_add_test(tc, no_checkpoint_while_a_tool_writes);
    tcase_add_test(tc, a_reader_that_does_not_let_go_is_waited_for_but_not_for_ever);
    tcase_add_test(tc, readers_are_waited_for_longer_the_more_the_log_has_grown);
    tc = new_case(suite, "kill");
    tcase_add_test(tc, what_was_told_survives_kill_9_and_the_rest_does_not);
    return unit_run(suite);
}
