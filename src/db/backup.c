/* See backup.h. A name that is there is a promise: a file gets it only when all of it was read
 * again, found whole and synced. */
#include "db/backup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/random.h"

#include "db/db.h"
#include "db/db_whole.h"
#include "db/migrate.h"
#include "db/orders.h"

struct problem {
    char first[200];
    int count;
};

static void note_problem(void *arg, const char *text)
{
    struct problem *problem = arg;
    if (problem->count++)
        return;
    size_t len = strnlen(text, sizeof problem->first - 1);
    memcpy(problem->first, text, len);
    problem->first[len] = '\0';
}

/* What it says of its age. */
static enum err describe(struct db *db, struct backup *out)
{
    const struct order_filter newest = {.before_id = INT64_MAX, .limit = 1};
    struct order *order;
    size_t count;
    struct arena arena;
    arena_init(&arena, 4096);
    enum err e = orders_list(db, &arena, &newest, &order, &count);
    out->order_id = !e && count ? order->id : 0;
    out->ordered_at = !e && count ? order->created_at : 0;
    arena_fini(&arena);
    return e;
}

enum err backup_check(struct db *db, const char *name, const char *migrations, struct backup *out,
    struct fault *fault)
{
    struct problem problem = {.count = 0};
    int64_t pending;
    enum err e = db_verify(db, note_problem, &problem);
    if (e)
        return fail(fault, e, NULL, "%s cannot be verified: %s", name, db_text(db));
    if (problem.count)
        return fail(fault, ERR_CORRUPT, NULL, "%s is damaged: %s", name, problem.first);
    e = migrate_pending(db, migrations, &pending, fault);
    if (e == ERR_BROKEN) { /* no table of migrations */
        fault_clear(fault);
        return fail(fault, ERR_CONFIG, NULL, "%s is no database of orderd", name);
    }
    if (e)
        return e;
    e = describe(db, out);
    return e ? fail(fault, e, NULL, "%s cannot be read: %s", name, db_text(db)) : ERR_NONE;
}

enum err backup_measure(const char *path, struct backup *out, struct fault *fault)
{
    struct stat st;
    if (stat(path, &st))
        return fail_errno(fault, ERR_IO, "cannot look at %s", path);
    out->bytes = (int64_t)st.st_size;
    return ERR_NONE;
}

static enum err check_copy(
    const char *path, const char *migrations, struct backup *out, struct fault *fault)
{
    struct db *db;
    enum err e = db_open_bare_reader(&db, path, fault);
    if (e)
        return e;
    e = backup_check(db, path, migrations, out, fault);
    db_close(db);
    return e ? e : backup_measure(path, out, fault);
}

/* Early, before anything is copied; file_publish() looks once more. */
static enum err expect_nothing(const char *file, struct fault *fault)
{
    struct stat st;
    if (!lstat(file, &st))
        return fail(fault, ERR_TAKEN, NULL, "%s exists already", file);
    if (errno != ENOENT)
        return fail_errno(fault, ERR_IO, "cannot make %s", file);
    return ERR_NONE;
}

static enum err make_at(const struct admin_options *options, const char *partial, const char *file,
    struct backup *out, struct fault *fault)
{
    int fd;
    enum err e = file_make(partial, 0600, &fd, fault);
    if (e)
        return e;
    file_close(&fd); /* the engine opens it by its name */
    e = admin_copy(options, partial, fault);
    if (!e)
        e = check_copy(partial, options->migrations, out, fault);
    if (!e)
        e = file_publish(partial, file, fault);
    if (e)
        (void)unlink(partial); /* the cause is already known */
    return e;
}

enum err backup_make(
    const struct admin_options *options, const char *file, struct backup *out, struct fault *fault)
{
    char uid[UID_SIZE];
    struct arena arena;
    *out = (struct backup){.bytes = 0};
    enum err e = expect_nothing(file, fault);
    if (e)
        return e;
    random_uid(uid);
    arena_init(&arena, 4096);
    e = make_at(options, arena_printf(&arena, "%s.%s.partial", file, uid), file, out, fault);
    arena_fini(&arena);
    return e;
}
