/* See service.h. */
#include "service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/metrics.h"
#include "http/problem.h"

#include "unit.h"

static void lock(struct service *service)
{
    ck_assert_int_eq(pthread_mutex_lock(&service->lock), 0);
}

static void unlock(struct service *service)
{
    ck_assert_int_eq(pthread_mutex_unlock(&service->lock), 0);
}

static void hold(struct service *service)
{
    lock(service);
    atomic_fetch_add(&service->held, 1);
    while (!service->is_released)
        pthread_cond_wait(&service->released, &service->lock);
    atomic_fetch_sub(&service->held, 1);
    unlock(service);
}

static void answer_text(struct request *request, const char *text)
{
    request->status = 200;
    request->content_type = "text/plain";
    buffer_text(&request->out, text);
}

static void put(struct request *request, const char *text)
{
    buffer_text(&request->out, text ? text : "-");
    buffer_char(&request->out, '|');
}

static void put_count(struct request *request, int64_t count)
{
    buffer_int(&request->out, count);
    buffer_char(&request->out, '|');
}

/* method|path|query|client|worker|body|length| and, for each header, value|count| */
static void echo(struct request *request)
{
    put(request, request->method);
    put(request, request->path);
    put(request, request->query);
    put(request, request->ctx.client);
    put(request, request->ctx.worker >= 0 ? "quick" : "slow");
    put(request, request->body_len < 100 ? request->body : "long");
    put_count(request, (int64_t)request->body_len);
    for (int i = 0; i < HEADER__COUNT; i++) {
        put(request, request->header[i]);
        put_count(request, request->header_count[i]);
    }
    answer_text(request, "");
}

static size_t head_length(const struct request *request)
{
    struct buffer head;
    buffer_begin(&head, request->ctx.arena, 512);
    request_head(request, &head);
    return head.len;
}

/* Content-Length grows with the body, so the last bytes are added until it fits. */
static void answer_size(struct request *request)
{
    size_t size = (size_t)strtoul(request->query, NULL, 10);
    answer_text(request, "");
    while (request->out.len + 256 < size)
        buffer_char(&request->out, 'x');
    while (head_length(request) + request->out.len < size)
        buffer_char(&request->out, 'x');
}

static enum fastcgi_next quick(void *arg, struct request *request)
{
    struct service *service = arg;
    atomic_fetch_add(&service->dispatched, 1);
    if (request->body_too_large)
        problem_answer(request, ERR_BODY_TOO_LARGE);
    else if (strcmp(request->path, "/slow") == 0 || strcmp(request->path, "/wait") == 0)
        return FASTCGI_SLOW;
    else if (strcmp(request->path, "/size") == 0)
        answer_size(request);
    else if (strcmp(request->path, "/none") == 0)
        request->status = 204;
    else if (strcmp(request->path, "/hold") == 0)
        hold(service);
    if (!request->status)
        echo(request);
    return FASTCGI_ANSWERED;
}

static void slow(void *arg, struct request *request)
{
    if (strcmp(request->path, "/wait") == 0)
        hold(arg);
    answer_text(request, request->ctx.worker == -1 ? "slow" : "a quick worker's number");
}

static void overload(void *arg, struct request *request)
{
    struct service *service = arg;
    atomic_fetch_add(&service->overloads, 1);
    problem_answer(request, ERR_UNAVAILABLE);
}

void service_init(struct service *service)
{
    sigset_t all;
    sigfillset(&all);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    *service = (struct service){.path = unit_path(unit_folder(), "s")};
    service->options = (struct fastcgi_options){
        .listen_fd = -1,
        .quick_workers = 2,
        .slow_workers = 2,
        .queue_max = 16,
        .connections_max = 256,
        .body_max = 65536,
        .read_timeout_ms = 5000,
        .request_timeout_ms = 30000,
    };
    ck_assert_int_eq(pthread_mutex_init(&service->lock, NULL), 0);
    ck_assert_int_eq(pthread_cond_init(&service->released, NULL), 0);
    enum err e = fastcgi_listen(service->path, 0600, "", 64, &service->options.listen_fd, NULL);
    ck_assert_int_eq(e, ERR_NONE);
}

void service_start(struct service *service)
{
    const struct fastcgi_handlers handlers = {quick, slow, overload, service};
    enum err e = fastcgi_open(&service->fastcgi, &service->options, &handlers, NULL);
    ck_assert_int_eq(e, ERR_NONE);
}

void service_release(struct service *service)
{
    lock(service);
    service->is_released = true;
    pthread_cond_broadcast(&service->released);
    unlock(service);
}

void service_stop(struct service *service, int timeout_ms)
{
    if (!service->fastcgi)
        return;
    fastcgi_close(service->fastcgi, timeout_ms);
    service->fastcgi = NULL;
    ck_assert_int_eq(metrics_get(METRIC_connections), 0);
}

void service_fini(struct service *service)
{
    service_release(service);
    service_stop(service, 0);
    close(service->options.listen_fd);
    pthread_cond_destroy(&service->released);
    pthread_mutex_destroy(&service->lock);
}

struct wanted {
    atomic_int *value;
    int count;
};

static int is_reached(void *arg)
{
    const struct wanted *wanted = arg;
    return atomic_load(wanted->value) == wanted->count;
}

void service_await_held(struct service *service, int count)
{
    unit_wait(is_reached, &(struct wanted){&service->held, count}, "held requests");
}

static int has_connections(void *arg)
{
    return metrics_get(METRIC_connections) == *(int *)arg;
}

void service_await_connections(int count)
{
    unit_wait(has_connections, &count, "connections");
}
