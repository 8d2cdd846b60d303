/* Units of work: the only way to change the database.
 *
 * store_write() runs apply() wholly or not at all, in a transaction that only this module begins
 * and ends. A unit may run more than once, and again after it was committed: it writes nothing but
 * the database and its own result, and starts from ids that its caller made. Its result, a refusal
 * too, counts only after store_write() has come back.
 *
 * One thread, the committer, has the one writing connection. It takes all that is queued in one
 * group, undoes alone what fails alone, commits, and wakes each waiter by itself. It alone
 * checkpoints, since SQLite before 3.51.3 can lose pages when another connection does. */
#ifndef ORDERD_DB_STORE_H
#define ORDERD_DB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct db;
struct store;

struct store_options {
    const char *path;       /* the database */
    const char *migrations; /* folder */
    int lock_timeout_ms;    /* for orders.lock */
    int queue_max;          /* units that wait; STORE_FINISH ones are taken beyond it */
    int group_max;          /* units a transaction */
    int group_ms;           /* how long a group takes units; 0: 5 */
    int quick_readers;      /* readers that belong to one worker each */
    int shared_readers;     /* readers that anybody may borrow */
};

enum store_class {
    STORE_BEGIN,  /* something new: refused with ERR_BUSY when the queue is full */
    STORE_FINISH, /* ends what was begun: always queued */
};

/* Returns ERR_NONE to be committed; anything else rolls back what it did (ERR_REFUSED: an expected
 * answer, the result in arg says which). */
typedef enum err store_unit(struct db *, void *arg);

/* Takes orders.lock beside the database (ERR_BUSY: another orderd has it), migrates, checkpoints,
 * opens the readers, starts the committer. */
enum err store_open(struct store **, const struct store_options *, struct fault *);

/* Runs what is queued, checkpoints, lets go of the lock. Nobody may call store_write() any more;
 * who is inside still gets his result. */
void store_close(struct store *); /* NULL is harmless */

/* Waits until the unit is on disk, or has failed, or deadline_ms (monotonic) passes while it is
 * still queued (then it is withdrawn: ERR_TIMEOUT, nothing of it remains). Once the committer has
 * taken it, waits for the outcome. ERR_BUSY, ERR_FULL, ERR_TIMEOUT: nothing happened. ERR_UNKNOWN:
 * it may be on disk; undo nothing on the strength of it until a later unit is durable. */
enum err store_write(
    struct store *, enum store_class, store_unit *, void *arg, int64_t deadline_ms);

/* Runs a unit that only reads, in one snapshot. worker: a quick worker's number uses its own
 * reader; -1 borrows a shared one, waiting until deadline_ms (ERR_TIMEOUT). Allocations of the unit
 * go where arg says. */
enum err store_read(struct store *, int worker, store_unit *, void *arg, int64_t deadline_ms);

/* Between the two, all that a quick worker reads is of one snapshot, taken at its first read: a
 * request sees its caller and what he asks for at one moment, and pays for one. */
void store_keep_snapshot(struct store *, int worker);
void store_let_go(struct store *, int worker);

/* Did the last commit fail, with nothing committed since? (What /healthz calls degraded.) */
bool store_is_degraded(const struct store *);

#endif
