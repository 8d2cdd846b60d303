#include "unit.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "core/clock.h"

static const struct {
    int64_t at;
    const char *text;
} moments[] = {
    {0, "1970-01-01T00:00:00Z"},
    {-1, "1969-12-31T23:59:59Z"},
    {951782400, "2000-02-29T00:00:00Z"},
    {1795532645, "2026-11-24T15:04:05Z"},
    {4294967296, "2106-02-07T06:28:16Z"},
    {253402300799, "9999-12-31T23:59:59Z"},
    {253402300800, "9999-12-31T23:59:59Z"},
    {INT64_MAX, "9999-12-31T23:59:59Z"},
    {-62167219200, "0000-01-01T00:00:00Z"},
    {-62167219201, "0000-01-01T00:00:00Z"},
    {INT64_MIN, "0000-01-01T00:00:00Z"},
};

START_TEST(texts_are_utc_and_clamped_to_four_digits_of_a_year)
{
    char text[CLOCK_TEXT_SIZE + 1];
    text[CLOCK_TEXT_SIZE] = '#';
    clock_text(text, moments[_i].at);
    ck_assert_str_eq(text, moments[_i].text);
    ck_assert_int_eq(text[CLOCK_TEXT_SIZE], '#');
}
END_TEST

/* Every thirteenth day that four digits of a year can say: so each of the 146,097 days after which
 * the calendar repeats itself comes up in one such span or another. */
START_TEST(texts_are_those_of_the_library)
{
    for (int64_t day = -719528; day <= 2932896; day += 13) {
        time_t at = day * 86400 + (day + 719528) % 86400;
        struct tm tm;
        char text[CLOCK_TEXT_SIZE];
        char wanted[64];
        ck_assert_ptr_nonnull(gmtime_r(&at, &tm));
        (void)snprintf(wanted, sizeof wanted, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
            tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        clock_text(text, at);
        if (strcmp(text, wanted) != 0)
            ck_abort_msg("%s, not %s", text, wanted);
    }
}
END_TEST

START_TEST(the_wall_clock_is_past_2024)
{
    ck_assert_int_gt(clock_now(), 1704067200);
}
END_TEST

START_TEST(the_monotonic_clock_goes_on)
{
    int64_t before = clock_mono_us();
    ck_assert_int_gt(before, 0);
    ck_assert_int_ge(clock_mono_ms(), before / 1000);
    clock_sleep_until(clock_mono_ms() + 2);
    ck_assert_int_gt(clock_mono_us(), before);
}
END_TEST

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;
static bool is_done;

START_TEST(a_wait_ends_not_before_its_deadline)
{
    clock_cond_init(&cond);
    pthread_mutex_lock(&mutex);
    int64_t deadline = clock_mono_ms() + 30;
    while (clock_cond_wait(&cond, &mutex, deadline))
        continue;
    ck_assert_int_ge(clock_mono_ms(), deadline);
    pthread_mutex_unlock(&mutex);
}
END_TEST

START_TEST(a_deadline_in_the_past_does_not_wait)
{
    clock_cond_init(&cond);
    pthread_mutex_lock(&mutex);
    ck_assert(!clock_cond_wait(&cond, &mutex, clock_mono_ms() - 1000));
    ck_assert(!clock_cond_wait(&cond, &mutex, INT64_MIN));
    pthread_mutex_unlock(&mutex);
    clock_sleep_until(INT64_MIN);
}
END_TEST

static void *signal_done(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    is_done = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

START_TEST(a_signal_ends_a_wait_without_end)
{
    pthread_t thread;
    clock_cond_init(&cond);
    pthread_mutex_lock(&mutex);
    ck_assert_int_eq(pthread_create(&thread, NULL, signal_done, NULL), 0);
    while (!is_done)
        ck_assert(clock_cond_wait(&cond, &mutex, INT64_MAX));
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
}
END_TEST

static volatile sig_atomic_t ticks;

static void tick(int number)
{
    (void)number;
    ticks++;
}

START_TEST(a_sleep_goes_on_through_signals)
{
    struct sigaction action = {.sa_handler = tick}; /* without SA_RESTART */
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval every = {{0, 2000}, {0, 2000}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &every, NULL), 0);
    int64_t deadline = clock_mono_ms() + 50;
    clock_sleep_until(deadline);
    ck_assert_int_ge(clock_mono_ms(), deadline);
    ck_assert_int_gt(ticks, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, texts_are_utc_and_clamped_to_four_digits_of_a_year, 0,
        sizeof moments / sizeof *moments);
    tcase_add_test(tcase, texts_are_those_of_the_library);
    tcase_add_test(tcase, the_wall_clock_is_past_2024);
    tcase_add_test(tcase, the_monotonic_clock_goes_on);
    tcase_add_test(tcase, a_wait_ends_not_before_its_deadline);
    tcase_add_test(tcase, a_deadline_in_the_past_does_not_wait);
    tcase_add_test(tcase, a_signal_ends_a_wait_without_end);
    tcase_add_test(tcase, a_sleep_goes_on_through_signals);
    return unit_run(suite);
}
