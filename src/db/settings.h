/* A few values that belong to the database, not to a machine: the cursor key. */
#ifndef ORDERD_DB_SETTINGS_H
#define ORDERD_DB_SETTINGS_H

#include <stddef.h>

#include "core/error.h"

struct db;

/* Reads the value of exactly len bytes. ERR_NOT_FOUND; ERR_CORRUPT: it has another length; *out is
 * left alone then. */
enum err settings_get(struct db *, const char *name, void *out, size_t len);

/* In a unit that writes: the same, or stores the one in out if there is none. */
enum err settings_get_or_set(struct db *, const char *name, void *out, size_t len);

/* Removes it, if it is that one; else ERR_REFUSED. */
enum err settings_remove(struct db *, const char *name, const void *value, size_t len);

/* Replaces it. */
enum err settings_put(struct db *, const char *name, const void *value, size_t len);

#endif
