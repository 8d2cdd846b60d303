/* The queue of notifications: takes what is due from the spool, makes mails of it, hands them to a
 * transport, and decides what becomes of each.
 *
 * At least once: a message leaves the spool only after the transport has it for good. If that
 * moment is cut off, the message is delivered again, as the same mail with the same Message-ID.
 * Each delivery is one line in the log (event notify.deliver). */
#ifndef ORDERD_NOTIFY_QUEUE_H
#define ORDERD_NOTIFY_QUEUE_H

#include <stdbool.h>

#include "core/error.h"
#include "spool/take.h"

#include "notify/backoff.h"
#include "notify/message.h"
#include "notify/transport.h"

/* A message whose attempts were cut off in the middle more often than this waits like one that
 * could not be delivered, instead of being tried at once: it may be what stops the program. */
#define QUEUE_CUT_OFF_MAX 3

struct queue_options {
    struct message_options message;
    struct backoff backoff;
};

struct queue;

/* All that is given is borrowed, and outlives the queue. */
struct queue *queue_new(struct take *, const struct transport *, const struct queue_options *);
void queue_free(struct queue *);

/* One pass: delivers all that is due. everything: looks at the deferred messages too although none
 * is known to be due. Before each batch may_go_on(arg) is asked. An error is the spool's; what
 * could be delivered until then was. */
enum err queue_run(
    struct queue *, bool everything, bool (*may_go_on)(void *), void *arg, struct fault *);

#endif
