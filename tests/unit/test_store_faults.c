/* db/store on a disk that is full or fails. The faults really happen: files may not grow
 * (RLIMIT_FSIZE), and this program's own pwrite64() and fdatasync() stand before the C library's,
 * so that SQLite gets the error from the system call. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/metrics.h"
#include "db/checkpoint.h"
#include "db/locks.h"
#include "db/settings.h"
#include "db/users.h"

#include "db_rig.h"
#include "store_rig.h"
#include "unit.h"

/* So many of the next calls fail, with that error; -1: all of them. */
static atomic_int failing_syncs;
static atomic_int failing_writes;
static atomic_int write_error;

#define FOR_LIBRARIES_TOO __attribute__((visibility("default")))
FOR_LIBRARIES_TOO int fdatasync(int fd);
FOR_LIBRARIES_TOO ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at);

static bool is_to_fail(atomic_int *left)
{
    int now = atomic_load(left);
    if (now > 0)
        atomic_fetch_sub(left, 1);
    return now != 0;
}

int fdatasync(int fd)
{
    if (!is_to_fail(&failing_syncs))
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

/* The log and the database; not the -shm, without which nothing can be opened. */
static bool is_file_of_database(int fd)
{
    char link[64];
    char path[512];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 4 && memcmp(path + len - 4, "-shm", 4) != 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    if (!is_file_of_database(fd) || !is_to_fail(&failing_writes))
        return syscall(SYS_pwrite64, fd, bytes, len, at);
    errno = atomic_load(&write_error);
    return -1;
}

static void begin(void)
{
    rig_begin();
    (void)signal(SIGXFSZ, SIG_IGN);
}

static enum err write_one(struct store *store, int n)
{
    struct put put = {.n = n};
    return store_write(store, STORE_BEGIN, put_unit, &put, rig_soon());
}

/* What a restart after a power cut right now would find: the files as they are, elsewhere. */
static void copy_file(const char *name, const char *to)
{
    char *bytes;
    size_t len;
    ck_assert_int_eq(file_read(&rig_arena, rig_file(name), 1 << 28, &bytes, &len, NULL), ERR_NONE);
    ck_assert_int_eq(file_replace(to, bytes, len, 0600, NULL), ERR_NONE);
}

static bool is_found_after_a_restart(const char *name)
{
    (void)mkdir(rig_file("later"), 0700);
    const char *path = rig_file("later/orders.db");
    (void)unlink(rig_file("later/orders.db-shm"));
    copy_file("orders.db", path);
    copy_file("orders.db-wal", rig_file("later/orders.db-wal"));
    struct db *db;
    ck_assert_int_eq(db_open(&db, path, DB_WRITER, NULL), ERR_NONE);
    struct query *query = db_query(db, Q_SETTING_GET);
    query_text(query, 1, name);
    bool found = query_row(query);
    ck_assert_int_eq(query_end(query), ERR_NONE);
    db_close(db);
    return found;
}

/* In the middle of a unit */

START_TEST(a_unit_that_fills_the_disk_fails_alone)
{
    struct store *store = rig_store();
    struct put puts[5] = {
        {.n = 0}, {.n = 1}, {.n = 2, .is_too_big = true}, {.n = 3}, {.n = 4, .own = ERR_REFUSED}};
    struct job jobs[5];
    for (int i = 0; i < 5; i++)
        jobs[i] = job_of(store, put_unit, &puts[i]);
    jobs_run(jobs, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(jobs[i].result, i == 2 ? ERR_FULL : i == 4 ? ERR_REFUSED : ERR_NONE);
    ck_assert(put_is_there(0) && put_is_there(1) && put_is_there(3));
    ck_assert_int_eq(put_count(), 3);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM settings WHERE name = 'big'"), 0);
    ck_assert_int_eq(puts[0].runs, 2); /* with the others, then alone */
    ck_assert_int_eq(puts[2].runs, 2);
    ck_assert_int_eq(puts[3].runs, 2); /* the refusal after it has something to undo */
    store_close(store);
}
END_TEST

START_TEST(a_unit_alone_in_its_group_is_not_run_again)
{
    struct store *store = rig_store();
    struct put put = {.n = 1, .is_too_big = true};
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_FULL);
    ck_assert_int_eq(put.runs, 1);
    ck_assert(store_is_degraded(store));
    ck_assert_int_eq(write_one(store, 2), ERR_NONE);
    ck_assert(!store_is_degraded(store));
    ck_assert_int_eq(put_count(), 1);
    store_close(store);
}
END_TEST

struct writer {
    struct store *store;
    int number;
    int wrong;
    pthread_t thread;
};

static void *write_many(void *arg)
{
    struct writer *writer = arg;
    for (int i = 0; i < 15; i++) {
        struct put put = {.n = 1000 * writer->number + i, .is_too_big = writer->number == 2};
        enum err e = store_write(writer->store, STORE_BEGIN, put_unit, &put, rig_soon());
        writer->wrong += e != (writer->number == 2 ? ERR_FULL : ERR_NONE);
    }
    return NULL;
}

START_TEST(full_units_among_many_threads_harm_nobody_else)
{
    struct store *store = rig_store();
    struct writer writers[6];
    for (int i = 0; i < 6; i++) {
        writers[i] = (struct writer){.store = store, .number = i};
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
        ck_assert_int_eq(writers[i].wrong, 0);
    }
    ck_assert_int_eq(put_count(), 5 * 15);
    store_close(store);
}
END_TEST

/* At the commit: full */

/* From now on no file grows past what the log has; SIZE_MAX: they may again. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_disk(void)
{
    struct stat st;
    ck_assert_int_eq(stat(rig_file("orders.db-wal"), &st), 0);
    limit_files((rlim_t)st.st_size);
}

static enum err count_unit(struct db *db, void *arg)
{
    return users_count(db, arg);
}

START_TEST(a_full_disk_at_the_commit_is_everybodys_and_nothing_is_written)
{
    struct store *store = rig_store();
    ck_assert_int_eq(write_one(store, 9), ERR_NONE);
    struct gate gate;
    struct put puts[3] = {{.n = 0}, {.n = 1, .own = ERR_REFUSED}, {.n = 2}};
    struct job jobs[3];
    gate_shut(&gate);
    for (int i = 0; i < 3; i++) {
        jobs[i] = job_of(store, put_unit, &puts[i]);
        job_start(&jobs[i]);
    }
    fill_disk();
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(job_join(&jobs[i]), ERR_FULL);
    ck_assert(store_is_degraded(store));
    int64_t seen;
    ck_assert_int_eq(store_read(store, 0, count_unit, &seen, rig_soon()), ERR_NONE);
    limit_files(RLIM_INFINITY);
    ck_assert(!is_found_after_a_restart("k0") && !is_found_after_a_restart("k2"));
    ck_assert(is_found_after_a_restart("k9"));
    store_close(store);
}
END_TEST

START_TEST(a_full_disk_heals_without_traffic_and_is_told_twice)
{
    struct store *store = rig_store();
    ck_assert_int_eq(write_one(store, 0), ERR_NONE);
    fill_disk();
    for (int i = 1; i < 6; i++)
        ck_assert_int_eq(write_one(store, i), ERR_FULL);
    ck_assert(store_is_degraded(store));
    limit_files(RLIM_INFINITY);
    wait_until_degraded(store, false);
    ck_assert_int_eq(rig_logged("writes fail"), 1);
    ck_assert_int_eq(rig_logged("outcome=full"), 1);
    ck_assert_int_eq(rig_logged("writes work again"), 1);
    ck_assert_int_eq(put_count(), 1);
    ck_assert_int_eq(write_one(store, 6), ERR_NONE);
    store_close(store);
}
END_TEST

static enum err refuse_unit(struct db *db, void *arg)
{
    (void)db;
    (void)arg;
    return ERR_REFUSED;
}

START_TEST(an_idle_store_in_trouble_stays_so_until_a_probe_is_written)
{
    struct store *store = rig_store();
    ck_assert_int_eq(write_one(store, 0), ERR_NONE);
    int64_t groups = metrics_get(METRIC_store_groups_total);
    fill_disk();
    ck_assert_int_eq(write_one(store, 1), ERR_FULL);
    ck_assert_int_eq(store_write(store, STORE_BEGIN, refuse_unit, NULL, rig_soon()), ERR_REFUSED);
    ck_assert(store_is_degraded(store));       /* a group that wrote nothing says nothing */
    clock_sleep_until(clock_mono_ms() + 1200); /* one probe at least, which fails */
    ck_assert(store_is_degraded(store));
    ck_assert_int_eq(metrics_get(METRIC_store_groups_total), groups);
    limit_files(RLIM_INFINITY);
    wait_until_degraded(store, false);
    store_close(store);
}
END_TEST

START_TEST(a_write_that_says_no_space_or_no_quota_is_full)
{
    static const int errors[] = {ENOSPC, EDQUOT, EFBIG};
    struct store *store = rig_store();
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        atomic_store(&write_error, errors[i]);
        atomic_store(&failing_writes, 1);
        ck_assert_int_eq(write_one(store, (int)i), ERR_FULL);
        ck_assert_int_eq(failing_writes, 0);
    }
    ck_assert_int_eq(put_count(), 0);
    ck_assert_int_eq(write_one(store, 7), ERR_NONE);
    store_close(store);
}
END_TEST

/* At the commit: unknown */

START_TEST(a_sync_that_fails_leaves_the_outcome_unknown)
{
    struct store *store = rig_store();
    ck_assert_int_eq(write_one(store, 0), ERR_NONE);
    atomic_store(&failing_syncs, 1);
    ck_assert_int_eq(write_one(store, 1), ERR_UNKNOWN);
    ck_assert(store_is_degraded(store));
    ck_assert(!put_is_there(1)); /* as far as this process can see */
    ck_assert(is_found_after_a_restart("k1"));
    store_close(store);
}
END_TEST

START_TEST(after_an_unknown_commit_a_later_one_settles_that_it_was_not)
{
    struct store *store = rig_store();
    ck_assert_int_eq(write_one(store, 0), ERR_NONE);
    atomic_store(&failing_syncs, 1);
    struct put large = {.n = 1, .len = 100 * 1024};
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &large, rig_soon()), ERR_UNKNOWN);
    ck_assert(is_found_after_a_restart("k1"));
    ck_assert_int_eq(write_one(store, 2), ERR_NONE);
    ck_assert(!is_found_after_a_restart("k1"));
    ck_assert(is_found_after_a_restart("k2"));
    ck_assert(!store_is_degraded(store));
    store_close(store);
    ck_assert(!put_is_there(1));
}
END_TEST

START_TEST(an_unknown_commit_is_everybodys)
{
    struct store *store = rig_store();
    struct gate gate;
    struct put puts[3] = {{.n = 0}, {.n = 1, .own = ERR_REFUSED}, {.n = 2, .is_broken = true}};
    struct job jobs[3];
    gate_shut(&gate);
    for (int i = 0; i < 3; i++) {
        jobs[i] = job_of(store, put_unit, &puts[i]);
        job_start(&jobs[i]);
    }
    atomic_store(&failing_syncs, 1);
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(job_join(&jobs[i]), ERR_UNKNOWN);
    store_close(store);
}
END_TEST

START_TEST(a_write_that_fails_is_unknown_too)
{
    struct store *store = rig_store();
    atomic_store(&write_error, EIO);
    atomic_store(&failing_writes, 1);
    ck_assert_int_eq(write_one(store, 1), ERR_UNKNOWN);
    ck_assert_int_eq(write_one(store, 2), ERR_NONE);
    ck_assert_int_eq(put_count(), 1);
    store_close(store);
}
END_TEST

START_TEST(a_dead_disk_is_told_once_and_reads_go_on)
{
    struct store *store = rig_store();
    atomic_store(&failing_syncs, -1);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(write_one(store, i), ERR_UNKNOWN);
        int64_t seen;
        ck_assert_int_eq(store_read(store, -1, count_unit, &seen, rig_soon()), ERR_NONE);
    }
    ck_assert_int_eq(rig_logged("writes fail"), 1);
    atomic_store(&failing_syncs, 0);
    wait_until_degraded(store, false);
    store_close(store);
    ck_assert_int_eq(put_count(), 0);
}
END_TEST

/* At start and stop */

/* As a process that was killed would. */
static void leave_a_log(void)
{
    struct db *db = rig_db();
    ck_assert_int_eq(settings_put(db, "k1", "x", 1), ERR_NONE);
    rig_db_close();
}

START_TEST(a_disk_that_fails_refuses_the_start)
{
    leave_a_log();
    struct store_options options = rig_options();
    struct store *store;
    struct fault fault;
    fault_begin(&fault, NULL);
    atomic_store(&failing_syncs, -1);
    ck_assert_int_eq(store_open(&store, &options, &fault), ERR_IO);
    ck_assert_ptr_null(store);
    ck_assert(strstr(fault.text, "cannot sync the write-ahead log"));
    atomic_store(&failing_syncs, 0);
    ck_assert_int_eq(store_open(&store, &options, NULL), ERR_NONE); /* the lock was let go */
    ck_assert(put_is_there(1));
    store_close(store);
}
END_TEST

START_TEST(a_full_disk_does_not_refuse_the_start)
{
    leave_a_log();
    struct store_options options = rig_options();
    struct store *store;
    atomic_store(&write_error, ENOSPC);
    atomic_store(&failing_writes, -1);
    ck_assert_int_eq(store_open(&store, &options, NULL), ERR_NONE);
    int64_t seen;
    ck_assert_int_eq(store_read(store, 0, count_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(write_one(store, 2), ERR_FULL);
    atomic_store(&failing_writes, 0);
    ck_assert_int_eq(write_one(store, 3), ERR_NONE);
    store_close(store);
    ck_assert(put_is_there(1) && !put_is_there(2) && put_is_there(3));
}
END_TEST

START_TEST(a_stop_whose_checkpoint_fails_loses_nothing)
{
    struct store *store = rig_store();
    ck_assert_int_eq(write_one(store, 1), ERR_NONE);
    atomic_store(&failing_syncs, -1);
    store_close(store);
    atomic_store(&failing_syncs, 0);
    ck_assert_int_eq(rig_logged("write-ahead log not emptied"), 1);
    store = rig_store();
    ck_assert(put_is_there(1));
    store_close(store);
}
END_TEST

START_TEST(checkpoints_that_fail_are_told_once_and_lose_nothing)
{
    struct db *db = rig_db();
    int fd;
    ck_assert_int_eq(locks_open_write(rig_path(), &fd, NULL), ERR_NONE);
    ck_assert_int_eq(settings_put(db, "k1", "x", 1), ERR_NONE);
    struct checkpoint checkpoint = {.db = db, .write_fd = fd};
    atomic_store(&failing_syncs, -1);
    checkpoint_if_due(&checkpoint, 1000);
    checkpoint_if_due(&checkpoint, 2000);
    ck_assert_int_eq(rig_logged("checkpoints fail"), 1);
    atomic_store(&failing_syncs, 0);
    checkpoint_if_due(&checkpoint, 3000);
    checkpoint_if_due(&checkpoint, 4000);
    ck_assert_int_eq(rig_logged("checkpoints work again"), 1);
    ck_assert(put_is_there(1));
    file_close(&fd);
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

static void add_full(TCase *tc)
{
    tcase_add_test(tc, a_unit_that_fills_the_disk_fails_alone);
    tcase_add_test(tc, a_unit_alone_in_its_group_is_not_run_again);
    tcase_add_test(tc, full_units_among_many_threads_harm_nobody_else);
    tcase_add_test(tc, a_full_disk_at_the_commit_is_everybodys_and_nothing_is_written);
    tcase_add_test(tc, a_full_disk_heals_without_traffic_and_is_told_twice);
    tcase_add_test(tc, an_idle_store_in_trouble_stays_so_until_a_probe_is_written);
    tcase_add_test(tc, a_write_that_says_no_space_or_no_quota_is_full);
}

static void add_unknown(TCase *tc)
{
    tcase_add_test(tc, a_sync_that_fails_leaves_the_outcome_unknown);
    tcase_add_test(tc, after_an_unknown_commit_a_later_one_settles_that_it_was_not);
    tcase_add_test(tc, an_unknown_commit_is_everybodys);
    tcase_add_test(tc, a_write_that_fails_is_unknown_too);
    tcase_add_test(tc, a_dead_disk_is_told_once_and_reads_go_on);
}

static void add_ends(TCase *tc)
{
    tcase_add_test(tc, a_disk_that_fails_refuses_the_start);
    tcase_add_test(tc, a_full_disk_does_not_refuse_the_start);
    tcase_add_test(tc, a_stop_whose_checkpoint_fails_loses_nothing);
    tcase_add_test(tc, checkpoints_that_fail_are_told_once_and_lose_nothing);
}

int main(void)
{
    Suite *suite = suite_create("store_faults");
    add_full(new_case(suite, "full"));
    add_unknown(new_case(suite, "unknown"));
    add_ends(new_case(suite, "ends"));
    return unit_run(suite);
}
