/* Orders, their items and their history.
 *
 * A list is read page by page, each by a seek of an index that has the page's order already; which
 * of the four statements that is depends on the filter. The items of a page follow by key. */
#include "db/orders.h"

#include <stdbool.h>
#include <string.h>

#include "core/arena.h"

#include "db/db.h"

static enum err add_item(
    struct db *db, int64_t order_id, size_t line, const struct order_item *item)
{
    struct query *query = db_query(db, Q_ITEM_ADD);
    query_int(query, 1, order_id);
    query_int(query, 2, (int64_t)line);
    query_text(query, 3, item->sku);
    query_text(query, 4, item->name);
    query_int(query, 5, item->quantity);
    query_int(query, 6, item->unit_price_minor);
    return query_exec(query);
}

static enum err add_row(struct db *db, const struct order *order, int64_t *id)
{
    struct query *query = db_query(db, Q_ORDER_ADD);
    query_int(query, 1, order->user_id);
    query_text(query, 2, order->attempt_uid);
    query_int(query, 3, order->total_minor);
    query_text(query, 4, order->currency);
    query_text(query, 5, order->reference);
    query_int(query, 6, order->created_at);
    return query_insert(query, id);
}

enum err orders_add(struct db *db, const struct order *order, int64_t *id)
{
    enum err e = add_row(db, order, id);
    for (size_t i = 0; !e && *id && i < order->item_count; i++)
        e = add_item(db, *id, i, &order->items[i]);
    return e;
}

enum err order_events_add(
    struct db *db, int64_t order_id, const char *kind, const char *detail, int64_t at)
{
    struct query *query = db_query(db, Q_EVENT_ADD);
    query_int(query, 1, order_id);
    query_text(query, 2, kind);
    query_text(query, 3, detail);
    query_int(query, 4, at);
    return query_exec(query);
}

enum err order_events_walk(struct db *db, int64_t order_id, order_event_visit *visit, void *arg)
{
    struct query *query = db_query(db, Q_EVENT_LIST);
    query_int(query, 1, order_id);
    while (query_row(query))
        visit(arg, &(struct order_event){
                       .kind = column_text(query, 0),
                       .detail = column_text(query, 1),
                       .at = column_int(query, 2),
                   });
    return query_end(query);
}

static void read_order(const struct query *query, struct arena *arena, struct order *out)
{
    *out = (struct order){
        .id = column_int(query, 0),
        .user_id = column_int(query, 1),
        .status = arena_text(arena, column_text(query, 2)),
        .currency = arena_text(arena, column_text(query, 3)),
        .total_minor = column_int(query, 4),
        .reference = arena_text(arena, column_text(query, 5)),
        .attempt_uid = arena_text(arena, column_text(query, 6)),
        .created_at = column_int(query, 7),
        .payment_status = payment_status_parse(column_text(query, 8)),
    };
}

/* Items as they come, until it is known how many one order has. */
struct item_run {
    struct arena *arena;
    struct order_item items[ORDER_ITEMS_MAX];
    size_t count;
};

static void begin_run(struct item_run *run, struct arena *arena)
{
    run->arena = arena; /* the rest is not looked at before it is written: it is large */
    run->count = 0;
}

static void add_to_run(struct item_run *run, const struct query *query)
{
    if (run->count < ORDER_ITEMS_MAX)
        run->items[run->count++] = (struct order_item){
            .sku = arena_text(run->arena, column_text(query, 0)),
            .name = arena_text(run->arena, column_text(query, 1)),
            .quantity = column_int(query, 2),
            .unit_price_minor = column_int(query, 3),
        };
}

static void end_run(struct item_run *run, struct order *order)
{
    struct order_item *items = arena_array(run->arena, run->count, sizeof items[0]);
    order->items = memcpy(items, run->items, run->count * sizeof items[0]);
    order->item_count = run->count;
    run->count = 0;
}

static enum err read_items(struct db *db, struct arena *arena, struct order *order)
{
    struct item_run run;
    begin_run(&run, arena);
    struct query *query = db_query(db, Q_ITEM_LIST);
    query_int(query, 1, order->id);
    while (query_row(query))
        add_to_run(&run, query);
    end_run(&run, order);
    return query_end(query);
}

/* Orders that have no other between them, the newest first: their items lie together, and to read
 * them by one statement saves a tenth of a page's instructions (bench/instructions). */
static enum err read_items_together(
    struct db *db, struct arena *arena, struct order *orders, size_t count)
{
    struct item_run run;
    begin_run(&run, arena);
    size_t left = count; /* the oldest of them is whose items come now */
    struct query *query = db_query(db, Q_ITEM_RANGE);
    query_int(query, 1, orders[count - 1].id);
    query_int(query, 2, orders[0].id);
    while (query_row(query)) {
        while (orders[left - 1].id != column_int(query, 4))
            end_run(&run, &orders[--left]);
        add_to_run(&run, query);
    }
    while (left)
        end_run(&run, &orders[--left]);
    return query_end(query);
}

static bool are_together(const struct order *orders, size_t count)
{
    return count && orders[0].id - orders[count - 1].id == (int64_t)count - 1;
}

static enum err read_one(struct db *db, struct query *query, struct arena *arena, struct order *out)
{
    bool found = query_row(query);
    if (found)
        read_order(query, arena, out);
    enum err e = query_end(query);
    if (e)
        return e;
    return found ? read_items(db, arena, out) : ERR_NOT_FOUND;
}

enum err orders_get(struct db *db, struct arena *arena, int64_t id, struct order *out)
{
    struct query *query = db_query(db, Q_ORDER_GET);
    query_int(query, 1, id);
    return read_one(db, query, arena, out);
}

enum err orders_get_by_attempt(
    struct db *db, struct arena *arena, const char *uid, struct order *out)
{
    struct query *query = db_query(db, Q_ORDER_OF_ATTEMPT);
    query_text(query, 1, uid);
    return read_one(db, query, arena, out);
}

static struct query *list_query(struct db *db, const struct order_filter *filter)
{
    static const enum statement numbers[2][2] = {
        {Q_ORDER_LIST, Q_ORDER_LIST_OF_REFERENCE},
        {Q_ORDER_LIST_OF_USER, Q_ORDER_LIST_OF_BOTH},
    };
    bool by_user = filter->user_id != 0;
    struct query *query = db_query(db, numbers[by_user][filter->reference != NULL]);
    query_int(query, 1, filter->before_id);
    query_int(query, 2, filter->limit);
    if (by_user)
        query_int(query, 3, filter->user_id);
    if (filter->reference)
        query_text(query, by_user ? 4 : 3, filter->reference);
    return query;
}

enum err orders_list(struct db *db, struct arena *arena, const struct order_filter *filter,
    struct order **out, size_t *count)
{
    *out = arena_array(arena, (size_t)filter->limit, sizeof **out);
    *count = 0;
    struct query *query = list_query(db, filter);
    while (query_row(query))
        read_order(query, arena, &(*out)[(*count)++]);
    enum err e = query_end(query);
    if (!e && are_together(*out, *count))
        return read_items_together(db, arena, *out, *count);
    for (size_t i = 0; !e && i < *count; i++)
        e = read_items(db, arena, &(*out)[i]);
    return e;
}
