/* A few values that belong to the database, not to a machine: the cursor key. */
#ifndef ORDERD_DB_SETTINGS_H
#define ORDERD_DB_SETTINGS_H

#include <stddef.h>

#include "core/error.h"

struct db;

/* In a unit that writes: reads the value of exactly len bytes (ERR_CORRUPT: it has another length),
 * or stores the one in out if there is none; out is then what counts. */
enum err settings_get_or_set(struct db *, const char *name, void *out, size_t len);

/* Replaces it. */
enum err settings_put(struct db *, const char *name, const void *value, size_t len);

#endif
