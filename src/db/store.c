/* The store: puts its parts together in the one order that is safe, and takes them apart in the
 * other.
 *
 * The lock comes first, since everything after it relies on being alone. The log is emptied before
 * the first reader opens, because then nothing of ours can be in its way. At the end the readers
 * go before the log is emptied again, and the lock last. */
#include "db/store.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/fault_point.h"
#include "core/file.h"
#include "core/log.h"
#include "core/metrics.h"

#include "db/checkpoint.h"
#include "db/committer.h"
#include "db/db_unit.h"
#include "db/locks.h"
#include "db/migrate.h"
#include "db/readers.h"

#define START_WAIT_MS 5000 /* for others to let go of the log */
#define STOP_WAIT_MS  1000

struct store {
    int lock_fd;
    int write_fd;
    struct db *writer;
    struct readers *readers;
    struct committer *committer;
};

static enum err run_migrations(const struct store_options *options, struct fault *fault)
{
    struct db *db;
    enum err e = db_open_bare(&db, options->path, fault);
    if (e)
        return e;
    e = migrate(db, options->migrations, NULL, fault);
    FAULT_POINT(store_migrated);
    db_close(db);
    return e;
}

/* Somebody who only reads, or a full disk, is no reason not to start: reads work, and the log is
 * emptied later. A disk that fails is. */
static enum err empty_log(struct store *store, int wait_ms, struct fault *fault)
{
    enum err e = checkpoint_all(store->writer, store->write_fd, wait_ms);
    if (e == ERR_BUSY || e == ERR_FULL) {
        LOG_WARN("write-ahead log not emptied", LOG_TEXT("outcome", err_info(e)->name));
        return ERR_NONE;
    }
    if (e)
        return fail(fault, e, NULL, "cannot empty the write-ahead log: %s", db_text(store->writer));
    return ERR_NONE;
}

/* Emptying the log would sync it too, but that may have to wait. */
static enum err sync_log(struct store *store, struct fault *fault)
{
    enum err e = db_sync_log(store->writer);
    return e ? fail(fault, e, NULL, "cannot sync the write-ahead log: %s", db_text(store->writer))
             : ERR_NONE;
}

static enum err open_parts(
    struct store *store, const struct store_options *options, struct fault *fault)
{
    enum err e =
        locks_take_database(options->path, options->lock_timeout_ms, &store->lock_fd, fault);
    if (!e)
        e = locks_open_write(options->path, &store->write_fd, fault);
    if (!e)
        e = run_migrations(options, fault);
    if (!e)
        e = db_open(&store->writer, options->path, DB_WRITER, fault);
    if (!e)
        e = sync_log(store, fault);
    if (!e)
        e = empty_log(store, START_WAIT_MS, fault);
    if (!e)
        e = readers_open(
            &store->readers, options->path, options->quick_readers, options->shared_readers, fault);
    if (!e)
        e = committer_open(&store->committer, store->writer, store->write_fd, options, fault);
    return e;
}

enum err store_open(struct store **out, const struct store_options *options, struct fault *fault)
{
    struct store *store = xalloc(sizeof *store);
    store->lock_fd = -1;
    store->write_fd = -1;
    enum err e = open_parts(store, options, fault);
    if (e) {
        store_close(store);
        store = NULL;
    }
    *out = store;
    return e;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    bool was_open = store->committer != NULL;
    committer_close(store->committer);
    FAULT_POINT(store_committer_closed);
    readers_close(store->readers);
    if (was_open && empty_log(store, STOP_WAIT_MS, NULL))
        LOG_WARN("write-ahead log not emptied", LOG_TEXT("cause", db_text(store->writer)));
    db_close(store->writer);
    FAULT_POINT(store_writer_closed);
    file_close(&store->write_fd);
    file_close(&store->lock_fd);
    free(store);
}

enum err store_write(
    struct store *store, enum store_class class, store_unit *apply, void *arg, int64_t deadline_ms)
{
    enum err e = committer_run(store->committer, class, apply, arg, deadline_ms);
    if (!e)
        metrics_add(METRIC_store_units_total, 1);
    else if (e != ERR_REFUSED)
        metrics_add(METRIC_store_failures_total, 1);
    return e;
}

enum err store_read(
    struct store *store, int worker, store_unit *apply, void *arg, int64_t deadline_ms)
{
    return readers_run(store->readers, worker, apply, arg, deadline_ms);
}

void store_keep_snapshot(struct store *store, int worker)
{
    readers_keep(store->readers, worker);
}

void store_let_go(struct store *store, int worker)
{
    readers_let_go(store->readers, worker);
}

bool store_is_degraded(const struct store *store)
{
    return committer_is_degraded(store->committer);
}
