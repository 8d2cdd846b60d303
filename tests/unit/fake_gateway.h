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
    _Atomic(enum gateway_result) status;     /* its state: CAPTURED */
    atomic_int authorised, captured, voided; /* calls */
    atomic_bool is_slow;                     /* captures last until their deadline */
    /* Runs inside authorise, before it answers; may be NULL. */
    void (*during_authorise)(void *arg, const struct gateway_charge *);
    void *arg;
    /* Makes something else of an answer that is about what was asked; may be NULL. */
    void (*garble)(struct gateway_answer *);
};

/* Everything is DONE until told otherwise. */
void fake_gateway_init(struct fake_gateway *);

/* To every question, from now on. */
void fake_gateway_say(struct fake_gateway *, enum gateway_result);

#endif
