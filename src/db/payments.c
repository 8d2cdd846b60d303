/* Payments. One exists only with its order; it leaves "authorized" once, by a single statement. */
#include "db/payments.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "core/arena.h"

#include "db/db.h"
#include "db/orders.h"
#include "db/settle_rows.h"

static const char *const status_names[] = {
    [PAYMENT_AUTHORIZED] = "authorized",
    [PAYMENT_CAPTURED] = "captured",
    [PAYMENT_CAPTURE_FAILED] = "capture_failed",
};

const char *payment_status_name(enum payment_status status)
{
    assert((unsigned)status < sizeof status_names / sizeof status_names[0]);
    return status_names[status];
}

enum payment_status payment_status_parse(const char *name)
{
    for (int i = PAYMENT_AUTHORIZED; name && i <= PAYMENT_CAPTURE_FAILED; i++)
        if (!strcmp(name, status_names[i]))
            return (enum payment_status)i;
    return PAYMENT_AUTHORIZED;
}

enum err payments_add(struct db *db, const struct payment_new *payment)
{
    struct query *query = db_query(db, Q_PAYMENT_ADD);
    query_int(query, 1, payment->order_id);
    query_int(query, 2, payment->amount_minor);
    query_text(query, 3, payment->currency);
    query_int(query, 4, payment->authorized_at);
    return query_exec(query);
}

static void read_row(const struct query *query, struct arena *arena, struct payment_row *out)
{
    *out = (struct payment_row){
        .attempt_uid = arena_text(arena, column_text(query, 0)),
        .order_id = column_int(query, 1),
        .status = arena_text(arena, column_text(query, 2)),
        .currency = arena_text(arena, column_text(query, 3)),
        .authorized_minor = column_int(query, 4),
        .captured_minor = column_int(query, 5),
        .refunded_minor = column_int(query, 6),
        .tries = column_int(query, 7),
        .next_try_at = column_int(query, 8),
        .last_error = arena_text(arena, column_text(query, 9)),
        .authorized_at = column_int(query, 10),
        .settled_at = column_int(query, 11),
        .write_off = settle_rows_write_off(query, 12, arena),
    };
}

enum err payments_get(struct db *db, struct arena *arena, const char *uid, struct payment_row *out)
{
    struct query *query = db_query(db, Q_PAYMENT_GET);
    query_text(query, 1, uid);
    bool found = query_row(query);
    if (found)
        read_row(query, arena, out);
    enum err e = query_end(query);
    return e ? e : found ? ERR_NONE : ERR_NOT_FOUND;
}

enum err payments_due(struct db *db, struct arena *arena, int64_t now, int64_t limit,
    struct settle_row **out, size_t *count)
{
    return settle_rows_read(db_query(db, Q_PAYMENT_DUE), arena, now, limit, out, count);
}

enum err payments_settle(
    struct db *db, const char *uid, enum payment_status to, const char *reason, int64_t at)
{
    assert(to == PAYMENT_CAPTURED || to == PAYMENT_CAPTURE_FAILED);
    int64_t order_id;
    bool moved;
    struct query *query = db_query(db, Q_PAYMENT_ORDER);
    query_text(query, 1, uid);
    enum err e = query_count(query, &order_id);
    if (e || !order_id)
        return e;
    query = db_query(db, Q_PAYMENT_SETTLE);
    query_int(query, 1, order_id);
    query_text(query, 2, status_names[to]);
    query_text(query, 3, reason);
    query_int(query, 4, at);
    e = query_change(query, &moved);
    if (e || !moved)
        return e;
    const char *kind = to == PAYMENT_CAPTURED ? "payment_captured" : "capture_failed";
    return order_events_add(db, order_id, kind, reason, at);
}

enum err payments_retry(struct db *db, const char *uid, const char *reason, int64_t next_try_at)
{
    return settle_rows_retry(db_query(db, Q_PAYMENT_RETRY), uid, reason, next_try_at);
}

/* *order_id: whose payment it is. */
static enum err end_move(struct db *db, struct query *query, const char *uid, int64_t *order_id)
{
    bool moved = query_row(query);
    *order_id = moved ? column_int(query, 0) : 0;
    enum err e = query_end(query);
    if (e || moved)
        return e;
    query = db_query(db, Q_PAYMENT_GET);
    query_text(query, 1, uid);
    bool found = query_row(query);
    e = query_end(query);
    return e ? e : found ? ERR_REFUSED : ERR_NOT_FOUND;
}

enum err payments_reopen(struct db *db, const char *uid, const char *by, int64_t at)
{
    int64_t order_id;
    struct query *query = db_query(db, Q_PAYMENT_REOPEN);
    query_text(query, 1, uid);
    query_int(query, 2, at);
    enum err e = end_move(db, query, uid, &order_id);
    return e ? e : order_events_add(db, order_id, "capture_reopened", by, at);
}

enum err payments_write_off(
    struct db *db, struct arena *arena, const char *uid, const struct write_off *write_off)
{
    int64_t order_id;
    struct query *query = db_query(db, Q_PAYMENT_WRITE_OFF);
    settle_rows_bind_write_off(query, uid, write_off);
    enum err e = end_move(db, query, uid, &order_id);
    if (e)
        return e;
    const char *detail = arena_printf(arena, "%s: %s", write_off->by, write_off->reason);
    return order_events_add(db, order_id, "written_off", detail, write_off->at);
}
