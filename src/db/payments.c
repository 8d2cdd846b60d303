/* Payments. One exists only with its order; it leaves "authorized" once, by a single statement. */
#include "db/payments.h"

#include <assert.h>

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

enum err payments_add(struct db *db, const struct payment_new *payment)
{
    struct query *query = db_query(db, Q_PAYMENT_ADD);
    query_text(query, 1, payment->attempt_uid);
    query_int(query, 2, payment->order_id);
    query_int(query, 3, payment->amount_minor);
    query_text(query, 4, payment->currency);
    query_int(query, 5, payment->authorized_at);
    return query_exec(query);
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
    struct query *query = db_query(db, Q_PAYMENT_SETTLE);
    query_text(query, 1, uid);
    query_text(query, 2, status_names[to]);
    query_text(query, 3, reason);
    query_int(query, 4, at);
    int64_t order_id = query_row(query) ? column_int(query, 0) : 0;
    enum err e = query_end(query);
    if (e || !order_id)
        return e;
    const char *kind = to == PAYMENT_CAPTURED ? "payment_captured" : "capture_failed";
    return order_events_add(db, order_id, kind, reason, at);
}

enum err payments_retry(struct db *db, const char *uid, const char *reason, int64_t next_try_at)
{
    return settle_rows_retry(db_query(db, Q_PAYMENT_RETRY), uid, reason, next_try_at);
}
