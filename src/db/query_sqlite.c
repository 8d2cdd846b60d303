/* The closed list of statements: bind, step, columns.
 *
 * Its difficulty: RETURNING that is not stepped to its end makes the next RELEASE fail, and $2 is
 * not the second parameter to SQLite when it stands before $1 in the text. A wrong type, a
 * parameter without a value or a statement begun twice is our own bug and asserted. */
#include "db/db_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/text.h"

static const struct {
    const char *types; /* of $1, $2 ...: i int64, t text, b bytes */
    const char *sql;
} statements[Q__COUNT] = {
#define STATEMENT(name, types, sql) [Q_##name] = {types, sql},
#include "db/statements.def"
#undef STATEMENT
};

/* The first failure of a unit is the truth about it. */
static void stick(struct db *db, int code)
{
    if (!db->error)
        db->error = db_note(db, code);
}

static void map_parameters(struct query *query)
{
    int count = sqlite3_bind_parameter_count(query->stmt);
    assert(count <= QUERY_PARAMS_MAX && (size_t)count == strlen(query->types));
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(query->stmt, i);
        int64_t n = 0;
        assert(name && name[0] == '$');
        assert(text_parse_uint(name + 1, strlen(name + 1), count, &n) && n);
        query->index[n - 1] = (unsigned char)i;
    }
}

static int prepare(struct db *db, enum statement number)
{
    struct query *query = &db->queries[number];
    *query = (struct query){.db = db, .types = statements[number].types};
    int code = sqlite3_prepare_v3(
        db->handle, statements[number].sql, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt, NULL);
    if (code == SQLITE_OK)
        map_parameters(query);
    return code;
}

enum err query_prepare_all(struct db *db)
{
    for (size_t i = 0; i < Q__COUNT; i++) {
        int code = prepare(db, (enum statement)i);
        if (code != SQLITE_OK)
            return db_note(db, code);
    }
    return ERR_NONE;
}

struct query *db_query(struct db *db, enum statement number)
{
    assert((unsigned)number < Q__COUNT);
    struct query *query = &db->queries[number];
    assert(query->state == QUERY_IDLE);
    if (!query->stmt)
        stick(db, prepare(db, number));
    query->state = QUERY_BOUND;
    return query;
}

/* The index of $n, which is now bound. */
static int parameter(struct query *query, int n, char type)
{
    assert(query->state == QUERY_BOUND);
    assert(n >= 1 && (size_t)n <= strlen(query->types) && query->types[n - 1] == type);
    query->bound |= 1u << (n - 1);
    return query->index[n - 1];
}

void query_int(struct query *query, int n, int64_t value)
{
    int index = parameter(query, n, 'i');
    if (query->stmt)
        stick(query->db, sqlite3_bind_int64(query->stmt, index, value));
}

void query_null(struct query *query, int n)
{
    int index = parameter(query, n, 'i');
    if (query->stmt)
        stick(query->db, sqlite3_bind_null(query->stmt, index));
}

void query_text(struct query *query, int n, const char *text)
{
    int index = parameter(query, n, 't');
    if (query->stmt)
        stick(query->db, sqlite3_bind_text(query->stmt, index, text, -1, SQLITE_STATIC));
}

void query_bytes(struct query *query, int n, const void *bytes, size_t len)
{
    int index = parameter(query, n, 'b');
    if (query->stmt)
        stick(query->db, sqlite3_bind_blob64(query->stmt, index, bytes, len, SQLITE_STATIC));
}

bool query_row(struct query *query)
{
    assert(query->state != QUERY_IDLE);
    if (query->db->error || query->state == QUERY_DONE)
        return false;
    assert(query->bound + 1 == 1u << strlen(query->types));
    errno = 0;
    int code = sqlite3_step(query->stmt);
    query->state = code == SQLITE_ROW ? QUERY_ROW : QUERY_DONE;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        stick(query->db, code);
    return code == SQLITE_ROW;
}

/* Borrowed memory must not be pointed at any more. */
void query_let_go(struct query *query)
{
    if (query->stmt) {
        (void)sqlite3_reset(query->stmt); /* says again what the last step said */
        (void)sqlite3_clear_bindings(query->stmt);
    }
    query->state = QUERY_IDLE;
    query->bound = 0;
}

enum err query_end(struct query *query)
{
    assert(query->state != QUERY_IDLE);
    bool writes = query->stmt && !sqlite3_stmt_readonly(query->stmt);
    while (writes && query_row(query)) /* else RELEASE and COMMIT fail: "statements in progress" */
        ;
    query_let_go(query);
    return query->db->error;
}

enum err query_exec(struct query *query)
{
    while (query_row(query))
        ;
    return query_end(query);
}

/* What SQLite says of rows and ids is of the last statement that ended, so it is asked at once. */
static bool run_change(struct query *query)
{
    assert(!query->stmt || sqlite3_column_count(query->stmt) == 0);
    bool has_row = query_row(query);
    assert(!has_row);
    return !query->db->error && sqlite3_changes(query->db->handle) > 0;
}

enum err query_change(struct query *query, bool *changed)
{
    *changed = run_change(query);
    return query_end(query);
}

enum err query_insert(struct query *query, int64_t *id)
{
    *id = run_change(query) ? sqlite3_last_insert_rowid(query->db->handle) : 0;
    return query_end(query);
}

enum err query_count(struct query *query, int64_t *out)
{
    *out = query_row(query) ? column_int(query, 0) : 0;
    return query_end(query);
}

bool column_is_null(const struct query *query, int n)
{
    assert(query->state == QUERY_ROW && n >= 0 && n < sqlite3_column_count(query->stmt));
    return sqlite3_column_type(query->stmt, n) == SQLITE_NULL;
}

int64_t column_int(const struct query *query, int n)
{
    return column_is_null(query, n) ? 0 : sqlite3_column_int64(query->stmt, n);
}

const char *column_text(const struct query *query, int n)
{
    if (column_is_null(query, n))
        return NULL;
    const char *text = (const char *)sqlite3_column_text(query->stmt, n);
    assert(text); /* out of memory: as in the rest of the program */
    return text;
}

const void *column_bytes(const struct query *query, int n, size_t *len)
{
    bool is_null = column_is_null(query, n);
    const void *bytes = is_null ? NULL : sqlite3_column_blob(query->stmt, n);
    *len = is_null ? 0 : (size_t)sqlite3_column_bytes(query->stmt, n);
    return is_null || bytes ? bytes : ""; /* an empty value is no NULL */
}
