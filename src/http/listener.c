/* Special difficulty: an accept that cannot succeed (no descriptors, no room) leaves the socket
 * readable, so arming it again at once would spin. It stays disarmed then until a connection ends,
 * or for 50 ms.
 *
 * A connection needs two descriptors (see connection.c). The second is kept ready before accept(2)
 * is called, so that a connection once accepted is never dropped for want of it.
 *
 * Owns the accepted descriptors until a connection has them. Never closes the listening socket. */
#include "http/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"

#define PAUSE_MS 50

/* What became of one event. */
enum outcome {
    OUTCOME_TAKEN,
    OUTCOME_NOTHING, /* another process was faster, or the peer gave up */
    OUTCOME_FULL,    /* as many connections as may be */
    OUTCOME_FAILED,  /* the system has none to give */
};

void listener_init(
    struct listener *listener, struct connections *connections, int epoll_fd, int timeout_ms)
{
    *listener = (struct listener){
        .connections = connections,
        .epoll_fd = epoll_fd,
        .timeout_ms = timeout_ms,
        .fd = -1,
        .timer_fd = -1,
        .spare_fd = -1,
    };
    pthread_mutex_init(&listener->lock, NULL);
}

void listener_fini(struct listener *listener)
{
    file_close(&listener->timer_fd);
    file_close(&listener->spare_fd);
    pthread_mutex_destroy(&listener->lock);
}

static enum err check_socket(struct listener *listener, struct fault *fault)
{
    int listens = 0, domain = 0;
    socklen_t len = sizeof(int);
    if (getsockopt(listener->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens)
        return fail(
            fault, ERR_CONFIG, NULL, "descriptor %d is not a listening socket", listener->fd);
    if (getsockopt(listener->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0)
        return fail_errno(fault, ERR_IO, "listening socket");
    listener->is_tcp = domain == AF_INET || domain == AF_INET6;
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return fail_errno(fault, ERR_IO, "listening socket");
    return ERR_NONE;
}

static int arm(struct listener *listener, int op, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = tag};
    return epoll_ctl(listener->epoll_fd, op, fd, &event);
}

enum err listener_open(struct listener *listener, int fd, struct fault *fault)
{
    listener->fd = fd;
    enum err e = check_socket(listener, fault);
    if (e)
        return e;
    listener->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (listener->timer_fd < 0)
        return fail_errno(fault, ERR_IO, "timerfd_create");
    if (arm(listener, EPOLL_CTL_ADD, listener->timer_fd, &listener->timer_fd) != 0 ||
        arm(listener, EPOLL_CTL_ADD, fd, listener) != 0)
        return fail_errno(fault, ERR_IO, "epoll_ctl");
    return ERR_NONE;
}

static bool set_options(const struct listener *listener, int fd)
{
    struct timeval timeout = {
        .tv_sec = listener->timeout_ms / 1000,
        .tv_usec = listener->timeout_ms % 1000 * 1000,
    };
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
           (!listener->is_tcp || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
}

/* Anything that can be duplicated will do. */
static bool have_spare(struct listener *listener)
{
    if (listener->spare_fd < 0)
        listener->spare_fd = fcntl(listener->timer_fd, F_DUPFD_CLOEXEC, 0);
    return listener->spare_fd >= 0;
}

static bool open_connection(struct listener *listener, struct connection *connection, int fd)
{
    if (!set_options(listener, fd) || dup3(fd, listener->spare_fd, O_CLOEXEC) < 0)
        return false;
    if (connection_open(connection, fd, listener->spare_fd, NULL) != ERR_NONE)
        return false;
    listener->spare_fd = -1;
    return true;
}

/* Errors that say nothing about the next try (accept(2), "Error handling"). */
static bool is_passing(int error)
{
    switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static enum outcome accept_into(struct listener *listener, struct connection *connection)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return is_passing(errno) ? OUTCOME_NOTHING : OUTCOME_FAILED;
    if (open_connection(listener, connection, fd))
        return OUTCOME_TAKEN;
    int cause = errno;
    file_close(&fd);
    file_close(&listener->spare_fd);
    errno = cause;
    return OUTCOME_FAILED;
}

static enum outcome accept_one(struct listener *listener)
{
    if (!have_spare(listener))
        return OUTCOME_FAILED;
    struct connection *connection = connections_take(listener->connections);
    if (!connection)
        return OUTCOME_FULL;
    enum outcome outcome = accept_into(listener, connection);
    int cause = errno;
    if (outcome != OUTCOME_TAKEN)
        connections_give_back(connection);
    errno = cause;
    return outcome;
}

/* Once for each spell of it, not 20 times a second. */
static void report_failure(struct listener *listener, int cause)
{
    char words[128];
    if (!listener->is_failing)
        LOG_ERROR("accept failed", LOG_TEXT("error", strerror_r(cause, words, sizeof words)));
    listener->is_failing = true;
}

static void rearm(struct listener *listener)
{
    listener->is_paused = false;
    int e = arm(listener, EPOLL_CTL_MOD, listener->fd, listener);
    assert(e == 0);
}

static void pause_accept(struct listener *listener)
{
    listener->is_paused = true;
    struct itimerspec after = {.it_value.tv_nsec = PAUSE_MS * 1000000L};
    int e = timerfd_settime(listener->timer_fd, 0, &after, NULL);
    assert(e == 0);
    e = arm(listener, EPOLL_CTL_MOD, listener->timer_fd, &listener->timer_fd);
    assert(e == 0);
}

static void go_on(struct listener *listener, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_TAKEN:
        listener->is_failing = false;
        rearm(listener);
        return;
    case OUTCOME_NOTHING:
        rearm(listener);
        return;
    case OUTCOME_FULL: /* only the end of a connection makes room */
        listener->is_paused = true;
        return;
    case OUTCOME_FAILED:
        report_failure(listener, errno);
        pause_accept(listener);
        return;
    }
}

void listener_accept(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    if (!listener->is_stopped)
        go_on(listener, accept_one(listener));
    pthread_mutex_unlock(&listener->lock);
}

/* Taking the lock is what makes this safe: an accept that finds no room while a connection ends has
 * paused before this looks. */
void listener_resume(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    if (listener->is_paused && !listener->is_stopped)
        rearm(listener);
    pthread_mutex_unlock(&listener->lock);
}

bool listener_has_waiting(const struct listener *listener)
{
    struct pollfd waiting = {.fd = listener->fd, .events = POLLIN};
    return poll(&waiting, 1, 0) > 0;
}

void listener_stop(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    listener->is_stopped = true;
    int e = epoll_ctl(listener->epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL);
    assert(e == 0);
    pthread_mutex_unlock(&listener->lock);
}
