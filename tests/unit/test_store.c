/* db/store with one process and a healthy disk: groups, refusals, deadlines. Readers and the thread
 * are in test_store_thread, full and failing disks in test_store_faults, other processes in
 * test_store_processes. */
#include <sys/stat.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "db/users.h"

#include "db_rig.h"
#include "store_rig.h"
#include "unit.h"

/* Groups */

struct writer {
    struct store *store;
    int first;
    int count;
    bool is_poison;
    int failures;
    pthread_t thread;
};

static void *write_many(void *arg)
{
    struct writer *writer = arg;
    for (int i = 0; i < writer->count; i++) {
        struct put put = {.n = writer->first + i, .is_broken = writer->is_poison};
        enum err e = store_write(writer->store, STORE_BEGIN, put_unit, &put, rig_soon());
        writer->failures += e != ERR_NONE;
    }
    return NULL;
}

static void run_writers(struct writer *writers, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
}

START_TEST(what_many_threads_write_is_all_there)
{
    struct store *store = rig_store();
    struct writer writers[12];
    for (int i = 0; i < 12; i++)
        writers[i] = (struct writer){.store = store, .first = 1000 * i, .count = 40};
    run_writers(writers, 12);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(writers[i].failures, 0);
    ck_assert_int_eq(put_count(), 12 * 40);
    ck_assert_int_eq(metrics_get(METRIC_store_units_total), 12 * 40);
    ck_assert_int_eq(metrics_get(METRIC_store_failures_total), 0);
    store_close(store);
}
END_TEST

START_TEST(a_poisoned_unit_harms_nobody_else)
{
    struct store *store = rig_store();
    struct writer writers[8];
    for (int i = 0; i < 8; i++)
        writers[i] =
            (struct writer){.store = store, .first = 1000 * i, .count = 30, .is_poison = i == 3};
    run_writers(writers, 8);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(writers[i].failures, i == 3 ? 30 : 0);
    ck_assert_int_eq(put_count(), 7 * 30);
    ck_assert_int_eq(metrics_get(METRIC_store_failures_total), 30);
    store_close(store);
}
END_TEST

/* Runs the three as one group behind a gate. */
static void run_three(struct store *store, struct put *puts, enum err *results)
{
    struct job jobs[3];
    int64_t groups = metrics_get(METRIC_store_groups_total);
    for (int i = 0; i < 3; i++)
        jobs[i] = job_of(store, put_unit, &puts[i]);
    jobs_run(jobs, 3);
    for (int i = 0; i < 3; i++)
        results[i] = jobs[i].result;
    ck_assert_int_eq(metrics_get(METRIC_store_groups_total) - groups, 1);
}

START_TEST(a_refusal_undoes_its_own_unit_only)
{
    struct store *store = rig_store();
    struct put puts[3] = {{.n = 1}, {.n = 2, .own = ERR_REFUSED}, {.n = 3}};
    enum err results[3];
    run_three(store, puts, results);
    ck_assert_int_eq(results[0], ERR_NONE);
    ck_assert_int_eq(results[1], ERR_REFUSED);
    ck_assert_int_eq(results[2], ERR_NONE);
    ck_assert(put_is_there(1) && !put_is_there(2) && put_is_there(3));
    ck_assert_int_eq(metrics_get(METRIC_store_failures_total), 0); /* it is an answer */
    store_close(store);
}
END_TEST

START_TEST(any_error_of_its_own_is_a_refusal)
{
    struct store *store = rig_store();
    struct put puts[3] = {{.n = 1, .own = ERR_NOT_FOUND}, {.n = 2, .own = ERR_FULL}, {.n = 3}};
    enum err results[3];
    run_three(store, puts, results);
    ck_assert_int_eq(results[0], ERR_NOT_FOUND);
    ck_assert_int_eq(results[1], ERR_FULL);
    ck_assert_int_eq(results[2], ERR_NONE);
    ck_assert_int_eq(put_count(), 1);
    ck_assert(!store_is_degraded(store)); /* the disk has said nothing */
    store_close(store);
}
END_TEST

START_TEST(a_hidden_error_is_the_truth_about_a_unit)
{
    struct store *store = rig_store();
    struct put puts[3] = {{.n = 1}, {.n = 2, .is_broken = true, .own = ERR_NONE}, {.n = 3}};
    enum err results[3];
    run_three(store, puts, results);
    ck_assert_int_eq(results[0], ERR_NONE);
    ck_assert_int_eq(results[1], ERR_BROKEN);
    ck_assert_int_eq(results[2], ERR_NONE);
    ck_assert(put_is_there(1) && !put_is_there(2) && put_is_there(3));
    ck_assert_int_eq(puts[0].runs, 2); /* once more with savepoints, since there was to undo */
    ck_assert_int_eq(puts[1].runs, 2);
    ck_assert_int_eq(puts[2].runs, 1);
    store_close(store);
}
END_TEST

static enum err refuse_unit(struct db *db, void *arg)
{
    int *runs = arg;
    (void)db;
    ++*runs;
    return ERR_REFUSED;
}

START_TEST(a_refusal_that_changed_nothing_costs_its_group_nothing)
{
    struct store *store = rig_store();
    struct put puts[2] = {{.n = 1}, {.n = 2}};
    int runs = 0;
    struct job jobs[3] = {
        job_of(store, put_unit, &puts[0]),
        job_of(store, refuse_unit, &runs),
        job_of(store, put_unit, &puts[1]),
    };
    jobs_run(jobs, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(jobs[i].result, i == 1 ? ERR_REFUSED : ERR_NONE);
    ck_assert(puts[0].runs == 1 && runs == 1 && puts[1].runs == 1);
    ck_assert_int_eq(put_count(), 2);
    store_close(store);
}
END_TEST

START_TEST(a_refusal_alone_is_undone_without_another_run)
{
    struct store *store = rig_store();
    struct put put = {.n = 1, .own = ERR_REFUSED};
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &put, rig_soon()), ERR_REFUSED);
    ck_assert_int_eq(put.runs, 1);
    ck_assert_int_eq(put_count(), 0);
    store_close(store);
}
END_TEST

START_TEST(a_group_has_no_more_units_than_was_said)
{
    struct store_options options = rig_options();
    options.group_max = 4;
    struct store *store;
    ck_assert_int_eq(store_open(&store, &options, NULL), ERR_NONE);
    struct job jobs[10];
    struct put puts[10];
    for (int i = 0; i < 10; i++) {
        puts[i] = (struct put){.n = i};
        jobs[i] = job_of(store, put_unit, &puts[i]);
    }
    jobs_run(jobs, 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(jobs[i].result, ERR_NONE);
    ck_assert_int_ge(metrics_get(METRIC_store_groups_total), 3);
    ck_assert_int_eq(put_count(), 10);
    store_close(store);
}
END_TEST

static enum err see_unit(struct db *db, void *arg)
{
    return users_count(db, arg);
}

static enum err user_unit(struct db *db, void *arg)
{
    (void)arg;
    struct user_new user = {"alice", "a@example.com", ROLE_USER, "h", 1};
    struct user_added added;
    return users_add(db, &user, &added);
}

START_TEST(nothing_is_seen_or_told_before_it_is_committed)
{
    struct store *store = rig_store();
    struct gate gate;
    struct job first = job_of(store, user_unit, NULL);
    struct job again = job_of(store, user_unit, NULL);
    gate_shut(&gate);
    job_start(&first);
    job_start(&again);
    int64_t seen = 7;
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(seen, 0);
    gate_open(&gate);
    ck_assert_int_eq(job_join(&first), ERR_NONE);
    ck_assert_int_eq(job_join(&again), ERR_REFUSED); /* saw the first, in the same group */
    ck_assert_int_eq(store_read(store, -1, see_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(seen, 1);
    store_close(store);
}
END_TEST

static enum err leave_open_unit(struct db *db, void *arg)
{
    (void)arg;
    struct query *query = db_query(db, Q_USER_COUNT);
    (void)query_row(query);
    return ERR_REFUSED;
}

START_TEST(a_kept_snapshot_shows_one_moment_until_it_is_let_go)
{
    struct store *store = rig_store();
    int64_t seen = 7;
    store_keep_snapshot(store, 0);
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(seen, 0);
    ck_assert_int_eq(store_write(store, STORE_BEGIN, user_unit, NULL, rig_soon()), ERR_NONE);
    ck_assert_int_eq(store_read(store, 0, leave_open_unit, NULL, rig_soon()), ERR_REFUSED);
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(seen, 0);
    store_let_go(store, 0);
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, rig_soon()), ERR_NONE);
    ck_assert_int_eq(seen, 1);
    store_keep_snapshot(store, 0); /* nothing is read in it */
    store_let_go(store, 0);
    store_close(store);
}
END_TEST

START_TEST(a_query_left_open_is_ended_for_the_next_unit)
{
    struct store *store = rig_store();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(
            store_write(store, STORE_BEGIN, leave_open_unit, NULL, rig_soon()), ERR_REFUSED);
    int64_t seen;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(store_read(store, 0, leave_open_unit, NULL, rig_soon()), ERR_REFUSED);
    ck_assert_int_eq(store_read(store, 0, see_unit, &seen, rig_soon()), ERR_NONE);
    store_close(store);
}
END_TEST

/* Deadlines and the queue */

START_TEST(a_withdrawn_unit_never_runs)
{
    struct store *store = rig_store();
    struct gate gate;
    struct put put = {.n = 1};
    gate_shut(&gate);
    ck_assert_int_eq(
        store_write(store, STORE_BEGIN, put_unit, &put, clock_mono_ms() + 50), ERR_TIMEOUT);
    gate_open(&gate);
    struct put next = {.n = 2};
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &next, rig_soon()), ERR_NONE);
    ck_assert_int_eq(put.runs, 0);
    ck_assert(!put_is_there(1));
    store_close(store);
}
END_TEST

START_TEST(the_queue_is_bounded_for_what_begins_only)
{
    struct store_options options = rig_options();
    options.queue_max = 2;
    struct store *store;
    ck_assert_int_eq(store_open(&store, &options, NULL), ERR_NONE);
    struct gate gate;
    struct put puts[4] = {{.n = 0}, {.n = 1}, {.n = 2}, {.n = 3}};
    struct job jobs[3];
    gate_shut(&gate);
    for (int i = 0; i < 3; i++) {
        jobs[i] = job_of(store, put_unit, &puts[i]);
        jobs[i].class = i < 2 ? STORE_BEGIN : STORE_FINISH;
        job_start(&jobs[i]);
    }
    ck_assert_int_eq(store_write(store, STORE_BEGIN, put_unit, &puts[3], rig_soon()), ERR_BUSY);
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(job_join(&jobs[i]), ERR_NONE);
    ck_assert_int_eq(puts[3].runs, 0);
    ck_assert_int_eq(put_count(), 3);
    store_close(store);
}
END_TEST

static void *close_store(void *arg)
{
    store_close(arg);
    return NULL;
}

START_TEST(closing_runs_what_is_queued)
{
    struct store *store = rig_store();
    struct gate gate;
    struct put puts[20];
    struct job jobs[20];
    gate_shut(&gate);
    for (int i = 0; i < 20; i++) {
        puts[i] = (struct put){.n = i};
        jobs[i] = job_of(store, put_unit, &puts[i]);
        job_start(&jobs[i]);
    }
    pthread_t closer;
    ck_assert_int_eq(pthread_create(&closer, NULL, close_store, store), 0);
    gate_open(&gate);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(job_join(&jobs[i]), ERR_NONE);
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    ck_assert_int_eq(put_count(), 20);
    struct stat st;
    ck_assert_int_eq(stat(rig_file("orders.db-wal"), &st), 0);
    ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(closing_nothing_is_harmless)
{
    store_close(NULL);
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

static void add_groups(TCase *tc)
{
    tcase_add_test(tc, what_many_threads_write_is_all_there);
    tcase_add_test(tc, a_poisoned_unit_harms_nobody_else);
    tcase_add_test(tc, a_refusal_undoes_its_own_unit_only);
    tcase_add_test(tc, any_error_of_its_own_is_a_refusal);
    tcase_add_test(tc, a_hidden_error_is_the_truth_about_a_unit);
    tcase_add_test(tc, a_refusal_that_changed_nothing_costs_its_group_nothing);
    tcase_add_test(tc, a_refusal_alone_is_undone_without_another_run);
    tcase_add_test(tc, a_group_has_no_more_units_than_was_said);
    tcase_add_test(tc, nothing_is_seen_or_told_before_it_is_committed);
    tcase_add_test(tc, a_query_left_open_is_ended_for_the_next_unit);
    tcase_add_test(tc, a_kept_snapshot_shows_one_moment_until_it_is_let_go);
}

static void add_queue(TCase *tc)
{
    tcase_add_test(tc, a_withdrawn_unit_never_runs);
    tcase_add_test(tc, the_queue_is_bounded_for_what_begins_only);
    tcase_add_test(tc, closing_runs_what_is_queued);
    tcase_add_test(tc, closing_nothing_is_harmless);
}

int main(void)
{
    Suite *suite = suite_create("store");
    add_groups(new_case(suite, "groups"));
    add_queue(new_case(suite, "queue"));
    return unit_run(suite);
}
