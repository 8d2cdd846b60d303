/* See fake_gateway.h. */
#include "fake_gateway.h"

#include <stdio.h>

#include "core/clock.h"

static enum gateway_result fake_authorise(struct gateway *gateway,
    const struct gateway_charge *charge, int64_t deadline_ms,
    char decline_code[GATEWAY_DECLINE_SIZE])
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    (void)deadline_ms;
    atomic_fetch_add(&fake->authorised, 1);
    if (fake->during_authorise)
        fake->during_authorise(fake->arg, charge);
    snprintf(decline_code, GATEWAY_DECLINE_SIZE, "card_declined");
    return atomic_load(&fake->authorise);
}

static enum gateway_result fake_capture(
    struct gateway *gateway, const struct gateway_charge *charge, int64_t deadline_ms)
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    (void)charge;
    atomic_fetch_add(&fake->captured, 1);
    if (atomic_load(&fake->is_slow))
        clock_sleep_until(deadline_ms);
    return atomic_load(&fake->capture);
}

static enum gateway_result fake_void(
    struct gateway *gateway, const char *reference, int64_t deadline_ms)
{
    struct fake_gateway *fake = (struct fake_gateway *)gateway;
    (void)reference;
    (void)deadline_ms;
    atomic_fetch_add(&fake->voided, 1);
    return atomic_load(&fake->void_);
}

static enum gateway_result fake_status(
    struct gateway *gateway, const char *reference, int64_t deadline_ms, enum gateway_state *state)
{
    (void)gateway;
    (void)reference;
    (void)deadline_ms;
    (void)state;
    return GATEWAY_UNAVAILABLE;
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
    atomic_store(&fake->authorise, GATEWAY_DONE);
    atomic_store(&fake->capture, GATEWAY_DONE);
    atomic_store(&fake->void_, GATEWAY_DONE);
}
