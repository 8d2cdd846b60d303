/* The notifier's side of the spool: finding what is due, claiming it by a rename, reading it
 * trusting nothing, and putting it where it belongs afterwards.
 *
 * One notifier a spool (a lock), one thread. Folders are read as streams, so a backlog of any size
 * needs the memory of one batch. A file that is not ours or not whole goes to corrupt/ with a line
 * in the log, here; whoever takes never sees it. */
#ifndef ORDERD_SPOOL_TAKE_H
#define ORDERD_SPOOL_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#include "spool/name.h"

struct arena;
struct take;

/* A deferred message whose time is further ahead than this is due: the clock was set back. */
#define TAKE_AHEAD_MAX_S 3600

/* A claimed message; it lies in claimed/ until one of the four ends below. */
struct taken {
    struct name name;  /* tries: this attempt counts already */
    bool was_cut_off;  /* it lay in claimed/: an attempt ended in the middle */
    const char *bytes; /* in the arena, without the seal; NULL: it could not be read now */
    size_t len;
    struct fault fault; /* why it could not be read */
};

/* ERR_NOT_FOUND: the spool, or its new/, is not there (the publisher makes them). ERR_BUSY: another
 * notifier has it. Makes the notifier's folders. */
enum err take_open(struct take **, const char *folder, struct fault *);
void take_close(struct take *); /* NULL is harmless */

/* Readable when something has come into new/; -1: the system has no more watches, only scans help.
 */
int take_watch_fd(const struct take *);

/* To be called when that is readable. ERR_NOT_FOUND: new/ itself was moved. */
enum err take_noticed(struct take *, struct fault *);

/* Begins a pass: what was cut off (as much as a batch), new/, and deferred/ if one of its messages
 * is due, or with everything. */
void take_begin(struct take *, bool everything);

/* Claims the next that are due at now: a batch. *count 0: the pass is over. No message of the batch
 * before may still be without its end. After an error the pass is over too; ERR_NOT_FOUND: a folder
 * of the spool was removed. */
#define TAKE_BATCH_MAX 64
enum err take_next(struct take *, struct arena *, int64_t now, struct taken out[TAKE_BATCH_MAX],
    size_t *count, struct fault *);

/* When the next deferred message is due, as far as is known; INT64_MAX: none. */
int64_t take_due_at(const struct take *);

/* The four ends. If one fails, the message stays in claimed/, and a later pass takes it up again.
 */
enum err take_done(struct take *, const struct taken *, struct fault *); /* delivered: removed */
enum err take_defer(struct take *, const struct taken *, int64_t next_at, struct fault *);
/* To failed/, with the reason in a file beside it. */
enum err take_give_up(struct take *, const struct taken *, const char *reason, struct fault *);
/* To corrupt/: whole, but not a message. Logged here, like all that goes there. */
void take_reject(struct take *, const struct taken *, const char *reason);

#endif
