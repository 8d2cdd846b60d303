/* "It is written" is true only after fsync of the file and of the folder that names it, and an
 * fsync that failed is never repeated as if it could still succeed: the kernel has dropped the
 * pages. Callers write anew.
 *
 * Owns no descriptor but those it hands out. Never follows a symbolic link where it makes a file.
 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/random.h"

#define LOCK_POLL_MS 20

void file_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* whoever needs to know has synced before */
    *fd = -1;
}

static enum err read_bytes(
    int fd, const char *path, char *out, size_t size, size_t *len, struct fault *fault)
{
    *len = 0;
    while (*len < size) {
        ssize_t got = read(fd, out + *len, size - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(fault, ERR_IO, "cannot read %s", path);
        if (got == 0)
            break;
        *len += (size_t)got;
    }
    return ERR_NONE;
}

static enum err read_open(int fd, const char *path, size_t max, struct arena *arena, char **out,
    size_t *len, struct fault *fault)
{
    struct stat st;
    if (fstat(fd, &st))
        return fail_errno(fault, ERR_IO, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return fail(fault, ERR_IO, NULL, "%s is not a regular file", path);
    if ((uintmax_t)st.st_size > max)
        return fail(fault, ERR_CORRUPT, NULL, "%s is larger than %zu bytes", path, max);
    *out = arena_alloc(arena, (size_t)st.st_size + 1);
    return read_bytes(fd, path, *out, (size_t)st.st_size, len, fault);
}

enum err file_read(
    struct arena *arena, const char *path, size_t max, char **out, size_t *len, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_errno(fault, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
            "cannot open %s", path);
    enum err e = read_open(fd, path, max, arena, out, len, fault);
    file_close(&fd);
    return e;
}

enum err file_write_all(int fd, const void *bytes, size_t len, struct fault *fault)
{
    const char *at = bytes;
    while (len) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail_errno(fault, ERR_IO, "cannot write");
        at += put;
        len -= (size_t)put;
    }
    return ERR_NONE;
}

/* The folder that holds path: "." for a bare name, "/" for "/name". */
static enum err parent_of(const char *path, char out[PATH_MAX], struct fault *fault)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= PATH_MAX)
        return fail(fault, ERR_IO, NULL, "path too long: %.64s...", path);
    memcpy(out, path, len);
    out[len] = '\0';
    if (!len)
        memcpy(out, slash ? "/" : ".", 2);
    return ERR_NONE;
}

enum err file_sync_dir(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "cannot open %s", path);
    enum err e = fsync(fd) ? fail_errno(fault, ERR_IO, "cannot sync %s", path) : ERR_NONE;
    file_close(&fd);
    return e;
}

enum err file_make(const char *path, mode_t mode, int *fd, struct fault *fault)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return fail_errno(fault, ERR_IO, "cannot make %s", path);
    if (!fchmod(*fd, mode)) /* by itself, since open(2) applies the umask */
        return ERR_NONE;
    enum err e = fail_errno(fault, ERR_IO, "cannot set the mode of %s", path);
    file_close(fd);
    return e;
}

static enum err write_new(
    const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault)
{
    int fd;
    enum err e = file_make(path, mode, &fd, fault);
    if (e)
        return e;
    e = file_write_all(fd, bytes, len, fault);
    if (!e && fsync(fd))
        e = fail_errno(fault, ERR_IO, "cannot sync %s", path);
    if (close(fd) && !e)
        e = fail_errno(fault, ERR_IO, "cannot close %s", path);
    return e;
}

enum err file_replace(
    const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault)
{
    char folder[PATH_MAX];
    enum err e = parent_of(path, folder, fault);
    if (e)
        return e;
    char uid[UID_SIZE];
    random_uid(uid);
    char temporary[PATH_MAX];
    int used = snprintf(temporary, sizeof temporary, "%s.%s", path, uid);
    if (used < 0 || (size_t)used >= sizeof temporary)
        return fail(fault, ERR_IO, NULL, "path too long: %.64s...", path);
    e = write_new(temporary, bytes, len, mode, fault);
    if (!e && rename(temporary, path))
        e = fail_errno(fault, ERR_IO, "cannot replace %s", path);
    if (e) {
        (void)unlink(temporary); /* the cause is already known */
        return e;
    }
    return file_sync_dir(folder, fault);
}

static enum err sync_file(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "cannot open %s", path);
    enum err e = fsync(fd) ? fail_errno(fault, ERR_IO, "cannot sync %s", path) : ERR_NONE;
    file_close(&fd);
    return e;
}

/* NFS knows no rename that spares what is there, but links do the same. */
static enum err rename_new(const char *path, const char *name, struct fault *fault)
{
    if (!renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE))
        return ERR_NONE;
    if (errno == EINVAL && !link(path, name)) {
        if (!unlink(path))
            return ERR_NONE;
        enum err e = fail_errno(fault, ERR_IO, "cannot remove %s", path);
        (void)unlink(name);
        return e;
    }
    if (errno == EEXIST)
        return fail(fault, ERR_TAKEN, NULL, "%s exists already", name);
    return fail_errno(fault, ERR_IO, "cannot rename %s to %s", path, name);
}

enum err file_publish(const char *path, const char *name, struct fault *fault)
{
    char folder[PATH_MAX];
    enum err e = parent_of(name, folder, fault);
    if (!e)
        e = sync_file(path, fault);
    if (!e)
        e = rename_new(path, name, fault);
    if (e)
        return e;
    e = file_sync_dir(folder, fault);
    if (e)
        (void)unlink(name); /* it might be gone after a crash: then it is not there now either */
    return e;
}

/* A folder whose name is not on disk is taken back, so that the next try makes and syncs it anew.
 */
static enum err sync_name(const char *path, struct fault *fault)
{
    char folder[PATH_MAX];
    enum err e = parent_of(path, folder, fault);
    if (!e)
        e = file_sync_dir(folder, fault);
    if (e)
        (void)rmdir(path);
    return e;
}

static enum err make_one(const char *path, mode_t mode, struct fault *fault)
{
    struct stat st;
    if (!mkdir(path, mode))
        return sync_name(path, fault);
    if (errno != EEXIST)
        return fail_errno(fault, ERR_IO, "cannot make the folder %s", path);
    if (stat(path, &st))
        return fail_errno(fault, ERR_IO, "cannot make the folder %s", path);
    if (!S_ISDIR(st.st_mode))
        return fail(fault, ERR_IO, NULL, "%s is not a folder", path);
    return ERR_NONE;
}

enum err file_make_dir(const char *path, mode_t mode, struct fault *fault)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (!len || len >= sizeof part)
        return fail(fault, ERR_IO, NULL, "not a path of a folder: \"%.64s\"", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] != '/' || part[i - 1] == '/')
            continue;
        part[i] = '\0';
        enum err e = make_one(part, mode, fault);
        if (e)
            return e;
        part[i] = '/';
    }
    return make_one(part, mode, fault);
}

/* The lock belongs to the open file: a child that inherits it would hold it on, hence O_CLOEXEC. */
static enum err wait_for_lock(int fd, const char *path, int wait_ms, struct fault *fault)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return fail_errno(fault, ERR_IO, "cannot lock %s", path);
        int64_t now = clock_mono_ms();
        if (now >= deadline)
            return fail(fault, ERR_BUSY, NULL, "%s is locked by another process", path);
        clock_sleep_until(deadline - now < LOCK_POLL_MS ? deadline : now + LOCK_POLL_MS);
    }
    return ERR_NONE;
}

enum err file_lock(const char *path, int wait_ms, int *fd, struct fault *fault)
{
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return fail_errno(fault, ERR_IO, "cannot open %s", path);
    enum err e = wait_for_lock(*fd, path, wait_ms, fault);
    if (e)
        file_close(fd);
    return e;
}

enum err file_check_secret(const char *path, struct fault *fault)
{
    struct stat st;
    if (lstat(path, &st))
        return fail_errno(fault, ERR_CONFIG, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return fail(fault, ERR_CONFIG, NULL, "%s is not a regular file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return fail(fault, ERR_CONFIG, NULL, "%s must belong to root or to user %u, not to user %u",
            path, (unsigned)geteuid(), (unsigned)st.st_uid);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return fail(fault, ERR_CONFIG, NULL,
            "%s must not be accessible to others: its mode is %03o, not 600", path,
            (unsigned)(st.st_mode & 0777));
    return ERR_NONE;
}
