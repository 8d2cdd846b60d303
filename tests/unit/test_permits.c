/* Permits: no more than there are, in the order in which one came, and none lost. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "services/permits.h"

#include "unit.h"

#define LONG_MS 60000

static struct permits permits;

static int64_t soon(void)
{
    return clock_mono_ms() + LONG_MS;
}

struct shop {
    pthread_t thread;
    int64_t deadline_ms;
    bool is_ours;
    int turn; /* in which it was granted, from 1 */
};

static atomic_int turns;

static void *take(void *arg)
{
    struct shop *shop = arg;
    shop->is_ours = permits_take(&permits, shop->deadline_ms);
    if (shop->is_ours) {
        shop->turn = atomic_fetch_add(&turns, 1) + 1;
        permits_return(&permits);
    }
    return NULL;
}

static int are_waiting(void *arg)
{
    return metrics_get(METRIC_gateway_waiting) == *(int64_t *)arg;
}

static void wait_for_waiting(int64_t count)
{
    unit_wait(are_waiting, &count, "those who wait");
}

START_TEST(there_are_no_more_than_that)
{
    permits_init(&permits, 2);
    ck_assert(permits_take(&permits, 0));
    ck_assert(permits_take(&permits, 0));
    ck_assert(!permits_take(&permits, 0));
    ck_assert(!permits_take(&permits, clock_mono_ms() + 20));
    permits_return(&permits);
    ck_assert(permits_take(&permits, 0));
    permits_return(&permits);
    permits_return(&permits);
    ck_assert_int_eq(metrics_get(METRIC_gateway_waiting), 0);
    permits_fini(&permits);
}
END_TEST

START_TEST(who_came_first_is_granted_first)
{
    struct shop shops[8];
    permits_init(&permits, 1);
    ck_assert(permits_take(&permits, 0));
    for (int i = 0; i < 8; i++) {
        shops[i] = (struct shop){.deadline_ms = soon()};
        ck_assert_int_eq(pthread_create(&shops[i].thread, NULL, take, &shops[i]), 0);
        wait_for_waiting(i + 1);
    }
    permits_return(&permits);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(shops[i].thread, NULL), 0);
        ck_assert(shops[i].is_ours);
        ck_assert_int_eq(shops[i].turn, i + 1);
    }
    ck_assert(permits_take(&permits, 0));
    permits_fini(&permits);
}
END_TEST

START_TEST(who_gives_up_is_left_out)
{
    struct shop late = {0}, early = {0};
    permits_init(&permits, 1);
    ck_assert(permits_take(&permits, 0));
    early.deadline_ms = clock_mono_ms() + 300;
    ck_assert_int_eq(pthread_create(&early.thread, NULL, take, &early), 0);
    wait_for_waiting(1);
    late.deadline_ms = soon();
    ck_assert_int_eq(pthread_create(&late.thread, NULL, take, &late), 0);
    ck_assert_int_eq(pthread_join(early.thread, NULL), 0);
    wait_for_waiting(1);
    permits_return(&permits);
    ck_assert_int_eq(pthread_join(late.thread, NULL), 0);
    ck_assert(!early.is_ours && late.is_ours);
    ck_assert(permits_take(&permits, 0));
    permits_fini(&permits);
}
END_TEST

static atomic_bool is_over;

/* Deadlines that end at any moment, also while a permit is on its way. */
static void *take_often(void *arg)
{
    atomic_int *inside = arg;
    while (!atomic_load(&is_over)) {
        if (!permits_take(&permits, clock_mono_ms() + 1))
            continue;
        ck_assert_int_le(atomic_fetch_add(inside, 1), 2);
        (void)sched_yield();
        atomic_fetch_sub(inside, 1);
        permits_return(&permits);
    }
    return NULL;
}

START_TEST(none_is_lost_and_none_is_there_twice)
{
    pthread_t threads[8];
    atomic_int inside = 0;
    permits_init(&permits, 3);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_often, &inside), 0);
    clock_sleep_until(clock_mono_ms() + 300); /* how long they do */
    atomic_store(&is_over, true);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert(permits_take(&permits, 0));
    ck_assert(!permits_take(&permits, 0));
    permits_fini(&permits);
}
END_TEST

START_TEST(misuse_an_end_while_somebody_waits)
{
    struct shop shop = {.deadline_ms = soon()};
    permits_init(&permits, 1);
    ck_assert(permits_take(&permits, 0));
    ck_assert_int_eq(pthread_create(&shop.thread, NULL, take, &shop), 0);
    wait_for_waiting(1);
    permits_fini(&permits);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("permits");
    TCase *tc = tcase_create("permits");
    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, there_are_no_more_than_that);
    tcase_add_test(tc, who_came_first_is_granted_first);
    tcase_add_test(tc, who_gives_up_is_left_out);
    tcase_add_test(tc, none_is_lost_and_none_is_there_twice);
    tcase_add_test_raise_signal(tc, misuse_an_end_while_somebody_waits, SIGABRT);
    return unit_run(suite);
}
