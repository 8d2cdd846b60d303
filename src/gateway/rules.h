/* What a call does to a reference: one table, from the call and the last event of the reference to
 * an answer and the event that is to be recorded. Pure. */
#ifndef ORDERD_GATEWAY_RULES_H
#define ORDERD_GATEWAY_RULES_H

#include "gateway/event.h"
#include "gateway/gateway.h"

/* authorise is two calls: the payment token alone decides which. */
enum call {
    CALL_APPROVE,
    CALL_DECLINE,
    CALL_CAPTURE,
    CALL_VOID,
    CALL__COUNT
};

/* A call and what it says. event: reference and, but for a void, amount and currency; code of a
 * decline. Its kind is not looked at. */
struct intent {
    enum call call;
    struct event event;
};

struct verdict {
    enum gateway_result result;
    struct event event; /* to be recorded; kind EVENT_NONE: nothing changes */
};

struct verdict rules_judge(const struct intent *, const struct event *last);

enum gateway_state rules_state(const struct event *last);

#endif
