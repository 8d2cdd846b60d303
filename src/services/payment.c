/* What a gateway answers, turned into what the order service and settle have to do. */
#include "services/payment.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/metrics.h"

#include "services/action.h"
#include "services/permits.h"

struct payment {
    struct gateway *gateway;
    struct payment_options options;
    struct permits permits;
};

struct payment *payment_open(struct gateway *gateway, const struct payment_options *options)
{
    struct payment *payment = xalloc(sizeof *payment);
    payment->gateway = gateway;
    payment->options = *options;
    permits_init(&payment->permits, options->permits);
    return payment;
}

void payment_close(struct payment *payment)
{
    if (!payment)
        return;
    permits_fini(&payment->permits);
    free(payment);
}

enum err payment_permit(struct payment *payment, struct context *ctx)
{
    int64_t deadline_ms = clock_mono_ms() + payment->options.permit_timeout_ms;
    if (permits_take(&payment->permits, deadline_ms))
        return ERR_NONE;
    return fail(&ctx->fault, ERR_UNAVAILABLE, NULL, "no permit for the gateway in time");
}

void payment_permit_return(struct payment *payment)
{
    permits_return(&payment->permits);
}

/* What is asked, and what is answered. */
enum question {
    QUESTION_AUTHORISE,
    QUESTION_CAPTURE,
    QUESTION_VOID,
    QUESTION_STATUS,
    QUESTION__COUNT
};

struct call {
    struct payment *payment;
    const struct gateway_charge *charge;
    struct gateway_answer answer;
};

static int64_t call_deadline(const struct payment *payment)
{
    return clock_mono_ms() + payment->options.timeout_ms;
}

static bool is_answer_to(enum question question, enum gateway_result result)
{
    static const bool table[QUESTION__COUNT][GATEWAY_CONFLICT + 1] = {
        [QUESTION_AUTHORISE] =
            {[GATEWAY_DONE] = true, [GATEWAY_DECLINED] = true, [GATEWAY_REFUSED] = true},
        [QUESTION_CAPTURE] = {[GATEWAY_DONE] = true, [GATEWAY_REFUSED] = true},
        [QUESTION_VOID] =
            {[GATEWAY_DONE] = true, [GATEWAY_REFUSED] = true, [GATEWAY_CONFLICT] = true},
        [QUESTION_STATUS] = {[GATEWAY_DONE] = true, [GATEWAY_REFUSED] = true},
    };
    return (unsigned)result <= GATEWAY_CONFLICT && table[question][result];
}

/* Texts of an answer may have no end. */
static bool is_text(const char *text, size_t size, const char *wanted)
{
    return memchr(text, '\0', size) && strcmp(text, wanted) == 0;
}

static bool is_decline_code(const char code[GATEWAY_DECLINE_SIZE])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return *code && memchr(code, '\0', GATEWAY_DECLINE_SIZE) && !code[strspn(code, allowed)];
}

static bool is_sum(const struct call *call)
{
    const struct gateway_answer *answer = &call->answer;
    return answer->amount_minor == call->charge->amount_minor &&
           is_text(answer->currency, sizeof answer->currency, call->charge->currency);
}

/* What is wrong with the answer; NULL: nothing. */
static const char *what_is_wrong(
    const struct call *call, enum question question, enum gateway_result result)
{
    const struct gateway_answer *answer = &call->answer;
    bool has_sum = question == QUESTION_AUTHORISE || question == QUESTION_CAPTURE;
    if (!is_answer_to(question, result))
        return "it is no answer to that";
    if (!is_text(answer->reference, sizeof answer->reference, call->charge->reference))
        return "it is about another payment";
    if (result == GATEWAY_DONE && has_sum && !is_sum(call))
        return "it is about another sum";
    if (result == GATEWAY_DECLINED && !is_decline_code(answer->decline_code))
        return "the decline code is none";
    if (result == GATEWAY_DONE && question == QUESTION_STATUS &&
        (unsigned)answer->state > GATEWAY_STATE_VOIDED)
        return "there is no such state";
    return NULL;
}

static enum err unavailable(struct context *ctx)
{
    return fail(
        &ctx->fault, ERR_PAYMENT_UNAVAILABLE, NULL, "the gateway erred or did not answer in time");
}

/* Nothing may be concluded from garbage, not even that nothing has happened. */
static enum err garbage(struct context *ctx, const char *what)
{
    metrics_add(METRIC_gateway_garbage_total, 1);
    return fail(&ctx->fault, ERR_PAYMENT_UNAVAILABLE, NULL,
        "the gateway's answer is taken for none: %s", what);
}

/* The one door to what a gateway says. ERR_NONE: the result makes sense. */
static enum err hear(struct context *ctx, const struct call *call, enum question question,
    enum gateway_result result)
{
    if (result == GATEWAY_UNAVAILABLE)
        return unavailable(ctx);
    const char *wrong = what_is_wrong(call, question, result);
    return wrong ? garbage(ctx, wrong) : ERR_NONE;
}

static enum err ask_authorise(struct context *ctx, struct call *call)
{
    struct gateway *gateway = call->payment->gateway;
    enum gateway_result result =
        gateway->ops->authorise(gateway, call->charge, call_deadline(call->payment), &call->answer);
    enum err e = hear(ctx, call, QUESTION_AUTHORISE, result);
    if (e || result == GATEWAY_DONE)
        return e;
    if (result != GATEWAY_DECLINED)
        return unavailable(ctx); /* our reference is new: a run that we do not know voided it */
    ctx->fault.decline_code = arena_text(ctx->arena, call->answer.decline_code);
    return fail(&ctx->fault, ERR_PAYMENT_FAILED, NULL, "Payment failed");
}

static enum err authorise(struct context *ctx, void *arg)
{
    enum err e = ask_authorise(ctx, arg);
    if (e == ERR_PAYMENT_FAILED)
        metrics_add(METRIC_payments_declined_total, 1);
    else if (e)
        metrics_add(METRIC_payments_unavailable_total, 1);
    return e;
}

static enum err settle_answer(struct context *ctx, const struct call *call, enum question question,
    enum gateway_result result)
{
    enum err e = hear(ctx, call, question, result);
    if (e || result == GATEWAY_DONE)
        return e;
    if (result == GATEWAY_CONFLICT)
        return fail(&ctx->fault, ERR_CONFLICT, NULL, "the payment was captured");
    return fail(&ctx->fault, ERR_REFUSED, NULL, "the gateway refuses for good");
}

static enum err capture(struct context *ctx, void *arg)
{
    struct call *call = arg;
    struct gateway *gateway = call->payment->gateway;
    enum gateway_result result =
        gateway->ops->capture(gateway, call->charge, call_deadline(call->payment), &call->answer);
    FAULT_POINT(payment_capture_asked);
    return settle_answer(ctx, call, QUESTION_CAPTURE, result);
}

static enum err void_it(struct context *ctx, void *arg)
{
    struct call *call = arg;
    struct gateway *gateway = call->payment->gateway;
    enum gateway_result result = gateway->ops->void_(
        gateway, call->charge->reference, call_deadline(call->payment), &call->answer);
    FAULT_POINT(payment_void_asked);
    return settle_answer(ctx, call, QUESTION_VOID, result);
}

static enum err ask_status(struct context *ctx, void *arg)
{
    struct call *call = arg;
    struct gateway *gateway = call->payment->gateway;
    enum gateway_result result = gateway->ops->status(
        gateway, call->charge->reference, call_deadline(call->payment), &call->answer);
    return settle_answer(ctx, call, QUESTION_STATUS, result);
}

static enum err run_call(
    struct call *call, struct context *ctx, const char *name, action_verb *verb)
{
    const char *subject = ctx->subject;
    ctx->subject = call->charge->reference;
    enum err e = action_run(ctx, name, verb, call);
    ctx->subject = subject;
    return e;
}

static enum err run(struct payment *payment, struct context *ctx, const char *name,
    action_verb *verb, const struct gateway_charge *charge)
{
    struct call call = {.payment = payment, .charge = charge};
    return run_call(&call, ctx, name, verb);
}

enum err payment_authorise(
    struct payment *payment, struct context *ctx, const struct gateway_charge *charge)
{
    return run(payment, ctx, "payment.authorise", authorise, charge);
}

enum err payment_capture(
    struct payment *payment, struct context *ctx, const struct gateway_charge *charge)
{
    return run(payment, ctx, "payment.capture", capture, charge);
}

enum err payment_void(
    struct payment *payment, struct context *ctx, const struct gateway_charge *charge)
{
    return run(payment, ctx, "payment.void", void_it, charge);
}

enum err payment_status(
    struct payment *payment, struct context *ctx, const char *reference, enum gateway_state *state)
{
    struct gateway_charge charge = {.reference = reference};
    struct call call = {.payment = payment, .charge = &charge};
    enum err e = run_call(&call, ctx, "payment.status", ask_status);
    if (!e)
        *state = call.answer.state;
    return e;
}
