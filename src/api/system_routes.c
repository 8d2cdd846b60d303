/* Handlers of the routes beside the API. */
#include "api/system_routes.h"

#include "core/clock.h"
#include "core/metrics.h"
#include "db/store.h"
#include "db/users.h"

#include "api/answer.h"

struct probe {
    struct arena *arena;
    struct user user;
};

/* A read that needs the database to answer; whether there is such a user does not matter. */
static enum err probe_unit(struct db *db, void *arg)
{
    struct probe *probe = arg;
    enum err e = users_get(db, probe->arena, 1, &probe->user);
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err system_health(struct call *call)
{
    const struct app *app = call->app;
    struct probe probe = {.arena = call->ctx->arena};
    int64_t deadline_ms = clock_mono_ms() + app->store_timeout_ms;
    enum err e = store_read(app->store, call->ctx->worker, probe_unit, &probe, deadline_ms);
    if (e)
        return fail(&call->ctx->fault, ERR_UNAVAILABLE, NULL, "the database does not answer: %s",
            err_info(e)->name);
    bool spool = relay_is_degraded(app->relay);
    bool writes = store_is_degraded(app->store);
    bool held = settle_is_held(app->orders.settle);
    struct json_writer json;
    answer_json(call, 200, &json);
    json_begin_object(&json);
    json_key(&json, "status");
    json_put_text(&json, spool || writes || held ? "degraded" : "ok");
    if (spool || writes || held) {
        json_key(&json, "degraded");
        json_begin_array(&json);
        if (spool)
            json_put_text(&json, "spool");
        if (writes)
            json_put_text(&json, "writes");
        if (held)
            json_put_text(&json, "held");
        json_end_array(&json);
    }
    json_end_object(&json);
    return ERR_NONE;
}

enum err system_metrics(struct call *call)
{
    call->request->status = 200;
    call->request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_render(&call->request->out);
    return ERR_NONE;
}

enum err system_document(struct call *call)
{
    const struct document *document = documents_find(call->app->documents, call->route->path);
    if (!document)
        return fail(&call->ctx->fault, ERR_NOT_FOUND, NULL, "This document is not installed.");
    request_header(call->request, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
        "'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    request_header(call->request, "X-Content-Type-Options", "nosniff");
    answer_bytes(call, 200, document->content_type, document->bytes, document->len);
    return ERR_NONE;
}
