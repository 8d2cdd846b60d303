/* Preloaded into the programs of one home: records what they do to the files that must survive a
 * power cut, and what they have synced, in one order for all of them.
 *
 * ORDERD_RECORD_HOME names the home, ORDERD_RECORD the file that the records are appended to. Its
 * reader is tests/integration/recording.py. While there is a file ORDERD_RECORD_STUCK, syncs hang,
 * as on a disk that does not answer.
 *
 * Why the order can be trusted:
 * - A change (write, truncation, new file or folder, rename, removal) and its record are made under
 *   one lock that all threads of all programs share. So the order of the records is the order in
 *   which the kernel made the changes, and a record is there exactly if its change is, even when a
 *   program is killed: whoever kills one takes the lock first.
 * - A sync is no single moment. It covers what was changed before it began, and what is changed
 *   while it runs may have come too late. So it leaves two records: one before the call, and one
 *   after it has succeeded, which names the first. Only what was recorded before the first counts
 *   as synced, and only from the second on. The lock is not held between them, or nothing would
 *   ever happen during a sync.
 * - A client's mark ("201 answered") is appended by the test after it has the answer. The answer
 * was sent after the sync it relies on had returned, and that was after its record was written.
 * - Files are told apart by inode, so a rename changes nothing for whoever has the file open. An
 *   inode that is dealt out again comes with a record that says "new".
 *
 * What libc does inside itself (stdio, dprintf) goes past this: the test compares what the records
 * say with what lies on the disk at the end, byte for byte. The -shm is not recorded, since SQLite
 * makes it anew; modes and owners are not, since nothing here depends on them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define LOG_FD 900 /* out of the way of programs that count on small numbers */

enum kind {
    NEW_FILE = 1,
    NEW_FOLDER,
    WRITE,
    TRUNCATE,
    RENAME,
    REMOVE,
    SYNC_BEGIN,
    SYNC_END
};

/* Followed by the name and the data. */
struct record {
    uint32_t size; /* all of it */
    uint16_t kind;
    uint16_t name_len;
    uint64_t file;   /* inode; 0: a sync of the whole file system that folder is in */
    uint64_t folder; /* inode of the folder that the name is in */
    uint64_t at;     /* WRITE: offset; TRUNCATE: size; SYNC_END: where its beginning lies */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char home[PATH_MAX];
static size_t home_len;
static int log_fd = -1;

static void need(bool is_good)
{
    if (!is_good)
        abort(); /* half a recording proves nothing */
}

__attribute__((constructor)) static void open_log(void)
{
    const char *path = getenv("ORDERD_RECORD");
    const char *named = getenv("ORDERD_RECORD_HOME");
    need(path && named && realpath(named, home));
    home_len = strlen(home);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
    need(fd >= 0);
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
    need(log_fd >= 0 && !close(fd));
}

static void lock(void)
{
    need(!pthread_mutex_lock(&mutex));
    while (flock(log_fd, LOCK_EX))
        need(errno == EINTR);
}

/* Keeps what the recorded call has left. */
static void unlock(int call_errno)
{
    need(!flock(log_fd, LOCK_UN) && !pthread_mutex_unlock(&mutex));
    errno = call_errno;
}

/* Where it begins. With the lock. */
static uint64_t append(struct record record, const char *name, const void *data, size_t len)
{
    struct stat st;
    record.name_len = (uint16_t)strlen(name);
    record.size = (uint32_t)(sizeof record + record.name_len + len);
    struct iovec parts[] = {{&record, sizeof record}, {(char *)(uintptr_t)name, record.name_len},
        {(void *)(uintptr_t)data, len}};
    need(!fstat(log_fd, &st));
    need(syscall(SYS_writev, log_fd, parts, 3) == (long)record.size);
    return (uint64_t)st.st_size;
}

/* What counts in the home. The ledger is the world outside: it is recorded to be kept. */
static bool is_ours(const char *path)
{
    static const char *const folders[] = {"/spool", "/mail"};
    static const char *const files[] = {
        "/orders.db", "/orders.db-wal", "/orders.db-journal", "/gateway.ledger"};
    if (strncmp(path, home, home_len))
        return false;
    path += home_len;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t len = strlen(folders[i]);
        if (!strncmp(path, folders[i], len) && (!path[len] || path[len] == '/'))
            return true;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(path, files[i]))
            return true;
    return false;
}

/* Of an open file; one that was removed has its last name. */
static bool path_of(int fd, char out[PATH_MAX])
{
    static const char removed[] = " (deleted)";
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, out, PATH_MAX - 1);
    if (len < 0)
        return false;
    out[len] = '\0';
    char *end = len > (ssize_t)sizeof removed ? out + len - (sizeof removed - 1) : NULL;
    if (end && !strcmp(end, removed))
        *end = '\0';
    return true;
}

static bool is_our_file(int fd)
{
    char path[PATH_MAX];
    int before = errno;
    bool is = path_of(fd, path) && is_ours(path);
    errno = before;
    return is;
}

static uint64_t inode_of(int fd)
{
    struct stat st;
    need(!fstat(fd, &st));
    return st.st_ino;
}

/* A name in a folder. */
struct place {
    char path[PATH_MAX];
    const char *name;
};

/* False: it is none of ours. */
static bool find_place(int dir_fd, const char *path, struct place *out)
{
    char folder[PATH_MAX] = "";
    int before = errno;
    if (*path != '/' && dir_fd == AT_FDCWD)
        need(getcwd(folder, sizeof folder) != NULL);
    else if (*path != '/' && !path_of(dir_fd, folder))
        folder[0] = '\0';
    errno = before;
    size_t used = strlen(folder);
    if (used + 1 + strlen(path) >= PATH_MAX)
        return false;
    memcpy(out->path, folder, used);
    if (*path != '/')
        out->path[used++] = '/';
    memcpy(out->path + used, path, strlen(path) + 1);
    out->name = strrchr(out->path, '/') + 1;
    return is_ours(out->path);
}

static uint64_t folder_of(const struct place *place)
{
    struct stat st;
    char folder[PATH_MAX];
    size_t len = (size_t)(place->name - place->path) - 1;
    memcpy(folder, place->path, len);
    folder[len] = '\0';
    need(!stat(folder, &st));
    return st.st_ino;
}

/* 0: there is nothing of that name. */
static uint64_t inode_at(const struct place *place, off_t *size)
{
    struct stat st;
    if (lstat(place->path, &st))
        return 0;
    *size = st.st_size;
    return st.st_ino;
}

static int open_recorded(
    const struct place *place, int dir_fd, const char *path, int flags, mode_t mode)
{
    off_t size = 0;
    lock();
    bool is_new = !inode_at(place, &size);
    int fd = (int)syscall(SYS_openat, dir_fd, path, flags, mode);
    int call_errno = errno;
    if (fd >= 0 && is_new)
        append((struct record){.kind = NEW_FILE, .file = inode_of(fd), .folder = folder_of(place)},
            place->name, NULL, 0);
    else if (fd >= 0 && (flags & O_TRUNC) && size)
        append((struct record){.kind = TRUNCATE, .file = inode_of(fd)}, "", NULL, 0);
    unlock(call_errno);
    return fd;
}

static int open_any(int dir_fd, const char *path, int flags, va_list rest)
{
    struct place place;
    bool has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = has_mode ? va_arg(rest, mode_t) : 0;
    if (!(flags & (O_CREAT | O_TRUNC)) || log_fd < 0 || !find_place(dir_fd, path, &place))
        return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
    return open_recorded(&place, dir_fd, path, flags, mode);
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int fd = open_any(AT_FDCWD, path, flags, rest);
    va_end(rest);
    return fd;
}

EXPORT int openat(int dir_fd, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int fd = open_any(dir_fd, path, flags, rest);
    va_end(rest);
    return fd;
}

EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));
EXPORT int openat64(int dir_fd, const char *path, int flags, ...) __attribute__((alias("openat")));

/* at < 0: where the descriptor stands, or the end with O_APPEND. */
static ssize_t write_at(int fd, const struct iovec *parts, int count, off_t at)
{
    if (at < 0)
        return syscall(SYS_writev, fd, parts, count);
    return syscall(SYS_pwritev, fd, parts, count, at, 0);
}

static off_t next_offset(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    need(flags >= 0);
    return lseek(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
}

/* The parts of a write that was cut short count as far as they were taken. */
static void record_parts(int fd, const struct iovec *parts, size_t done, off_t at)
{
    for (; done; parts++) {
        size_t len = parts->iov_len < done ? parts->iov_len : done;
        append((struct record){.kind = WRITE, .file = inode_of(fd), .at = (uint64_t)at}, "",
            parts->iov_base, len);
        at += (off_t)len;
        done -= len;
    }
}

static ssize_t write_any(int fd, const struct iovec *parts, int count, off_t at)
{
    if (log_fd < 0 || !is_our_file(fd))
        return write_at(fd, parts, count, at);
    lock();
    off_t from = at < 0 ? next_offset(fd) : at;
    ssize_t done = write_at(fd, parts, count, at);
    int call_errno = errno;
    if (done > 0)
        record_parts(fd, parts, (size_t)done, from);
    unlock(call_errno);
    return done;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return write_any(fd, &part, 1, -1);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_any(fd, parts, count, -1);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return write_any(fd, &part, 1, at);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
    __attribute__((alias("pwrite")));

EXPORT int ftruncate(int fd, off_t size)
{
    if (log_fd < 0 || !is_our_file(fd))
        return (int)syscall(SYS_ftruncate, fd, size);
    lock();
    int rc = (int)syscall(SYS_ftruncate, fd, size);
    int call_errno = errno;
    if (!rc)
        append((struct record){.kind = TRUNCATE, .file = inode_of(fd), .at = (uint64_t)size}, "",
            NULL, 0);
    unlock(call_errno);
    return rc;
}

EXPORT int ftruncate64(int fd, off64_t size) __attribute__((alias("ftruncate")));

EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    struct place old;
    struct place new;
    off_t size;
    bool was_ours = log_fd >= 0 && find_place(from_fd, from, &old);
    bool is_now = log_fd >= 0 && find_place(to_fd, to, &new);
    if (!was_ours && !is_now)
        return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    need(was_ours && is_now);
    lock();
    uint64_t file = inode_at(&old, &size);
    int rc = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    int call_errno = errno;
    if (!rc)
        append((struct record){.kind = RENAME, .file = file, .folder = folder_of(&new)}, new.name,
            NULL, 0);
    unlock(call_errno);
    return rc;
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlinkat(int dir_fd, const char *path, int flags)
{
    struct place place;
    off_t size;
    if (log_fd < 0 || !find_place(dir_fd, path, &place))
        return (int)syscall(SYS_unlinkat, dir_fd, path, flags);
    lock();
    uint64_t file = inode_at(&place, &size);
    int rc = (int)syscall(SYS_unlinkat, dir_fd, path, flags);
    int call_errno = errno;
    if (!rc)
        append((struct record){.kind = REMOVE, .file = file, .folder = folder_of(&place)},
            place.name, NULL, 0);
    unlock(call_errno);
    return rc;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int mkdirat(int dir_fd, const char *path, mode_t mode)
{
    struct place place;
    off_t size;
    if (log_fd < 0 || !find_place(dir_fd, path, &place))
        return (int)syscall(SYS_mkdirat, dir_fd, path, mode);
    lock();
    int rc = (int)syscall(SYS_mkdirat, dir_fd, path, mode);
    int call_errno = errno;
    if (!rc)
        append(
            (struct record){
                .kind = NEW_FOLDER, .file = inode_at(&place, &size), .folder = folder_of(&place)},
            place.name, NULL, 0);
    unlock(call_errno);
    return rc;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* Second names are nothing that the reader could follow; none of ours makes any. */
EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    struct place place;
    need(log_fd < 0 || !find_place(to_fd, to, &place));
    return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

EXPORT int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* The home itself is synced too, for the names of what lies in it. */
static bool is_in_home(int fd)
{
    char path[PATH_MAX];
    return path_of(fd, path) && !strncmp(path, home, home_len) &&
           (!path[home_len] || path[home_len] == '/');
}

static void wait_while_stuck(void)
{
    const char *path = getenv("ORDERD_RECORD_STUCK");
    while (path && !access(path, F_OK))
        need(!usleep(1000) || errno == EINTR);
}

static int sync_recorded(long call, int fd)
{
    if (log_fd < 0 || !is_in_home(fd))
        return (int)syscall(call, fd);
    struct record record = {.kind = SYNC_BEGIN};
    *(call == SYS_syncfs ? &record.folder : &record.file) = inode_of(fd);
    lock();
    record.at = append(record, "", NULL, 0);
    unlock(0);
    wait_while_stuck();
    int rc = (int)syscall(call, fd);
    if (rc)
        return rc;
    lock();
    record.kind = SYNC_END;
    append(record, "", NULL, 0);
    unlock(0);
    return 0;
}

EXPORT int fsync(int fd)
{
    return sync_recorded(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    return sync_recorded(SYS_fdatasync, fd);
}

EXPORT int syncfs(int fd)
{
    return sync_recorded(SYS_syncfs, fd);
}
