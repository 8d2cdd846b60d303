/* Payments: rows <-> structs, no rules.
 *
 * A payment exists only with its order, whose attempt_uid it goes by. It moves only by
 * compare-and-set, as single statements. */
#ifndef ORDERD_DB_PAYMENTS_H
#define ORDERD_DB_PAYMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "db/attempts.h"

struct arena;
struct db;

enum payment_status {
    PAYMENT_AUTHORIZED,
    PAYMENT_CAPTURED,
    PAYMENT_CAPTURE_FAILED, /* refused for good, or too old; an administrator's */
};

const char *payment_status_name(enum payment_status); /* "authorized" ... */
/* Statuses that only later programs write are not known here and read as authorized. */
enum payment_status payment_status_parse(const char *);

struct payment_new {
    int64_t order_id;
    int64_t amount_minor;
    const char *currency;
    int64_t authorized_at;
};
enum err payments_add(struct db *, const struct payment_new *);

/* As it stands. */
struct payment_row {
    const char *attempt_uid; /* the order's; "pay_" + it is the payment's id */
    int64_t order_id;
    const char *status; /* "authorized" ... */
    const char *currency;
    int64_t authorized_minor;
    int64_t captured_minor;
    int64_t refunded_minor;
    int64_t tries;
    int64_t next_try_at;    /* of a capture that failed; 0: none */
    const char *last_error; /* or NULL */
    int64_t authorized_at;
    int64_t settled_at; /* 0: it is not */
    struct write_off write_off;
};
/* ERR_NOT_FOUND. */
enum err payments_get(struct db *, struct arena *, const char *uid, struct payment_row *out);

/* What settle has to do: authorised payments to be captured, attempts in voiding to be voided. Due:
 * never tried, or next_try_at reached, or further than an hour ahead (the clock has jumped). At
 * most limit rows, those with the fewest tries first. */
struct settle_row {
    const char *uid; /* of the attempt: the gateway's reference */
    int64_t amount_minor;
    const char *currency;
    int64_t since; /* authorized_at or ended_at */
    int64_t tries;
};
enum err payments_due(struct db *, struct arena *, int64_t now, int64_t limit,
    struct settle_row **out, size_t *count);
enum err attempts_due(struct db *, struct arena *, int64_t now, int64_t limit,
    struct settle_row **out, size_t *count);

/* authorized -> captured or capture_failed. One that has moved on already is left alone
 * (repeatable). The order's event is written too (payment_captured, capture_failed). */
enum err payments_settle(
    struct db *, const char *uid, enum payment_status to, const char *reason, int64_t at);
/* tries + 1, and the time of the next. */
enum err payments_retry(struct db *, const char *uid, const char *reason, int64_t next_try_at);

/* For an administrator: capture_failed -> authorized, to be tried at once; and capture_failed is
 * written off, for good. The order's event is written too (capture_reopened, written_off).
 * ERR_REFUSED: it is in another state, or written off already; ERR_NOT_FOUND. */
enum err payments_reopen(struct db *, const char *uid, const char *by, int64_t at);
enum err payments_write_off(struct db *, struct arena *, const char *uid, const struct write_off *);

#endif
