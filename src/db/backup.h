/* Backups: the whole database in one file, made beside whatever runs. */
#ifndef ORDERD_DB_BACKUP_H
#define ORDERD_DB_BACKUP_H

#include <stdint.h>

#include "core/error.h"
#include "db/admin.h"

struct db;

/* What a database says of its age. */
struct backup {
    int64_t bytes;
    int64_t order_id;   /* of the newest order; 0: there is none */
    int64_t ordered_at; /* when that was */
};

/* Makes a file that holds the database as it is at one moment, mode 0600, whole and on disk before
 * it has its name. It is written beside that as FILE.UID.partial, which stays if we are killed.
 * Takes no lock, and holds nobody up; the log cannot begin anew while pages are copied. ERR_TAKEN:
 * there is something of that name; ERR_NOT_FOUND: there is no database; ERR_FULL, ERR_IO;
 * ERR_CORRUPT: what was copied is damaged; ERR_CONFIG: it is newer than this program, or none of
 * ours. */
enum err backup_make(
    const struct admin_options *, const char *file, struct backup *out, struct fault *);

/* Is it whole, and of a version that we know or can bring up to date? Reads all of it, and fills
 * out with what can be read from inside. name: how it is called in the fault. ERR_CORRUPT,
 * ERR_CONFIG.
 */
enum err backup_check(
    struct db *, const char *name, const char *migrations, struct backup *out, struct fault *);

/* Fills the bytes of a file that is closed. */
enum err backup_measure(const char *path, struct backup *out, struct fault *);

#endif
