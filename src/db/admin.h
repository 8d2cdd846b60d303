/* The administrator's door to the database: one unit of work, beside a responder that runs, or
 * without one.
 *
 * Whoever writes holds orders.write beside the database, from before it is opened until after it is
 * closed; the responder's committer lets its holder in before its next group, and holds it itself
 * around checkpoints. So no two writers fight, and nobody checkpoints while another commits (see
 * store.h). When no responder holds orders.lock, it is taken for the time, and the database is made
 * and brought up to date first. */
#ifndef ORDERD_DB_ADMIN_H
#define ORDERD_DB_ADMIN_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "db/store.h"

struct arena;

struct admin_options {
    const char *path;       /* the database */
    const char *migrations; /* folder */
    int wait_ms;            /* for locks, and for a responder that is just starting */
};

/* Runs the unit in a transaction of its own and makes it durable. Its own refusal (anything but
 * ERR_NONE) rolls it back and comes back as it is. ERR_BUSY: not let in within wait_ms, nothing
 * happened. ERR_UNKNOWN: the commit failed and may yet be on disk. ERR_CONFIG: the migrations do
 * not fit. */
enum err admin_write(const struct admin_options *, store_unit *, void *arg, struct fault *);

/* Runs a unit that only reads, in one snapshot. Takes no lock and makes no database: ERR_NOT_FOUND,
 * if there is none; ERR_CONFIG, if it is not up to date and no responder is about to mend that. */
enum err admin_read(const struct admin_options *, store_unit *, void *arg, struct fault *);

/* Copies the whole database, of whatever version it is, in one snapshot to the file at path, which
 * is there and empty. Takes no lock. ERR_NOT_FOUND, if there is none. */
enum err admin_copy(const struct admin_options *, const char *path, struct fault *);

/* Makes the database or brings it up to date, without a responder (ERR_BUSY: there is one). applied
 * may be NULL. */
enum err admin_migrate(const struct admin_options *, int64_t *applied, struct fault *);

#define ADMIN_PROBLEMS_MAX 100

struct admin_health {
    const char **problems; /* damage and dangling rows, in the engine's words */
    size_t problem_count;
    int64_t pending_count; /* migrations that are not applied yet */
};

/* Reads every page in one snapshot, beside a responder if there is one; changes nothing. *out is as
 * far as it came even when it fails: as admin_read(), or ERR_CONFIG, if the migrations do not fit.
 */
enum err admin_check(
    const struct admin_options *, struct arena *, struct admin_health *out, struct fault *);

#endif
