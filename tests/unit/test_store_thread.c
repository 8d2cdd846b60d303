/* db/store: its readers, its checkpoints, and the thread that commits. */
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "db/db_unit.h"
#include "db/settings.h"
#include "db/users.h"

#include "db_rig.h"
#include "store_rig.h"
#include "unit.h"

static enum err see_unit(struct db *db, void *arg)
{
    return users_count(db, arg);
}

/* Readers */

struct pair {
    struct store *store;
    int worker;
    atomic_bool *is_over;
    int64_t reads;
    bool differ;
    pthread_t thread;
};

static enum err write_pair_unit(struct db *db, void *arg)
{
    enum err e = settings_put(db, "left", arg, sizeof(int64_t));
    return e ? e : settings_put(db, "right", arg, sizeof(int64_t));
}

static int64_t read_one(struct db *db, const char *name)
{
    int64_t value = -1;
    size_t len;
    struct query *query = db_query(db, Q_SETTING_GET);
    query_text(query, 1, name);
    if (query_row(query))
        memcpy(&value, column_bytes(query, 0, &len), sizeof value);
    (void)query_end(query);
    return value;
}

static enum err read_pair_unit(struct db *db, void *arg)
{
    struct pair *pair = arg;
    int64_t left = read_one(db, "left");
    pair->differ |= left != read_one(db, "right");
    pair->reads++;
    return ERR_NONE;
}

static void *read_pairs(void *arg)
{
    struct pair *pair = arg;
    while (!atomic_load(pair->is_over))
        ck_assert_int_eq(
            store_read(pair->store, pair->worker, read_pair_unit, pair, rig_soon()), ERR_NONE);
    return NULL;
}

START_TEST(a_reader_sees_whole_units_only)
{
    struct store *store = rig_store();
    atomic_bool is_over = false;
    struct pair pairs[4];
    for (int i = 0; i < 4; i++) {
        pairs[i] = (struct pair){.store = store, .worker = i ? -1 : 0, .is_over = &is_over};
        ck_assert_int_eq(pthread_create(&pairs[i].thread, NULL, read_pairs, &pairs[i]), 0);
    }
    for (int64_t i = 0; i < 200; i++)
        ck_assert_int_eq(
            store_write(store, STORE_BEGIN, write_pair_unit, &i, rig_soon()), ERR_NONE);
    atomic_store(&is_over, true);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(pairs[i].thread, NULL), 0);
        ck_assert(!pairs[i].differ);
        ck_assert_int_gt(pairs[i].reads, 0);
    }
    store_close(store);
}
END_TEST

static enum err write_unit(struct db *db, void *arg)
{
    (void)arg;
    (void)settings_put(db, "k1", "x", 1);
    return ERR_NONE;
}

START_TEST(a_read_that_writes_is_broken_whatever_it_says)
{
    struct store *store = rig_store();
    ck_assert_int_eq(store_read(store, 0, write_unit, NULL, rig_soon()), ERR_BROKEN);
    int64_t seen;
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(put_count(), 0);
    store_close(store);
}
END_TEST

struct holder {
    struct store *store;
    sem_t entered;
    sem_t go;
    pthread_t thread;
};

static enum err hold_unit(struct db *db, void *arg)
{
    struct holder *holder = arg;
    (void)db;
    sem_post(&holder->entered);
    while (sem_wait(&holder->go))
        ;
    return ERR_NONE;
}

static void *hold_reader(void *arg)
{
    struct holder *holder = arg;
    ck_assert_int_eq(store_read(holder->store, -1, hold_unit, holder, rig_soon()), ERR_NONE);
    return NULL;
}

static void hold_begin(struct holder *holder, struct store *store)
{
    holder->store = store;
    sem_init(&holder->entered, 0, 0);
    sem_init(&holder->go, 0, 0);
    ck_assert_int_eq(pthread_create(&holder->thread, NULL, hold_reader, holder), 0);
    while (sem_wait(&holder->entered))
        ;
}

static void hold_end(struct holder *holder)
{
    sem_post(&holder->go);
    ck_assert_int_eq(pthread_join(holder->thread, NULL), 0);
}

START_TEST(who_waits_for_a_shared_reader_waits_until_its_deadline)
{
    struct store *store = rig_store();
    struct holder holders[2];
    hold_begin(&holders[0], store);
    hold_begin(&holders[1], store);
    int64_t seen;
    ck_assert_int_eq(store_read(store, -1, see_unit, &seen, clock_mono_ms() + 30), ERR_TIMEOUT);
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, 0), ERR_NONE); /* has its own */
    hold_end(&holders[0]);
    ck_assert_int_eq(store_read(store, -1, see_unit, &seen, rig_soon()), ERR_NONE);
    hold_end(&holders[1]);
    store_close(store);
}
END_TEST

START_TEST(misuse_a_worker_that_has_no_reader)
{
    int64_t seen;
    (void)store_read(rig_store(), 1, see_unit, &seen, rig_soon());
}
END_TEST

/* Checkpoints */

struct constant_reader {
    struct store *store;
    atomic_bool *is_over;
    int hold_ms;
    sem_t *mine;
    sem_t *others;
    pthread_t thread;
};

/* A slow read that ends only after the other reader has begun: there is never a moment without an
 * old snapshot. */
static enum err overlap_unit(struct db *db, void *arg)
{
    struct constant_reader *reader = arg;
    int64_t seen;
    enum err e = users_count(db, &seen);
    sem_post(reader->others);
    clock_sleep_until(clock_mono_ms() + reader->hold_ms);
    while (sem_wait(reader->mine))
        ;
    return e;
}

static void *read_constantly(void *arg)
{
    struct constant_reader *reader = arg;
    while (!atomic_load(reader->is_over))
        ck_assert_int_eq(store_read(reader->store, -1, overlap_unit, reader, rig_soon()), ERR_NONE);
    sem_post(reader->others);
    return NULL;
}

/* Units of 2 MiB, by their numbers; the most pages that the log had. */
static int64_t write_much(struct store *store, int first, int end)
{
    int64_t most = 0;
    for (int i = first; i < end; i++) {
        struct put put = {.n = i, .len = 2 * 1024 * 1024};
        ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_NONE);
        int64_t pages = metrics_get(METRIC_wal_pages);
        most = pages > most ? pages : most;
    }
    return most;
}

START_TEST(the_log_stays_bounded_under_constant_readers)
{
    static const struct {
        int hold_ms, units;
        int64_t most; /* of the 20,000 and 30,000 pages that are written */
    } rows[] = {{15, 40, 12000}, {150, 60, 24000}};
    struct store *store = rig_store();
    atomic_bool is_over = false;
    sem_t turns[2];
    struct constant_reader readers[2];
    sem_init(&turns[0], 0, 0);
    sem_init(&turns[1], 0, 0);
    for (int i = 0; i < 2; i++) {
        readers[i] = (struct constant_reader){.store = store,
            .is_over = &is_over,
            .hold_ms = rows[_i].hold_ms,
            .mine = &turns[i],
            .others = &turns[1 - i]};
        ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_constantly, &readers[i]), 0);
    }
    int64_t most = write_much(store, 0, rows[_i].units);
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
    ck_assert_int_gt(most, 1000);
    ck_assert_int_lt(most, rows[_i].most);
    ck_assert_int_gt(metrics_get(METRIC_checkpoints_total), 10);
    store_close(store);
}
END_TEST

static int64_t log_bytes(void)
{
    struct stat st;
    ck_assert_int_eq(stat(arena_printf(&rig_arena, "%s-wal", rig_path()), &st), 0);
    return st.st_size;
}

/* Nothing helps as long as it stands; writes go on. */
START_TEST(a_log_that_one_reader_let_grow_is_cut_when_it_has_gone)
{
    const int64_t limit = 32 * 1024 * 1024;
    struct store *store = rig_store();
    struct db *reader;
    int64_t seen;
    ck_assert_int_eq(db_open(&reader, rig_path(), DB_READER, NULL), ERR_NONE);
    ck_assert_int_eq(db_begin(reader), ERR_NONE);
    ck_assert_int_eq(query_count(db_query(reader, Q_USER_COUNT), &seen), ERR_NONE);
    ck_assert_int_gt(write_much(store, 0, 24), 12000);
    ck_assert_int_gt(log_bytes(), limit);
    ck_assert_int_eq(rig_logged("checkpoints fail"), 1);
    db_rollback(reader);
    (void)write_much(store, 24, 34); /* enough for the next time that readers are waited for */
    ck_assert_int_le(log_bytes(), limit);
    db_close(reader);
    store_close(store);
}
END_TEST

START_TEST(not_every_commit_makes_a_checkpoint)
{
    struct store *store = rig_store();
    int64_t before = metrics_get(METRIC_checkpoints_total);
    for (int i = 0; i < 20; i++) {
        struct put put = {.n = i};
        ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_NONE);
    }
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), before);
    store_close(store);
}
END_TEST

struct held {
    sem_t begun;
    sem_t go;
};

static enum err held_unit(struct db *db, void *arg)
{
    struct held *held = arg;
    int64_t seen;
    enum err e = users_count(db, &seen);
    sem_post(&held->begun);
    while (sem_wait(&held->go))
        ;
    return e;
}

struct held_read {
    struct store *store;
    struct held *held;
};

static void *read_held(void *arg)
{
    struct held_read *read = arg;
    ck_assert_int_eq(store_read(read->store, -1, held_unit, read->held, rig_soon()), ERR_NONE);
    return NULL;
}

static enum err idle_unit(struct db *db, void *arg)
{
    (void)db, (void)arg;
    return ERR_NONE;
}

/* A snapshot keeps the log from beginning anew; that a commit had nothing to write does not mean
 * that it has. */
START_TEST(a_commit_without_writes_makes_no_checkpoint_due)
{
    struct store *store = rig_store();
    struct held held;
    pthread_t thread;
    sem_init(&held.begun, 0, 0);
    sem_init(&held.go, 0, 0);
    struct held_read read = {.store = store, .held = &held};
    ck_assert_int_eq(pthread_create(&thread, NULL, read_held, &read), 0);
    while (sem_wait(&held.begun))
        ;
    for (int i = 100; i < 103; i++) {
        struct put big = {.n = i, .len = 2 * 1024 * 1024};
        ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &big, rig_soon()), ERR_NONE);
    }
    /* The next outcome comes after the checkpoint that this one has made due. */
    ck_assert_int_eq(store_write(store, STORE_BEGIN, idle_unit, NULL, rig_soon()), ERR_NONE);
    int64_t before = metrics_get(METRIC_checkpoints_total);
    for (int i = 1; i < 10; i++) {
        struct put put = {.n = i};
        ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_NONE);
        ck_assert_int_eq(store_write(store, STORE_BEGIN, idle_unit, NULL, rig_soon()), ERR_NONE);
    }
    ck_assert_int_gt(metrics_get(METRIC_wal_pages), 1000);
    ck_assert_int_eq(metrics_get(METRIC_checkpoints_total), before);
    sem_post(&held.go);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    store_close(store);
}
END_TEST

/* The thread */

static int64_t status_number(int thread, const char *key, int base)
{
    char path[64];
    char line[256];
    int64_t number = -1;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, key, strlen(key)))
            number = (int64_t)strtoull(line + strlen(key), NULL, base);
    (void)fclose(file);
    return number;
}

/* The time itself is what is tested. */
static bool sleeps_for_a_while(int thread)
{
    int64_t before = status_number(thread, "voluntary_ctxt_switches:", 10);
    clock_sleep_until(clock_mono_ms() + 300);
    ck_assert_int_ge(before, 0);
    return status_number(thread, "voluntary_ctxt_switches:", 10) == before;
}

/* Sooner or later: it may have been held up before it had nothing to do. */
START_TEST(an_idle_committer_sleeps)
{
    struct store *store = rig_store();
    struct put put = {.n = 1};
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_NONE);
    int thread = committer_thread();
    int windows = 20;
    while (!sleeps_for_a_while(thread))
        ck_assert_int_gt(--windows, 0);
    store_close(store);
}
END_TEST

START_TEST(signals_are_not_for_the_committer)
{
    struct store *store = rig_store();
    struct put put = {.n = 1};
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_NONE);
    int64_t blocked = status_number(committer_thread(), "SigBlk:", 16);
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        ck_assert(blocked & 1LL << (signals[i] - 1));
    sigset_t ours;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &ours), 0);
    ck_assert(!sigismember(&ours, SIGTERM));
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

static void add_readers(TCase *tc)
{
    tcase_add_test(tc, a_reader_sees_whole_units_only);
    tcase_add_test(tc, a_read_that_writes_is_broken_whatever_it_says);
    tcase_add_test(tc, who_waits_for_a_shared_reader_waits_until_its_deadline);
    tcase_add_test_raise_signal(tc, misuse_a_worker_that_has_no_reader, SIGABRT);
}

static void add_thread(TCase *tc)
{
    tcase_add_loop_test(tc, the_log_stays_bounded_under_constant_readers, 0, 2);
    tcase_add_test(tc, a_log_that_one_reader_let_grow_is_cut_when_it_has_gone);
    tcase_add_test(tc, not_every_commit_makes_a_checkpoint);
    tcase_add_test(tc, a_commit_without_writes_makes_no_checkpoint_due);
    tcase_add_test(tc, an_idle_committer_sleeps);
    tcase_add_test(tc, signals_are_not_for_the_committer);
}

int main(void)
{
    Suite *suite = suite_create("store_thread");
    add_readers(new_case(suite, "readers"));
    add_thread(new_case(suite, "thread"));
    return unit_run(suite);
}
