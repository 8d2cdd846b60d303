/* The payment gateway, as orderd sees it: four calls, all of them idempotent by reference.
 *
 * The reference is the attempt's uid, made before the first call. A call that fails with
 * UNAVAILABLE may have taken effect: only a later void or status tells, and nothing is concluded
 * from an error, a time-out or an age. A reference that is known with another amount or currency is
 * refused. A void of an unknown reference is remembered, and a later authorise of it refused: so an
 * approval that comes after our time-out cannot live.
 *
 * Every call takes a deadline on the monotonic clock and is back by then. Any thread may call. */
#ifndef ORDERD_GATEWAY_GATEWAY_H
#define ORDERD_GATEWAY_GATEWAY_H

#include <stdint.h>

#include "core/error.h"

enum gateway_result {
    GATEWAY_UNAVAILABLE, /* erred, or no answer in time: not known */
    GATEWAY_DONE,        /* approved, captured, voided; now or by an earlier call */
    GATEWAY_DECLINED,    /* authorise: no; decline_code says why. Nothing is reserved */
    GATEWAY_REFUSED, /* never: capture refused for good; reference known otherwise, or voided before
                      */
    GATEWAY_CONFLICT, /* void of what was captured */
};

enum gateway_state {
    GATEWAY_STATE_UNKNOWN,
    GATEWAY_STATE_AUTHORISED,
    GATEWAY_STATE_DECLINED,
    GATEWAY_STATE_CAPTURED,
    GATEWAY_STATE_VOIDED,
};

#define GATEWAY_REFERENCE_SIZE 64
#define GATEWAY_CURRENCY_SIZE  4
#define GATEWAY_DECLINE_SIZE   64

struct gateway_charge {
    const char *reference; /* uid of the attempt */
    int64_t amount_minor;
    const char *currency;
    const char *payment_token; /* authorise only; a secret */
};

/* What a gateway says that it has answered about: taken from its answer, never from the question,
 * so that whoever asked (services/payment) can hold them against each other. The caller zeroes it.
 * reference: with every result but UNAVAILABLE; amount and currency: with the DONE of authorise
 * and capture. */
struct gateway_answer {
    char reference[GATEWAY_REFERENCE_SIZE];
    int64_t amount_minor;
    char currency[GATEWAY_CURRENCY_SIZE];
    char decline_code[GATEWAY_DECLINE_SIZE]; /* authorise, DECLINED: [a-z0-9_]{1,63} */
    enum gateway_state state;                /* status, DONE */
};

struct gateway;

/* What a gateway is; a new one fills this table. */
struct gateway_ops {
    enum gateway_result (*authorise)(struct gateway *, const struct gateway_charge *,
        int64_t deadline_ms, struct gateway_answer *);
    enum gateway_result (*capture)(struct gateway *, const struct gateway_charge *,
        int64_t deadline_ms, struct gateway_answer *);
    enum gateway_result (*void_)(
        struct gateway *, const char *reference, int64_t deadline_ms, struct gateway_answer *);
    enum gateway_result (*status)(
        struct gateway *, const char *reference, int64_t deadline_ms, struct gateway_answer *);
    void (*close)(struct gateway *);
};

struct gateway {
    const struct gateway_ops *ops; /* first member of whatever implements it */
};

/* Nobody is in a call any more. NULL is harmless. */
void gateway_close(struct gateway *);

const char *gateway_result_name(enum gateway_result);
const char *gateway_state_name(enum gateway_state);

#endif
