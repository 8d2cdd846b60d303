/* failing.so, for LD_PRELOAD: calls of the C library that fail when the rules say so (rules.h).
 *
 * It sees what goes through the dynamic linker: calls of the programs and of their libraries
 * (SQLite's too, which takes the addresses of these functions), not what the C library calls within
 * itself. With AddressSanitizer it stands before the sanitizer's own functions, which come next
 * (verify_asan_link_order=0), so a call that fails is one that the sanitizer never saw.
 *
 * Headers are kept out where they would give a name two types, or make functions of macros. */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules.h"

/* The function of that name that would have been called without us. */
#define NEXT(name)                                                                                 \
    static __typeof__(name) *next;                                                                 \
    if (!next)                                                                                     \
    next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define FAILS(function, path, fd) (fault_decide(function, path, fd) == FAULT_ERROR)

/* A call is made with that many of its bytes; -1: not at all. */
static ssize_t bytes_of(enum fault_function function, int fd, size_t len)
{
    switch (fault_decide(function, NULL, fd)) {
    case FAULT_ERROR:
        return -1;
    case FAULT_SHORT:
        return (ssize_t)(len > 1 ? len / 2 : len);
    default:
        return (ssize_t)len;
    }
}

/* FUNCTION(type, name, (parameters), (arguments), failure, fault, path, descriptor) */
#define FUNCTION(type, name, parameters, arguments, failure, fault, path, fd)                      \
    type name parameters                                                                           \
    {                                                                                              \
        NEXT(name);                                                                                \
        return FAILS(fault, path, fd) ? (failure) : next arguments;                                \
    }

/* The same, for what moves bytes: its third parameter is len. */
#define MOVE(name, parameters, arguments, fault)                                                   \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        NEXT(name);                                                                                \
        ssize_t part = bytes_of(fault, fd, len);                                                   \
        if (part < 0)                                                                              \
            return -1;                                                                             \
        len = (size_t)part;                                                                        \
        return next arguments;                                                                     \
    }

MOVE(read, (int fd, void *bytes, size_t len), (fd, bytes, len), FAULT_READ)
MOVE(write, (int fd, const void *bytes, size_t len), (fd, bytes, len), FAULT_WRITE)
MOVE(pread, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at), FAULT_PREAD)
MOVE(pread64, (int fd, void *bytes, size_t len, off64_t at), (fd, bytes, len, at), FAULT_PREAD)
MOVE(pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), FAULT_PWRITE)
MOVE(pwrite64, (int fd, const void *bytes, size_t len, off64_t at), (fd, bytes, len, at),
    FAULT_PWRITE)

FUNCTION(int, fsync, (int fd), (fd), -1, FAULT_FSYNC, NULL, fd)
FUNCTION(int, fdatasync, (int fd), (fd), -1, FAULT_FDATASYNC, NULL, fd)
FUNCTION(int, syncfs, (int fd), (fd), -1, FAULT_SYNCFS, NULL, fd)
FUNCTION(int, ftruncate, (int fd, off_t len), (fd, len), -1, FAULT_FTRUNCATE, NULL, fd)
FUNCTION(int, ftruncate64, (int fd, off64_t len), (fd, len), -1, FAULT_FTRUNCATE, NULL, fd)

FUNCTION(int, rename, (const char *from, const char *to), (from, to), -1, FAULT_RENAME, from, -1)
FUNCTION(int, renameat, (int at, const char *from, int at2, const char *to), (at, from, at2, to),
    -1, FAULT_RENAME, from, -1)
FUNCTION(int, renameat2, (int at, const char *from, int at2, const char *to, unsigned flags),
    (at, from, at2, to, flags), -1, FAULT_RENAME, from, -1)
FUNCTION(int, unlink, (const char *path), (path), -1, FAULT_UNLINK, path, -1)
FUNCTION(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), -1, FAULT_UNLINK,
    path, -1)
FUNCTION(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, FAULT_MKDIR, path, -1)
FUNCTION(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), -1, FAULT_MKDIR,
    path, -1)

FUNCTION(int, stat, (const char *path, struct stat *out), (path, out), -1, FAULT_STAT, path, -1)
FUNCTION(int, stat64, (const char *path, struct stat64 *out), (path, out), -1, FAULT_STAT, path, -1)
FUNCTION(int, lstat, (const char *path, struct stat *out), (path, out), -1, FAULT_STAT, path, -1)
FUNCTION(
    int, lstat64, (const char *path, struct stat64 *out), (path, out), -1, FAULT_STAT, path, -1)
FUNCTION(int, fstat, (int fd, struct stat *out), (fd, out), -1, FAULT_STAT, NULL, fd)
FUNCTION(int, fstat64, (int fd, struct stat64 *out), (fd, out), -1, FAULT_STAT, NULL, fd)
FUNCTION(int, fstatat, (int at, const char *path, struct stat *out, int flags),
    (at, path, out, flags), -1, FAULT_STAT, path, -1)
FUNCTION(int, fstatat64, (int at, const char *path, struct stat64 *out, int flags),
    (at, path, out, flags), -1, FAULT_STAT, path, -1)

FUNCTION(int, accept, (int fd, __SOCKADDR_ARG name, socklen_t *len), (fd, name, len), -1,
    FAULT_ACCEPT, NULL, fd)
FUNCTION(int, accept4, (int fd, __SOCKADDR_ARG name, socklen_t *len, int flags),
    (fd, name, len, flags), -1, FAULT_ACCEPT, NULL, fd)
FUNCTION(int, connect, (int fd, __CONST_SOCKADDR_ARG name, socklen_t len), (fd, name, len), -1,
    FAULT_CONNECT, NULL, fd)
FUNCTION(void *, mmap, (void *at, size_t len, int protection, int flags, int fd, off_t offset),
    (at, len, protection, flags, fd, offset), MAP_FAILED, FAULT_MAP, NULL, fd)
FUNCTION(void *, mmap64, (void *at, size_t len, int protection, int flags, int fd, off64_t offset),
    (at, len, protection, flags, fd, offset), MAP_FAILED, FAULT_MAP, NULL, fd)
FUNCTION(int, pthread_create,
    (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg),
    (thread, attributes, run, arg), errno, FAULT_THREAD, NULL, -1)

FUNCTION(void *, malloc, (size_t len), (len), NULL, FAULT_MALLOC, NULL, -1)
FUNCTION(void *, calloc, (size_t count, size_t size), (count, size), NULL, FAULT_MALLOC, NULL, -1)
FUNCTION(void *, realloc, (void *old, size_t len), (old, len), NULL, FAULT_MALLOC, NULL, -1)

FUNCTION(
    FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, FAULT_OPEN, path, -1)
FUNCTION(
    FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL, FAULT_OPEN, path, -1)
FUNCTION(DIR *, opendir, (const char *path), (path), NULL, FAULT_OPEN, path, -1)

/* What the compiler makes of an open without a mode, where it checks for one. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);
FUNCTION(int, __open_2, (const char *path, int flags), (path, flags), -1, FAULT_OPEN, path, -1)
FUNCTION(int, __open64_2, (const char *path, int flags), (path, flags), -1, FAULT_OPEN, path, -1)
FUNCTION(int, __openat_2, (int at, const char *path, int flags), (at, path, flags), -1, FAULT_OPEN,
    path, -1)
FUNCTION(int, __openat64_2, (int at, const char *path, int flags), (at, path, flags), -1,
    FAULT_OPEN, path, -1)

/* The mode is there only with these flags. */
static mode_t mode_of(int flags, va_list rest)
{
    return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name, parameters, arguments)                                                          \
    int name parameters                                                                            \
    {                                                                                              \
        NEXT(name);                                                                                \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = mode_of(flags, rest);                                                        \
        va_end(rest);                                                                              \
        return FAILS(FAULT_OPEN, path, -1) ? -1 : next arguments;                                  \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

/* As with the kernel's own close, the descriptor is gone all the same. */
int close(int fd)
{
    NEXT(close);
    bool fails = FAILS(FAULT_CLOSE, NULL, fd);
    int error = errno;
    int result = next(fd);
    if (!fails)
        return result;
    errno = error;
    return -1;
}

/* Letting go of a lock cannot fail. */
int flock(int fd, int operation)
{
    NEXT(flock);
    return !(operation & LOCK_UN) && FAILS(FAULT_LOCK, NULL, fd) ? -1 : next(fd, operation);
}

static bool is_locking(int command, const void *argument)
{
    return (command == F_SETLK || command == F_SETLKW) &&
           ((const struct flock *)argument)->l_type != F_UNLCK;
}

/* Every command takes at most one argument, of a pointer's size or less. */
#define CONTROL(name)                                                                              \
    int name(int fd, int command, ...)                                                             \
    {                                                                                              \
        NEXT(name);                                                                                \
        va_list rest;                                                                              \
        va_start(rest, command);                                                                   \
        void *argument = va_arg(rest, void *);                                                     \
        va_end(rest);                                                                              \
        if (is_locking(command, argument) && FAILS(FAULT_LOCK, NULL, fd))                          \
            return -1;                                                                             \
        return next(fd, command, argument);                                                        \
    }

CONTROL(fcntl)
CONTROL(fcntl64)

/* SQLite's, of whose headers we need no more than this. */
struct sqlite3_stmt;
int sqlite3_reset(struct sqlite3_stmt *);
const char *sqlite3_sql(struct sqlite3_stmt *);
#define SQLITE_IOERR_FSYNC 1034

static bool is_commit(struct sqlite3_stmt *statement)
{
    NEXT(sqlite3_sql);
    const char *sql = next(statement);
    return sql && !strcmp(sql, "COMMIT");
}

/* Whoever calls it wants to know what came of the statement. A COMMIT has been made by then, and is
 * said to have failed. */
int sqlite3_reset(struct sqlite3_stmt *statement)
{
    NEXT(sqlite3_reset);
    bool fails = statement && is_commit(statement) && FAILS(FAULT_COMMIT, NULL, -1);
    int result = next(statement);
    return fails && !result ? SQLITE_IOERR_FSYNC : result;
}
