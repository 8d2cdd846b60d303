/* Special difficulty: a permit that is merely put back goes to whoever comes by next, and one who
 * waits may be passed until his deadline. So it is handed from one to the next; who waits is told
 * by a semaphore of his own, and has nothing to lock when he wakes. */
#include "services/permits.h"

#include <assert.h>
#include <semaphore.h>

#include "core/clock.h"
#include "core/metrics.h"

struct permit_waiter {
    sem_t granted;
    bool is_granted;
    TAILQ_ENTRY(permit_waiter) link;
};

void permits_init(struct permits *permits, int count)
{
    assert(count > 0);
    *permits = (struct permits){.free = count};
    pthread_mutex_init(&permits->lock, NULL);
    TAILQ_INIT(&permits->waiters);
}

void permits_fini(struct permits *permits)
{
    assert(TAILQ_EMPTY(&permits->waiters));
    pthread_mutex_destroy(&permits->lock);
}

/* True: one was free, and is ours; else we wait. */
static bool take_or_queue(struct permits *permits, struct permit_waiter *waiter)
{
    pthread_mutex_lock(&permits->lock);
    bool is_ours = permits->free > 0;
    if (is_ours) {
        permits->free--;
    } else {
        TAILQ_INSERT_TAIL(&permits->waiters, waiter, link);
        metrics_add(METRIC_gateway_waiting, 1);
    }
    pthread_mutex_unlock(&permits->lock);
    return is_ours;
}

static void remove_waiter(struct permits *permits, struct permit_waiter *waiter)
{
    TAILQ_REMOVE(&permits->waiters, waiter, link);
    metrics_add(METRIC_gateway_waiting, -1);
}

/* After the deadline. It may have been granted at the last moment. */
static bool give_up(struct permits *permits, struct permit_waiter *waiter)
{
    pthread_mutex_lock(&permits->lock);
    bool is_granted = waiter->is_granted;
    if (!is_granted)
        remove_waiter(permits, waiter);
    pthread_mutex_unlock(&permits->lock);
    return is_granted;
}

bool permits_take(struct permits *permits, int64_t deadline_ms)
{
    struct permit_waiter waiter = {.is_granted = false};
    int failed = sem_init(&waiter.granted, 0, 0);
    assert(!failed);
    bool is_ours = take_or_queue(permits, &waiter) ||
                   clock_sem_wait(&waiter.granted, deadline_ms) || give_up(permits, &waiter);
    (void)sem_destroy(&waiter.granted);
    return is_ours;
}

/* Posted under the lock: a waiter who gives up looks there before he goes. */
void permits_return(struct permits *permits)
{
    pthread_mutex_lock(&permits->lock);
    struct permit_waiter *first = TAILQ_FIRST(&permits->waiters);
    if (first) {
        remove_waiter(permits, first);
        first->is_granted = true;
        int failed = sem_post(&first->granted);
        assert(!failed);
    } else {
        permits->free++;
    }
    pthread_mutex_unlock(&permits->lock);
}
