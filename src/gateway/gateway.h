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

/* The simulated gateway (the table of tokens in the HTTP contract). It stands for the outside
 * world: what it knows is a file, one O_APPEND line of logfmt an event, never synced by us; memory
 * only says where in the file a reference was last heard of (some 20 bytes a reference). Several
 * processes may have one ledger open.
 *
 * An answer that would come after the deadline still happens, at its time: the call is back at the
 * deadline with UNAVAILABLE, and the event is recorded when latency_ms is over, or by
 * gateway_close() at once, since the outside world does not stop with us. tok_timeout is approved
 * at the deadline of its call, before that returns; tok_late as long again after it.
 *
 * Garbage is an answer that cannot be true (garbage.h) to a call that took effect. */
struct simulated_options {
    const char *ledger;
    int64_t latency_ms;        /* of every call */
    int decline_per_cent;      /* of approvals, at random */
    int settle_error_per_cent; /* of captures and voids: they fail, without effect */
    int garbage_per_cent;      /* of all answers */
    int approve_others;        /* unknown tokens: approved instead of declined with invalid_token */
};

/* ERR_IO or ERR_FULL: the ledger cannot be opened; ERR_BUSY: somebody holds its lock; ERR_CORRUPT:
 * it holds a line that is not ours. A last line that was cut short is removed: whoever wrote it was
 * told that it failed. */
enum err simulated_open(struct gateway **, const struct simulated_options *, struct fault *);

/* Nobody is in a call any more. NULL is harmless. */
void gateway_close(struct gateway *);

const char *gateway_result_name(enum gateway_result);
const char *gateway_state_name(enum gateway_state);

#endif
