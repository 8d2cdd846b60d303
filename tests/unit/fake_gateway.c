/* See fake_gateway.h. */
#include "fake_gateway.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"

/* The truth about the charge, and then what is made of it. */
static void say(const struct fake_gateway *fake, const struct gateway_charge *charge,
    struct gateway_answer *answer)
{
    snprintf(answer->reference, sizeof answer->reference, "%s", charge->reference);
    snprintf(answer->currency, sizeof answer->currency, "%s", charge->currency);
    answer->amount_minor = charge->amount_minor;
    if (fake->garble)
        fake->garble(answer);
}

static enum gateway_result fake_authorise(struct gateway *gateway,
    const struct gateway_charge *charge, int64_t deadline_ms, struct gateway_answer *answer)
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    (void)deadline_ms;
    atomic_fetch_add(&fake->authorised, 1);
    if (fake->during_authorise)
        fake->during_authorise(fake->arg, charge);
    snprintf(answer->decline_code, sizeof answer->decline_code, "card_declined");
    say(fake, charge, answer);
    return atomic_load(&fake->authorise);
}

static enum gateway_result fake_capture(struct gateway *gateway,
    const struct gateway_charge *charge, int64_t deadline_ms, struct gateway_answer *answer)
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    atomic_fetch_add(&fake->captured, 1);
    if (atomic_load(&fake->is_slow))
        clock_sleep_until(deadline_ms);
    say(fake, charge, answer);
    return atomic_load(&fake->capture);
}

/* Of a void and a status, which know of no sum. */
static void say_reference(
    const struct fake_gateway *fake, const char *reference, struct gateway_answer *answer)
{
    say(fake, &(struct gateway_charge){.reference = reference, .currency = ""}, answer);
}

static enum gateway_result fake_void(struct gateway *gateway, const char *reference,
    int64_t deadline_ms, struct gateway_answer *answer)
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    (void)deadline_ms;
    atomic_fetch_add(&fake->voided, 1);
    say_reference(fake, reference, answer);
    return atomic_load(&fake->void_);
}

static enum gateway_result fake_status(struct gateway *gateway, const char *reference,
    int64_t deadline_ms, struct gateway_answer *answer)
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    (void)deadline_ms;
    answer->state = GATEWAY_STATE_CAPTURED;
    say_reference(fake, reference, answer);
    return atomic_load(&fake->status);
}

static void fake_close(struct gateway *gateway)
{
    (void)gateway;
}

void fake_gateway_init(struct fake_gateway *fake)
{
    static const struct gateway_ops ops = {
        .authorise = fake_authorise,
        .capture = fake_capture,
        .void_ = fake_void,
        .status = fake_status,
        .close = fake_close,
    };
    *fake = (struct fake_gateway){.gateway = {.ops = &ops}};
    fake_gateway_say(fake, GATEWAY_DONE);
}

void fake_gateway_say(struct fake_gateway *fake, enum gateway_result result)
{
    atomic_store(&fake->authorise, result);
    atomic_store(&fake->capture, result);
    atomic_store(&fake->void_, result);
    atomic_store(&fake->status, result);
}
