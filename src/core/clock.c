/* The wall clock jumps, so nothing waits by it: every wait goes by CLOCK_MONOTONIC. */
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z, what four digits of a year can say. */
#define TEXT_FIRST (-62167219200)
#define TEXT_LAST  253402300799

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);
    assert(!failed);
    return now;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t clock_now_ms(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_mono_us(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static char *put_digits(char *out, int number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return out + count;
}

void clock_text(char out[CLOCK_TEXT_SIZE], int64_t at)
{
    time_t clamped = at < TEXT_FIRST ? TEXT_FIRST : at > TEXT_LAST ? TEXT_LAST : at;
    struct tm tm;
    struct tm *known = gmtime_r(&clamped, &tm);
    assert(known);
    const struct {
        int number;
        int digits;
        char after;
    } parts[] = {
        {tm.tm_year + 1900, 4, '-'},
        {tm.tm_mon + 1, 2, '-'},
        {tm.tm_mday, 2, 'T'},
        {tm.tm_hour, 2, ':'},
        {tm.tm_min, 2, ':'},
        {tm.tm_sec, 2, 'Z'},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        out = put_digits(out, parts[i].number, parts[i].digits);
        *out++ = parts[i].after;
    }
    *out = '\0';
}

void clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr) ||
                 pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
                 pthread_cond_init(cond, &attr) || pthread_condattr_destroy(&attr);
    assert(!failed);
}

static struct timespec to_timespec(int64_t ms)
{
    if (ms < 0)
        ms = 0;
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    struct timespec until = to_timespec(deadline_ms);
    int result = pthread_cond_timedwait(cond, mutex, &until);
    assert(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

bool clock_sem_wait(sem_t *sem, int64_t deadline_ms)
{
    struct timespec until = to_timespec(deadline_ms);
    int failed;
    do
        failed = sem_clockwait(sem, CLOCK_MONOTONIC, &until);
    while (failed && errno == EINTR);
    assert(!failed || errno == ETIMEDOUT);
    return !failed;
}

void clock_sem_wait_long(sem_t *sem)
{
    int failed;
    do
        failed = sem_wait(sem);
    while (failed && errno == EINTR);
    assert(!failed);
}

void clock_sleep_until(int64_t deadline_ms)
{
    struct timespec until = to_timespec(deadline_ms);
    int result;
    do
        result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    while (result == EINTR);
    assert(!result);
}
