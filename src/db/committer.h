/* The committer: one thread, the one writing connection, and groups of units. See store.h. */
#ifndef ORDERD_DB_COMMITTER_H
#define ORDERD_DB_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "db/store.h"

struct committer;

/* db: a writer and write_fd: orders.write, both borrowed, and the thread's alone until it is
 * closed. */
enum err committer_open(
    struct committer **, struct db *db, int write_fd, const struct store_options *, struct fault *);
/* Runs what is queued, then ends the thread. Nobody may call committer_run() any more. */
void committer_close(struct committer *); /* NULL is harmless */

/* See store_write(). */
enum err committer_run(
    struct committer *, enum store_class, store_unit *, void *arg, int64_t deadline_ms);

/* See store_is_degraded(). */
bool committer_is_degraded(const struct committer *);

#endif
