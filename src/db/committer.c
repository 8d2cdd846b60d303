/* The committer.
 *
 * Many units share one transaction, so that they share one sync of the disk. One that refuses, or
 * breaks a constraint, is undone and the others go on. Its result is known then, but it counts, and
 * is told, only after the commit.
 *
 * To undo takes a savepoint, for which SQLite copies each page that the unit touches: a fifteenth
 * of a create's instructions (bench/instructions), and hardly any unit that fails has changed
 * anything. So groups run without; where a unit has something to undo, the group begins anew with
 * savepoints.
 *
 * Special difficulty: a full or failing disk can end the whole transaction in the middle of a unit,
 * without a word in the unit's own result, and whatever ran next would commit by itself. So after
 * each unit the connection is asked what it thinks: its sticky error, and whether the transaction
 * is still there. If it is not, or the error was none that a savepoint contains, the group comes to
 * nothing and each of its units goes back to run alone, where it harms nobody.
 *
 * Owns the writing connection while the thread runs, and is the only one that checkpoints. Units
 * stay in the queue, where they can be withdrawn, until the transaction they will run in has begun.
 * Nothing is delayed to fill a group; an idle committer sleeps. */
#include "db/committer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "core/metrics.h"

#include "db/checkpoint.h"
#include "db/commit_queue.h"
#include "db/db_unit.h"
#include "db/locks.h"
#include "db/settings.h"

#define GROUP_MS        5    /* a group takes no more units after that */
#define BUSY_PAUSE_MS   16   /* longest wait between two tries for the write lock */
#define BUSY_TROUBLE_MS 1000 /* held longer than that, it is reported */
#define PROBE_MS        1000

struct committer {
    struct db *db;
    int write_fd;
    struct commit_queue queue;
    struct checkpoint checkpoint;
    struct commit_unit **group; /* taken, not settled yet */
    size_t group_len;
    size_t group_max;
    bool has_savepoints; /* a unit of this group has something to undo */
    int group_ms;
    _Atomic int trouble; /* enum err: why nothing can be written; ERR_NONE: it can */
    pthread_t thread;
};

/* Trouble: told once when it begins and once when it ends, however many units meet it. */

static void note_trouble(struct committer *committer, enum err e, const char *cause)
{
    if (atomic_exchange(&committer->trouble, (int)e) == ERR_NONE)
        LOG_ERROR("writes fail", LOG_TEXT("outcome", err_info(e)->name), LOG_TEXT("cause", cause));
}

static void note_success(struct committer *committer)
{
    if (atomic_exchange(&committer->trouble, ERR_NONE) != ERR_NONE)
        LOG_INFO("writes work again");
}

bool committer_is_degraded(const struct committer *committer)
{
    return atomic_load(&committer->trouble) != ERR_NONE;
}

/* One group */

static enum err try_begin(struct committer *committer)
{
    return locks_write_is_free(committer->write_fd) ? db_begin(committer->db) : ERR_BUSY;
}

/* No transaction can be begun, and waiting will not help: those who wait are told so. */
static void refuse_waiting(struct committer *committer, enum err e)
{
    note_trouble(committer, e, db_text(committer->db));
    for (size_t i = 0; i < committer->group_max; i++) {
        struct commit_unit *unit = commit_queue_take(&committer->queue, 0);
        if (!unit)
            return;
        commit_queue_settle(unit, e);
    }
}

/* While another process writes, those who wait can still withdraw. False: nobody waits any more. */
static bool begin_group(struct committer *committer)
{
    int64_t trouble_ms = clock_mono_ms() + BUSY_TROUBLE_MS;
    int pause_ms = 1;
    while (!commit_queue_is_empty(&committer->queue)) {
        enum err e = try_begin(committer);
        if (!e)
            return true;
        if (e != ERR_BUSY) {
            refuse_waiting(committer, e);
            return false;
        }
        int64_t now = clock_mono_ms();
        if (now >= trouble_ms)
            note_trouble(committer, e, "another process writes to the database");
        clock_sleep_until(now + pause_ms);
        pause_ms = pause_ms < BUSY_PAUSE_MS ? 2 * pause_ms : BUSY_PAUSE_MS;
    }
    return false;
}

static bool is_contained(enum err engine)
{
    return engine == ERR_NONE || engine == ERR_TAKEN || engine == ERR_BROKEN;
}

/* Expected conflicts are no errors to the engine, so what it says of one unit is our own bug. */
static void report_bug(const struct db *db, enum err engine)
{
    if (engine && is_contained(engine))
        LOG_ERROR("unit of work broken", LOG_TEXT("outcome", err_info(engine)->name),
            LOG_TEXT("cause", db_text(db)));
}

enum unit_end {
    UNIT_ENDED,
    UNIT_TO_UNDO, /* it failed, changed something, and there is no savepoint */
    UNIT_SPOILT,  /* the transaction is gone, or not to be trusted; the unit's result says why */
};

/* The unit itself, and what the engine thinks afterwards. */
static enum unit_end apply_unit(struct db *db, struct commit_unit *unit)
{
    enum err own = unit->apply(db, unit->arg);
    FAULT_POINT(committer_unit_run);
    enum err engine = db_error(db);
    report_bug(db, engine);
    db_clear(db);
    unit->result = engine ? engine : own;
    if (!db_in_transaction(db)) {
        unit->result = unit->result ? unit->result : ERR_BROKEN;
        return UNIT_SPOILT;
    }
    return is_contained(engine) ? UNIT_ENDED : UNIT_SPOILT;
}

static enum unit_end run_in_savepoint(struct db *db, struct commit_unit *unit)
{
    unit->result = db_savepoint(db);
    if (unit->result)
        return UNIT_SPOILT;
    FAULT_POINT(committer_savepoint_set);
    enum unit_end end = apply_unit(db, unit);
    if (end != UNIT_ENDED)
        return end;
    enum err e = unit->result ? db_undo(db) : db_release(db);
    FAULT_POINT(committer_unit_ended);
    unit->result = e ? e : unit->result;
    return e ? UNIT_SPOILT : UNIT_ENDED;
}

static enum unit_end run_unit(const struct committer *committer, struct commit_unit *unit)
{
    struct db *db = committer->db;
    if (committer->has_savepoints)
        return run_in_savepoint(db, unit);
    int64_t changes = db_changes(db);
    enum unit_end end = apply_unit(db, unit);
    bool is_to_undo = end == UNIT_ENDED && unit->result && db_changes(db) != changes;
    return is_to_undo ? UNIT_TO_UNDO : end;
}

/* Takes and runs units until there is none, or enough. */
static enum unit_end fill_group(struct committer *committer)
{
    int64_t until_us = clock_mono_us() + committer->group_ms * INT64_C(1000);
    do {
        struct commit_unit *unit = commit_queue_take(&committer->queue, committer->group_len);
        if (!unit)
            break;
        committer->group[committer->group_len++] = unit;
        enum unit_end end = run_unit(committer, unit);
        if (end != UNIT_ENDED)
            return end;
        if (unit->is_alone)
            break;
    } while (committer->group_len < committer->group_max && clock_mono_us() < until_us);
    return UNIT_ENDED;
}

/* Wakes each waiter by itself. A failed commit is everybody's: a refusal may rest on what another
 * unit of the group had written. */
static void settle_group(struct committer *committer, enum err e)
{
    for (size_t i = 0; i < committer->group_len; i++) {
        struct commit_unit *unit = committer->group[i];
        commit_queue_settle(unit, e ? e : unit->result);
    }
    committer->group_len = 0;
}

static void give_back(struct committer *committer, bool alone)
{
    commit_queue_give_back(&committer->queue, committer->group, committer->group_len, alone);
    committer->group_len = 0;
}

/* Its last unit has something to undo. Alone, it is undone with the transaction. */
static void undo_group(struct committer *committer)
{
    db_rollback(committer->db);
    FAULT_POINT(committer_group_undone);
    if (committer->group_len == 1) {
        settle_group(committer, ERR_NONE);
        return;
    }
    committer->has_savepoints = true;
    give_back(committer, false);
}

static void abandon_group(struct committer *committer)
{
    enum err last = committer->group[committer->group_len - 1]->result;
    db_rollback(committer->db);
    if (committer->group_len > 1) {
        LOG_DEBUG("group given up, its units run alone", LOG_TEXT("outcome", err_info(last)->name),
            LOG_INT("units", (int64_t)committer->group_len));
        give_back(committer, true);
        return;
    }
    note_trouble(committer, last, db_text(committer->db));
    settle_group(committer, last);
}

static enum err commit(struct committer *committer)
{
    enum err e = db_commit(committer->db);
    if (e) {
        FAULT_POINT(committer_commit_failed);
        note_trouble(committer, e, db_text(committer->db));
        return e;
    }
    FAULT_POINT(committer_group_committed);
    int64_t pages = db_log_pages(committer->db);
    if (pages) { /* else nothing was written, and nothing is known of the disk */
        note_success(committer);
        metrics_add(METRIC_store_groups_total, 1);
        metrics_set(METRIC_wal_pages, pages);
    }
    return ERR_NONE;
}

static void run_group(struct committer *committer)
{
    if (!begin_group(committer))
        return;
    FAULT_POINT(committer_group_begun);
    enum unit_end end = fill_group(committer);
    if (end == UNIT_TO_UNDO) {
        undo_group(committer);
        return;
    }
    committer->has_savepoints = false;
    if (end == UNIT_SPOILT) {
        abandon_group(committer);
        return;
    }
    enum err e = commit(committer);
    settle_group(committer, e);
    FAULT_POINT(committer_group_settled);
    checkpoint_if_due(&committer->checkpoint, db_log_pages(committer->db));
}

/* In trouble and without work: does writing work again? */
static void probe(struct committer *committer)
{
    int64_t now = clock_now();
    if (try_begin(committer))
        return;
    enum err e = settings_put(committer->db, "store_probe", &now, sizeof now);
    db_clear(committer->db);
    if (e)
        db_rollback(committer->db);
    else
        (void)commit(committer); /* notes what came of it */
    FAULT_POINT(committer_probe_ended);
}

static void *committer_main(void *arg)
{
    struct committer *committer = arg;
    for (;;) {
        bool is_degraded = committer_is_degraded(committer);
        int64_t probe_ms = is_degraded ? clock_mono_ms() + PROBE_MS : 0;
        switch (commit_queue_wait(&committer->queue, probe_ms)) {
        case COMMIT_UNITS:
            run_group(committer);
            break;
        case COMMIT_TIMEOUT:
            probe(committer);
            break;
        case COMMIT_CLOSED:
            return NULL;
        }
    }
}

/* Signals are for the thread that waits for them. */
static enum err start_thread(struct committer *committer, struct fault *fault)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    int failed = pthread_sigmask(SIG_SETMASK, &all, &before);
    assert(!failed);
    errno = pthread_create(&committer->thread, NULL, committer_main, committer);
    enum err e = errno ? fail_errno(fault, ERR_IO, "cannot start the committer") : ERR_NONE;
    if (!e)
        (void)pthread_setname_np(committer->thread, "committer"); /* for whoever looks at ps -L */
    failed = pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(!failed);
    return e;
}

static void free_committer(struct committer *committer)
{
    commit_queue_fini(&committer->queue);
    free(committer->group);
    free(committer);
}

enum err committer_open(struct committer **out, struct db *db, int write_fd,
    const struct store_options *options, struct fault *fault)
{
    assert(options->queue_max > 0 && options->group_max > 0);
    struct committer *committer = xalloc(sizeof *committer);
    committer->db = db;
    committer->write_fd = write_fd;
    committer->checkpoint = (struct checkpoint){.db = db, .write_fd = write_fd};
    committer->group_max = (size_t)options->group_max;
    committer->group_ms = options->group_ms ? options->group_ms : GROUP_MS;
    committer->group = xarray(committer->group_max, sizeof(struct commit_unit *));
    commit_queue_init(&committer->queue, (size_t)options->queue_max);
    enum err e = start_thread(committer, fault);
    if (e) {
        free_committer(committer);
        committer = NULL;
    }
    *out = committer;
    return e;
}

void committer_close(struct committer *committer)
{
    if (!committer)
        return;
    commit_queue_close(&committer->queue);
    int failed = pthread_join(committer->thread, NULL);
    assert(!failed);
    free_committer(committer);
}

enum err committer_run(struct committer *committer, enum store_class class, store_unit *apply,
    void *arg, int64_t deadline_ms)
{
    return commit_queue_run(&committer->queue, class, apply, arg, deadline_ms);
}
