/* A rename that fails half-way must not let an old file be overwritten by the next newer one: the
 * shift begins at the first free number and stops at the first failure; the next rotation goes on
 * from there. */
#include "core/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

/* O_NONBLOCK: a FIFO without a reader must fail, not wait. */
enum err log_file_open(const char *path, int *fd, int64_t *size, struct fault *fault)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat st;
    int opened = open(path, flags, 0640);
    if (opened < 0)
        return fail_errno(fault, ERR_IO, "cannot open the log file %s", path);
    if (fstat(opened, &st)) {
        enum err e = fail_errno(fault, ERR_IO, "cannot look at the log file %s", path);
        file_close(&opened);
        return e;
    }
    *fd = opened;
    *size = S_ISREG(st.st_mode) ? st.st_size : 0;
    return ERR_NONE;
}

static enum err numbered(char out[PATH_MAX], const char *path, int64_t number, struct fault *fault)
{
    int len = snprintf(out, PATH_MAX, number ? "%s.%lld" : "%s", path, (long long)number);
    if (len < 0 || len >= PATH_MAX)
        return fail(fault, ERR_IO, NULL, "the log file's path is too long");
    return ERR_NONE;
}

/* path.NUMBER becomes path.NUMBER+1; 0 is path itself. */
static enum err shift_one(const char *path, int64_t number, struct fault *fault)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    enum err e = numbered(from, path, number, fault);
    if (!e)
        e = numbered(to, path, number + 1, fault);
    if (!e && rename(from, to) && errno != ENOENT)
        e = fail_errno(fault, ERR_IO, "cannot rename %s", from);
    return e;
}

/* The first number that is free, or count: that file is then overwritten. */
static enum err first_free(const char *path, int64_t count, int64_t *number, struct fault *fault)
{
    for (*number = 1; *number < count; ++*number) {
        char name[PATH_MAX];
        struct stat st;
        enum err e = numbered(name, path, *number, fault);
        if (e || lstat(name, &st))
            return e;
    }
    return ERR_NONE;
}

static enum err shift_all(const char *path, int64_t count, struct fault *fault)
{
    if (count <= 0)
        return unlink(path) ? fail_errno(fault, ERR_IO, "cannot remove %s", path) : ERR_NONE;
    int64_t number;
    enum err e = first_free(path, count, &number, fault);
    while (!e && number-- > 0)
        e = shift_one(path, number, fault);
    return e;
}

enum err log_file_rotate(
    const char *path, int64_t count, int *fd, int64_t *size, struct fault *fault)
{
    struct stat ours;
    struct stat named;
    if (fstat(*fd, &ours))
        return fail_errno(fault, ERR_IO, "cannot look at the log file %s", path);
    if (!S_ISREG(ours.st_mode)) {
        *size = 0;
        return ERR_NONE;
    }
    if (!stat(path, &named) && named.st_dev == ours.st_dev && named.st_ino == ours.st_ino) {
        enum err e = shift_all(path, count, fault);
        if (e)
            return e;
    }
    int fresh;
    enum err e = log_file_open(path, &fresh, size, fault);
    if (e)
        return e;
    file_close(fd);
    *fd = fresh;
    return ERR_NONE;
}
