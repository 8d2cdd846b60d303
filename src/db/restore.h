/* Restoring a backup: a checked copy of it becomes the database, where there is none. */
#ifndef ORDERD_DB_RESTORE_H
#define ORDERD_DB_RESTORE_H

#include <stdint.h>

#include "core/error.h"
#include "db/admin.h"
#include "db/backup.h"

/* fd: the backup, at its beginning; name: how it is called in the fault. Its copy is checked,
 * then changed where a database must differ that has forgotten something: ids go on far beyond
 * those that were dealt out since, every token is void, and it is marked and held (restored.h). It
 * gets its name only when it is whole and on disk.
 *
 * ERR_BUSY: a responder runs, or somebody writes. ERR_TAKEN: there is a database, or a part of one.
 * ERR_CORRUPT, ERR_CONFIG: as backup_check(). ERR_FULL, ERR_IO. Nothing has changed then. */
enum err restore_from(const struct admin_options *, int fd, const char *name, int64_t at,
    struct backup *out, struct fault *);

#endif
