/* What a gateway answers, turned into what the order service and settle have to do. */
#include "services/payment.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/metrics.h"

#include "services/action.h"

struct payment {
    struct gateway *gateway;
    struct payment_options options;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    int permits_free;
};

struct payment *payment_open(struct gateway *gateway, const struct payment_options *options)
{
    struct payment *payment = xalloc(sizeof *payment);
    payment->gateway = gateway;
    payment->options = *options;
    payment->permits_free = options->permits;
    pthread_mutex_init(&payment->lock, NULL);
    clock_cond_init(&payment->returned);
    return payment;
}

void payment_close(struct payment *payment)
{
    if (!payment)
        return;
    pthread_cond_destroy(&payment->returned);
    pthread_mutex_destroy(&payment->lock);
    free(payment);
}

enum err payment_permit(struct payment *payment, struct context *ctx)
{
    int64_t deadline_ms = clock_mono_ms() + payment->options.permit_timeout_ms;
    bool in_time = true;
    pthread_mutex_lock(&payment->lock);
    while (payment->permits_free == 0 && in_time)
        in_time = clock_cond_wait(&payment->returned, &payment->lock, deadline_ms);
    bool is_ours = payment->permits_free > 0;
    if (is_ours)
        payment->permits_free--;
    pthread_mutex_unlock(&payment->lock);
    return is_ours ? ERR_NONE
                   : fail(&ctx->fault, ERR_UNAVAILABLE, NULL, "no permit for the gateway in time");
}

void payment_permit_return(struct payment *payment)
{
    pthread_mutex_lock(&payment->lock);
    payment->permits_free++;
    pthread_cond_signal(&payment->returned);
    pthread_mutex_unlock(&payment->lock);
}

struct call {
    struct payment *payment;
    const struct gateway_charge *charge;
};

static int64_t call_deadline(const struct payment *payment)
{
    return clock_mono_ms() + payment->options.timeout_ms;
}

static enum err unavailable(struct context *ctx)
{
    return fail(
        &ctx->fault, ERR_PAYMENT_UNAVAILABLE, NULL, "the gateway erred or did not answer in time");
}

static enum err authorise(struct context *ctx, void *arg)
{
    struct call *call = arg;
    struct gateway *gateway = call->payment->gateway;
    char code[GATEWAY_DECLINE_SIZE] = "";
    switch (gateway->ops->authorise(gateway, call->charge, call_deadline(call->payment), code)) {
    case GATEWAY_DONE:
        return ERR_NONE;
    case GATEWAY_DECLINED:
        metrics_add(METRIC_payments_declined_total, 1);
        ctx->fault.decline_code = arena_text(ctx->arena, code);
        return fail(&ctx->fault, ERR_PAYMENT_FAILED, NULL, "Payment failed");
    case GATEWAY_REFUSED: /* our reference is new: it was voided by a run that we know nothing of */
    case GATEWAY_CONFLICT: /* no answer to this question */
    case GATEWAY_UNAVAILABLE:
        break;
    }
    metrics_add(METRIC_payments_unavailable_total, 1);
    return unavailable(ctx);
}

static enum err settle_answer(struct context *ctx, enum gateway_result result)
{
    switch (result) {
    case GATEWAY_DONE:
        return ERR_NONE;
    case GATEWAY_REFUSED:
        return fail(&ctx->fault, ERR_REFUSED, NULL, "the gateway refuses for good");
    case GATEWAY_CONFLICT:
        return fail(&ctx->fault, ERR_CONFLICT, NULL, "the payment was captured");
    case GATEWAY_DECLINED: /* no answer to this question */
    case GATEWAY_UNAVAILABLE:
        break;
    }
    return unavailable(ctx);
}

static enum err capture(struct context *ctx, void *arg)
{
    struct call *call = arg;
    struct gateway *gateway = call->payment->gateway;
    enum gateway_result result =
        gateway->ops->capture(gateway, call->charge, call_deadline(call->payment));
    FAULT_POINT(payment_capture_asked);
    return settle_answer(ctx, result);
}

static enum err void_it(struct context *ctx, void *arg)
{
    struct call *call = arg;
    struct gateway *gateway = call->payment->gateway;
    enum gateway_result result =
        gateway->ops->void_(gateway, call->charge->reference, call_deadline(call->payment));
    FAULT_POINT(payment_void_asked);
    return settle_answer(ctx, result);
}

static enum err run(struct payment *payment, struct context *ctx, const char *name,
    action_verb *verb, const struct gateway_charge *charge)
{
    struct call call = {.payment = payment, .charge = charge};
    const char *subject = ctx->subject;
    ctx->subject = charge->reference;
    enum err e = action_run(ctx, name, verb, &call);
    ctx->subject = subject;
    return e;
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
