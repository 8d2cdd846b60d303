/* See bell.h. */
#include "services/bell.h"

#include "core/clock.h"

void bell_init(struct bell *bell)
{
    *bell = (struct bell){.is_rung = true};
    pthread_mutex_init(&bell->lock, NULL);
    clock_cond_init(&bell->changed);
}

void bell_fini(struct bell *bell)
{
    pthread_cond_destroy(&bell->changed);
    pthread_mutex_destroy(&bell->lock);
}

void bell_ring(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bool wakes = !bell->is_rung;
    bell->is_rung = true;
    pthread_mutex_unlock(&bell->lock);
    if (wakes)
        pthread_cond_signal(&bell->changed); /* who wakes finds the lock free */
}

void bell_end(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bell->is_over = true;
    pthread_cond_signal(&bell->changed);
    pthread_mutex_unlock(&bell->lock);
}

bool bell_is_over(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bool is_over = bell->is_over;
    pthread_mutex_unlock(&bell->lock);
    return is_over;
}

static bool wait_for(struct bell *bell, int timeout_ms, bool is_deaf)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    bool in_time = true;
    pthread_mutex_lock(&bell->lock);
    while (!bell->is_over && in_time && (is_deaf || !bell->is_rung))
        in_time = clock_cond_wait(&bell->changed, &bell->lock, deadline_ms);
    if (!is_deaf)
        bell->is_rung = false;
    bool goes_on = !bell->is_over;
    pthread_mutex_unlock(&bell->lock);
    return goes_on;
}

bool bell_wait(struct bell *bell, int timeout_ms)
{
    return wait_for(bell, timeout_ms, false);
}

bool bell_wait_deaf(struct bell *bell, int timeout_ms)
{
    return wait_for(bell, timeout_ms, true);
}
