/* Start and orderly stop. The stop's special difficulty is to lose nothing: the web server does not
 * repeat a request that it has sent, so only it can let go of a connection safely. It is given time
 * to; only after that are the rest shut, for reading, and what they still hold is answered.
 *
 * Owns all parts and all threads. Never touches a request. */
#include "http/fastcgi.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "http/worker.h"

#define WATCH_MS          1000
#define BACKLOG_POLL_MS   5
#define OTHER_DESCRIPTORS 256

static int long_max(const struct fastcgi_options *options)
{
    int most = options->slow_workers > 1 ? options->slow_workers - 1 : 1;
    return options->long_workers > 0 && options->long_workers < most ? options->long_workers : most;
}

/* Everything that cannot fail, so that destroy() can follow at any point. The epoll set is its own
 * from now on. */
static struct fastcgi *make(
    const struct fastcgi_options *options, const struct fastcgi_handlers *handlers, int epoll_fd)
{
    assert(options->quick_workers > 0 && options->slow_workers > 0 && options->queue_max > 0);
    assert(options->connections_max > 0 && options->read_timeout_ms > 0);
    struct fastcgi *fastcgi = xalloc(sizeof *fastcgi);
    fastcgi->options = *options;
    fastcgi->handlers = *handlers;
    fastcgi->epoll_fd = epoll_fd;
    fastcgi->stop_fd = -1;
    connections_init(&fastcgi->connections, epoll_fd, (size_t)options->connections_max);
    listener_init(&fastcgi->listener, &fastcgi->connections, epoll_fd, options->read_timeout_ms);
    handover_init(&fastcgi->handover, (size_t)options->queue_max, long_max(options));
    fastcgi->workers = xarray(
        (size_t)options->quick_workers + (size_t)options->slow_workers, sizeof *fastcgi->workers);
    return fastcgi;
}

static void destroy(struct fastcgi *fastcgi)
{
    free(fastcgi->workers);
    handover_fini(&fastcgi->handover);
    listener_fini(&fastcgi->listener);
    connections_fini(&fastcgi->connections);
    file_close(&fastcgi->stop_fd);
    file_close(&fastcgi->epoll_fd);
    free(fastcgi);
}

/* Not armed for one event, as all else is: it wakes every quick worker. */
static enum err open_stop(struct fastcgi *fastcgi, struct fault *fault)
{
    fastcgi->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (fastcgi->stop_fd < 0)
        return fail_errno(fault, ERR_IO, "eventfd");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(fastcgi->epoll_fd, EPOLL_CTL_ADD, fastcgi->stop_fd, &event) != 0)
        return fail_errno(fault, ERR_IO, "epoll_ctl");
    return ERR_NONE;
}

static enum err start_worker(
    struct fastcgi *fastcgi, void *(*run)(void *), int number, struct fault *fault)
{
    struct worker *worker = &fastcgi->workers[fastcgi->worker_count];
    worker->fastcgi = fastcgi;
    worker->number = number;
    errno = pthread_create(&worker->thread, NULL, run, worker);
    if (errno)
        return fail_errno(fault, ERR_IO, "cannot start a worker");
    fastcgi->worker_count++;
    return ERR_NONE;
}

static enum err start_workers(struct fastcgi *fastcgi, struct fault *fault)
{
    enum err e = ERR_NONE;
    for (int i = 0; i < fastcgi->options.quick_workers && !e; i++)
        e = start_worker(fastcgi, worker_quick, i, fault);
    for (int i = 0; i < fastcgi->options.slow_workers && !e; i++)
        e = start_worker(fastcgi, worker_slow, -1, fault);
    return e;
}

/* All connections are closed, and none will come. */
static void stop_workers(struct fastcgi *fastcgi)
{
    handover_close(&fastcgi->handover);
    if (fastcgi->worker_count) {
        int e = eventfd_write(fastcgi->stop_fd, 1);
        assert(e == 0);
    }
    for (size_t i = 0; i < fastcgi->worker_count; i++) {
        int e = pthread_join(fastcgi->workers[i].thread, NULL);
        assert(e == 0);
    }
}

/* Two for each connection (see connection.c), and some for everybody else. With fewer it works, but
 * connections wait to be accepted. */
static void want_descriptors(const struct fastcgi_options *options)
{
    rlim_t wanted = 2 * (rlim_t)options->connections_max + OTHER_DESCRIPTORS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        LOG_WARN("too few descriptors for so many connections",
            LOG_INT("connections", options->connections_max), LOG_INT("wanted", (int64_t)wanted),
            LOG_INT("descriptors", (int64_t)limit.rlim_cur));
}

enum err fastcgi_open(struct fastcgi **out, const struct fastcgi_options *options,
    const struct fastcgi_handlers *handlers, struct fault *fault)
{
    *out = NULL;
    enum err e = exchange_prepare(fault);
    if (e)
        return e;
    want_descriptors(options);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        return fail_errno(fault, ERR_IO, "epoll_create1");
    struct fastcgi *fastcgi = make(options, handlers, epoll_fd);
    e = open_stop(fastcgi, fault);
    if (!e)
        e = start_workers(fastcgi, fault);
    if (!e)
        e = listener_open(&fastcgi->listener, options->listen_fd, fault);
    if (e) {
        stop_workers(fastcgi);
        destroy(fastcgi);
        return e;
    }
    *out = fastcgi;
    return ERR_NONE;
}

void fastcgi_watch(struct fastcgi *fastcgi)
{
    connections_watch(&fastcgi->connections);
}

/* Main waits in here, so its watch goes on in here. */
static bool wait_closed(struct fastcgi *fastcgi, int64_t deadline_ms)
{
    for (;;) {
        int64_t next_ms = clock_mono_ms() + WATCH_MS;
        bool is_last = deadline_ms <= next_ms;
        if (connections_wait_closed(&fastcgi->connections, is_last ? deadline_ms : next_ms))
            return true;
        if (is_last)
            return false;
        fastcgi_watch(fastcgi);
    }
}

/* The web server may have sent a request on a connection that nobody has taken yet, and closing the
 * socket would lose it. */
static void take_the_rest(struct fastcgi *fastcgi, int64_t deadline_ms)
{
    if (unlink(fastcgi->options.path) != 0)
        LOG_WARN("the socket could not be removed", LOG_TEXT("path", fastcgi->options.path));
    while (listener_has_waiting(&fastcgi->listener) && clock_mono_ms() < deadline_ms)
        poll(NULL, 0, BACKLOG_POLL_MS);
}

void fastcgi_close(struct fastcgi *fastcgi, int timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    if (fastcgi->options.path)
        take_the_rest(fastcgi, deadline_ms);
    listener_stop(&fastcgi->listener);
    if (!wait_closed(fastcgi, deadline_ms)) {
        connections_cut(&fastcgi->connections);
        bool is_closed = wait_closed(fastcgi, INT64_MAX); /* each ends by its own deadlines */
        assert(is_closed);
    }
    stop_workers(fastcgi);
    destroy(fastcgi);
}
