/* See router.h. The order of checks is the order of the functions called by check(). */
#include "api/router.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/text.h"
#include "http/problem.h"

#include "api/media_type.h"
#include "api/routes.h"

#define KEY_MAX 255

/* An id is [1-9][0-9]*, at most 2^63-1. */
static bool path_matches(const struct route *route, const char *path, int64_t *id)
{
    const char *variable = strstr(route->path, "{id}");
    if (!variable)
        return strcmp(route->path, path) == 0;
    size_t prefix_len = (size_t)(variable - route->path);
    if (strncmp(route->path, path, prefix_len) != 0)
        return false;
    const char *digits = path + prefix_len;
    return text_parse_uint(digits, strlen(digits), INT64_MAX, id) && *id > 0;
}

static bool method_matches(const struct route *route, const char *method)
{
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    return strcmp(route->method, method) == 0;
}

static bool path_knows(const char *path, const char *method)
{
    int64_t id;
    for (size_t i = 0; i < route_count; i++)
        if (path_matches(&routes[i], path, &id) && method_matches(&routes[i], method))
            return true;
    return false;
}

/* RFC 9110, section 10.2.1; in alphabetical order. */
static const char *allowed_methods(struct arena *arena, const char *path)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    struct buffer allow;
    buffer_begin(&allow, arena, 32);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (!path_knows(path, methods[i]))
            continue;
        if (allow.len > 0)
            buffer_text(&allow, ", ");
        buffer_text(&allow, methods[i]);
    }
    return allow.data;
}

static enum err find_route(struct call *call)
{
    struct request *request = call->request;
    const char *path = strcmp(request->path, "/orders") == 0 ? "/orders/" : request->path;
    for (size_t i = 0; i < route_count; i++) {
        if (!path_matches(&routes[i], path, &call->id) ||
            !method_matches(&routes[i], request->method))
            continue;
        call->route = &routes[i];
        return ERR_NONE;
    }
    const char *allow = allowed_methods(call->ctx->arena, path);
    if (*allow == '\0')
        return ERR_NOT_FOUND;
    request_header(request, "Allow", allow);
    return ERR_METHOD_NOT_ALLOWED;
}

static enum err check_access(struct call *call)
{
    const struct request *request = call->request;
    enum access access = call->route->access;
    if (access == ACCESS_ANYONE)
        return ERR_NONE;
    /* Two of them are as good as none: which one would count? */
    const char *authorization = request->header_count[HEADER_AUTHORIZATION] > 1
                                    ? ""
                                    : request->header[HEADER_AUTHORIZATION];
    enum err e = auth_authenticate(call->app->auth, call->ctx, authorization, &call->caller);
    if (e)
        return e;
    if (access == ACCESS_TOKEN)
        return ERR_NONE;
    bool is_allowed = (access == ACCESS_USER && call->caller.role == ROLE_USER) ||
                      (access == ACCESS_ADMIN && call->caller.role == ROLE_ADMIN);
    return is_allowed ? ERR_NONE : ERR_FORBIDDEN;
}

static enum err check_media_type(const struct call *call)
{
    const struct request *request = call->request;
    if (strcmp(call->route->method, "POST") != 0)
        return ERR_NONE;
    const char *type = request->header[HEADER_CONTENT_TYPE];
    const char *coding = request->header[HEADER_CONTENT_ENCODING];
    bool is_json =
        type && request->header_count[HEADER_CONTENT_TYPE] == 1 && media_type_is_json(type);
    bool is_plain = !coding || (request->header_count[HEADER_CONTENT_ENCODING] == 1 &&
                                   strcasecmp(coding, "identity") == 0);
    return is_json && is_plain ? ERR_NONE : ERR_MEDIA_TYPE;
}

static enum err check_key(const struct call *call)
{
    const struct request *request = call->request;
    const char *key = request->header[HEADER_IDEMPOTENCY_KEY];
    if (!(call->route->flags & ROUTE_TAKES_KEY) || !key)
        return ERR_NONE;
    struct fault *fault = &call->ctx->fault;
    size_t len = strlen(key);
    if (request->header_count[HEADER_IDEMPOTENCY_KEY] > 1)
        return fail(fault, ERR_VALIDATION, "Idempotency-Key", "must be sent once");
    if (len < 1 || len > KEY_MAX || !field_is_visible(key, len))
        return fail(
            fault, ERR_VALIDATION, "Idempotency-Key", "must be 1 to 255 visible ASCII characters");
    return ERR_NONE;
}

/* Body, query and headers are looked at together, so that one answer names all that is wrong. */
static enum err check_input(struct call *call)
{
    const struct request *request = call->request;
    const struct route *route = call->route;
    struct context *ctx = call->ctx;
    enum err body = ERR_NONE, query = ERR_NONE;
    if (route->body) {
        call->body = arena_alloc(ctx->arena, route->body->size);
        body = fields_body(
            route->body, ctx->arena, request->body, request->body_len, call->body, &ctx->fault);
    }
    if (body && body != ERR_VALIDATION)
        return body;
    if (!(route->flags & ROUTE_IS_BESIDE)) {
        call->query = arena_alloc(ctx->arena, route->query ? route->query->size : 1);
        query = fields_query(route->query, ctx->arena, request->query, call->query, &ctx->fault);
    }
    enum err key = check_key(call);
    return body ? body : query ? query : key;
}

static enum err check(struct call *call)
{
    if (call->request->body_too_large)
        return ERR_BODY_TOO_LARGE;
    enum err e = find_route(call);
    if (!e)
        e = check_access(call);
    if (!e)
        e = check_media_type(call);
    if (!e)
        e = check_input(call);
    return e;
}

static void log_request(const struct call *call, enum err outcome)
{
    const struct request *request = call->request;
    struct log_pair extra[] = {
        LOG_TEXT("method", request->method),
        LOG_TEXT("path", request->path),
        LOG_INT("status", request->status),
        LOG_INT("bytes", (int64_t)request->out.len),
        LOG_TEXT("client", call->ctx->client),
        {NULL, NULL, 0},
    };
    log_outcome(&(struct log_outcome){
        .kind = "request",
        .name = call->route ? call->route->name : "none",
        .request_id = call->ctx->request_id,
        .user_id = call->ctx->user_id,
        .duration_us = clock_mono_us() - request->begun_us,
        .outcome = outcome,
        .fault = &call->ctx->fault,
        .extra = extra,
        .lines = call->ctx->lines,
        .is_last = true,
    });
}

/* The answer is complete, and its line written, when this returns. */
static void finish(struct call *call, enum err outcome)
{
    struct request *request = call->request;
    if (outcome)
        problem_answer(request, outcome);
    metrics_add(METRIC_requests_total, 1);
    if (request->status >= 500)
        metrics_add(METRIC_requests_failed_total, 1);
    log_request(call, outcome);
}

/* Who answers a request that passed its checks. */
static enum fastcgi_next next_of(enum pool pool)
{
    return pool == POOL_QUICK ? FASTCGI_ANSWERED : pool == POOL_LONG ? FASTCGI_LONG : FASTCGI_SLOW;
}

enum fastcgi_next router_quick(void *app, struct request *request)
{
    struct call *call = arena_alloc(request->ctx.arena, sizeof *call);
    call->request = request;
    call->ctx = &request->ctx;
    call->app = app;
    request->state = call;
    struct store *store = call->app->store;
    store_keep_snapshot(store, call->ctx->worker);
    enum err e = check(call);
    enum fastcgi_next next = e ? FASTCGI_ANSWERED : next_of(call->route->pool);
    if (!e && next == FASTCGI_ANSWERED)
        e = call->route->handle(call);
    store_let_go(store, call->ctx->worker);
    if (next == FASTCGI_ANSWERED)
        finish(call, e);
    return next;
}

void router_slow(void *app, struct request *request)
{
    struct call *call = request->state;
    assert(call && call->app == app && call->route);
    finish(call, call->route->handle(call));
}

void router_overload(void *app, struct request *request)
{
    struct call *call = request->state;
    assert(call && call->app == app);
    finish(call,
        fail(&call->ctx->fault, ERR_UNAVAILABLE, NULL, "too many requests wait for a slow worker"));
}
