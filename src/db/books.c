/* See books.h. One statement, so that a row never mixes two moments. */
#include "db/books.h"

#include "db/db.h"

static void read_payment(const struct query *query, struct books_row *out)
{
    out->has_payment = true;
    out->payment_status = payment_status_parse(column_text(query, 11));
    out->authorized_minor = column_int(query, 12);
    out->captured_minor = column_int(query, 13);
    out->payment_currency = column_text(query, 14);
    out->since = column_int(query, 15);
    out->try_at = column_int(query, 16);
    out->is_written_off = !column_is_null(query, 17);
    out->tries = column_int(query, 19);
}

static void read_row(const struct query *query, struct books_row *out)
{
    *out = (struct books_row){
        .uid = column_text(query, 0),
        .state = attempt_state_parse(column_text(query, 1)),
        .amount_minor = column_int(query, 2),
        .currency = column_text(query, 3),
        .since = column_int(query, column_is_null(query, 5) ? 4 : 5),
        .try_at = column_int(query, 6),
        .is_written_off = !column_is_null(query, 7),
        .order_id = column_int(query, 8),
        .order_total_minor = column_int(query, 9),
        .order_currency = column_text(query, 10),
        .tries = column_int(query, 18),
    };
    if (!column_is_null(query, 11))
        read_payment(query, out);
}

enum err books_walk(struct db *db, books_visit *visit, void *arg)
{
    struct query *query = db_query(db, Q_BOOKS_WALK);
    while (query_row(query)) {
        struct books_row row;
        read_row(query, &row);
        visit(arg, &row);
    }
    return query_end(query);
}
