/* Handlers of /orders: shapes in, one call of the service, one answer. */
#include "api/order_routes.h"

#include "api/answer.h"
#include "api/order_json.h"

#define LIMIT_MAX     200
#define LIMIT_DEFAULT 50
#define NOT_A_CURSOR  "is not a cursor of this list"

static const struct field item_fields[] = {
    {.name = "sku",
        .type = FIELD_TEXT,
        .min = 1,
        .max = 64,
        .offset = offsetof(struct order_item, sku),
        .is_valid = field_is_plain,
        .message = "may hold no control characters"},
    {.name = "name",
        .type = FIELD_TEXT,
        .is_optional = true,
        .min = 1,
        .max = 200,
        .offset = offsetof(struct order_item, name),
        .is_valid = field_is_plain,
        .message = "may hold no control characters"},
    {.name = "quantity",
        .type = FIELD_INT,
        .min = 1,
        .max = 10000,
        .offset = offsetof(struct order_item, quantity)},
    {.name = "unit_price",
        .type = FIELD_INT,
        .min = 0,
        .max = 1000000000,
        .offset = offsetof(struct order_item, unit_price_minor)},
};
static const struct shape item_shape = SHAPE(item_fields, struct order_item);

static const struct field order_fields[] = {
    {.name = "currency",
        .type = FIELD_TEXT,
        .min = 3,
        .max = 3,
        .offset = offsetof(struct order_new, currency),
        .is_valid = field_is_currency,
        .message = "must be three capital letters"},
    {.name = "items",
        .type = FIELD_ARRAY,
        .min = 1,
        .max = ORDER_ITEMS_MAX,
        .offset = offsetof(struct order_new, items),
        .shape = &item_shape,
        .count_offset = offsetof(struct order_new, item_count)},
    {.name = "payment_token",
        .type = FIELD_BYTES,
        .min = 1,
        .max = 255,
        .offset = offsetof(struct order_new, payment_token),
        .is_valid = field_is_visible,
        .message = "may hold only visible ASCII characters"},
    {.name = "reference",
        .type = FIELD_TEXT,
        .is_optional = true,
        .min = 1,
        .max = 64,
        .offset = offsetof(struct order_new, reference),
        .is_valid = field_is_plain,
        .message = "may hold no control characters"},
};
const struct shape order_new_shape = SHAPE(order_fields, struct order_new);

struct list_query {
    int64_t limit;
    const char *cursor;    /* NULL: from the newest */
    const char *reference; /* NULL: any */
    int64_t user_id;       /* 0: everybody's */
};

/* The first three are those of both lists. */
static const struct field list_fields[] = {
    {.name = "limit",
        .type = FIELD_INT,
        .is_optional = true,
        .min = 1,
        .max = LIMIT_MAX,
        .default_int = LIMIT_DEFAULT,
        .offset = offsetof(struct list_query, limit)},
    {.name = "cursor",
        .type = FIELD_TEXT,
        .is_optional = true,
        .min = 1,
        .max = CURSOR_SIZE,
        .offset = offsetof(struct list_query, cursor),
        .is_valid = cursor_has_form, /* so that it is named together with the others */
        .message = NOT_A_CURSOR},
    {.name = "reference",
        .type = FIELD_TEXT,
        .is_optional = true,
        .min = 1,
        .max = 64,
        .offset = offsetof(struct list_query, reference),
        .is_valid = field_is_plain,
        .message = "may hold no control characters"},
    {.name = "user_id",
        .type = FIELD_INT,
        .is_optional = true,
        .min = 1,
        .max = INT64_MAX,
        .offset = offsetof(struct list_query, user_id)},
};
const struct shape list_shape = SHAPE(list_fields, struct list_query);
const struct shape own_list_shape = {list_fields, 3, sizeof(struct list_query)};

enum err orders_create(struct call *call)
{
    struct request *request = call->request;
    struct order_create in = {
        .order = call->body,
        .idempotency_key = request->header[HEADER_IDEMPOTENCY_KEY],
        .body = request->body,
        .body_len = request->body_len,
        .render = order_json_created,
    };
    struct order_created created;
    enum err e = order_create(&call->app->orders, call->ctx, &in, &created);
    if (e)
        return e;
    request_header(request, "Location",
        arena_printf(call->ctx->arena, "/orders/%lld", (long long)created.order_id));
    if (created.is_replay)
        request_header(request, "Idempotency-Replayed", "true");
    answer_bytes(call, 201, "application/json; charset=utf-8", created.answer, created.answer_len);
    return ERR_NONE;
}

enum err orders_get_route(struct call *call)
{
    struct order order;
    struct json_writer json;
    enum err e = order_get(&call->app->orders, call->ctx, &call->caller, call->id, &order);
    if (e)
        return e;
    answer_json(call, 200, &json);
    order_json(&json, &order);
    return ERR_NONE;
}

/* What a cursor is bound to. References hold no control character, so the lines cannot be confused.
 */
static const char *cursor_purpose(const struct call *call, const struct list_query *query)
{
    return arena_printf(call->ctx->arena, "%s\n%lld\n%lld\n%s", call->route->name,
        (long long)call->caller.id, (long long)query->user_id,
        query->reference ? query->reference : "");
}

static const char *next_link(
    const struct call *call, const struct list_query *query, int64_t last_id)
{
    char cursor[CURSOR_SIZE];
    struct buffer link;
    cursor_seal(cursor, call->app->cursor_key, cursor_purpose(call, query), last_id);
    buffer_begin(&link, call->ctx->arena, 256);
    buffer_text(&link, call->route->path);
    buffer_text(&link, "?limit=");
    buffer_int(&link, query->limit);
    if (query->user_id) {
        buffer_text(&link, "&user_id=");
        buffer_int(&link, query->user_id);
    }
    if (query->reference) {
        buffer_text(&link, "&reference=");
        fields_encode(&link, query->reference);
    }
    buffer_text(&link, "&cursor=");
    buffer_text(&link, cursor);
    return link.data;
}

static void answer_page(
    struct call *call, const struct list_query *query, const struct order_page *page)
{
    const char *next = NULL;
    if (page->has_more) {
        next = next_link(call, query, page->orders[page->count - 1].id);
        request_header(
            call->request, "Link", arena_printf(call->ctx->arena, "<%s>; rel=\"next\"", next));
    }
    struct json_writer json;
    answer_json(call, 200, &json);
    json_begin_object(&json);
    json_key(&json, "orders");
    json_begin_array(&json);
    for (size_t i = 0; i < page->count; i++)
        order_json(&json, &page->orders[i]);
    json_end_array(&json);
    json_key(&json, "next");
    json_put_text(&json, next);
    json_end_object(&json);
}

static enum err answer_list(struct call *call, int64_t user_id)
{
    const struct list_query *query = call->query;
    struct order_filter filter = {.user_id = user_id,
        .reference = query->reference,
        .before_id = INT64_MAX,
        .limit = query->limit};
    const char *purpose = cursor_purpose(call, query);
    if (query->cursor &&
        !cursor_open(query->cursor, call->app->cursor_key, purpose, &filter.before_id))
        return fail(&call->ctx->fault, ERR_VALIDATION, "cursor", NOT_A_CURSOR);
    struct order_page page;
    enum err e = order_list(&call->app->orders, call->ctx, &filter, &page);
    if (e)
        return e;
    answer_page(call, query, &page);
    return ERR_NONE;
}

enum err orders_all(struct call *call)
{
    const struct list_query *query = call->query;
    return answer_list(call, query->user_id);
}

enum err orders_mine(struct call *call)
{
    return answer_list(call, call->caller.id);
}
