/* See restore.h.
 *
 * The difficulty: the backup knows nothing of what came after it, and the world does. Ids that were
 * dealt out since (order numbers that customers have, users whom tokens name) must never be dealt
 * out again to somebody else. The epoch of a user was perhaps raised since, to end what was logged
 * in (a new password, a user disabled): the restored one would make those tokens good again, and
 * the next change by one could make good what was issued in between. So epochs jump as ids do:
 * nobody gets in by a token from before, and who may log in is what the backup says. */
#include "db/restore.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"

#include "db/db_unit.h"
#include "db/db_whole.h"
#include "db/locks.h"
#include "db/restored.h"
#include "db/users.h"

#define BLOCK_LEN      65536
#define CHECKPOINT_MS  5000
#define PARTIAL_SUFFIX ".restoring"

/* The files of one database. */
static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
#define SUFFIX_COUNT (sizeof suffixes / sizeof *suffixes)

struct restore {
    const struct admin_options *options;
    const char *name; /* of the backup */
    const char *partial;
    struct arena arena;
    int write_fd;
    int lock_fd;
    struct fault *fault;
};

/* As whoever migrates: no responder runs, and none gets further than its first step. */
static enum err take_locks(struct restore *r)
{
    const char *path = r->options->path;
    struct fault cause;
    fault_begin(&cause, NULL);
    enum err e = locks_open_write(path, &r->write_fd, r->fault);
    if (e)
        return e;
    if (!locks_take_write(r->write_fd, r->options->wait_ms))
        return fail(r->fault, ERR_BUSY, NULL, "%s: somebody else is writing", path);
    e = locks_take_database(path, 0, &r->lock_fd, &cause);
    if (e == ERR_BUSY)
        return fail(r->fault, e, NULL, "an orderd uses %s: stop it first", path);
    return e ? fail(r->fault, e, NULL, "%s", cause.text) : ERR_NONE;
}

/* A log that stayed behind would be played into the restored database. */
static enum err expect_no_database(struct restore *r)
{
    for (size_t n = 0; n < SUFFIX_COUNT; n++) {
        struct stat st;
        const char *path = arena_printf(&r->arena, "%s%s", r->options->path, suffixes[n]);
        if (!lstat(path, &st))
            return fail(r->fault, ERR_TAKEN, NULL,
                "%s is there: move it away first (%s, -wal and -shm belong together)", path,
                r->options->path);
        if (errno != ENOENT)
            return fail_errno(r->fault, ERR_IO, "cannot look at %s", path);
    }
    return ERR_NONE;
}

/* Before anything is copied: our caller may read more than the owner of the copy, and a name in the
 * owner's folder may lead anywhere. */
static enum err expect_database(struct restore *r, int fd)
{
    char head[DB_HEAD_LEN];
    ssize_t len = pread(fd, head, sizeof head, 0);
    if (len < 0)
        return fail_errno(r->fault, ERR_IO, "cannot read %s", r->name);
    if (len < (ssize_t)sizeof head || !db_is_head(head))
        return fail(r->fault, ERR_CORRUPT, NULL, "%s is not a database", r->name);
    return ERR_NONE;
}

/* What a restore left that was killed: we hold the lock, so nobody is at it. Harmless if there is
 * nothing. */
static void remove_partial(struct restore *r)
{
    for (size_t n = 0; n < SUFFIX_COUNT; n++)
        (void)unlink(arena_printf(&r->arena, "%s%s", r->partial, suffixes[n]));
}

static enum err copy_bytes(struct restore *r, int from, int to)
{
    char block[BLOCK_LEN];
    for (;;) {
        ssize_t len = read(from, block, sizeof block);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return fail_errno(r->fault, ERR_IO, "cannot read %s", r->name);
        if (!len)
            return ERR_NONE;
        enum err e = file_write_all(to, block, (size_t)len, NULL);
        if (e)
            return fail_errno(r->fault, e, "cannot write %s", r->partial);
    }
}

static enum err copy_backup(struct restore *r, int from)
{
    int to;
    enum err e = file_make(r->partial, 0600, &to, r->fault);
    if (e)
        return e;
    e = copy_bytes(r, from, to);
    file_close(&to);
    return e;
}

static enum err change(struct db *db, int64_t at)
{
    enum err e = db_skip_ids(db);
    if (!e)
        e = users_void_tokens(db);
    return e ? e : restored_mark(db, at);
}

static enum err change_and_commit(struct restore *r, struct db *db, int64_t at)
{
    int64_t pages;
    enum err e = db_begin(db);
    if (!e)
        e = change(db, at);
    db_clear(db);
    if (!e)
        e = db_commit(db);
    db_rollback(db);
    if (!e)
        e = db_checkpoint(db, DB_TRUNCATE, CHECKPOINT_MS, &pages);
    return e ? fail(r->fault, e, NULL, "%s: %s", r->partial, db_text(db)) : ERR_NONE;
}

static enum err check_and_change(struct restore *r, int64_t at, struct backup *out)
{
    struct db *db;
    struct fault cause;
    fault_begin(&cause, &r->arena);
    enum err e = db_open_bare(&db, r->partial, &cause);
    if (e)
        return fail(r->fault, e, NULL, "%s cannot be opened: %s", r->name, cause.text);
    e = backup_check(db, r->name, r->options->migrations, out, r->fault);
    if (!e)
        e = change_and_commit(r, db, at);
    db_close(db);
    return e ? e : backup_measure(r->partial, out, r->fault);
}

static enum err restore(struct restore *r, int fd, int64_t at, struct backup *out)
{
    enum err e = take_locks(r);
    if (!e)
        e = expect_no_database(r);
    if (!e)
        e = expect_database(r, fd);
    if (e)
        return e;
    remove_partial(r);
    e = copy_backup(r, fd);
    if (!e)
        e = check_and_change(r, at, out);
    if (!e)
        e = file_publish(r->partial, r->options->path, r->fault);
    remove_partial(r); /* its log is empty, or it has come to nothing */
    return e;
}

enum err restore_from(const struct admin_options *options, int fd, const char *name, int64_t at,
    struct backup *out, struct fault *fault)
{
    struct restore r = {
        .options = options, .name = name, .write_fd = -1, .lock_fd = -1, .fault = fault};
    *out = (struct backup){.bytes = 0};
    arena_init(&r.arena, 4096);
    r.partial = arena_printf(&r.arena, "%s" PARTIAL_SUFFIX, options->path);
    enum err e = restore(&r, fd, at, out);
    file_close(&r.lock_fd);
    file_close(&r.write_fd);
    arena_fini(&r.arena);
    return e;
}
