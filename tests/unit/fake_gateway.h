/* A gateway that answers as a test says, and counts what it was asked. */
#ifndef ORDERD_TESTS_FAKE_GATEWAY_H
#define ORDERD_TESTS_FAKE_GATEWAY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "gateway/gateway.h"

struct fake_gateway {
    struct gateway gateway; /* first */
    _Atomic(enum gateway_result) authorise;
    _Atomic(enum gateway_result) capture;
    _Atomic(enum gateway_result) void_;
    atomic_int authorised, captured, voided; /* calls */
    atomic_bool is_slow;                     /* captures last until their deadline */
    /* Runs inside authorise, before it answers; may be NULL. */
    void (*during_authorise)(void *arg, const struct gateway_charge *);
    void *arg;
};

/* Everything is DONE until told otherwise. */
void fake_gateway_init(struct fake_gateway *);

#endif
