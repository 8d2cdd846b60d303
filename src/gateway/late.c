/* A sorted list and one thread. The number of entries is bounded by the callers there are and by
 * the latency they do not wait for. The lock is not held while an intent is carried out. */
#include "gateway/late.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"

struct item {
    struct item *next;
    int64_t due_ms;
    struct intent intent;
};

struct late {
    late_run *run;
    void *arg;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct item *first; /* by due_ms */
    bool is_closing;
};

/* Waits for the next item that is due and takes it off the list; NULL: closed, and none is left. */
static struct item *take(struct late *late)
{
    pthread_mutex_lock(&late->mutex);
    while (!late->is_closing && (!late->first || late->first->due_ms > clock_mono_ms()))
        (void)clock_cond_wait(
            &late->changed, &late->mutex, late->first ? late->first->due_ms : INT64_MAX);
    struct item *item = late->first;
    if (item)
        late->first = item->next;
    pthread_mutex_unlock(&late->mutex);
    return item;
}

static void *work(void *arg)
{
    struct late *late = arg;
    struct item *item;
    while ((item = take(late))) {
        late->run(late->arg, &item->intent);
        free(item);
    }
    return NULL;
}

void late_add(struct late *late, int64_t due_ms, const struct intent *intent)
{
    struct item *item = xalloc(sizeof *item);
    item->due_ms = due_ms;
    item->intent = *intent;
    pthread_mutex_lock(&late->mutex);
    struct item **at = &late->first;
    while (*at && (*at)->due_ms <= due_ms)
        at = &(*at)->next;
    item->next = *at;
    *at = item;
    pthread_cond_signal(&late->changed);
    pthread_mutex_unlock(&late->mutex);
}

static void free_late(struct late *late)
{
    pthread_cond_destroy(&late->changed);
    pthread_mutex_destroy(&late->mutex);
    free(late);
}

enum err late_open(struct late **out, late_run *run, void *arg, struct fault *fault)
{
    *out = NULL;
    struct late *late = xalloc(sizeof *late);
    late->run = run;
    late->arg = arg;
    pthread_mutex_init(&late->mutex, NULL);
    clock_cond_init(&late->changed);
    if (pthread_create(&late->thread, NULL, work, late)) {
        free_late(late);
        return fail(fault, ERR_UNAVAILABLE, NULL, "the gateway's thread cannot be started");
    }
    *out = late;
    return ERR_NONE;
}

void late_close(struct late *late)
{
    if (!late)
        return;
    pthread_mutex_lock(&late->mutex);
    late->is_closing = true;
    pthread_cond_signal(&late->changed);
    pthread_mutex_unlock(&late->mutex);
    pthread_join(late->thread, NULL);
    free_late(late);
}
