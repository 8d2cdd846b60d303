/* When a delivery is tried again, and when no more. Goes by the number of tries alone, which stands
 * in the file's name: a restart, a day without the notifier or a clock that jumps change nothing.
 */
#ifndef ORDERD_NOTIFY_BACKOFF_H
#define ORDERD_NOTIFY_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    int64_t first_s;   /* the wait after the first try; doubles after each */
    int64_t max_s;     /* the longest wait */
    int64_t give_up_s; /* of waiting in all */
};

/* The wait after that many tries: at least 1, shortened by up to a quarter at random, so that what
 * failed together does not come back together. */
int64_t backoff_wait_s(const struct backoff *, int64_t tries);

/* Have the waits after that many tries, on average, reached give_up_s? */
bool backoff_is_over(const struct backoff *, int64_t tries);

#endif
