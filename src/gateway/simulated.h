/* The simulated gateway (the table of tokens in the HTTP contract). It stands for the outside
 * world: what it knows is a file, one O_APPEND line of logfmt an event, never synced by us; memory
 * says where in the file a reference was last heard of (8 to 16 bytes a reference), and has the
 * file's end. Several processes may have one ledger open.
 *
 * An answer that would come after the deadline still happens, at its time: the call is back at the
 * deadline with UNAVAILABLE, and the event is recorded when latency_ms is over, or by
 * gateway_close() at once, since the outside world does not stop with us. tok_timeout is approved
 * at the deadline of its call, before that returns; tok_late as long again after it.
 *
 * Garbage is an answer that cannot be true (garbage.h) to a call that took effect. */
#ifndef ORDERD_GATEWAY_SIMULATED_H
#define ORDERD_GATEWAY_SIMULATED_H

#include "gateway/gateway.h"

struct simulated_options {
    const char *ledger;
    int64_t latency_ms;        /* of every call */
    int decline_per_cent;      /* of approvals, at random */
    int settle_error_per_cent; /* of captures and voids: they fail, without effect */
    int garbage_per_cent;      /* of all answers */
    int approve_others;        /* unknown tokens: approved instead of declined with invalid_token */
};

/* ERR_IO or ERR_FULL: the ledger cannot be opened; ERR_BUSY: somebody holds its lock; ERR_CORRUPT:
 * it holds a line that is not ours. A last line that was cut short is removed: whoever wrote it was
 * told that it failed. */
enum err simulated_open(struct gateway **, const struct simulated_options *, struct fault *);

#endif
