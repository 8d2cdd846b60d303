/* One request's way from readable to answered. Its special difficulty is who has it: once a
 * connection is armed, or handed over, it is another thread's and is not touched again.
 *
 * Owns nothing: a connection for as long as its request takes. Never waits for anything but the
 * peer's next bytes. */
#include "http/worker.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#include "core/clock.h"
#include "core/fault_point.h"
#include "core/metrics.h"

static void end(struct fastcgi *fastcgi, struct connection *connection)
{
    connection_close(connection);
    listener_resume(&fastcgi->listener);
}

static void send_answer(struct fastcgi *fastcgi, struct connection *connection)
{
    bool is_kept = exchange_answer(connection->exchange, &connection->request);
    FAULT_POINT(worker_answer_sent);
    if (is_kept)
        connection_wait(connection);
    else
        end(fastcgi, connection);
}

static void hand_over(struct worker *worker, struct connection *connection, enum handover_lane lane)
{
    struct fastcgi *fastcgi = worker->fastcgi;
    connection->request.ctx.worker = -1;
    if (handover_put(&fastcgi->handover, lane, connection))
        return;
    connection->request.ctx.worker = worker->number;
    metrics_add(METRIC_overload_total, 1);
    fastcgi->handlers.overload(fastcgi->handlers.arg, &connection->request);
    send_answer(fastcgi, connection);
}

static void serve(struct worker *worker, struct connection *connection)
{
    struct fastcgi *fastcgi = worker->fastcgi;
    const struct fastcgi_handlers *handlers = &fastcgi->handlers;
    connection_read(connection, clock_mono_ms() + fastcgi->options.request_timeout_ms);
    if (!exchange_read(connection->exchange, &connection->arena, fastcgi->options.body_max,
            &connection->request)) {
        end(fastcgi, connection);
        return;
    }
    connection_answer(connection);
    connection->request.ctx.worker = worker->number;
    enum fastcgi_next next = handlers->quick(handlers->arg, &connection->request);
    if (next == FASTCGI_ANSWERED)
        send_answer(fastcgi, connection);
    else
        hand_over(worker, connection, next == FASTCGI_LONG ? HANDOVER_LONG : HANDOVER_SHORT);
}

/* NULL: stop. A batch of one, so that no event waits for a busy thread while others are idle. */
static void *next_event(struct fastcgi *fastcgi)
{
    struct epoll_event event;
    int count;
    do {
        count = epoll_wait(fastcgi->epoll_fd, &event, 1, -1);
        assert(count >= 0 || errno == EINTR);
    } while (count != 1);
    return event.data.ptr;
}

/* By the thread itself, which needs no descriptor for it. */
static void set_name(const char *name)
{
    int e = pthread_setname_np(pthread_self(), name);
    assert(e == 0);
}

void *worker_quick(void *arg)
{
    set_name("quick");
    struct worker *worker = arg;
    struct fastcgi *fastcgi = worker->fastcgi;
    void *tag;
    while ((tag = next_event(fastcgi))) {
        if (tag == &fastcgi->listener)
            listener_accept(&fastcgi->listener);
        else if (tag == &fastcgi->listener.timer_fd)
            listener_resume(&fastcgi->listener);
        else
            serve(worker, tag);
    }
    return NULL;
}

void *worker_slow(void *arg)
{
    set_name("slow");
    struct worker *worker = arg;
    struct fastcgi *fastcgi = worker->fastcgi;
    struct connection *connection;
    enum handover_lane lane;
    while ((connection = handover_take(&fastcgi->handover, &lane))) {
        fastcgi->handlers.slow(fastcgi->handlers.arg, &connection->request);
        send_answer(fastcgi, connection);
        handover_done(&fastcgi->handover, lane);
    }
    return NULL;
}
