/* The ledger: a file of events (event.h), appended to by every process that has it open.
 *
 * What is known is what the file says. Each use is alone with it (a turn among threads, flock(2)
 * among processes) and begins by reading what others appended since the last one. Never synced: it
 * stands for somebody else's books. */
#ifndef ORDERD_GATEWAY_LEDGER_H
#define ORDERD_GATEWAY_LEDGER_H

#include <stdint.h>

#include "core/error.h"

#include "gateway/event.h"

struct ledger;

/* Reads the whole file (made with mode 0600 if there is none). ERR_IO, ERR_FULL; ERR_BUSY: another
 * process does not let go of it; ERR_CORRUPT: it holds a line that is no event. */
enum err ledger_open(struct ledger **, const char *path, struct fault *);
void ledger_close(struct ledger *); /* NULL is harmless */

/* From here to ledger_end() nobody else reads or appends. ERR_TIMEOUT (mono clock), ERR_IO or
 * ERR_CORRUPT: then there is nothing to end. */
enum err ledger_begin(struct ledger *, int64_t deadline_ms, struct fault *);
void ledger_end(struct ledger *);

/* The last event of a reference; kind EVENT_NONE: it has none. Between begin and end. */
enum err ledger_find(struct ledger *, const char *reference, struct event *out, struct fault *);

/* Appends one event, stamped with the present time. On failure it is not in the ledger, but for an
 * ERR_CORRUPT, where it may be. Between begin and end. */
enum err ledger_append(struct ledger *, const struct event *, struct fault *);

#endif
