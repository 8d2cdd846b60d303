/* Payments: the gateway behind permits and deadlines, each call an action of its own.
 *
 * No transaction and no lock is held while the gateway is at work. The gateway is not trusted: an
 * answer that is none to the question, or is about another payment, is taken for no answer. */
#ifndef ORDERD_SERVICES_PAYMENT_H
#define ORDERD_SERVICES_PAYMENT_H

#include "core/context.h"
#include "core/error.h"
#include "gateway/gateway.h"

struct payment_options {
    int permits;           /* creates at the gateway at once */
    int permit_timeout_ms; /* longest wait for one */
    int timeout_ms;        /* longest wait for an answer */
};

struct payment;

/* Borrows the gateway. Cannot fail. */
struct payment *payment_open(struct gateway *, const struct payment_options *);
void payment_close(struct payment *); /* NULL is harmless */

/* Taken before an attempt is written, given back after the gateway has answered. ERR_UNAVAILABLE:
 * none in time. */
enum err payment_permit(struct payment *, struct context *);
void payment_permit_return(struct payment *);

/* ERR_NONE: reserved. ERR_PAYMENT_FAILED: declined, nothing is reserved; the fault has the decline
 * code. ERR_PAYMENT_UNAVAILABLE: not known, it may be reserved: must be voided. */
enum err payment_authorise(struct payment *, struct context *, const struct gateway_charge *);

/* Both idempotent. ERR_NONE: done. ERR_REFUSED: never. ERR_CONFLICT: it was captured (void only).
 * ERR_PAYMENT_UNAVAILABLE: try again. */
enum err payment_capture(struct payment *, struct context *, const struct gateway_charge *);
enum err payment_void(struct payment *, struct context *, const struct gateway_charge *);

/* Changes nothing. ERR_NONE: *state is what the gateway says. ERR_REFUSED: it takes no such
 * reference. ERR_PAYMENT_UNAVAILABLE: not known. */
enum err payment_status(
    struct payment *, struct context *, const char *reference, enum gateway_state *state);

#endif
