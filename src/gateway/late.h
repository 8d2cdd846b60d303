/* What happens at the gateway after the caller has gone: intents that wait for their time, and the
 * thread that carries them out. */
#ifndef ORDERD_GATEWAY_LATE_H
#define ORDERD_GATEWAY_LATE_H

#include <stdint.h>

#include "core/error.h"

#include "gateway/rules.h"

struct late;

/* run is called by the thread, one intent at a time, in the order of their due times. */
typedef void late_run(void *arg, const struct intent *);

/* ERR_UNAVAILABLE: no thread. */
enum err late_open(struct late **, late_run *, void *arg, struct fault *);

/* Carries out at once what still waits, then ends the thread. NULL is harmless. */
void late_close(struct late *);

/* Copies the intent; it runs when clock_mono_ms() reaches due_ms. Any thread. */
void late_add(struct late *, int64_t due_ms, const struct intent *);

#endif
