/* When the write-ahead log is moved into the database, and how far.
 *
 * SQLite before 3.51.3 can lose committed pages when one connection checkpoints while another
 * commits and begins the log anew. So there is one thread that checkpoints, the committer's, and it
 * holds orders.write meanwhile, against tools that write beside us. */
#ifndef ORDERD_DB_CHECKPOINT_H
#define ORDERD_DB_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct db;

struct checkpoint {
    struct db *db;
    int write_fd;         /* of orders.write */
    int64_t last_pages;   /* that the log had at the last checkpoint since it was begun anew */
    int64_t next_restart; /* pages from which on readers are waited for again */
    int restart_wait_ms;  /* and how long then */
    bool is_failing;
};

/* After a commit that left so many pages in the log. */
void checkpoint_if_due(struct checkpoint *, int64_t pages);

/* Moves everything and empties the log. ERR_BUSY: somebody else reads or writes still after
 * wait_ms. */
enum err checkpoint_all(struct db *, int write_fd, int wait_ms);

#endif
