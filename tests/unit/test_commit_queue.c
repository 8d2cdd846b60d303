/* db/commit_queue: who waits, who is taken, who comes back. No database. */
#include <signal.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "db/commit_queue.h"

#include "unit.h"

static struct commit_queue queue;

static void begin(void)
{
    commit_queue_init(&queue, 3);
}

static void end(void)
{
    commit_queue_fini(&queue);
}

static enum err nothing(struct db *db, void *arg)
{
    (void)db;
    (void)arg;
    return ERR_NONE;
}

/* A caller in a thread of its own; arg tells units apart. */
struct caller {
    pthread_t thread;
    enum store_class class;
    int64_t deadline_ms;
    enum err result;
};

static void *call(void *arg)
{
    struct caller *caller = arg;
    caller->result = commit_queue_run(&queue, caller->class, nothing, caller, caller->deadline_ms);
    return NULL;
}

static int has_waiting(void *arg)
{
    return metrics_get(METRIC_store_waiting) == *(int *)arg;
}

/* Returns once the unit is queued. */
static void caller_start(struct caller *caller, int timeout_ms)
{
    int count = (int)metrics_get(METRIC_store_waiting) + 1;
    caller->deadline_ms = clock_mono_ms() + timeout_ms;
    ck_assert_int_eq(pthread_create(&caller->thread, NULL, call, caller), 0);
    unit_wait(has_waiting, &count, "a unit to be queued");
}

static enum err caller_join(struct caller *caller)
{
    ck_assert_int_eq(pthread_join(caller->thread, NULL), 0);
    return caller->result;
}

static struct commit_unit *take(size_t group_len, const struct caller *expected)
{
    struct commit_unit *unit = commit_queue_take(&queue, group_len);
    ck_assert_ptr_nonnull(unit);
    ck_assert_ptr_eq(unit->arg, expected);
    return unit;
}

START_TEST(what_is_not_taken_in_time_is_withdrawn)
{
    int64_t deadline_ms = clock_mono_ms() + 30;
    ck_assert_int_eq(
        commit_queue_run(&queue, STORE_BEGIN, nothing, NULL, deadline_ms), ERR_TIMEOUT);
    ck_assert_int_ge(clock_mono_ms(), deadline_ms);
    ck_assert_ptr_null(commit_queue_take(&queue, 0));
    ck_assert(commit_queue_is_empty(&queue));
}
END_TEST

START_TEST(a_deadline_that_has_passed_withdraws_at_once)
{
    ck_assert_int_eq(commit_queue_run(&queue, STORE_BEGIN, nothing, NULL, 0), ERR_TIMEOUT);
    ck_assert_int_eq(commit_queue_run(&queue, STORE_FINISH, nothing, NULL, -5), ERR_TIMEOUT);
}
END_TEST

START_TEST(what_is_taken_waits_for_its_outcome_past_the_deadline)
{
    struct caller caller = {0};
    caller_start(&caller, 2000);
    struct commit_unit *unit = take(0, &caller);
    clock_sleep_until(caller.deadline_ms + 50); /* the time itself is what is tested */
    commit_queue_settle(unit, ERR_FULL);
    ck_assert_int_eq(caller_join(&caller), ERR_FULL);
}
END_TEST

START_TEST(a_full_queue_refuses_what_begins_and_takes_what_ends)
{
    struct caller callers[5] = {{.class = STORE_BEGIN}};
    callers[3].class = callers[4].class = STORE_FINISH;
    for (int i = 0; i < 3; i++)
        caller_start(&callers[i], 20000);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(
        commit_queue_run(&queue, STORE_BEGIN, nothing, NULL, before + 20000), ERR_BUSY);
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    caller_start(&callers[3], 20000);
    caller_start(&callers[4], 20000);
    for (int i = 0; i < 5; i++)
        commit_queue_settle(take((size_t)i, &callers[i]), ERR_NONE);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(caller_join(&callers[i]), ERR_NONE);
}
END_TEST

START_TEST(each_caller_gets_the_result_of_its_own_unit)
{
    static const enum err results[] = {ERR_REFUSED, ERR_NONE, ERR_UNKNOWN};
    struct caller callers[3] = {{0}};
    struct commit_unit *units[3];
    for (int i = 0; i < 3; i++) {
        caller_start(&callers[i], 20000);
        units[i] = take((size_t)i, &callers[i]);
    }
    for (int i = 2; i >= 0; i--)
        commit_queue_settle(units[i], results[i]);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(caller_join(&callers[i]), results[i]);
}
END_TEST

START_TEST(what_is_given_back_comes_first_in_its_order_and_runs_alone)
{
    struct caller callers[3] = {{0}};
    struct commit_unit *units[2];
    for (int i = 0; i < 3; i++)
        caller_start(&callers[i], 20000);
    units[0] = take(0, &callers[0]);
    units[1] = take(1, &callers[1]);
    commit_queue_give_back(&queue, units, 2, true);
    for (int i = 0; i < 3; i++) {
        struct commit_unit *unit = take(0, &callers[i]);
        ck_assert(unit->is_alone == (i < 2));
        if (!i)
            ck_assert_ptr_null(commit_queue_take(&queue, 1)); /* the next one is alone too */
        commit_queue_settle(unit, ERR_NONE);
        ck_assert_int_eq(caller_join(&callers[i]), ERR_NONE);
    }
}
END_TEST

START_TEST(what_is_given_back_may_share_a_transaction_again)
{
    struct caller callers[2] = {{0}};
    struct commit_unit *units[2];
    for (int i = 0; i < 2; i++) {
        caller_start(&callers[i], 20000);
        units[i] = take((size_t)i, &callers[i]);
    }
    commit_queue_give_back(&queue, units, 2, false);
    for (int i = 0; i < 2; i++) {
        struct commit_unit *unit = take((size_t)i, &callers[i]);
        ck_assert(!unit->is_alone);
        commit_queue_settle(unit, ERR_NONE);
        ck_assert_int_eq(caller_join(&callers[i]), ERR_NONE);
    }
}
END_TEST

/* Its caller knows by then that it comes too late; the queue withdraws it for him. */
START_TEST(what_is_given_back_too_late_is_withdrawn)
{
    struct caller caller = {0};
    caller_start(&caller, 2000);
    struct commit_unit *unit = take(0, &caller);
    clock_sleep_until(caller.deadline_ms + 20);
    commit_queue_give_back(&queue, &unit, 1, true);
    ck_assert_int_eq(caller_join(&caller), ERR_TIMEOUT);
    ck_assert(commit_queue_is_empty(&queue));
}
END_TEST

START_TEST(waiting_ends_by_a_unit_a_deadline_or_the_end)
{
    ck_assert_int_eq(commit_queue_wait(&queue, clock_mono_ms() + 20), COMMIT_TIMEOUT);
    struct caller caller = {0};
    caller_start(&caller, 20000);
    ck_assert_int_eq(commit_queue_wait(&queue, 0), COMMIT_UNITS);
    commit_queue_close(&queue);
    ck_assert_int_eq(commit_queue_wait(&queue, 0), COMMIT_UNITS); /* what is queued is still run */
    commit_queue_settle(take(0, &caller), ERR_NONE);
    ck_assert_int_eq(commit_queue_wait(&queue, 0), COMMIT_CLOSED);
    ck_assert_int_eq(caller_join(&caller), ERR_NONE);
}
END_TEST

START_TEST(misuse_writing_after_the_end)
{
    commit_queue_close(&queue);
    (void)commit_queue_run(&queue, STORE_FINISH, nothing, NULL, clock_mono_ms() + 10);
}
END_TEST

START_TEST(misuse_an_end_with_units_left)
{
    struct caller caller = {0};
    caller_start(&caller, 20000);
    commit_queue_fini(&queue);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commit_queue");
    TCase *tc = tcase_create("commit_queue");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_is_not_taken_in_time_is_withdrawn);
    tcase_add_test(tc, a_deadline_that_has_passed_withdraws_at_once);
    tcase_add_test(tc, what_is_taken_waits_for_its_outcome_past_the_deadline);
    tcase_add_test(tc, a_full_queue_refuses_what_begins_and_takes_what_ends);
    tcase_add_test(tc, each_caller_gets_the_result_of_its_own_unit);
    tcase_add_test(tc, what_is_given_back_comes_first_in_its_order_and_runs_alone);
    tcase_add_test(tc, what_is_given_back_too_late_is_withdrawn);
    tcase_add_test(tc, what_is_given_back_may_share_a_transaction_again);
    tcase_add_test(tc, waiting_ends_by_a_unit_a_deadline_or_the_end);
    tcase_add_test_raise_signal(tc, misuse_writing_after_the_end, SIGABRT);
    tcase_add_test_raise_signal(tc, misuse_an_end_with_units_left, SIGABRT);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
