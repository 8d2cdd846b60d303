/* The table is the contract of gateway.h: every call is idempotent by reference, a known reference
 * never changes its amount, and a void is for ever. */
#include "gateway/rules.h"

#include <string.h>

struct rule {
    enum gateway_result result;
    enum event_kind records;
};

/* What an authorise says of a reference that is known already, however the token would have it. */
#define AUTHORISE_KNOWN                                                                            \
    [EVENT_AUTHORISE] = {GATEWAY_DONE, EVENT_NONE},                                                \
    [EVENT_DECLINE] = {GATEWAY_DECLINED, EVENT_NONE},                                              \
    [EVENT_CAPTURE] = {GATEWAY_DONE, EVENT_NONE},                                                  \
    [EVENT_CAPTURE_REFUSED] = {GATEWAY_DONE, EVENT_NONE},                                          \
    [EVENT_VOID] = {GATEWAY_REFUSED, EVENT_NONE}

static const struct rule rules[CALL__COUNT][EVENT__COUNT] = {
    [CALL_APPROVE] =
        {
            [EVENT_NONE] = {GATEWAY_DONE, EVENT_AUTHORISE},
            AUTHORISE_KNOWN,
        },
    [CALL_DECLINE] =
        {
            [EVENT_NONE] = {GATEWAY_DECLINED, EVENT_DECLINE},
            AUTHORISE_KNOWN,
        },
    [CALL_CAPTURE] =
        {
            [EVENT_NONE] = {GATEWAY_REFUSED, EVENT_NONE},
            [EVENT_AUTHORISE] = {GATEWAY_DONE, EVENT_CAPTURE},
            [EVENT_DECLINE] = {GATEWAY_REFUSED, EVENT_NONE},
            [EVENT_CAPTURE] = {GATEWAY_DONE, EVENT_NONE},
            [EVENT_CAPTURE_REFUSED] = {GATEWAY_REFUSED, EVENT_NONE},
            [EVENT_VOID] = {GATEWAY_REFUSED, EVENT_NONE},
        },
    [CALL_VOID] =
        {
            [EVENT_NONE] = {GATEWAY_DONE, EVENT_VOID},
            [EVENT_AUTHORISE] = {GATEWAY_DONE, EVENT_VOID},
            [EVENT_DECLINE] = {GATEWAY_DONE, EVENT_NONE}, /* nothing was reserved */
            [EVENT_CAPTURE] = {GATEWAY_CONFLICT, EVENT_NONE},
            [EVENT_CAPTURE_REFUSED] = {GATEWAY_DONE, EVENT_VOID},
            [EVENT_VOID] = {GATEWAY_DONE, EVENT_NONE},
        },
};

static bool is_known_otherwise(const struct intent *intent, const struct event *last)
{
    if (last->kind == EVENT_NONE || intent->call == CALL_VOID)
        return false;
    return last->amount_minor != intent->event.amount_minor ||
           strcmp(last->currency, intent->event.currency) != 0;
}

static struct rule find_rule(const struct intent *intent, const struct event *last)
{
    if (is_known_otherwise(intent, last))
        return (struct rule){GATEWAY_REFUSED, EVENT_NONE};
    if (intent->call == CALL_CAPTURE && last->kind == EVENT_AUTHORISE && last->capture_refused)
        return (struct rule){GATEWAY_REFUSED, EVENT_CAPTURE_REFUSED};
    return rules[intent->call][last->kind];
}

struct verdict rules_judge(const struct intent *intent, const struct event *last)
{
    struct rule rule = find_rule(intent, last);
    struct verdict verdict = {.result = rule.result, .event = intent->event};
    verdict.event.kind = rule.records;
    if (rule.records == EVENT_VOID) {
        verdict.event.amount_minor = last->amount_minor;
        memcpy(verdict.event.currency, last->currency, sizeof verdict.event.currency);
    }
    return verdict;
}

enum gateway_state rules_state(const struct event *last)
{
    static const enum gateway_state states[EVENT__COUNT] = {
        [EVENT_NONE] = GATEWAY_STATE_UNKNOWN,
        [EVENT_AUTHORISE] = GATEWAY_STATE_AUTHORISED,
        [EVENT_DECLINE] = GATEWAY_STATE_DECLINED,
        [EVENT_CAPTURE] = GATEWAY_STATE_CAPTURED,
        [EVENT_CAPTURE_REFUSED] = GATEWAY_STATE_AUTHORISED,
        [EVENT_VOID] = GATEWAY_STATE_VOIDED,
    };
    return states[last->kind];
}
