/* A few values that belong to the database, not to a machine: the cursor key. */
#ifndef ORDERD_DB_SETTINGS_H
#define ORDERD_DB_SETTINGS_H

#include <stddef.h>

#include "core/error.h"

struct db;

/* Reads the value of exactly len bytes, or stores the one in out if there is none; out is then what counts. */
enum err settings_get_or_set(struct db *, const char *name, void *out, size_t len);

#endif
