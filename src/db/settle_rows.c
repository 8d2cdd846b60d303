/* The two lists of settle have the same shape and the same rule for what is due; and either kind of
 * row may be written off. */
#include "db/settle_rows.h"

#include "core/arena.h"

#include "db/db.h"

/* A time further ahead than any back-off was written by a clock that has jumped since. */
#define AHEAD_MAX_S 3600

enum err settle_rows_read(struct query *query, struct arena *arena, int64_t now, int64_t limit,
    struct settle_row **out, size_t *count)
{
    *out = arena_array(arena, (size_t)limit, sizeof **out);
    *count = 0;
    query_int(query, 1, now);
    query_int(query, 2, now + AHEAD_MAX_S);
    query_int(query, 3, limit);
    while (query_row(query))
        (*out)[(*count)++] = (struct settle_row){
            .uid = arena_text(arena, column_text(query, 0)),
            .amount_minor = column_int(query, 1),
            .currency = arena_text(arena, column_text(query, 2)),
            .since = column_int(query, 3),
            .tries = column_int(query, 4),
        };
    return query_end(query);
}

enum err settle_rows_retry(
    struct query *query, const char *uid, const char *reason, int64_t next_try_at)
{
    query_text(query, 1, uid);
    query_text(query, 2, reason);
    query_int(query, 3, next_try_at);
    return query_exec(query);
}

struct write_off settle_rows_write_off(
    const struct query *query, int first_column, struct arena *arena)
{
    return (struct write_off){
        .at = column_int(query, first_column),
        .by = arena_text(arena, column_text(query, first_column + 1)),
        .reason = arena_text(arena, column_text(query, first_column + 2)),
    };
}

void settle_rows_bind_write_off(
    struct query *query, const char *uid, const struct write_off *write_off)
{
    query_text(query, 1, uid);
    query_int(query, 2, write_off->at);
    query_text(query, 3, write_off->by);
    query_text(query, 4, write_off->reason);
}
