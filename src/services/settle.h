/* Settle: captures what was ordered and voids what was not, after the fact, from the rows alone.
 *
 * Nothing is voided on the strength of an error, a time-out or an age: only after the unit that
 * wrote "voiding" is durable. A failed create whose end cannot be written (full disk) is kept here
 * and written again until it commits. Owns one thread and its crew of callers. */
#ifndef ORDERD_SERVICES_SETTLE_H
#define ORDERD_SERVICES_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/context.h"
#include "core/error.h"
#include "db/payments.h"
#include "db/store.h"
#include "services/hold.h"
#include "services/payment.h"

struct settle_options {
    int parallel;      /* gateway calls at once */
    int retry_first_s; /* back-off of a call that failed; doubles */
    int retry_max_s;
    int capture_days; /* an older authorisation that cannot be captured is given up */
    int backlog_max;  /* failed creates whose end is not written yet */
    int store_timeout_ms;
    int keep_keys_hours; /* answers of idempotency keys */
    struct hold *hold;   /* borrowed */
};

struct settle;

/* Borrows the rest. Does the start pass: every attempt still started belongs to a dead process and
 * is moved to voiding. (If that cannot be written it is tried again, and creates are refused until
 * it is done. While a restored database is held, it is not done either, nor anything else.) */
enum err settle_open(struct settle **, struct store *, struct payment *,
    const struct settle_options *, struct fault *);

/* Ends at a unit's boundary, joins: waits for the calls that the gateway is at, and begins no
 * other. NULL is harmless. */
void settle_close(struct settle *);

/* There is something to capture. */
void settle_wake(struct settle *);

/* How a create that failed is ended. */
struct attempt_end {
    const char *uid;
    int64_t user_id;
    const char *key;       /* idempotency key to be freed, or NULL */
    enum attempt_state to; /* ATTEMPT_VOIDING or ATTEMPT_DECLINED */
    const char *reason;
};

/* Writes it. ERR_NONE: durable; *state is the state the attempt has then: to, or ATTEMPT_ORDERED if
 * the order was committed after all, which then stands. Otherwise it is on the list and will be
 * written later. */
enum err settle_end_attempt(struct settle *, const struct attempt_end *, enum attempt_state *state);

/* Was the database restored, and nobody has let it go yet? */
bool settle_is_held(const struct settle *);

/* Too many ends are not written yet, or the start pass is not: begin nothing new. */
bool settle_is_backlogged(struct settle *);

#endif
