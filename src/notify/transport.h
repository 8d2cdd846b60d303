/* How mails leave: a table of functions for each way there is.
 *
 * A mail has one of three outcomes. A transport never decides when to try again or when to give up:
 * notify/queue does. */
#ifndef ORDERD_NOTIFY_TRANSPORT_H
#define ORDERD_NOTIFY_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum transport_outcome {
    TRANSPORT_TEMPORARY, /* not delivered; later it may work */
    TRANSPORT_SENT,      /* somebody else has it for good: on disk, or accepted by a server */
    TRANSPORT_PERMANENT, /* not delivered, and never will be */
};

struct transport_mail {
    const char *uid; /* the same at each try */
    const char *sender;
    const char *recipient;
    int64_t created_at;
    const char *bytes; /* RFC 5322; lines end with LF */
    size_t len;

    enum transport_outcome outcome; /* set by deliver() */
    struct fault fault;             /* the cause, unless sent; begun by the caller */
};

struct transport_ops {
    const char *name; /* "maildir" */
    /* Gives each mail its outcome. All are handed over at once so that a transport can share what
     * is dear (a sync, a connection); one mail's failure is not another's. Blocks. */
    void (*deliver)(void *self, struct transport_mail *const mails[], size_t count);
    void (*close)(void *self);
};

struct transport {
    const struct transport_ops *ops;
    void *self;
};

#endif
