/* Reading orders: who may see what. The order transaction is in order_create.c. */
#include "services/order.h"

#include "core/clock.h"

#include "services/action.h"

struct get {
    const struct order_service *service;
    struct arena *arena;
    const struct user *caller;
    int64_t id;
    struct order *out;
};

static enum err get_unit(struct db *db, void *arg)
{
    struct get *get = arg;
    return orders_get(db, get->arena, get->id, get->out);
}

static enum err get(struct context *ctx, void *arg)
{
    struct get *get = arg;
    int64_t deadline_ms = clock_mono_ms() + get->service->store_timeout_ms;
    enum err e = store_read(get->service->store, ctx->worker, get_unit, get, deadline_ms);
    bool is_visible =
        !e && (get->caller->role == ROLE_ADMIN || get->out->user_id == get->caller->id);
    if (e && e != ERR_NOT_FOUND)
        return e;
    return is_visible ? ERR_NONE
                      : fail(&ctx->fault, ERR_NOT_FOUND, NULL, "There is no such order.");
}

enum err order_get(const struct order_service *service, struct context *ctx,
    const struct user *caller, int64_t id, struct order *out)
{
    struct get args = {
        .service = service, .arena = ctx->arena, .caller = caller, .id = id, .out = out};
    return action_run(ctx, "order.get", get, &args);
}

struct list {
    const struct order_service *service;
    struct arena *arena;
    struct order_filter filter;
    struct order_page *out;
};

static enum err list_unit(struct db *db, void *arg)
{
    struct list *list = arg;
    return orders_list(db, list->arena, &list->filter, &list->out->orders, &list->out->count);
}

static enum err list(struct context *ctx, void *arg)
{
    struct list *list = arg;
    int64_t limit = list->filter.limit++; /* one more tells whether there is a next page */
    int64_t deadline_ms = clock_mono_ms() + list->service->store_timeout_ms;
    enum err e = store_read(list->service->store, ctx->worker, list_unit, list, deadline_ms);
    if (e)
        return e;
    list->out->has_more = list->out->count > (size_t)limit;
    if (list->out->has_more)
        list->out->count = (size_t)limit;
    return ERR_NONE;
}

enum err order_list(const struct order_service *service, struct context *ctx,
    const struct order_filter *filter, struct order_page *out)
{
    struct list args = {.service = service, .arena = ctx->arena, .filter = *filter, .out = out};
    return action_run(ctx, "order.list", list, &args);
}
