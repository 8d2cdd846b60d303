/* Opening the spool and being told of what comes in. Whom new/ belongs to decides whose files are
 * read, so it has to be there; all other folders are made.
 *
 * Owns the notifier's lock and the folders but tmp/ and new/.
 */
#include "spool/take.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/log.h"

#include "spool/take_state.h"

static enum err open_publisher_folder(struct take *take, const char *folder, struct fault *fault)
{
    int fd;
    enum err e = layout_open_root(folder, &take->root_fd, fault);
    if (!e)
        e = layout_open(take->root_fd, LAYOUT_NEW, &fd, fault);
    if (e)
        return e;
    take->folder_fds[LAYOUT_NEW] = fd;
    struct stat st;
    if (fstat(fd, &st))
        return fail_errno(fault, ERR_IO, "cannot look at the spool's folder new/");
    take->publisher = st.st_uid;
    return ERR_NONE;
}

static enum err make_own_folders(struct take *take, struct fault *fault)
{
    for (enum layout_folder f = LAYOUT_CLAIMED; f < LAYOUT__COUNT; f++) {
        enum err e = layout_make(take->root_fd, f, &take->folder_fds[f], fault);
        if (e)
            return e;
    }
    /* Whoever made them may have been cut off after that: a message must not go where a power cut
     * takes the folder. */
    return fsync(take->root_fd) ? fail_errno(fault, ERR_IO, "cannot sync the spool's folders")
                                : ERR_NONE;
}

/* Without a watch the scans still find everything, only later. */
static void watch(struct take *take, const char *path)
{
    uint32_t events = IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;
    take->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (take->watch_fd >= 0 && inotify_add_watch(take->watch_fd, path, events) >= 0)
        return;
    LOG_WARN("spool cannot be watched, only scanned", LOG_TEXT("folder", path),
        LOG_TEXT("cause", strerror(errno)));
    file_close(&take->watch_fd);
}

static enum err open_all(struct take *take, const char *folder, struct fault *fault)
{
    struct arena arena;
    enum err e = open_publisher_folder(take, folder, fault);
    if (e)
        return e;
    arena_init(&arena, 512);
    e = file_lock(arena_printf(&arena, "%s/.notifier.lock", folder), 0, &take->lock_fd, fault);
    if (!e)
        watch(take, arena_printf(&arena, "%s/%s", folder, layout_name(LAYOUT_NEW)));
    arena_fini(&arena);
    return e ? e : make_own_folders(take, fault);
}

enum err take_open(struct take **out, const char *folder, struct fault *fault)
{
    struct take *take = xalloc(sizeof *take);
    *take = (struct take){.root_fd = -1, .lock_fd = -1, .watch_fd = -1};
    for (int f = 0; f < LAYOUT__COUNT; f++)
        take->folder_fds[f] = -1;
    take->stage = TAKE_STAGE_COUNT; /* no pass has begun */
    enum err e = open_all(take, folder, fault);
    if (e) {
        take_close(take);
        take = NULL;
    }
    *out = take;
    return e;
}

void take_close(struct take *take)
{
    if (!take)
        return;
    if (take->stream)
        (void)closedir(take->stream);
    for (int f = 0; f < LAYOUT__COUNT; f++)
        file_close(&take->folder_fds[f]);
    file_close(&take->watch_fd);
    file_close(&take->lock_fd);
    file_close(&take->root_fd);
    free(take);
}

int take_watch_fd(const struct take *take)
{
    return take->watch_fd;
}

/* Names in the events are not looked at: a scan follows, which also covers events that were lost.
 */
enum err take_noticed(struct take *take, struct fault *fault)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t len;
    while ((len = read(take->watch_fd, events, sizeof events)) > 0) {
        const struct inotify_event *event;
        for (const char *at = events; at < events + len; at += sizeof *event + event->len) {
            event = (const struct inotify_event *)(const void *)at;
            if (event->mask & (IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
                return fail(fault, ERR_NOT_FOUND, NULL, "the spool's folder new/ was moved away");
        }
    }
    if (len < 0 && errno != EAGAIN && errno != EINTR)
        return fail_errno(fault, ERR_IO, "cannot read what happened in the spool");
    return ERR_NONE;
}
