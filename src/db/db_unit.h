/* A connection's transactions, its log, its scripts: for those only who run units of work
 * (committer, readers, migrate ...) and their tests. Nobody else begins or ends a transaction.
 *
 * What fails here is returned and does not become the unit's sticky error. */
#ifndef ORDERD_DB_DB_UNIT_H
#define ORDERD_DB_DB_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"

enum err db_begin(struct db *); /* a writer takes the write lock: ERR_BUSY at once if it is held */
enum err db_savepoint(struct db *); /* one at a time, inside a transaction */
enum err db_release(struct db *);   /* keeps what was done since */
enum err db_undo(struct db *);      /* undoes what was done since, and ends it */
/* ERR_FULL, ERR_BUSY: nothing was written. ERR_UNKNOWN: perhaps it is on disk. The transaction is
 * over in any case. Asserts that no sticky error is pending. */
enum err db_commit(struct db *);
void db_rollback(struct db *); /* harmless without a transaction */
bool db_in_transaction(const struct db *);
void db_clear(struct db *); /* the unit is over: forgets the sticky error and ends every query */

/* Rows that were ever changed; the same number twice: nothing was in between, but for numbers that
 * were dealt out (AUTOINCREMENT). */
int64_t db_changes(const struct db *);

/* Pages in the write-ahead log after the last db_commit(); 0 if that had nothing to write. */
int64_t db_log_pages(const struct db *);

/* Plain statements without parameters, one or more (a migration). A script may not end the
 * transaction it runs in, nor begin one. */
enum err db_script(struct db *, const char *sql);

enum db_checkpoint {
    DB_PASSIVE,
    DB_RESTART,
    DB_TRUNCATE
};
/* *pages: left in the log. ERR_BUSY: somebody still reads, or writes. Waits at most wait_ms. */
enum err db_checkpoint(struct db *, enum db_checkpoint, int wait_ms, int64_t *pages);

/* Whoever opens a database finds in its log what a process had committed that was killed before its
 * sync; after this it is on disk. */
enum err db_sync_log(struct db *);

#endif
