/* A unit that reads has one snapshot from its first statement to its last, and gives it up at once:
 * an old snapshot keeps the log from being moved away. A quick worker's reader needs no lock, since
 * nobody else uses it, and keeps its snapshot for the units of one request. */
#include "db/readers.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/log.h"

#include "db/db_unit.h"

struct readers {
    struct db **all; /* the quick ones, then the shared ones */
    bool *keeps;     /* of the quick ones: its snapshot, from unit to unit */
    size_t count;
    size_t quick_count;
    atomic_bool is_failing;
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct db **idle; /* of the shared ones */
    size_t idle_count;
};

static enum err open_all(struct readers *readers, const char *path, struct fault *fault)
{
    for (size_t i = 0; i < readers->count; i++) {
        enum err e = db_open(&readers->all[i], path, DB_READER, fault);
        if (e)
            return e;
        if (i >= readers->quick_count)
            readers->idle[readers->idle_count++] = readers->all[i];
    }
    return ERR_NONE;
}

enum err readers_open(
    struct readers **out, const char *path, int quick_count, int shared_count, struct fault *fault)
{
    assert(quick_count >= 0 && shared_count > 0);
    struct readers *readers = xalloc(sizeof *readers);
    readers->quick_count = (size_t)quick_count;
    readers->count = readers->quick_count + (size_t)shared_count;
    readers->all = xarray(readers->count, sizeof(struct db *));
    readers->keeps = xarray(readers->quick_count, sizeof *readers->keeps);
    readers->idle = xarray((size_t)shared_count, sizeof(struct db *));
    pthread_mutex_init(&readers->mutex, NULL);
    clock_cond_init(&readers->returned);
    enum err e = open_all(readers, path, fault);
    if (e) {
        readers_close(readers);
        readers = NULL;
    }
    *out = readers;
    return e;
}

void readers_close(struct readers *readers)
{
    if (!readers)
        return;
    for (size_t i = 0; i < readers->count; i++)
        db_close(readers->all[i]);
    pthread_cond_destroy(&readers->returned);
    pthread_mutex_destroy(&readers->mutex);
    free(readers->idle);
    free(readers->keeps);
    free(readers->all);
    free(readers);
}

static struct db *borrow(struct readers *readers, int64_t deadline_ms)
{
    struct db *db = NULL;
    bool in_time = true;
    pthread_mutex_lock(&readers->mutex);
    while (in_time && !readers->idle_count)
        in_time = clock_cond_wait(&readers->returned, &readers->mutex, deadline_ms);
    if (readers->idle_count)
        db = readers->idle[--readers->idle_count];
    pthread_mutex_unlock(&readers->mutex);
    return db;
}

static void give_back(struct readers *readers, struct db *db)
{
    pthread_mutex_lock(&readers->mutex);
    readers->idle[readers->idle_count++] = db;
    pthread_cond_signal(&readers->returned);
    pthread_mutex_unlock(&readers->mutex);
}

/* Trouble is told once when it begins and once when it ends. */
static void report(struct readers *readers, const struct db *db, enum err engine)
{
    bool was_failing = atomic_load_explicit(&readers->is_failing, memory_order_relaxed);
    if (was_failing == (engine != ERR_NONE))
        return;
    if (atomic_exchange(&readers->is_failing, engine != ERR_NONE) == (engine != ERR_NONE))
        return;
    if (engine)
        LOG_ERROR("reads fail", LOG_TEXT("outcome", err_info(engine)->name),
            LOG_TEXT("cause", db_text(db)));
    else
        LOG_INFO("reads work again");
}

static enum err run_snapshot(
    struct readers *readers, struct db *db, bool keeps, store_unit *apply, void *arg)
{
    enum err engine = db_in_transaction(db) ? ERR_NONE : db_begin(db);
    enum err own = engine ? engine : apply(db, arg);
    if (!engine)
        engine = db_error(db);
    report(readers, db, engine);
    db_clear(db);
    if (engine || !keeps)
        db_rollback(db);
    return engine ? engine : own;
}

enum err readers_run(
    struct readers *readers, int worker, store_unit *apply, void *arg, int64_t deadline_ms)
{
    if (worker >= 0) {
        assert((size_t)worker < readers->quick_count);
        return run_snapshot(readers, readers->all[worker], readers->keeps[worker], apply, arg);
    }
    struct db *db = borrow(readers, deadline_ms);
    if (!db)
        return ERR_TIMEOUT;
    enum err e = run_snapshot(readers, db, false, apply, arg);
    give_back(readers, db);
    return e;
}

void readers_keep(struct readers *readers, int worker)
{
    assert(worker >= 0 && (size_t)worker < readers->quick_count && !readers->keeps[worker]);
    readers->keeps[worker] = true;
}

void readers_let_go(struct readers *readers, int worker)
{
    assert(worker >= 0 && (size_t)worker < readers->quick_count && readers->keeps[worker]);
    readers->keeps[worker] = false;
    db_rollback(readers->all[worker]);
}
