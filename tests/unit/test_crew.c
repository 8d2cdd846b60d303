/* The crew: every job once, as many at once as there are threads, and back when all are done. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/arena.h"
#include "core/clock.h"
#include "services/crew.h"

#include "unit.h"

#define JOBS 1000

static atomic_int runs[JOBS];

static void count_run(void *arg, size_t i)
{
    (void)arg;
    atomic_fetch_add(&runs[i], 1);
}

START_TEST(every_job_runs_once)
{
    struct crew *crew;
    ck_assert_int_eq(crew_open(&crew, 4, NULL), ERR_NONE);
    for (int round = 1; round <= 20; round++) {
        crew_run(crew, count_run, NULL, JOBS);
        for (size_t i = 0; i < JOBS; i++)
            ck_assert_int_eq(atomic_load(&runs[i]), round);
    }
    crew_close(crew);
}
END_TEST

static pthread_barrier_t barrier;

static void meet(void *arg, size_t i)
{
    (void)arg;
    (void)i;
    pthread_barrier_wait(&barrier);
}

/* Comes back only if all of them are in their calls at once. */
START_TEST(slow_jobs_run_side_by_side)
{
    struct crew *crew;
    pthread_barrier_init(&barrier, NULL, 8);
    ck_assert_int_eq(crew_open(&crew, 8, NULL), ERR_NONE);
    crew_run(crew, meet, NULL, 8);
    crew_close(crew);
    pthread_barrier_destroy(&barrier);
}
END_TEST

START_TEST(no_jobs_and_no_crew_are_harmless)
{
    struct crew *crew;
    ck_assert_int_eq(crew_open(&crew, 1, NULL), ERR_NONE);
    crew_run(crew, count_run, NULL, 0);
    crew_close(crew);
    crew_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crew");
    TCase *tests = tcase_create("crew");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_job_runs_once);
    tcase_add_test(tests, slow_jobs_run_side_by_side);
    tcase_add_test(tests, no_jobs_and_no_crew_are_harmless);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
