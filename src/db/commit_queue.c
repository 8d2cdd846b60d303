/* Special difficulty: a unit is memory of a thread that leaves as soon as it is told the result. So
 * that is told by a semaphore of the unit's own, posted last: who wakes has nothing to lock, and
 * the committer touches the unit no more. All else about units that wait is read and written under
 * the mutex. (With a condition, every waiter of a group woke into the mutex that the committer held
 * for the next.) */
#include "db/commit_queue.h"

#include <assert.h>

#include "core/clock.h"
#include "core/fault_point.h"
#include "core/metrics.h"

#define LEAVE_POLL_MS 1

void commit_queue_init(struct commit_queue *queue, size_t max)
{
    *queue = (struct commit_queue){.max = max};
    pthread_mutex_init(&queue->mutex, NULL);
    clock_cond_init(&queue->filled);
    TAILQ_INIT(&queue->units);
}

/* Callers that are left have their results, and are on their way out. To leave must be the last
 * that they do here, so nobody can signal it. */
void commit_queue_fini(struct commit_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    assert(TAILQ_EMPTY(&queue->units));
    pthread_mutex_unlock(&queue->mutex);
    while (atomic_load(&queue->callers))
        clock_sleep_until(clock_mono_ms() + LEAVE_POLL_MS);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
}

static void set_len(struct commit_queue *queue, size_t len)
{
    queue->len = len;
    metrics_set(METRIC_store_waiting, (int64_t)len);
}

static void remove_unit(struct commit_queue *queue, struct commit_unit *unit)
{
    TAILQ_REMOVE(&queue->units, unit, link);
    set_len(queue, queue->len - 1);
}

/* The caller's side */

static enum err put(struct commit_queue *queue, enum store_class class, struct commit_unit *unit)
{
    pthread_mutex_lock(&queue->mutex);
    assert(!queue->is_closed);
    bool has_room = class != STORE_BEGIN || queue->len < queue->max;
    if (has_room) {
        TAILQ_INSERT_TAIL(&queue->units, unit, link);
        set_len(queue, queue->len + 1);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (!has_room)
        return ERR_BUSY;
    pthread_cond_signal(&queue->filled);
    return ERR_NONE;
}

/* After its deadline. False: the committer has it. */
static bool withdraw(struct commit_queue *queue, struct commit_unit *unit)
{
    pthread_mutex_lock(&queue->mutex);
    bool is_ours = !unit->is_taken;
    if (is_ours)
        remove_unit(queue, unit);
    unit->is_overdue = true;
    pthread_mutex_unlock(&queue->mutex);
    return is_ours;
}

static enum err wait_until_done(
    struct commit_queue *queue, struct commit_unit *unit, int64_t deadline_ms)
{
    if (!clock_sem_wait(&unit->done, deadline_ms)) {
        if (withdraw(queue, unit)) {
            FAULT_POINT(commit_queue_unit_withdrawn);
            return ERR_TIMEOUT;
        }
        clock_sem_wait_long(&unit->done);
    }
    return atomic_load(&unit->result);
}

enum err commit_queue_run(struct commit_queue *queue, enum store_class class, store_unit *apply,
    void *arg, int64_t deadline_ms)
{
    struct commit_unit unit = {.apply = apply, .arg = arg};
    int failed = sem_init(&unit.done, 0, 0);
    assert(!failed);
    atomic_fetch_add(&queue->callers, 1);
    enum err e = put(queue, class, &unit);
    if (!e)
        e = wait_until_done(queue, &unit, deadline_ms);
    atomic_fetch_sub(&queue->callers, 1);
    (void)sem_destroy(&unit.done);
    return e;
}

/* The committer's side */

enum commit_event commit_queue_wait(struct commit_queue *queue, int64_t deadline_ms)
{
    bool in_time = true;
    pthread_mutex_lock(&queue->mutex);
    while (in_time && !queue->is_closed && TAILQ_EMPTY(&queue->units)) {
        if (deadline_ms)
            in_time = clock_cond_wait(&queue->filled, &queue->mutex, deadline_ms);
        else
            pthread_cond_wait(&queue->filled, &queue->mutex);
    }
    enum commit_event event = !TAILQ_EMPTY(&queue->units) ? COMMIT_UNITS
                              : queue->is_closed          ? COMMIT_CLOSED
                                                          : COMMIT_TIMEOUT;
    pthread_mutex_unlock(&queue->mutex);
    return event;
}

bool commit_queue_is_empty(struct commit_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    bool is_empty = TAILQ_EMPTY(&queue->units);
    pthread_mutex_unlock(&queue->mutex);
    return is_empty;
}

struct commit_unit *commit_queue_take(struct commit_queue *queue, size_t group_len)
{
    pthread_mutex_lock(&queue->mutex);
    struct commit_unit *unit = TAILQ_FIRST(&queue->units);
    if (unit && unit->is_alone && group_len)
        unit = NULL;
    if (unit) {
        remove_unit(queue, unit);
        unit->is_taken = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return unit;
}

void commit_queue_settle(struct commit_unit *unit, enum err result)
{
    atomic_store(&unit->result, result);
    int failed = sem_post(&unit->done);
    assert(!failed);
}

/* False: its deadline has passed, and it is withdrawn. */
static bool queue_again(struct commit_queue *queue, struct commit_unit *unit, bool alone)
{
    if (unit->is_overdue)
        return false;
    unit->is_alone = unit->is_alone || alone;
    unit->is_taken = false;
    TAILQ_INSERT_HEAD(&queue->units, unit, link);
    set_len(queue, queue->len + 1);
    return true;
}

void commit_queue_give_back(
    struct commit_queue *queue, struct commit_unit **units, size_t count, bool alone)
{
    while (count) {
        struct commit_unit *unit = units[--count];
        pthread_mutex_lock(&queue->mutex);
        bool is_queued = queue_again(queue, unit, alone);
        pthread_mutex_unlock(&queue->mutex);
        if (!is_queued)
            commit_queue_settle(unit, ERR_TIMEOUT);
    }
}

void commit_queue_close(struct commit_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}
