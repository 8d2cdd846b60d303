/* See times.h. */
#include "times.h"

#include <err.h>
#include <stdlib.h>
#include <time.h>

#define ROOM_FIRST 65536

int64_t times_now_us(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        err(EXIT_FAILURE, "clock_gettime");
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void times_add(struct times *times, int64_t us)
{
    if (times->count == times->room) {
        times->room = times->room ? 2 * times->room : ROOM_FIRST;
        times->us = reallocarray(times->us, times->room, sizeof *times->us);
        if (!times->us)
            err(EXIT_FAILURE, "reallocarray");
    }
    times->us[times->count++] = us;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int64_t times_percentile(struct times *times, double per_cent)
{
    if (times->count == 0)
        return 0;
    qsort(times->us, times->count, sizeof *times->us, compare);
    size_t at = (size_t)((double)times->count * per_cent / 100);
    return times->us[at < times->count ? at : times->count - 1];
}

void times_free(struct times *times)
{
    free(times->us);
}
