/* Special difficulty: a unit is memory of a thread that may be woken by three things (its result,
 * its deadline, its return to the queue). Everything about it is read and written under the one
 * mutex, and it is not touched again once it is done. */
#include "db/commit_queue.h"

#include <assert.h>

#include "core/clock.h"
#include "core/fault_point.h"
#include "core/metrics.h"

void commit_queue_init(struct commit_queue *queue, size_t max)
{
    *queue = (struct commit_queue){.max = max};
    pthread_mutex_init(&queue->mutex, NULL);
    clock_cond_init(&queue->filled);
    clock_cond_init(&queue->left);
    TAILQ_INIT(&queue->units);
}

void commit_queue_fini(struct commit_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    assert(TAILQ_EMPTY(&queue->units));
    while (queue->callers) /* they have their results, and are on their way out */
        pthread_cond_wait(&queue->left, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_destroy(&queue->left);
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
    assert(!queue->is_closed);
    if (class == STORE_BEGIN && queue->len >= queue->max)
        return ERR_BUSY;
    TAILQ_INSERT_TAIL(&queue->units, unit, link);
    set_len(queue, queue->len + 1);
    pthread_cond_signal(&queue->filled);
    return ERR_NONE;
}

static enum err wait_until_done(
    struct commit_queue *queue, struct commit_unit *unit, int64_t deadline_ms)
{
    while (unit->state != UNIT_DONE) {
        if (unit->state == UNIT_TAKEN) {
            pthread_cond_wait(&unit->changed, &queue->mutex);
        } else if (!clock_cond_wait(&unit->changed, &queue->mutex, deadline_ms) &&
                   unit->state == UNIT_QUEUED) {
            remove_unit(queue, unit);
            FAULT_POINT(commit_queue_unit_withdrawn);
            return ERR_TIMEOUT;
        }
    }
    return unit->result;
}

enum err commit_queue_run(struct commit_queue *queue, enum store_class class, store_unit *apply,
    void *arg, int64_t deadline_ms)
{
    struct commit_unit unit = {.apply = apply, .arg = arg, .state = UNIT_QUEUED};
    clock_cond_init(&unit.changed);
    pthread_mutex_lock(&queue->mutex);
    queue->callers++;
    enum err e = put(queue, class, &unit);
    if (!e)
        e = wait_until_done(queue, &unit, deadline_ms);
    if (!--queue->callers && queue->is_closed)
        pthread_cond_signal(&queue->left);
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_destroy(&unit.changed);
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
        unit->state = UNIT_TAKEN;
    }
    pthread_mutex_unlock(&queue->mutex);
    return unit;
}

/* Signalled before the unlock: afterwards the unit may be gone. */
void commit_queue_settle(struct commit_queue *queue, struct commit_unit *unit, enum err result)
{
    pthread_mutex_lock(&queue->mutex);
    unit->result = result;
    unit->state = UNIT_DONE;
    pthread_cond_signal(&unit->changed);
    pthread_mutex_unlock(&queue->mutex);
}

void commit_queue_give_back(struct commit_queue *queue, struct commit_unit **units, size_t count)
{
    pthread_mutex_lock(&queue->mutex);
    while (count) {
        struct commit_unit *unit = units[--count];
        unit->is_alone = true;
        unit->state = UNIT_QUEUED;
        TAILQ_INSERT_HEAD(&queue->units, unit, link);
        set_len(queue, queue->len + 1);
        pthread_cond_signal(&unit->changed); /* its deadline counts again */
    }
    pthread_mutex_unlock(&queue->mutex);
}

void commit_queue_close(struct commit_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}
