/* Payment attempts. Their states are changed by single statements that name the state they come
 * from, so that two changes at once cannot both succeed. */
#include "db/attempts.h"

#include <assert.h>
#include <string.h>

#include "core/arena.h"

#include "db/db.h"
#include "db/settle_rows.h"

static const char *const state_names[] = {
    [ATTEMPT_NONE] = "none",
    [ATTEMPT_STARTED] = "started",
    [ATTEMPT_ORDERED] = "ordered",
    [ATTEMPT_DECLINED] = "declined",
    [ATTEMPT_VOIDING] = "voiding",
    [ATTEMPT_VOIDED] = "voided",
    [ATTEMPT_VOID_FAILED] = "void_failed",
    [ATTEMPT_CONFLICT] = "conflict",
};
#define STATE_COUNT (sizeof state_names / sizeof state_names[0])

const char *attempt_state_name(enum attempt_state state)
{
    assert((unsigned)state < STATE_COUNT);
    return state_names[state];
}

/* The table's CHECK lets no other word in. */
enum attempt_state attempt_state_parse(const char *name)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        if (!strcmp(name, state_names[i]))
            return (enum attempt_state)i;
    return ATTEMPT_NONE;
}

enum err attempts_start(struct db *db, const struct attempt_new *attempt)
{
    struct query *query = db_query(db, Q_ATTEMPT_START);
    query_text(query, 1, attempt->uid);
    query_int(query, 2, attempt->user_id);
    query_int(query, 3, attempt->amount_minor);
    query_text(query, 4, attempt->currency);
    query_text(query, 5, attempt->request_id);
    query_int(query, 6, attempt->started_at);
    return query_exec(query);
}

static enum err read_state(struct db *db, const char *uid, enum attempt_state *out)
{
    struct query *query = db_query(db, Q_ATTEMPT_GET);
    query_text(query, 1, uid);
    *out = query_row(query) ? attempt_state_parse(column_text(query, 2)) : ATTEMPT_NONE;
    return query_end(query);
}

enum err attempts_end(struct db *db, const char *uid, enum attempt_state to, const char *reason,
    int64_t at, enum attempt_state *now)
{
    assert(to == ATTEMPT_ORDERED || to == ATTEMPT_DECLINED || to == ATTEMPT_VOIDING);
    struct query *query = db_query(db, Q_ATTEMPT_END);
    query_text(query, 1, uid);
    query_text(query, 2, state_names[to]);
    query_text(query, 3, reason);
    query_int(query, 4, at);
    bool moved;
    enum err e = query_change(query, &moved);
    *now = to;
    if (e || moved)
        return e;
    e = read_state(db, uid, now);
    return e ? e : ERR_REFUSED;
}

enum err attempts_abandon_all(struct db *db, int64_t at, int64_t *count)
{
    *count = 0;
    enum err e = query_exec(db_query(db, Q_KEY_RELEASE_STARTED));
    if (e)
        return e;
    struct query *query = db_query(db, Q_ATTEMPT_ABANDON);
    query_int(query, 1, at);
    while (query_row(query))
        (*count)++;
    return query_end(query);
}

enum err attempts_get(struct db *db, struct arena *arena, const char *uid, struct attempt *out)
{
    struct query *query = db_query(db, Q_ATTEMPT_GET);
    query_text(query, 1, uid);
    bool found = query_row(query);
    if (found)
        *out = (struct attempt){
            .uid = arena_text(arena, column_text(query, 0)),
            .user_id = column_int(query, 1),
            .state = attempt_state_parse(column_text(query, 2)),
            .reason = arena_text(arena, column_text(query, 3)),
            .amount_minor = column_int(query, 4),
            .currency = arena_text(arena, column_text(query, 5)),
            .started_at = column_int(query, 6),
            .tries = column_int(query, 7),
            .request_id = arena_text(arena, column_text(query, 8)),
            .next_try_at = column_int(query, 9),
            .last_error = arena_text(arena, column_text(query, 10)),
            .ended_at = column_int(query, 11),
            .settled_at = column_int(query, 12),
            .write_off = settle_rows_write_off(query, 13, arena),
        };
    enum err e = query_end(query);
    return e ? e : found ? ERR_NONE : ERR_NOT_FOUND;
}

enum err attempts_count(struct db *db, enum attempt_state state, int64_t *out)
{
    struct query *query = db_query(db, Q_ATTEMPT_COUNT);
    query_text(query, 1, attempt_state_name(state));
    return query_count(query, out);
}

enum err attempts_due(struct db *db, struct arena *arena, int64_t now, int64_t limit,
    struct settle_row **out, size_t *count)
{
    return settle_rows_read(db_query(db, Q_ATTEMPT_DUE), arena, now, limit, out, count);
}

enum err attempts_settle(
    struct db *db, const char *uid, enum attempt_state to, const char *reason, int64_t at)
{
    assert(to == ATTEMPT_VOIDED || to == ATTEMPT_VOID_FAILED || to == ATTEMPT_CONFLICT);
    struct query *query = db_query(db, Q_ATTEMPT_SETTLE);
    query_text(query, 1, uid);
    query_text(query, 2, state_names[to]);
    query_text(query, 3, reason);
    query_int(query, 4, at);
    return query_exec(query);
}

enum err attempts_retry(struct db *db, const char *uid, const char *reason, int64_t next_try_at)
{
    return settle_rows_retry(db_query(db, Q_ATTEMPT_RETRY), uid, reason, next_try_at);
}

enum err attempts_captured(struct db *db, const char *uid, int64_t at)
{
    struct query *query = db_query(db, Q_ATTEMPT_CAPTURED);
    query_text(query, 1, uid);
    query_int(query, 2, at);
    bool moved = query_row(query);
    enum err e = query_end(query);
    if (e || !moved)
        return e;
    query = db_query(db, Q_KEY_RELEASE_OF);
    query_text(query, 1, uid);
    return query_exec(query);
}

static enum err end_move(struct db *db, struct query *query, const char *uid)
{
    enum attempt_state state;
    bool moved = query_row(query);
    enum err e = query_end(query);
    if (e || moved)
        return e;
    e = read_state(db, uid, &state);
    return e ? e : state == ATTEMPT_NONE ? ERR_NOT_FOUND : ERR_REFUSED;
}

enum err attempts_reopen(struct db *db, const char *uid, int64_t at)
{
    struct query *query = db_query(db, Q_ATTEMPT_REOPEN);
    query_text(query, 1, uid);
    query_int(query, 2, at);
    return end_move(db, query, uid);
}

enum err attempts_write_off(struct db *db, const char *uid, const struct write_off *write_off)
{
    struct query *query = db_query(db, Q_ATTEMPT_WRITE_OFF);
    settle_rows_bind_write_off(query, uid, write_off);
    return end_move(db, query, uid);
}
