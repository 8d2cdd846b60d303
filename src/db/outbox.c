/* The outbox: written with the order, read oldest first, deleted when the spool has the file. */
#include "db/outbox.h"

#include "core/arena.h"

#include "db/db.h"

enum err outbox_add(struct db *db, const struct outbox_row *row)
{
    struct query *query = db_query(db, Q_OUTBOX_ADD);
    query_text(query, 1, row->uid);
    query_text(query, 2, row->kind);
    query_int(query, 3, row->order_id);
    query_bytes(query, 4, row->message, row->message_len);
    query_int(query, 5, row->created_at);
    return query_exec(query);
}

static void read_row(const struct query *query, struct arena *arena, struct outbox_row *out)
{
    size_t len;
    const void *message = column_bytes(query, 3, &len);
    *out = (struct outbox_row){
        .uid = arena_text(arena, column_text(query, 0)),
        .kind = arena_text(arena, column_text(query, 1)),
        .order_id = column_int(query, 2),
        .message = arena_copy(arena, message, len),
        .message_len = len,
        .created_at = column_int(query, 4),
    };
}

enum err outbox_next(
    struct db *db, struct arena *arena, int64_t limit, struct outbox_row **out, size_t *count)
{
    *out = arena_array(arena, (size_t)limit, sizeof **out);
    *count = 0;
    struct query *query = db_query(db, Q_OUTBOX_NEXT);
    query_int(query, 1, limit);
    while (query_row(query))
        read_row(query, arena, &(*out)[(*count)++]);
    return query_end(query);
}

enum err outbox_walk(struct db *db, outbox_visit *visit, void *arg)
{
    struct query *query = db_query(db, Q_OUTBOX_WALK);
    while (query_row(query))
        visit(arg, column_int(query, 0), column_text(query, 1));
    return query_end(query);
}

enum err outbox_delete(struct db *db, const char *uid)
{
    struct query *query = db_query(db, Q_OUTBOX_DELETE);
    query_text(query, 1, uid);
    return query_exec(query);
}

enum err outbox_count(struct db *db, int64_t *out)
{
    return query_count(db_query(db, Q_OUTBOX_COUNT), out);
}
