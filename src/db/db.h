/* One connection to the database, and a closed list of statements.
 *
 * Nothing outside this folder knows SQL, and nothing but db_sqlite.c the engine. Statements are
 * numbered by statements.def and prepared when the connection opens. Bind, then exec; or row until
 * false, then end. After a failure every later statement of the same unit of work fails the same
 * way (the sticky error), so a repository may run to its end and look once. */
#ifndef ORDERD_DB_DB_H
#define ORDERD_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum db_role {
    DB_READER, /* read only */
    DB_WRITER,
};

enum statement {
#define STATEMENT(name, types, sql) Q_##name,
#include "db/statements.def"
#undef STATEMENT
    Q__COUNT
};

struct db; /* one thread at a time */
struct query;

/* url: the path of a SQLite file; a writer makes it (mode 0600). Prepares every statement; bare:
 * each when it is first used, for a database that may not have its tables yet.
 * ERR_NOT_FOUND (reader of no file), ERR_BUSY, ERR_FULL, ERR_IO, ERR_CORRUPT, ERR_BROKEN (it lacks
 * a table). */
enum err db_open(struct db **, const char *url, enum db_role, struct fault *);
enum err db_open_bare(struct db **, const char *url, struct fault *); /* a writer */
enum err db_open_bare_reader(struct db **, const char *url, struct fault *);
void db_close(struct db *); /* NULL is harmless */

/* The sticky error of the unit that runs, or ERR_NONE. */
enum err db_error(const struct db *);
/* The engine's words for the last failure; for the log only. Never NULL. */
const char *db_text(const struct db *);

/* Numbers are those of $1, $2 ...; bound memory is borrowed until the query ends. Types must be
 * those of the statement's list (i int64, t text, b bytes), and a query that is still in use may
 * not be begun again: both are asserted. */
struct query *db_query(struct db *, enum statement);
void query_int(struct query *, int n, int64_t);
void query_text(struct query *, int n, const char *);              /* NULL binds NULL */
void query_bytes(struct query *, int n, const void *, size_t len); /* NULL binds NULL */
void query_null(struct query *, int n);                            /* an absent integer */

/* No rows wanted; runs to the end and ends the query. The error may also come later, at the unit's
 * end. */
enum err query_exec(struct query *);
/* True: a row is there. False: no more, or an error (query_end tells). */
bool query_row(struct query *);
/* Steps to the end (RETURNING must be), resets, forgets the bound values. */
enum err query_end(struct query *);

/* Runs a statement without RETURNING to its end, and ends the query: *changed: whether it changed a
 * row (put one in; found one to update). False after an error. */
enum err query_change(struct query *, bool *changed);
/* The same for an INSERT of one row into a table whose id the engine makes. *id: that id, or 0
 * where there was a conflict. (Another engine adds RETURNING id to the text.) */
enum err query_insert(struct query *, int64_t *id);

/* Ends a query that gives one row of one number; *out is 0 after an error. */
enum err query_count(struct query *, int64_t *out);

/* Columns of the current row, from 0; memory lives until the next row or the end. */
bool column_is_null(const struct query *, int n);
int64_t column_int(const struct query *, int n);
const char *column_text(const struct query *, int n); /* NULL for NULL */
const void *column_bytes(const struct query *, int n, size_t *len);

#endif
