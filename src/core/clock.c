/* The wall clock jumps, so nothing waits by it: every wait goes by CLOCK_MONOTONIC. */
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z, what four digits of a year can say. */
#define TEXT_FIRST (-62167219200)
#define TEXT_LAST  253402300799

#define DAY 86400

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

struct date {
    unsigned year;
    unsigned month; /* from 1 */
    unsigned day;   /* from 1 */
};

/* Of the Gregorian calendar, from days since 1970. Years begin in March here, so that the leap day
 * is a year's last and months have 30.6 days; 400 years are 146,097 days, and one such span more is
 * counted than there were, so that no number is negative. gmtime_r(3) takes a lock and looks after
 * time zones; a time's text was 680 instructions with it, and is 190. */
static struct date date_of(int64_t days)
{
    const unsigned span = 146097;
    unsigned since = (unsigned)(days + 719468 + span); /* 0000-03-01 is day -719468 */
    unsigned day = since % span;
    unsigned year = (day - day / 1460 + day / 36524 - day / (span - 1)) / 365;
    day -= 365 * year + year / 4 - year / 100;
    unsigned month = (5 * day + 2) / 153;
    bool is_next = month >= 10;
    return (struct date){
        .year = year + 400 * (since / span) + is_next - 400,
        .month = is_next ? month - 9 : month + 3,
        .day = day - (153 * month + 2) / 5 + 1,
    };
}

static char *put_two(char *out, unsigned number, char after)
{
    out[0] = (char)('0' + number / 10);
    out[1] = (char)('0' + number % 10);
    out[2] = after;
    return out + 3;
}

void clock_text(char out[CLOCK_TEXT_SIZE], int64_t at)
{
    int64_t clamped = at < TEXT_FIRST ? TEXT_FIRST : at > TEXT_LAST ? TEXT_LAST : at;
    unsigned second = (unsigned)((clamped - TEXT_FIRST) % DAY);
    struct date date = date_of((clamped - second) / DAY);
    put_two(out, date.year / 100, '-');
    out = put_two(out + 2, date.year % 100, '-');
    out = put_two(out, date.month, '-');
    out = put_two(out, date.day, 'T');
    out = put_two(out, second / 3600, ':');
    out = put_two(out, second / 60 % 60, ':');
    out = put_two(out, second % 60, 'Z');
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
