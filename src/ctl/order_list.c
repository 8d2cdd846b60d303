/* orderctl order list: the newest orders, read in one snapshot, page by page. */
#include "ctl/subjects.h"

#include <string.h>

#include "core/text.h"
#include "db/orders.h"
#include "db/users.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

#define LIST_LIMIT     50
#define LIST_LIMIT_MAX 10000
#define LIST_PAGE      200

static const struct output_column columns[] = {
    {"id", OUTPUT_INT},
    {"created_at", OUTPUT_TIME},
    {"user_id", OUTPUT_INT},
    {"username", OUTPUT_TEXT},
    {"status", OUTPUT_TEXT},
    {"total", OUTPUT_INT},
    {"currency", OUTPUT_TEXT},
    {"payment", OUTPUT_TEXT},
    {"reference", OUTPUT_TEXT},
};

struct listing {
    struct arena *arena;
    const char *username; /* NULL: everybody's */
    const char *reference;
    int64_t limit;
    struct user user; /* whom the last row belongs to */
    struct output output;
};

/* Neighbours are often of one user. */
static enum err find_user(struct db *db, struct listing *l, int64_t id)
{
    return l->user.id == id ? ERR_NONE : users_get(db, l->arena, id, &l->user);
}

static enum err put_order(struct db *db, struct listing *l, const struct order *order)
{
    enum err e = find_user(db, l, order->user_id);
    if (e)
        return e;
    output_row(&l->output, (struct output_value[]){
                               {.number = order->id},
                               {.number = order->created_at},
                               {.number = order->user_id},
                               {.text = l->user.username},
                               {.text = order->status},
                               {.number = order->total_minor},
                               {.text = order->currency},
                               {.text = payment_status_name(order->payment_status)},
                               {.text = order->reference},
                           });
    return ERR_NONE;
}

/* *is_last: there are no more, or no more are wanted. */
static enum err read_page(
    struct db *db, struct listing *l, struct order_filter *filter, bool *is_last)
{
    struct order *orders;
    size_t count;
    int64_t left = l->limit - (int64_t)l->output.row_count;
    filter->limit = left < LIST_PAGE ? left : LIST_PAGE;
    enum err e = orders_list(db, l->arena, filter, &orders, &count);
    for (size_t n = 0; !e && n < count; n++)
        e = put_order(db, l, &orders[n]);
    if (count)
        filter->before_id = orders[count - 1].id;
    *is_last = (int64_t)count < LIST_PAGE;
    return e;
}

static enum err read_list(struct db *db, void *arg)
{
    struct listing *l = arg;
    struct order_filter filter = {.reference = l->reference, .before_id = INT64_MAX};
    enum err e = ERR_NONE;
    l->output.row_count = 0; /* a unit may be run again */
    if (l->username)
        e = users_find(db, l->arena, l->username, &l->user);
    filter.user_id = l->username ? l->user.id : 0;
    for (bool is_last = false; !e && !is_last;)
        e = read_page(db, l, &filter, &is_last);
    return e;
}

static enum err parse_limit(struct ctl *ctl, int64_t *out)
{
    const char *text = ctl_value(ctl, "limit");
    *out = LIST_LIMIT;
    if (!text || (text_parse_uint(text, strlen(text), LIST_LIMIT_MAX, out) && *out))
        return ERR_NONE;
    return fail(&ctl->fault, ERR_BAD_REQUEST, NULL, "--limit must be 1 to %d", LIST_LIMIT_MAX);
}

enum err order_list(struct ctl *ctl)
{
    struct listing l = {.arena = &ctl->arena,
        .username = ctl_value(ctl, "user"),
        .reference = ctl_value(ctl, "reference")};
    enum err e = parse_limit(ctl, &l.limit);
    if (e)
        return e;
    output_begin(&l.output, &ctl->arena, "orders", columns, sizeof columns / sizeof *columns);
    struct admin_options options = ctl_database(ctl);
    e = admin_read(&options, read_list, &l, &ctl->fault);
    if (e == ERR_NOT_FOUND && !ctl->fault.text)
        return fail(&ctl->fault, e, NULL, "there is no user of that name");
    return e ? e : output_write_list(&l.output, ctl->is_json, &ctl->fault);
}
