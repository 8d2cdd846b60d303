/* See admin.h.
 *
 * The difficulty: whether a responder runs may change while we look. orders.write is taken first,
 * so that two of us never meet; then orders.lock without waiting. Having it, no responder runs and
 * none gets further than its first step until we are done. Not having it, a responder may be
 * anywhere in its start, the tables not made yet: then everything is let go, since it needs
 * orders.write itself, and tried again.
 *
 * Never checkpoints (what it wrote stays in the log for the responder), and never migrates without
 * orders.lock. */
#include "db/admin.h"

#include <stdbool.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"

#include "db/db_unit.h"
#include "db/db_whole.h"
#include "db/locks.h"
#include "db/migrate.h"

/* Between two looks at a database that is busy or not ready. */
#define RETRY_MS 10

struct door {
    struct arena arena; /* what failed attempts had to say */
    const struct admin_options *options;
    int64_t deadline_ms;
    struct db *db;
    int write_fd;
    int lock_fd; /* valid: no responder runs */
    struct fault *fault;
};

static void door_begin(struct door *d, const struct admin_options *options, struct fault *fault)
{
    *d = (struct door){
        .options = options,
        .deadline_ms = clock_mono_ms() + options->wait_ms,
        .write_fd = -1,
        .lock_fd = -1,
        .fault = fault,
    };
    arena_init(&d->arena, 1024);
}

/* In the order that admin.h promises: the database, then the locks. */
static void door_close(struct door *d)
{
    db_close(d->db);
    d->db = NULL;
    file_close(&d->lock_fd);
    file_close(&d->write_fd);
}

static void door_end(struct door *d)
{
    door_close(d);
    arena_fini(&d->arena);
}

static int left_ms(const struct door *d)
{
    int64_t left = d->deadline_ms - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

static bool door_pause(const struct door *d)
{
    int64_t now = clock_mono_ms();
    if (now >= d->deadline_ms)
        return false;
    clock_sleep_until(now + RETRY_MS < d->deadline_ms ? now + RETRY_MS : d->deadline_ms);
    return true;
}

static enum err take_locks(struct door *d)
{
    enum err e = locks_open_write(d->options->path, &d->write_fd, d->fault);
    if (e)
        return e;
    if (!locks_take_write(d->write_fd, left_ms(d)))
        return fail(d->fault, ERR_BUSY, NULL,
            "%s: somebody else is writing, and did not let us in within %d ms", d->options->path,
            d->options->wait_ms);
    struct fault cause;
    fault_begin(&cause, NULL);
    e = locks_take_database(d->options->path, 0, &d->lock_fd, &cause);
    return e && e != ERR_BUSY ? fail(d->fault, e, NULL, "%s", cause.text) : ERR_NONE;
}

static enum err bring_up_to_date(struct door *d, int64_t *applied)
{
    struct db *db = NULL;
    enum err e = db_open_bare(&db, d->options->path, d->fault);
    if (!e)
        e = migrate(db, d->options->migrations, applied, d->fault);
    db_close(db);
    return e;
}

/* What a database looks like whose responder is still making it. */
static bool may_become_ready(enum err e)
{
    return e == ERR_NOT_FOUND || e == ERR_BROKEN || e == ERR_BUSY;
}

static enum err open_for_writing(struct door *d)
{
    enum err e = take_locks(d);
    if (!e && d->lock_fd >= 0)
        e = bring_up_to_date(d, NULL);
    if (!e)
        e = db_open(&d->db, d->options->path, DB_WRITER, d->fault);
    return e;
}

static enum err open_for_reading(struct door *d)
{
    return db_open(&d->db, d->options->path, DB_READER, d->fault);
}

/* Told when nothing more can be hoped for. What lacks a table was not brought up to date. */
static enum err cannot_open(struct fault *fault, enum err e, const struct fault *cause)
{
    if (e == ERR_BROKEN)
        return fail(fault, ERR_CONFIG, NULL, "%s: it is not up to date", cause->text);
    return fail(fault, e, NULL, "%s", cause->text);
}

/* Opens, and as long as a responder is starting, lets go of everything and tries again. */
static enum err door_open(struct door *d, enum err (*attempt)(struct door *))
{
    struct fault *fault = d->fault;
    struct fault cause;
    for (;;) {
        fault_begin(&cause, &d->arena);
        d->fault = &cause;
        enum err e = attempt(d);
        d->fault = fault;
        if (!e)
            return e;
        bool is_alone = d->lock_fd >= 0;
        door_close(d);
        if (is_alone || !may_become_ready(e) || !locks_database_is_taken(d->options->path) ||
            !door_pause(d))
            return cannot_open(fault, e, &cause);
    }
}

/* The engine's own words: the administrator is who can use them. */
static enum err explain(struct door *d, enum err e)
{
    return fail(d->fault, e, NULL, "%s: %s", d->options->path, db_text(d->db));
}

static enum err explain_commit(struct door *d, enum err e)
{
    if (e != ERR_UNKNOWN)
        return explain(d, e);
    return fail(d->fault, e, NULL,
        "%s: the commit failed, and it is not known whether it was done (look before you try "
        "again): %s",
        d->options->path, db_text(d->db));
}

/* A responder that had begun a group when we took orders.write ends it first. */
static enum err begin_writing(struct door *d)
{
    enum err e;
    while ((e = db_begin(d->db)) == ERR_BUSY && door_pause(d))
        ;
    return e ? explain(d, e) : e;
}

/* The truth about a unit is the sticky error, not only what it returned. */
static enum err run_unit(struct door *d, store_unit *unit, void *arg)
{
    enum err e = unit(d->db, arg);
    enum err sticky = db_error(d->db);
    if (sticky)
        e = explain(d, sticky);
    db_clear(d->db);
    return e;
}

static enum err write_unit(struct door *d, store_unit *unit, void *arg)
{
    enum err e = begin_writing(d);
    if (e)
        return e;
    e = run_unit(d, unit, arg);
    if (!e && (e = db_commit(d->db)))
        e = explain_commit(d, e);
    db_rollback(d->db);
    return e;
}

static enum err read_unit(struct door *d, store_unit *unit, void *arg)
{
    enum err e = db_begin(d->db);
    if (e)
        return explain(d, e);
    e = run_unit(d, unit, arg);
    db_rollback(d->db);
    return e;
}

enum err admin_write(
    const struct admin_options *options, store_unit *unit, void *arg, struct fault *fault)
{
    struct door d;
    door_begin(&d, options, fault);
    enum err e = door_open(&d, open_for_writing);
    if (!e)
        e = write_unit(&d, unit, arg);
    door_end(&d);
    return e;
}

enum err admin_read(
    const struct admin_options *options, store_unit *unit, void *arg, struct fault *fault)
{
    struct door d;
    door_begin(&d, options, fault);
    enum err e = door_open(&d, open_for_reading);
    if (!e)
        e = read_unit(&d, unit, arg);
    door_end(&d);
    return e;
}

static enum err open_for_copying(struct door *d)
{
    return db_open_bare_reader(&d->db, d->options->path, d->fault);
}

enum err admin_copy(const struct admin_options *options, const char *path, struct fault *fault)
{
    struct door d;
    door_begin(&d, options, fault);
    enum err e = door_open(&d, open_for_copying);
    if (!e) {
        while ((e = db_copy(d.db, path)) == ERR_BUSY && door_pause(&d))
            ;
        if (e)
            e = fail(
                fault, e, NULL, "cannot copy %s to %s: %s", options->path, path, db_text(d.db));
    }
    door_end(&d);
    return e;
}

enum err admin_migrate(const struct admin_options *options, int64_t *applied, struct fault *fault)
{
    struct door d;
    door_begin(&d, options, fault);
    enum err e = take_locks(&d);
    if (!e && d.lock_fd < 0)
        e = fail(fault, ERR_BUSY, NULL, "an orderd uses %s: stop it first", options->path);
    if (!e)
        e = bring_up_to_date(&d, applied);
    door_end(&d);
    return e;
}

/* ---- the check */

struct check {
    const char *migrations;
    struct arena *arena;
    struct admin_health *health;
    struct fault *fault;
};

static void add_problem(void *arg, const char *problem)
{
    struct check *check = arg;
    struct admin_health *health = check->health;
    if (health->problem_count < ADMIN_PROBLEMS_MAX)
        health->problems[health->problem_count++] = arena_text(check->arena, problem);
}

static enum err check_unit(struct db *db, void *arg)
{
    struct check *check = arg;
    check->health->problem_count = 0; /* a unit may be run again */
    enum err e = db_verify(db, add_problem, check);
    if (e)
        return fail(check->fault, e, NULL, "cannot be verified: %s", db_text(db));
    return migrate_pending(db, check->migrations, &check->health->pending_count, check->fault);
}

enum err admin_check(const struct admin_options *options, struct arena *arena,
    struct admin_health *out, struct fault *fault)
{
    *out = (struct admin_health){
        .problems = arena_array(arena, ADMIN_PROBLEMS_MAX, sizeof *out->problems)};
    struct check check = {options->migrations, arena, out, fault};
    return admin_read(options, check_unit, &check, fault);
}
