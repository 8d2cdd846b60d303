/* A lock belongs to the open file, not to the process: closing the descriptor gives it up, and no
 * child may inherit it. Nothing here waits without a bound. */
#include "db/locks.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "core/clock.h"
#include "core/file.h"

#define POLL_MS 5

/* Beside the file itself, whatever links lead to it: one database has one lock. */
static enum err path_beside(
    const char *database, const char *name, char out[PATH_MAX], struct fault *fault)
{
    char real[PATH_MAX];
    const char *path = realpath(database, real) ? real : database; /* not made yet, or no link */
    const char *slash = strrchr(path, '/');
    int folder_len = slash ? (int)(slash + 1 - path) : 0;
    int len = snprintf(out, PATH_MAX, "%.*s%s", folder_len, path, name);
    if (len < 0 || len >= PATH_MAX)
        return fail(fault, ERR_CONFIG, NULL, "path too long: %.64s...", database);
    return ERR_NONE;
}

static bool try_lock(int fd)
{
    int failed;
    do
        failed = flock(fd, LOCK_EX | LOCK_NB);
    while (failed && errno == EINTR);
    assert(!failed || errno == EWOULDBLOCK || errno == ENOLCK);
    return !failed;
}

enum err locks_take_database(const char *database, int wait_ms, int *fd, struct fault *fault)
{
    char path[PATH_MAX];
    *fd = -1;
    enum err e = path_beside(database, "orders.lock", path, fault);
    if (e)
        return e;
    struct fault cause;
    fault_begin(&cause, NULL);
    e = file_lock(path, wait_ms, fd, &cause);
    if (e == ERR_BUSY)
        return fail(fault, e, NULL, "another orderd is running with the database %s (it holds %s)",
            database, path);
    return e ? fail(fault, e, NULL, "%s", cause.text) : ERR_NONE;
}

bool locks_database_is_taken(const char *database)
{
    char path[PATH_MAX];
    if (path_beside(database, "orders.lock", path, NULL))
        return false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_taken = !try_lock(fd);
    file_close(&fd);
    return is_taken;
}

enum err locks_open_write(const char *database, int *fd, struct fault *fault)
{
    char path[PATH_MAX];
    *fd = -1;
    enum err e = path_beside(database, "orders.write", path, fault);
    if (e)
        return e;
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *fd < 0 ? fail_errno(fault, ERR_IO, "cannot open %s", path) : ERR_NONE;
}

bool locks_take_write(int fd, int wait_ms)
{
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    while (!try_lock(fd)) {
        int64_t now = clock_mono_ms();
        if (now >= deadline_ms)
            return false;
        clock_sleep_until(now + POLL_MS < deadline_ms ? now + POLL_MS : deadline_ms);
    }
    return true;
}

void locks_release_write(int fd)
{
    int failed = flock(fd, LOCK_UN);
    assert(!failed);
}

bool locks_write_is_free(int fd)
{
    bool is_free = try_lock(fd);
    if (is_free)
        locks_release_write(fd);
    return is_free;
}
