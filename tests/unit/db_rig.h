/* What the tests of db/ share: a database in a folder of its own, a few rows to build on, and a
 * look at it from outside by a connection that the code under test does not know. */
#ifndef ORDERD_TESTS_DB_RIG_H
#define ORDERD_TESTS_DB_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "db/db_unit.h"
#include "db/store.h"

extern struct arena rig_arena; /* empty at the begin of each test */

/* A fixture for tcase_add_checked_fixture(). */
void rig_begin(void);
void rig_end(void);

const char *rig_folder(void);
const char *rig_path(void);             /* of the database, which is not made yet */
const char *rig_file(const char *name); /* in that folder, in the arena */
const char *rig_migrations(void);       /* sql/ of the source */

/* How often those words stand in the log of this test. */
int rig_logged(const char *words);

/* Migrated, a writer; rig_end() closes it. */
struct db *rig_db(void);
void rig_db_close(void);

/* Small, without a wait for the lock; and the same opened, or the test fails. */
struct store_options rig_options(void);
struct store *rig_store(void);
int64_t rig_soon(void); /* a deadline far enough away */

/* The first column of the first row, or -1 for no row; fails the test on an error. */
int64_t rig_number(const char *sql);
/* Runs it on a connection of its own. */
void rig_run(const char *sql);

/* 32 hexadecimal digits that hold n; in static memory, good for a handful of calls. */
const char *rig_uid(int n);

/* Rows; the transaction is the caller's. Results are ids. */
int64_t rig_user(struct db *, const char *name);
void rig_attempt(struct db *, int64_t user_id, const char *uid);
/* With its attempt, one item and its payment; reference may be NULL. Made at second 1000. */
int64_t rig_order(struct db *, int64_t user_id, const char *uid, const char *reference);

#endif
