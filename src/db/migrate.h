/* Migrations: sql/NNNN_name.sql, applied in order, each in a transaction, recorded with its
 * checksum. */
#ifndef ORDERD_DB_MIGRATE_H
#define ORDERD_DB_MIGRATE_H

#include <stdint.h>

#include "core/error.h"

struct db;

/* Brings the database to the newest migration of the folder; *applied (may be NULL) counts those
 * that were new. ERR_CONFIG, with a text for the administrator: the database is newer than the
 * program, an applied migration was changed or is gone, numbers have a gap, a file does not run
 * (nothing of it remains). */
enum err migrate(struct db *, const char *folder, int64_t *applied, struct fault *);

/* How many migrations of the folder are not applied yet; changes nothing. ERR_CONFIG as above. */
enum err migrate_pending(struct db *, const char *folder, int64_t *pending, struct fault *);

#endif
