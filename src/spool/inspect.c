/* Opening must neither follow a link nor wait for a FIFO's other end, and all that is believed
 * about the file is asked of the open descriptor. Its writer may hold it open still and change it:
 * so the bytes are read once, into memory of ours, and checked there.
 *
 * What cannot be read at all is told apart from what is bad: a folder without permission must not
 * turn every message into a corrupt one.
 */
#include "spool/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"

#include "spool/seal.h"
#include "spool/spool.h"

static enum err open_error(const char *name, struct fault *fault)
{
    switch (errno) {
    case ENOENT:
        return fail_errno(fault, ERR_NOT_FOUND, "cannot open spool file %s", name);
    case ELOOP:
        return fail(fault, ERR_CORRUPT, NULL, "a symbolic link");
    case ENXIO:
    case ENODEV:
        return fail(fault, ERR_CORRUPT, NULL, "not a regular file");
    default:
        return fail_errno(fault, ERR_IO, "cannot open spool file %s", name);
    }
}

static enum err check_status(int fd, uid_t owner, size_t *size, struct fault *fault)
{
    struct stat st;
    if (fstat(fd, &st))
        return fail_errno(fault, ERR_IO, "cannot look at a spool file");
    if (!S_ISREG(st.st_mode))
        return fail(fault, ERR_CORRUPT, NULL, "not a regular file");
    if (st.st_nlink != 1)
        return fail(fault, ERR_CORRUPT, NULL, "%ju links", (uintmax_t)st.st_nlink);
    if (st.st_uid != owner)
        return fail(fault, ERR_CORRUPT, NULL, "owned by user %ju, not by %ju", (uintmax_t)st.st_uid,
            (uintmax_t)owner);
    if (st.st_size > SPOOL_FILE_MAX)
        return fail(fault, ERR_CORRUPT, NULL, "larger than %d bytes", SPOOL_FILE_MAX);
    *size = (size_t)st.st_size;
    return ERR_NONE;
}

/* A file that has become shorter meanwhile fails at its seal. */
static enum err read_bytes(int fd, char *out, size_t size, size_t *len, struct fault *fault)
{
    *len = 0;
    while (*len < size) {
        ssize_t got = read(fd, out + *len, size - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(fault, ERR_IO, "cannot read a spool file");
        if (got == 0)
            break;
        *len += (size_t)got;
    }
    return ERR_NONE;
}

static enum err read_sealed(
    int fd, uid_t owner, struct arena *arena, const char **bytes, size_t *len, struct fault *fault)
{
    size_t size = 0;
    enum err e = check_status(fd, owner, &size, fault);
    if (e)
        return e;
    char *content = arena_alloc(arena, size);
    size_t content_len;
    e = read_bytes(fd, content, size, &content_len, fault);
    if (e)
        return e;
    if (!seal_check(content, content_len, len))
        return fail(fault, ERR_CORRUPT, NULL, "not whole: its seal does not fit");
    *bytes = content;
    return ERR_NONE;
}

enum err inspect_read(int folder_fd, const char *name, uid_t owner, struct arena *arena,
    const char **bytes, size_t *len, struct fault *fault)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return open_error(name, fault);
    enum err e = read_sealed(fd, owner, arena, bytes, len, fault);
    file_close(&fd);
    return e;
}
