/* Preloaded into a program: a folder is on a file system that has become read-only, as the kernel
 * makes one on which it finds an error: at any moment, and for files that are open already. (mount
 * refuses to do that while anything is open for writing.)
 *
 * ORDERD_READ_ONLY names the folder, ORDERD_READ_ONLY_FLAG a file of one byte: 1 while the folder
 * is read-only. It is mapped, so that a program without a free descriptor still sees it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What would have been called: a sanitizer's, or libc's. */
#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

static const volatile char *flag;
static char folder[PATH_MAX];

__attribute__((constructor)) static void map_flag(void)
{
    const char *path = getenv("ORDERD_READ_ONLY_FLAG");
    const char *named = getenv("ORDERD_READ_ONLY");
    int fd = path ? NEXT(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || !named || !realpath(named, folder))
        abort(); /* a test of nothing proves nothing */
    void *mapped = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED || close(fd))
        abort();
    flag = mapped;
}

static bool is_inside(const char *path)
{
    size_t len = strlen(folder);
    return !strncmp(path, folder, len) && (path[len] == '/' || !path[len]);
}

/* Where an open file or folder lies. */
static bool is_file_inside(int fd)
{
    char link[64];
    char path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0)
        return false;
    path[len] = '\0';
    return is_inside(path);
}

/* True with errno set: the name cannot be made, changed or removed. A path that leads through links
 * counts by the folder it ends in. */
static bool refuses_name(int dir_fd, const char *path)
{
    char parent[PATH_MAX];
    char real[PATH_MAX];
    if (!flag || !*flag)
        return false;
    bool is_bare = !strchr(path, '/');
    if (is_bare && dir_fd != AT_FDCWD) {
        if (!is_file_inside(dir_fd))
            return false;
    } else {
        (void)snprintf(parent, sizeof parent, "%s", is_bare ? "." : path);
        if (!is_bare)
            *(strrchr(parent, '/') + 1) = '\0';
        if (!realpath(parent, real) || !is_inside(real))
            return false;
    }
    errno = EROFS;
    return true;
}

static bool refuses_file(int fd)
{
    if (!flag || !*flag || !is_file_inside(fd))
        return false;
    errno = EROFS;
    return true;
}

/* To make a file is refused, to open one that is there for reading is not. */
static bool refuses_open(int dir_fd, const char *path, int flags)
{
    if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC)) {
        struct stat st;
        if (!(flags & O_CREAT) || !fstatat(dir_fd, path, &st, 0))
            return false;
    }
    return refuses_name(dir_fd, path);
}

static mode_t mode_of(int flags, va_list rest)
{
    return flags & O_CREAT ? va_arg(rest, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return refuses_open(AT_FDCWD, path, flags) ? -1 : NEXT(open)(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return refuses_open(AT_FDCWD, path, flags) ? -1 : NEXT(open64)(path, flags, mode);
}

EXPORT int openat(int dir_fd, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return refuses_open(dir_fd, path, flags) ? -1 : NEXT(openat)(dir_fd, path, flags, mode);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    return refuses_file(fd) ? -1 : NEXT(write)(fd, bytes, len);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return refuses_file(fd) ? -1 : NEXT(pwrite64)(fd, bytes, len, at);
}

EXPORT int ftruncate(int fd, off_t len)
{
    return refuses_file(fd) ? -1 : NEXT(ftruncate)(fd, len);
}

EXPORT int ftruncate64(int fd, off64_t len)
{
    return refuses_file(fd) ? -1 : NEXT(ftruncate64)(fd, len);
}

EXPORT int fchmod(int fd, mode_t mode)
{
    return refuses_file(fd) ? -1 : NEXT(fchmod)(fd, mode);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    struct stat st; /* what is there already is told first */
    return stat(path, &st) && refuses_name(AT_FDCWD, path) ? -1 : NEXT(mkdir)(path, mode);
}

EXPORT int mkdirat(int dir_fd, const char *path, mode_t mode)
{
    struct stat st;
    return fstatat(dir_fd, path, &st, 0) && refuses_name(dir_fd, path)
               ? -1
               : NEXT(mkdirat)(dir_fd, path, mode);
}

EXPORT int rename(const char *from, const char *to)
{
    return refuses_name(AT_FDCWD, to) ? -1 : NEXT(rename)(from, to);
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return refuses_name(to_fd, to) ? -1 : NEXT(renameat)(from_fd, from, to_fd, to);
}

EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return refuses_name(to_fd, to) ? -1 : NEXT(renameat2)(from_fd, from, to_fd, to, flags);
}

EXPORT int rmdir(const char *path)
{
    return refuses_name(AT_FDCWD, path) ? -1 : NEXT(rmdir)(path);
}

EXPORT int unlink(const char *path)
{
    return refuses_name(AT_FDCWD, path) ? -1 : NEXT(unlink)(path);
}

EXPORT int unlinkat(int dir_fd, const char *path, int flags)
{
    return refuses_name(dir_fd, path) ? -1 : NEXT(unlinkat)(dir_fd, path, flags);
}
