/* The simulated gateway: an outside world that can be slow, say no, and be right about it after its
 * caller has given up. Its memory is the ledger; here are the tokens and the passing of time.
 *
 * A token's outcome is settled when the call arrives, so a payment token never outlives its call.
 */
#include "gateway/simulated.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"

#include "gateway/garbage.h"
#include "gateway/late.h"
#include "gateway/ledger.h"
#include "gateway/rules.h"

/* Beyond a deadline, where nobody waits: how long the ledger may be busy before the event is lost,
 * as it could be in the outside world. */
#define LATE_WAIT_MS    5000
#define TIMEOUT_WAIT_MS 100

struct simulated {
    struct gateway gateway; /* first */
    int64_t latency_ms;
    int decline_per_cent;
    int settle_error_per_cent;
    int garbage_per_cent;
    bool approves_others;
    struct ledger *ledger;
    struct late *late;
};

enum outcome {
    OUTCOME_APPROVE,
    OUTCOME_DECLINE,
    OUTCOME_FAIL,
    OUTCOME_TIMEOUT, /* approves, at the deadline */
    OUTCOME_LATE,    /* approves, as long again after it */
    OUTCOME_GARBAGE, /* approves, and says what cannot be true */
};

struct token {
    const char *name;
    enum outcome outcome;
    const char *code;
    bool capture_refused;
};

static const struct token tokens[] = {
    {"tok_ok", OUTCOME_APPROVE, "", false},
    {"tok_declined", OUTCOME_DECLINE, "card_declined", false},
    {"tok_insufficient_funds", OUTCOME_DECLINE, "insufficient_funds", false},
    {"tok_error", OUTCOME_FAIL, "", false},
    {"tok_timeout", OUTCOME_TIMEOUT, "", false},
    {"tok_late", OUTCOME_LATE, "", false},
    {"tok_garbage", OUTCOME_GARBAGE, "", false},
    {"tok_capture_fails", OUTCOME_APPROVE, "", true},
};

static const struct token approved_other = {"", OUTCOME_APPROVE, "", false};
static const struct token declined_other = {"", OUTCOME_DECLINE, "invalid_token", false};

static struct simulated *self(struct gateway *gateway)
{
    return (struct simulated *)gateway;
}

static const struct token *find_token(const struct simulated *simulated, const char *name)
{
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        if (!strcmp(tokens[i].name, name))
            return &tokens[i];
    return simulated->approves_others ? &approved_other : &declined_other;
}

static void warn(enum err e, const struct fault *fault)
{
    LOG_WARN(
        "gateway.ledger", LOG_TEXT("outcome", err_info(e)->name), LOG_TEXT("text", fault->text));
}

/* With the ledger's lock held. *last becomes the reference's last event after the call. */
static enum err judge(struct simulated *simulated, const struct intent *intent, struct event *last,
    enum gateway_result *result, struct fault *fault)
{
    enum err e = ledger_find(simulated->ledger, intent->event.reference, last, fault);
    if (e)
        return e;
    struct verdict verdict = rules_judge(intent, last);
    if (verdict.event.kind != EVENT_NONE) {
        e = ledger_append(simulated->ledger, &verdict.event, fault);
        *last = verdict.event;
    }
    *result = verdict.result;
    return e;
}

static enum gateway_result carry_out(struct simulated *simulated, const struct intent *intent,
    int64_t deadline_ms, struct event *last)
{
    struct fault fault;
    enum gateway_result result = GATEWAY_UNAVAILABLE;
    fault_begin(&fault, NULL);
    enum err e = ledger_begin(simulated->ledger, deadline_ms, &fault);
    if (!e) {
        e = judge(simulated, intent, last, &result, &fault);
        ledger_end(simulated->ledger);
    }
    if (!e)
        return result;
    warn(e, &fault);
    return GATEWAY_UNAVAILABLE;
}

static void carry_out_late(void *arg, const struct intent *intent)
{
    struct event last;
    (void)carry_out(arg, intent, clock_mono_ms() + LATE_WAIT_MS, &last);
}

/* A sleep until a time that has come still gives up the processor. */
static void wait_until(int64_t due_ms)
{
    if (clock_mono_ms() < due_ms)
        clock_sleep_until(due_ms);
}

static bool happens(int per_cent)
{
    return per_cent > 0 && random_below(100) < (uint32_t)per_cent;
}

/* Carries the intent out when the latency is over; past the deadline without the caller. */
static enum gateway_result take_time(struct simulated *simulated, const struct intent *intent,
    int64_t deadline_ms, struct event *last)
{
    int64_t due_ms = clock_mono_ms() + simulated->latency_ms;
    if (due_ms < deadline_ms) {
        wait_until(due_ms);
        return carry_out(simulated, intent, deadline_ms, last);
    }
    late_add(simulated->late, due_ms, intent);
    wait_until(deadline_ms);
    return GATEWAY_UNAVAILABLE;
}

static enum gateway_result fail_call(struct simulated *simulated, int64_t deadline_ms)
{
    int64_t due_ms = clock_mono_ms() + simulated->latency_ms;
    wait_until(due_ms < deadline_ms ? due_ms : deadline_ms);
    return GATEWAY_UNAVAILABLE;
}

static enum gateway_result time_out(
    struct simulated *simulated, const struct intent *intent, int64_t deadline_ms)
{
    struct event last;
    wait_until(deadline_ms);
    (void)carry_out(simulated, intent, deadline_ms + TIMEOUT_WAIT_MS, &last);
    return GATEWAY_UNAVAILABLE;
}

static enum gateway_result come_late(
    struct simulated *simulated, const struct intent *intent, int64_t deadline_ms)
{
    int64_t now = clock_mono_ms();
    late_add(simulated->late, deadline_ms > now ? 2 * deadline_ms - now : now, intent);
    wait_until(deadline_ms);
    return GATEWAY_UNAVAILABLE;
}

/* What is said of a reference whose last event that is (kind EVENT_NONE: it has none). */
static void say(struct gateway_answer *answer, const char *reference, const struct event *last)
{
    memcpy(answer->reference, reference, strnlen(reference, sizeof answer->reference - 1));
    if (last->kind == EVENT_NONE)
        return;
    answer->amount_minor = last->amount_minor;
    memcpy(answer->currency, last->currency, sizeof answer->currency);
}

static enum gateway_result refuse(struct gateway_answer *answer, const char *reference)
{
    say(answer, reference, &(struct event){.kind = EVENT_NONE});
    return GATEWAY_REFUSED;
}

/* What is said in the end of a call that was answered: the truth, or garbage. */
static enum gateway_result speak(const struct simulated *simulated, enum gateway_result result,
    bool has_sum, struct gateway_answer *answer)
{
    return happens(simulated->garbage_per_cent) ? garbage_say(result, has_sum, answer) : result;
}

static enum gateway_result conclude(const struct simulated *simulated, enum gateway_result result,
    const struct intent *intent, const struct event *last, struct gateway_answer *answer)
{
    if (result == GATEWAY_UNAVAILABLE)
        return result;
    say(answer, intent->event.reference, last);
    if (result == GATEWAY_DECLINED)
        memcpy(answer->decline_code, last->code, sizeof answer->decline_code);
    return speak(simulated, result, intent->call != CALL_VOID, answer);
}

/* False: what was said is nothing that a gateway would take. */
static bool fill_event(struct event *event, const struct gateway_charge *charge)
{
    *event = (struct event){.amount_minor = charge->amount_minor};
    if (!event_is_reference(charge->reference) || !event_is_currency(charge->currency) ||
        charge->amount_minor < 0)
        return false;
    memcpy(event->reference, charge->reference, strlen(charge->reference));
    memcpy(event->currency, charge->currency, strlen(charge->currency));
    return true;
}

static void decide(
    const struct simulated *simulated, const struct token *token, struct intent *intent)
{
    bool is_unlucky = token->outcome != OUTCOME_DECLINE && happens(simulated->decline_per_cent);
    const char *code = is_unlucky ? "card_declined" : token->code;
    intent->call = *code ? CALL_DECLINE : CALL_APPROVE;
    intent->event.capture_refused = !*code && token->capture_refused;
    memcpy(intent->event.code, code, strlen(code));
}

static enum gateway_result simulated_authorise(struct gateway *gateway,
    const struct gateway_charge *charge, int64_t deadline_ms, struct gateway_answer *answer)
{
    struct simulated *simulated = self(gateway);
    struct intent intent;
    struct event last;
    if (!fill_event(&intent.event, charge))
        return refuse(answer, charge->reference);
    const struct token *token = find_token(simulated, charge->payment_token);
    if (token->outcome == OUTCOME_FAIL)
        return fail_call(simulated, deadline_ms);
    decide(simulated, token, &intent);
    if (token->outcome == OUTCOME_TIMEOUT)
        return time_out(simulated, &intent, deadline_ms);
    if (token->outcome == OUTCOME_LATE)
        return come_late(simulated, &intent, deadline_ms);
    enum gateway_result result = take_time(simulated, &intent, deadline_ms, &last);
    result = conclude(simulated, result, &intent, &last, answer);
    return token->outcome == OUTCOME_GARBAGE ? garbage_say(result, true, answer) : result;
}

/* Captures and voids. */
static enum gateway_result settle(struct simulated *simulated, const struct intent *intent,
    int64_t deadline_ms, struct gateway_answer *answer)
{
    struct event last;
    if (happens(simulated->settle_error_per_cent))
        return fail_call(simulated, deadline_ms);
    enum gateway_result result = take_time(simulated, intent, deadline_ms, &last);
    return conclude(simulated, result, intent, &last, answer);
}

static enum gateway_result simulated_capture(struct gateway *gateway,
    const struct gateway_charge *charge, int64_t deadline_ms, struct gateway_answer *answer)
{
    struct intent intent = {.call = CALL_CAPTURE};
    if (!fill_event(&intent.event, charge))
        return refuse(answer, charge->reference);
    return settle(self(gateway), &intent, deadline_ms, answer);
}

static enum gateway_result simulated_void(struct gateway *gateway, const char *reference,
    int64_t deadline_ms, struct gateway_answer *answer)
{
    struct intent intent = {.call = CALL_VOID};
    if (!event_is_reference(reference))
        return refuse(answer, reference);
    memcpy(intent.event.reference, reference, strlen(reference));
    return settle(self(gateway), &intent, deadline_ms, answer);
}

static enum err look_up(struct simulated *simulated, const char *reference, int64_t deadline_ms,
    struct event *last, struct fault *fault)
{
    enum err e = ledger_begin(simulated->ledger, deadline_ms, fault);
    if (e)
        return e;
    e = ledger_find(simulated->ledger, reference, last, fault);
    ledger_end(simulated->ledger);
    return e;
}

static enum gateway_result simulated_status(struct gateway *gateway, const char *reference,
    int64_t deadline_ms, struct gateway_answer *answer)
{
    struct simulated *simulated = self(gateway);
    struct fault fault;
    struct event last;
    fault_begin(&fault, NULL);
    if (!event_is_reference(reference))
        return refuse(answer, reference);
    int64_t due_ms = clock_mono_ms() + simulated->latency_ms;
    if (due_ms >= deadline_ms)
        return fail_call(simulated, deadline_ms);
    wait_until(due_ms);
    enum err e = look_up(simulated, reference, deadline_ms, &last, &fault);
    if (e) {
        warn(e, &fault);
        return GATEWAY_UNAVAILABLE;
    }
    answer->state = rules_state(&last);
    say(answer, reference, &last);
    return speak(simulated, GATEWAY_DONE, false, answer);
}

static void simulated_close(struct gateway *gateway)
{
    struct simulated *simulated = self(gateway);
    late_close(simulated->late);
    ledger_close(simulated->ledger);
    free(simulated);
}

static const struct gateway_ops simulated_ops = {
    .authorise = simulated_authorise,
    .capture = simulated_capture,
    .void_ = simulated_void,
    .status = simulated_status,
    .close = simulated_close,
};

enum err simulated_open(
    struct gateway **out, const struct simulated_options *options, struct fault *fault)
{
    *out = NULL;
    struct simulated *simulated = xalloc(sizeof *simulated);
    simulated->gateway.ops = &simulated_ops;
    simulated->latency_ms = options->latency_ms;
    simulated->decline_per_cent = options->decline_per_cent;
    simulated->settle_error_per_cent = options->settle_error_per_cent;
    simulated->garbage_per_cent = options->garbage_per_cent;
    simulated->approves_others = options->approve_others;
    enum err e = ledger_open(&simulated->ledger, options->ledger, fault);
    if (!e)
        e = late_open(&simulated->late, carry_out_late, simulated, fault);
    if (e)
        simulated_close(&simulated->gateway);
    else
        *out = &simulated->gateway;
    return e;
}
