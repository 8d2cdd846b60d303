/* What payments and attempts share: rows that settle has to do. Private to db. */
#ifndef ORDERD_DB_SETTLE_ROWS_H
#define ORDERD_DB_SETTLE_ROWS_H

#include "db/payments.h"

struct query;

/* query: ATTEMPT_DUE or PAYMENT_DUE, not bound yet. */
enum err settle_rows_read(struct query *, struct arena *, int64_t now, int64_t limit,
    struct settle_row **out, size_t *count);

/* query: ATTEMPT_RETRY or PAYMENT_RETRY, not bound yet. */
enum err settle_rows_retry(
    struct query *, const char *uid, const char *reason, int64_t next_try_at);

/* From three columns: written_off_at, by, reason. */
struct write_off settle_rows_write_off(const struct query *, int first_column, struct arena *);
/* $1 the uid, $2 to $4 the same three. */
void settle_rows_bind_write_off(struct query *, const char *uid, const struct write_off *);

#endif
