/* Special difficulty: libfcgi closes its descriptor whenever it sees fit, and the number may at
 * once be somebody else's; the watchdog must never hit that. So a socket has two descriptors:
 * libfcgi's, and ours, which is in the epoll set, is what the watchdog shuts, and is closed under
 * the lock.
 *
 * Arming also happens under the lock: whoever gets the connection next takes the lock first, and
 * so sees all that was done to it.
 *
 * Owns the connections' memory and their states. Never reads nor writes a request. */
#include "http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "core/metrics.h"

/* The request, its answer and what is made on the way: kept over requests. */
#define ARENA_SIZE 16384

void connections_init(struct connections *pool, int epoll_fd, size_t max)
{
    *pool = (struct connections){.epoll_fd = epoll_fd, .max = max};
    pool->all = xarray(max, sizeof *pool->all);
    pool->idle = xarray(max, sizeof *pool->idle);
    pthread_mutex_init(&pool->lock, NULL);
    clock_cond_init(&pool->emptied);
}

static struct connection *make(struct connections *pool)
{
    struct connection *connection = xalloc(sizeof *connection);
    connection->pool = pool;
    connection->fd = -1;
    connection->exchange = exchange_new();
    arena_init(&connection->arena, ARENA_SIZE);
    pthread_mutex_init(&connection->lock, NULL);
    return connection;
}

static void destroy(struct connection *connection)
{
    assert(connection->state == CONNECTION_CLOSED);
    exchange_free(connection->exchange);
    arena_fini(&connection->arena);
    pthread_mutex_destroy(&connection->lock);
    free(connection);
}

void connections_fini(struct connections *pool)
{
    for (size_t i = 0; i < pool->made_count; i++)
        destroy(pool->all[i]);
    free(pool->all);
    free(pool->idle);
    pthread_cond_destroy(&pool->emptied);
    pthread_mutex_destroy(&pool->lock);
}

struct connection *connections_take(struct connections *pool)
{
    struct connection *taken = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->idle_count)
        taken = pool->idle[--pool->idle_count];
    else if (pool->made_count < pool->max)
        taken = pool->all[pool->made_count++] = make(pool);
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

void connections_give_back(struct connection *connection)
{
    struct connections *pool = connection->pool;
    pthread_mutex_lock(&pool->lock);
    pool->idle[pool->idle_count++] = connection;
    if (pool->idle_count == pool->made_count)
        pthread_cond_broadcast(&pool->emptied);
    pthread_mutex_unlock(&pool->lock);
}

bool connections_wait_closed(struct connections *pool, int64_t deadline_ms)
{
    pthread_mutex_lock(&pool->lock);
    bool in_time = true;
    while (pool->idle_count < pool->made_count && in_time)
        in_time = clock_cond_wait(&pool->emptied, &pool->lock, deadline_ms);
    bool all_closed = pool->idle_count == pool->made_count;
    pthread_mutex_unlock(&pool->lock);
    return all_closed;
}

/* Not the write half: what has arrived whole is still answered. */
static void shut(const struct connection *connection)
{
    if (shutdown(connection->fd, SHUT_RD) != 0 && errno != ENOTCONN)
        LOG_WARN("shutdown failed", LOG_INT("errno", errno));
}

static size_t count_made(struct connections *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t count = pool->made_count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

void connections_watch(struct connections *pool)
{
    int64_t now_ms = clock_mono_ms();
    size_t count = count_made(pool);
    for (size_t i = 0; i < count; i++) {
        struct connection *connection = pool->all[i];
        pthread_mutex_lock(&connection->lock);
        bool is_late = connection->state == CONNECTION_READING && connection->deadline_ms <= now_ms;
        if (is_late)
            shut(connection);
        pthread_mutex_unlock(&connection->lock);
        if (is_late)
            LOG_WARN("request takes too long to arrive");
    }
}

void connections_cut(struct connections *pool)
{
    atomic_store(&pool->is_cut, true);
    size_t count = count_made(pool);
    for (size_t i = 0; i < count; i++) {
        struct connection *connection = pool->all[i];
        pthread_mutex_lock(&connection->lock);
        if (connection->state == CONNECTION_WAITING || connection->state == CONNECTION_READING)
            shut(connection);
        pthread_mutex_unlock(&connection->lock);
    }
}

static int arm(struct connection *connection, int op)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = connection};
    connection->state = CONNECTION_WAITING;
    return epoll_ctl(connection->pool->epoll_fd, op, connection->fd, &event);
}

enum err connection_open(
    struct connection *connection, int fd, int duplicate_fd, struct fault *fault)
{
    enum err e = ERR_NONE;
    pthread_mutex_lock(&connection->lock);
    assert(connection->state == CONNECTION_CLOSED);
    connection->fd = fd;
    if (arm(connection, EPOLL_CTL_ADD) == 0) {
        exchange_attach(connection->exchange, duplicate_fd);
    } else {
        e = fail_errno(fault, ERR_IO, "epoll_ctl");
        connection->state = CONNECTION_CLOSED;
        connection->fd = -1;
    }
    pthread_mutex_unlock(&connection->lock);
    if (!e)
        metrics_add(METRIC_connections, 1);
    return e;
}

static void enter(struct connection *connection, enum connection_state from,
    enum connection_state to, int64_t deadline_ms)
{
    pthread_mutex_lock(&connection->lock);
    assert(connection->state == from);
    connection->state = to;
    connection->deadline_ms = deadline_ms;
    pthread_mutex_unlock(&connection->lock);
}

void connection_read(struct connection *connection, int64_t deadline_ms)
{
    enter(connection, CONNECTION_WAITING, CONNECTION_READING, deadline_ms);
}

void connection_answer(struct connection *connection)
{
    enter(connection, CONNECTION_READING, CONNECTION_ANSWERING, 0);
}

void connection_wait(struct connection *connection)
{
    arena_reset(&connection->arena);
    pthread_mutex_lock(&connection->lock);
    assert(connection->state == CONNECTION_ANSWERING);
    if (atomic_load(&connection->pool->is_cut))
        shut(connection);
    int e = arm(connection, EPOLL_CTL_MOD);
    assert(e == 0); /* it was armed before: nothing has to be allocated */
    pthread_mutex_unlock(&connection->lock);
}

void connection_close(struct connection *connection)
{
    arena_reset(&connection->arena);
    pthread_mutex_lock(&connection->lock);
    connection->state = CONNECTION_CLOSED;
    file_close(&connection->fd);
    pthread_mutex_unlock(&connection->lock);
    metrics_add(METRIC_connections, -1);
    connections_give_back(connection);
}
