/* Relay: outbox rows become spool files, then the rows are deleted. In this order, so nothing is
 * lost; a crash between the two publishes the same name again. Owns one thread. A spool that cannot
 * be written stops no order: the rows wait. */
#ifndef ORDERD_SERVICES_RELAY_H
#define ORDERD_SERVICES_RELAY_H

#include <stdbool.h>

#include "core/error.h"
#include "db/store.h"
#include "services/hold.h"

struct relay_options {
    const char *spool;
    int retry_ms; /* after a spool that could not be written */
    int store_timeout_ms;
    struct hold *hold; /* borrowed; no mail goes out while a restored database is held */
};

struct relay;

/* Opens the spool in its own time: one that is missing or not writable is logged and tried again.
 */
enum err relay_open(struct relay **, struct store *, const struct relay_options *, struct fault *);

/* Ends at a batch's boundary, joins. NULL is harmless. */
void relay_close(struct relay *);

/* There is something in the outbox. */
void relay_wake(struct relay *);

/* Could the spool not be opened or written, the last time it was tried? */
bool relay_is_degraded(const struct relay *);

#endif
