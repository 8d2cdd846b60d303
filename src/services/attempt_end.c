/* Special difficulty: an end may have been written by an earlier run whose outcome was not known,
 * and the attempt may turn out to be ordered; both are answers here, so that the list always
 * empties. */
#include "services/attempt_end.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/metrics.h"
#include "db/idempotency.h"

struct end_unit {
    const struct attempt_end *end;
    int64_t at;
    enum attempt_state state;
};

static enum err end_unit(struct db *db, void *arg)
{
    struct end_unit *unit = arg;
    const struct attempt_end *end = unit->end;
    unit->state = end->to;
    enum err e = attempts_end(db, end->uid, end->to, end->reason, unit->at, &unit->state);
    if (e && e != ERR_REFUSED)
        return e;
    /* Refused: ordered after all, ended by an earlier run of this unit, or never written. */
    if (unit->state == ATTEMPT_ORDERED || !end->key)
        return ERR_NONE;
    FAULT_POINT(attempt_end_written);
    return idempotency_release(db, end->user_id, end->key, end->uid);
}

enum err attempt_end_write(struct store *store, const struct attempt_end *end, int64_t deadline_ms,
    enum attempt_state *state)
{
    struct end_unit unit = {.end = end, .at = clock_now(), .state = ATTEMPT_NONE};
    enum err e = store_write(store, STORE_FINISH, end_unit, &unit, deadline_ms);
    if (e)
        return e;
    FAULT_POINT(attempt_end_committed);
    *state = unit.state;
    return ERR_NONE;
}

struct end_entry {
    struct end_entry *next;
    struct attempt_end end; /* its strings are ours */
};

void end_list_init(struct end_list *list)
{
    *list = (struct end_list){.first = NULL};
    pthread_mutex_init(&list->lock, NULL);
}

static void entry_free(struct end_entry *entry)
{
    free((char *)entry->end.uid);
    free((char *)entry->end.key);
    free((char *)entry->end.reason);
    free(entry);
}

void end_list_fini(struct end_list *list)
{
    while (list->first) {
        struct end_entry *entry = list->first;
        list->first = entry->next;
        entry_free(entry);
    }
    pthread_mutex_destroy(&list->lock);
}

void end_list_add(struct end_list *list, const struct attempt_end *end)
{
    struct end_entry *entry = xalloc(sizeof *entry);
    entry->end = *end;
    entry->end.uid = xstrdup(end->uid);
    entry->end.key = end->key ? xstrdup(end->key) : NULL;
    entry->end.reason = end->reason ? xstrdup(end->reason) : NULL;
    pthread_mutex_lock(&list->lock);
    entry->next = list->first;
    list->first = entry;
    metrics_set(METRIC_settle_backlog, (int64_t)++list->count);
    pthread_mutex_unlock(&list->lock);
    FAULT_POINT(attempt_end_listed);
}

size_t end_list_count(struct end_list *list)
{
    pthread_mutex_lock(&list->lock);
    size_t count = list->count;
    pthread_mutex_unlock(&list->lock);
    return count;
}

static struct end_entry *take_all(struct end_list *list)
{
    pthread_mutex_lock(&list->lock);
    struct end_entry *first = list->first;
    list->first = NULL;
    pthread_mutex_unlock(&list->lock);
    return first;
}

static void put_back(struct end_list *list, struct end_entry *rest)
{
    pthread_mutex_lock(&list->lock);
    while (rest) {
        struct end_entry *entry = rest;
        rest = entry->next;
        entry->next = list->first;
        list->first = entry;
    }
    pthread_mutex_unlock(&list->lock);
}

static void count_down(struct end_list *list)
{
    pthread_mutex_lock(&list->lock);
    metrics_set(METRIC_settle_backlog, (int64_t)--list->count);
    pthread_mutex_unlock(&list->lock);
}

enum err end_list_write(struct end_list *list, struct store *store, int timeout_ms)
{
    struct end_entry *rest = take_all(list);
    enum err e = ERR_NONE;
    while (rest) {
        enum attempt_state state;
        e = attempt_end_write(store, &rest->end, clock_mono_ms() + timeout_ms, &state);
        if (e)
            break;
        struct end_entry *written = rest;
        rest = rest->next;
        entry_free(written);
        count_down(list);
        FAULT_POINT(attempt_end_unlisted);
    }
    put_back(list, rest);
    return e;
}
