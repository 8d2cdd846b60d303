/* A pass over the spool. The rename from new/ or deferred/ into claimed/ is what claims a message
 * and counts the attempt, before the attempt is made: whatever cuts it off, the number stands.
 * Between batches claimed/ is empty, so what lies there when a pass begins was cut off, or could
 * not be put away; it is read only once a pass, as its entries change their names while it is read.
 *
 * A batch comes from one folder: so a message that was published twice is not in it twice.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/fault_point.h"
#include "core/file.h"
#include "core/log.h"

#include "spool/inspect.h"
#include "spool/take_state.h"

static const enum layout_folder stages[TAKE_STAGE_COUNT] = {
    LAYOUT_CLAIMED, LAYOUT_NEW, LAYOUT_DEFERRED};

int64_t take_due_at(const struct take *take)
{
    return take->due_at;
}

static void end_stream(struct take *take)
{
    if (take->stream)
        (void)closedir(take->stream);
    take->stream = NULL;
}

void take_begin(struct take *take, bool everything)
{
    bool is_unfinished = take->stream && stages[take->stage] == LAYOUT_DEFERRED;
    end_stream(take);
    take->stage = 0;
    take->everything = everything;
    take->is_stuck = false;
    if (is_unfinished)
        take->due_at = 0;
}

static bool is_due(int64_t next_at, int64_t now)
{
    return next_at <= now || next_at - now > TAKE_AHEAD_MAX_S;
}

/* Opened folders live on after they were removed, but nothing will ever come into them. */
static bool is_removed(int folder_fd)
{
    struct stat st;
    return !fstat(folder_fd, &st) && st.st_nlink == 0;
}

static enum err begin_stream(struct take *take, enum layout_folder folder, struct fault *fault)
{
    if (is_removed(take->folder_fds[folder]))
        return fail(
            fault, ERR_NOT_FOUND, NULL, "the spool's folder %s/ was removed", layout_name(folder));
    int fd = openat(take->folder_fds[folder], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    take->stream = fd < 0 ? NULL : fdopendir(fd);
    if (take->stream)
        return ERR_NONE;
    enum err e =
        fail_errno(fault, ERR_IO, "cannot read the spool's folder %s/", layout_name(folder));
    file_close(&fd);
    return e;
}

/* The next entry; *entry NULL: there are no more. */
static enum err read_entry(struct take *take, const char **entry, struct fault *fault)
{
    const struct dirent *found;
    do {
        errno = 0;
        found = readdir(take->stream);
    } while (found && (!strcmp(found->d_name, ".") || !strcmp(found->d_name, "..")));
    *entry = found ? found->d_name : NULL;
    if (!found && errno)
        return fail_errno(
            fault, ERR_IO, "cannot read the spool's folder %s/", layout_name(stages[take->stage]));
    return ERR_NONE;
}

/* Is the entry to be claimed now? What is no name of ours is put away; what is not due is noted. */
static bool consider(struct take *take, const char *entry, int64_t now, struct name *name)
{
    enum layout_folder folder = stages[take->stage];
    if (!name_parse(folder, entry, name)) {
        take_quarantine(take, folder, entry, entry, "not a name of a message");
        return false;
    }
    if (folder != LAYOUT_DEFERRED || is_due(name->next_at, now))
        return true;
    if (name->next_at < take->due_at)
        take->due_at = name->next_at;
    return false;
}

/* Fills names from the stream; when it ends, or after claimed/ was looked at once, so does the
 * stage. */
static enum err collect(
    struct take *take, int64_t now, struct name *names, size_t *count, struct fault *fault)
{
    const char *entry = "";
    while (*count < TAKE_BATCH_MAX && entry) {
        enum err e = read_entry(take, &entry, fault);
        if (e)
            return e;
        if (entry && consider(take, entry, now, &names[*count]))
            ++*count;
    }
    if (!entry || stages[take->stage] == LAYOUT_CLAIMED) {
        end_stream(take);
        take->stage++;
    }
    return ERR_NONE;
}

/* Is there anything in deferred/ that this pass should look at? */
static bool wants_deferred(const struct take *take, int64_t now)
{
    return take->everything || (take->due_at != INT64_MAX && is_due(take->due_at, now));
}

static enum err run_stage(
    struct take *take, int64_t now, struct name *names, size_t *count, struct fault *fault)
{
    enum layout_folder folder = stages[take->stage];
    if (!take->stream) {
        if (folder == LAYOUT_DEFERRED && !wants_deferred(take, now)) {
            take->stage++;
            return ERR_NONE;
        }
        enum err e = begin_stream(take, folder, fault);
        if (e)
            return e;
        if (folder == LAYOUT_DEFERRED)
            take->due_at = INT64_MAX; /* found anew by consider() */
    }
    return collect(take, now, names, count, fault);
}

/* The rename that counts. False: it is not ours to deliver (gone, stuck, corrupt). */
static bool claim(struct take *take, enum layout_folder folder, const struct name *name,
    struct arena *arena, struct taken *out)
{
    char from[NAME_SIZE];
    char to[NAME_SIZE];
    *out = (struct taken){.name = *name, .was_cut_off = folder == LAYOUT_CLAIMED};
    fault_begin(&out->fault, arena);
    out->name.next_at = 0;
    if (out->name.tries < NAME_TRIES_MAX)
        out->name.tries++;
    name_format(folder, name, from);
    name_format(LAYOUT_CLAIMED, &out->name, to);
    int claimed_fd = take->folder_fds[LAYOUT_CLAIMED];
    if (renameat(take->folder_fds[folder], from, claimed_fd, to)) {
        take_leave(take, folder, from);
        return false;
    }
    FAULT_POINT(take_message_claimed);
    enum err e =
        inspect_read(claimed_fd, to, take->publisher, arena, &out->bytes, &out->len, &out->fault);
    if (e == ERR_CORRUPT)
        take_quarantine(take, LAYOUT_CLAIMED, to, name->uid, out->fault.text);
    return e != ERR_CORRUPT && e != ERR_NOT_FOUND;
}

enum err take_next(struct take *take, struct arena *arena, int64_t now,
    struct taken out[TAKE_BATCH_MAX], size_t *count, struct fault *fault)
{
    struct name names[TAKE_BATCH_MAX];
    *count = 0;
    while (*count == 0 && take->stage < TAKE_STAGE_COUNT) {
        enum layout_folder folder = stages[take->stage];
        size_t name_count = 0;
        enum err e = run_stage(take, now, names, &name_count, fault);
        if (e) {
            end_stream(take);
            take->stage = TAKE_STAGE_COUNT;
            take->due_at = 0;
            return e;
        }
        for (size_t i = 0; i < name_count; i++)
            *count += claim(take, folder, &names[i], arena, &out[*count]);
    }
    return ERR_NONE;
}
