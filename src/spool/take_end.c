/* Where a claimed message goes: away, deferred/, failed/ or corrupt/. Each is one rename or unlink;
 * if that fails, the message stays in claimed/ and a later pass takes it up again.
 *
 * None of these renames is synced: a crash may undo one, and the message is delivered once more,
 * under the same Message-ID.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fault_point.h"
#include "core/file.h"
#include "core/log.h"
#include "core/random.h"

#include "spool/take_state.h"

#define REASON_MODE 0640

/* Moves a claimed message to FOLDER, under the name that its state has there. */
static enum err move(
    struct take *take, const struct name *name, enum layout_folder folder, struct fault *fault)
{
    char from[NAME_SIZE];
    char to[NAME_SIZE];
    struct name claimed = *name;
    claimed.next_at = 0;
    name_format(LAYOUT_CLAIMED, &claimed, from);
    name_format(folder, name, to);
    if (renameat(take->folder_fds[LAYOUT_CLAIMED], from, take->folder_fds[folder], to))
        return fail_errno(
            fault, ERR_IO, "cannot move claimed/%s to %s/", from, layout_name(folder));
    return ERR_NONE;
}

enum err take_done(struct take *take, const struct taken *taken, struct fault *fault)
{
    char name[NAME_SIZE];
    name_format(LAYOUT_CLAIMED, &taken->name, name);
    if (unlinkat(take->folder_fds[LAYOUT_CLAIMED], name, 0))
        return fail_errno(fault, ERR_IO, "cannot remove claimed/%s", name);
    FAULT_POINT(take_message_removed);
    return ERR_NONE;
}

enum err take_defer(
    struct take *take, const struct taken *taken, int64_t next_at, struct fault *fault)
{
    struct name name = taken->name;
    name.next_at = next_at;
    enum err e = move(take, &name, LAYOUT_DEFERRED, fault);
    FAULT_POINT(take_message_deferred);
    if (!e && next_at < take->due_at)
        take->due_at = next_at;
    return e;
}

static enum err write_reason(int folder_fd, const char *name, const struct name *message,
    const char *reason, struct fault *fault)
{
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(folder_fd, name, flags, REASON_MODE);
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "cannot make failed/%s", name);
    int rc = dprintf(fd, "tries: %d\nreason: %s\n", (int)message->tries, reason);
    enum err e = rc < 0 ? fail_errno(fault, ERR_IO, "cannot write failed/%s", name) : ERR_NONE;
    file_close(&fd);
    return e;
}

/* A reason that cannot be written (a full disk) keeps no message back: the log has it too. */
enum err take_give_up(
    struct take *take, const struct taken *taken, const char *reason, struct fault *fault)
{
    char name[NAME_SIZE + sizeof ".reason"];
    int used = snprintf(name, sizeof name, "%s.reason", taken->name.uid);
    struct fault reason_fault;
    fault_begin(&reason_fault, NULL);
    if (used < 0 ||
        write_reason(take->folder_fds[LAYOUT_FAILED], name, &taken->name, reason, &reason_fault))
        LOG_ERROR("reason of a failed message not written", LOG_TEXT("uid", taken->name.uid),
            LOG_TEXT("cause", reason_fault.text));
    FAULT_POINT(take_reason_written);
    enum err e = move(take, &taken->name, LAYOUT_FAILED, fault);
    FAULT_POINT(take_message_failed);
    return e;
}

void take_reject(struct take *take, const struct taken *taken, const char *reason)
{
    char name[NAME_SIZE];
    name_format(LAYOUT_CLAIMED, &taken->name, name);
    take_quarantine(take, LAYOUT_CLAIMED, name, taken->name.uid, reason);
}

void take_leave(struct take *take, enum layout_folder folder, const char *entry)
{
    if (errno == ENOENT || take->is_stuck) /* gone by itself, or told already */
        return;
    take->is_stuck = true;
    LOG_ERROR("spool file cannot be moved, left alone", LOG_TEXT("folder", layout_name(folder)),
        LOG_TEXT("file", entry), LOG_TEXT("cause", strerror(errno)));
}

/* Some file systems know no rename without replacing (EINVAL): there, a name of its own is made
 * too. */
static int move_to_corrupt(
    const struct take *take, int from_fd, const char *entry, const char **kept, char uid[UID_SIZE])
{
    int corrupt_fd = take->folder_fds[LAYOUT_CORRUPT];
    if (!renameat2(from_fd, entry, corrupt_fd, *kept, RENAME_NOREPLACE))
        return 0;
    if (errno != EEXIST && errno != EINVAL)
        return -1;
    random_uid(uid);
    *kept = uid;
    return renameat(from_fd, entry, corrupt_fd, uid);
}

void take_quarantine(struct take *take, enum layout_folder folder, const char *entry,
    const char *wanted, const char *reason)
{
    char uid[UID_SIZE];
    const char *kept = wanted;
    if (move_to_corrupt(take, take->folder_fds[folder], entry, &kept, uid)) {
        take_leave(take, folder, entry);
        return;
    }
    FAULT_POINT(take_entry_quarantined);
    LOG_ERROR("spool file corrupt, put away", LOG_TEXT("folder", layout_name(folder)),
        LOG_TEXT("file", entry), LOG_TEXT("kept_as", kept), LOG_TEXT("cause", reason));
}
