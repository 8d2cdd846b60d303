/* Idempotency keys. Who wins a key is decided by one INSERT; everybody else reads the winner. */
#include "db/idempotency.h"

#include <string.h>

#include "core/arena.h"

#include "db/db.h"

static enum err read_entry(struct query *query, struct arena *arena, struct idempotency_entry *out)
{
    size_t len;
    const void *fingerprint = column_bytes(query, 0, &len);
    if (len != FINGERPRINT_SIZE)
        return ERR_CORRUPT;
    *out = (struct idempotency_entry){
        .attempt_uid = arena_text(arena, column_text(query, 1)),
        .is_done = !column_is_null(query, 2),
        .order_id = column_int(query, 3),
    };
    memcpy(out->fingerprint, fingerprint, FINGERPRINT_SIZE);
    const void *answer = column_bytes(query, 4, &out->answer_len);
    if (answer)
        out->answer = arena_copy(arena, answer, out->answer_len);
    return ERR_NONE;
}

enum err idempotency_find(struct db *db, struct arena *arena, int64_t user_id, const char *key,
    struct idempotency_entry *out)
{
    struct query *query = db_query(db, Q_KEY_GET);
    query_int(query, 1, user_id);
    query_text(query, 2, key);
    enum err own = query_row(query) ? read_entry(query, arena, out) : ERR_NOT_FOUND;
    enum err e = query_end(query);
    return e ? e : own;
}

enum err idempotency_claim(struct db *db, struct arena *arena, const struct idempotency_key *key,
    const char *attempt_uid, int64_t at, struct idempotency_entry *out)
{
    struct query *query = db_query(db, Q_KEY_CLAIM);
    query_int(query, 1, key->user_id);
    query_text(query, 2, key->key);
    query_bytes(query, 3, key->fingerprint, FINGERPRINT_SIZE);
    query_text(query, 4, attempt_uid);
    query_int(query, 5, at);
    bool claimed;
    enum err e = query_change(query, &claimed);
    if (e || claimed)
        return e;
    e = idempotency_find(db, arena, key->user_id, key->key, out);
    if (e)
        return e;
    return strcmp(out->attempt_uid, attempt_uid) ? ERR_REFUSED : ERR_NONE;
}

enum err idempotency_finish(struct db *db, const struct idempotency_key *key,
    const char *attempt_uid, int64_t order_id, const void *answer, size_t len, int64_t at)
{
    struct query *query = db_query(db, Q_KEY_FINISH);
    query_int(query, 1, key->user_id);
    query_text(query, 2, key->key);
    query_text(query, 3, attempt_uid);
    query_int(query, 4, order_id);
    query_bytes(query, 5, answer, len);
    query_int(query, 6, at);
    bool done;
    enum err e = query_change(query, &done);
    return e ? e : done ? ERR_NONE : ERR_REFUSED;
}

enum err idempotency_release(
    struct db *db, int64_t user_id, const char *key, const char *attempt_uid)
{
    struct query *query = db_query(db, Q_KEY_RELEASE);
    query_int(query, 1, user_id);
    query_text(query, 2, key);
    query_text(query, 3, attempt_uid);
    return query_exec(query);
}

enum err idempotency_expire(struct db *db, int64_t before, int64_t limit, int64_t *count)
{
    *count = 0;
    struct query *query = db_query(db, Q_KEY_EXPIRE);
    query_int(query, 1, before);
    query_int(query, 2, limit);
    while (query_row(query))
        (*count)++;
    return query_end(query);
}
