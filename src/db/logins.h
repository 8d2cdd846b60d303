/* Addresses that users logged in from: what tells a user under attack from his attackers, after a
 * restart too. Called inside a unit of work. */
#ifndef ORDERD_DB_LOGINS_H
#define ORDERD_DB_LOGINS_H

#include <stdint.h>

#include "core/error.h"

struct db;

/* When the user last logged in from there, as far as it was recorded; 0: never. */
enum err logins_find(struct db *, int64_t user_id, const char *address, int64_t *out);

/* He did, at that time. Of his addresses the latest keep_count are kept, and of everybody's a few
 * that were last recorded before before_at go. */
enum err logins_record(struct db *, int64_t user_id, const char *address, int64_t at,
    int64_t keep_count, int64_t before_at);

#endif
