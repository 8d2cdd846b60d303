/* What concerns a database as a whole: for checks, backups and what is restored from one. */
#ifndef ORDERD_DB_DB_WHOLE_H
#define ORDERD_DB_DB_WHOLE_H

#include <stdbool.h>

#include "db/db.h"

/* Looks for damage: every page and index, and rows that point to no row. Each problem is told in
 * the engine's words, at most a hundred of the first kind. Reads the whole database. */
typedef void db_report(void *arg, const char *problem);
enum err db_verify(struct db *, db_report *, void *arg);

/* Copies the whole database as it is in one snapshot, its log included, into the file at path,
 * which is there and empty; syncs nothing. The copy has no log of its own. Outside a transaction.
 */
enum err db_copy(struct db *, const char *path);

/* Do these first bytes of a file say that it is a database of this engine? */
#define DB_HEAD_LEN 16
bool db_is_head(const char head[DB_HEAD_LEN]);

/* In a transaction: every id of an AUTOINCREMENT that is dealt out from here on is larger by
 * DB_ID_GAP. */
#define DB_ID_GAP 1000000
enum err db_skip_ids(struct db *);

#endif
