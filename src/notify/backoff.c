/* The wait of a try is computed, not looked up or remembered. It never passes max_s, jitter
 * included: the spool takes a time too far ahead for a clock that was set back. */
#include "notify/backoff.h"

#include "core/random.h"

/* Without jitter. */
static int64_t full_wait_s(const struct backoff *backoff, int64_t tries)
{
    int64_t wait_s = backoff->first_s;
    for (int64_t i = 1; i < tries && wait_s < backoff->max_s; i++)
        wait_s *= 2;
    return wait_s < backoff->max_s ? wait_s : backoff->max_s;
}

/* Jitter takes an eighth off, on average. */
static int64_t mean_wait_s(const struct backoff *backoff, int64_t tries)
{
    int64_t wait_s = full_wait_s(backoff, tries);
    return wait_s - wait_s / 8;
}

int64_t backoff_wait_s(const struct backoff *backoff, int64_t tries)
{
    int64_t wait_s = full_wait_s(backoff, tries);
    return wait_s - random_below((uint32_t)(wait_s / 4 + 1));
}

bool backoff_is_over(const struct backoff *backoff, int64_t tries)
{
    int64_t sum_s = 0;
    for (int64_t i = 1; i <= tries; i++) {
        if (full_wait_s(backoff, i) == backoff->max_s) /* from here on all are alike */
            return sum_s + (tries - i + 1) * mean_wait_s(backoff, i) >= backoff->give_up_s;
        sum_s += mean_wait_s(backoff, i);
    }
    return sum_s >= backoff->give_up_s;
}
