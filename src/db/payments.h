/* Payment attempts and payments: rows <-> structs, no rules.
 *
 * An attempt is written before the gateway is asked; a payment exists only with its order. Attempts
 * move only by compare-and-set, as single statements. */
#ifndef ORDERD_DB_PAYMENTS_H
#define ORDERD_DB_PAYMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct arena;
struct db;

enum attempt_state {
    ATTEMPT_NONE, /* no such attempt */
    ATTEMPT_STARTED,
    ATTEMPT_ORDERED,     /* final: the order exists */
    ATTEMPT_DECLINED,    /* final */
    ATTEMPT_VOIDING,     /* to be voided at the gateway */
    ATTEMPT_VOIDED,      /* final */
    ATTEMPT_VOID_FAILED, /* final: refused for good; an administrator's */
    ATTEMPT_CONFLICT,    /* final: it was captured; an administrator's */
};

enum payment_status {
    PAYMENT_AUTHORIZED,
    PAYMENT_CAPTURED,
    PAYMENT_CAPTURE_FAILED, /* refused for good, or too old; an administrator's */
};

const char *attempt_state_name(enum attempt_state);   /* "started", "void_failed" ... */
const char *payment_status_name(enum payment_status); /* "authorized" ... */

struct attempt_new {
    const char *uid;
    int64_t user_id;
    int64_t amount_minor;
    const char *currency;
    const char *request_id;
    int64_t started_at;
};

/* Repeatable: an attempt that is there already is left as it is. */
enum err attempts_start(struct db *, const struct attempt_new *);

/* started -> to, with the reason (short, public words: a decline code, "timeout"; may be NULL).
 * ERR_REFUSED if it is not started: then *now is the state it has (ATTEMPT_NONE: no such attempt).
 */
enum err attempts_end(struct db *, const char *uid, enum attempt_state to, const char *reason,
    int64_t at, enum attempt_state *now);

/* The start pass: every attempt still started becomes voiding and its idempotency key is freed;
 * *count. */
enum err attempts_abandon_all(struct db *, int64_t at, int64_t *count);

struct attempt {
    const char *uid;
    int64_t user_id;
    enum attempt_state state;
    const char *reason; /* or NULL */
    int64_t amount_minor;
    const char *currency;
    int64_t started_at;
    int64_t tries;
};
/* ERR_NOT_FOUND. */
enum err attempts_get(struct db *, struct arena *, const char *uid, struct attempt *out);
enum err attempts_count(struct db *, enum attempt_state, int64_t *out);

struct payment_new {
    const char *attempt_uid; /* "pay_" + it is the payment's id */
    int64_t order_id;
    int64_t amount_minor;
    const char *currency;
    int64_t authorized_at;
};
enum err payments_add(struct db *, const struct payment_new *);

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

/* authorized -> captured or capture_failed; voiding -> voided, void_failed or conflict. One that
 * has moved on already is left alone (repeatable). The order's event is written too
 * (payment_captured, capture_failed). */
enum err payments_settle(
    struct db *, const char *uid, enum payment_status to, const char *reason, int64_t at);
enum err attempts_settle(
    struct db *, const char *uid, enum attempt_state to, const char *reason, int64_t at);
/* tries + 1, and the time of the next. */
enum err payments_retry(struct db *, const char *uid, const char *reason, int64_t next_try_at);
enum err attempts_retry(struct db *, const char *uid, const char *reason, int64_t next_try_at);

#endif
