/* What the files that know SQLite share. Nobody else includes this, or sqlite3.h. */
#ifndef ORDERD_DB_DB_SQLITE_H
#define ORDERD_DB_DB_SQLITE_H

#include <sqlite3.h>

#include "db/db_unit.h"

#define QUERY_PARAMS_MAX 12

enum query_state {
    QUERY_IDLE,
    QUERY_BOUND,
    QUERY_ROW,
    QUERY_DONE
};

struct query {
    struct db *db;
    sqlite3_stmt *stmt;
    const char *types;
    enum query_state state;
    unsigned bound; /* bit n - 1: $n has its value */
    unsigned char
        index[QUERY_PARAMS_MAX]; /* of $n at [n - 1]: SQLite numbers them as they appear */
};

enum control {
    BEGIN,
    SAVEPOINT,
    RELEASE,
    UNDO,
    COMMIT,
    ROLLBACK,
    CONTROL_COUNT
};

struct db {
    sqlite3 *handle;
    enum db_role role;
    enum err error; /* sticky */
    int64_t log_pages;
    sqlite3_stmt *control[CONTROL_COUNT];
    struct query queries[Q__COUNT];
    char text[256];
};

/* What a result of SQLite means, its words remembered for db_text(). SQLITE_OK is ERR_NONE. */
enum err db_note(struct db *, int code);
/* The same of another connection that works for this one. */
enum err db_note_of(struct db *, sqlite3 *handle, int code);

/* In query_sqlite.c. */
enum err query_prepare_all(struct db *);
void query_let_go(struct query *); /* resets it, and forgets the memory that it borrowed */

#endif
