/* Where the listening socket comes from: made here, or handed over. Its special difficulty is a
 * socket file left by a dead process, which must be replaced, while that of a live one must not.
 *
 * Owns the socket until it is returned. Never removes anything that is not a socket. */
#include "http/fastcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/text.h"

#define LISTEN_FDS_START 3 /* sd_listen_fds(3) */

static enum err set_address(struct sockaddr_un *address, const char *path, struct fault *fault)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (!len || len >= sizeof address->sun_path)
        return fail(fault, ERR_CONFIG, NULL, "the socket's path must have 1 to %zu bytes: %s",
            sizeof address->sun_path - 1, path);
    memcpy(address->sun_path, path, len);
    return ERR_NONE;
}

static int unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Somebody accepts, or would if the backlog were not full (EAGAIN). */
static enum err check_dead(const struct sockaddr_un *address, struct fault *fault)
{
    int fd = unix_socket();
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "socket");
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int cause = result == 0 ? 0 : errno;
    file_close(&fd);
    errno = cause;
    if (cause == ECONNREFUSED || cause == ENOENT)
        return ERR_NONE;
    if (cause == 0 || cause == EAGAIN)
        return fail(fault, ERR_BUSY, NULL, "%s is in use by another process", address->sun_path);
    return fail_errno(fault, ERR_IO, "cannot look who uses %s", address->sun_path);
}

static enum err remove_stale(const struct sockaddr_un *address, struct fault *fault)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT ? ERR_NONE
                               : fail_errno(fault, ERR_IO, "cannot look at %s", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return fail(fault, ERR_CONFIG, NULL, "%s is there, and is no socket", address->sun_path);
    enum err e = check_dead(address, fault);
    if (e)
        return e;
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return fail_errno(fault, ERR_IO, "cannot remove the old socket %s", address->sun_path);
    return ERR_NONE;
}

static enum err set_group(const char *path, const char *name, struct fault *fault)
{
    char space[65536];
    struct group entry, *found = NULL;
    errno = getgrnam_r(name, &entry, space, sizeof space, &found);
    if (errno)
        return fail_errno(fault, ERR_IO, "group %s", name);
    if (!found)
        return fail(fault, ERR_CONFIG, NULL, "there is no group %s", name);
    if (lchown(path, (uid_t)-1, found->gr_gid) != 0)
        return fail_errno(fault, ERR_CONFIG, "cannot give %s to group %s", path, name);
    return ERR_NONE;
}

/* Until listen(2) nobody can connect, so no moment is left open by the order. */
static enum err bind_and_listen(int fd, const struct sockaddr_un *address, int mode,
    const char *group, int backlog, struct fault *fault)
{
    const char *path = address->sun_path;
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return fail_errno(fault, ERR_IO, "cannot make the socket %s", path);
    enum err e = *group ? set_group(path, group, fault) : ERR_NONE;
    if (e)
        return e;
    if (chmod(path, (mode_t)mode) != 0 || listen(fd, backlog) != 0)
        return fail_errno(fault, ERR_IO, "cannot listen on %s", path);
    return ERR_NONE;
}

enum err fastcgi_listen(
    const char *path, int mode, const char *group, int backlog, int *fd, struct fault *fault)
{
    *fd = -1;
    struct sockaddr_un address;
    enum err e = set_address(&address, path, fault);
    if (!e)
        e = remove_stale(&address, fault);
    if (e)
        return e;
    *fd = unix_socket();
    if (*fd < 0)
        return fail_errno(fault, ERR_IO, "socket");
    e = bind_and_listen(*fd, &address, mode, group, backlog, fault);
    if (e)
        file_close(fd);
    return e;
}

static bool is_listening(int fd)
{
    int listens = 0;
    socklen_t len = sizeof listens;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

/* Are they for this process, and not for the one that started it? */
static bool are_ours(const char *pid, const char *fds)
{
    int64_t number;
    return pid && fds && text_parse_uint(pid, strlen(pid), INT32_MAX, &number) &&
           number == getpid();
}

static int systemd_socket(void)
{
    const char *fds = getenv("LISTEN_FDS");
    if (!are_ours(getenv("LISTEN_PID"), fds))
        return -1;
    if (strcmp(fds, "1") != 0 || !is_listening(LISTEN_FDS_START)) {
        LOG_WARN("not one listening socket was handed over", LOG_TEXT("listen_fds", fds));
        return -1;
    }
    return LISTEN_FDS_START;
}

int fastcgi_inherited(void)
{
    int fd = is_listening(STDIN_FILENO) ? STDIN_FILENO : systemd_socket();
    if (unsetenv("LISTEN_PID") != 0 || unsetenv("LISTEN_FDS") != 0 ||
        unsetenv("LISTEN_FDNAMES") != 0)
        LOG_WARN("unsetenv failed");
    if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        LOG_WARN("fcntl failed", LOG_INT("errno", errno));
    return fd;
}
