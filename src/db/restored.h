/* The mark of a database that was restored from a backup, and the hold that begins with it.
 *
 * A restored database does not know what happened after the backup: an attempt that is started in
 * it may have been ordered and captured, a mail in its outbox may have been sent. So nothing is
 * captured, voided or mailed until somebody has held it against the gateway's books and let it go.
 * The hold is a row, so that it outlives every restart; a hold begins only where no responder runs.
 */
#ifndef ORDERD_DB_RESTORED_H
#define ORDERD_DB_RESTORED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/error.h"

struct db;

struct restored {
    bool is_held;
    char held_since[CLOCK_TEXT_SIZE]; /* when it was restored; "": it is not held */
};

/* In a unit that writes: marks it, and begins the hold. */
enum err restored_mark(struct db *, int64_t at);

enum err restored_get(struct db *, struct restored *out);

/* In a unit that writes: ends the hold that was seen. ERR_REFUSED: somebody else has, or it is
 * another one. */
enum err restored_release(struct db *, const struct restored *seen);

#endif
