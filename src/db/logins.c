/* Login addresses. The table is bounded for each user, and what has expired leaves it a few rows at
 * a time, by whoever logs in next. */
#include "db/logins.h"

#include "db/db.h"

#define EXPIRED_AT_ONCE 16

enum err logins_find(struct db *db, int64_t user_id, const char *address, int64_t *out)
{
    struct query *query = db_query(db, Q_LOGIN_FIND);
    query_int(query, 1, user_id);
    query_text(query, 2, address);
    *out = query_row(query) ? column_int(query, 0) : 0;
    return query_end(query);
}

static enum err keep_latest(struct db *db, int64_t user_id, int64_t keep_count)
{
    struct query *query = db_query(db, Q_LOGIN_KEEP);
    query_int(query, 1, user_id);
    query_int(query, 2, keep_count);
    return query_exec(query);
}

static enum err expire(struct db *db, int64_t before_at)
{
    struct query *query = db_query(db, Q_LOGIN_EXPIRE);
    query_int(query, 1, before_at);
    query_int(query, 2, EXPIRED_AT_ONCE);
    return query_exec(query);
}

enum err logins_record(struct db *db, int64_t user_id, const char *address, int64_t at,
    int64_t keep_count, int64_t before_at)
{
    struct query *query = db_query(db, Q_LOGIN_RECORD);
    query_int(query, 1, user_id);
    query_text(query, 2, address);
    query_int(query, 3, at);
    enum err e = query_exec(query);
    if (!e)
        e = keep_latest(db, user_id, keep_count);
    return e ? e : expire(db, before_at);
}
