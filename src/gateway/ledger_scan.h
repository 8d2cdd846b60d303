/* Reading a ledger without taking part in it, for whoever holds it against other books. */
#ifndef ORDERD_GATEWAY_LEDGER_SCAN_H
#define ORDERD_GATEWAY_LEDGER_SCAN_H

#include "core/error.h"
#include "gateway/event.h"

typedef void ledger_visit(void *arg, const struct event *);

/* Every event that is there when the call begins, the oldest first. Changes nothing, makes no file
 * (a missing one has no events), and holds nobody up for longer than it takes to see where the last
 * line ends. ERR_BUSY: somebody does not let go of the ledger within wait_ms; ERR_IO; ERR_CORRUPT:
 * it holds a line that is no event. */
enum err ledger_scan(const char *path, int wait_ms, ledger_visit *, void *arg, struct fault *);

#endif
