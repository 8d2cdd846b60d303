/* Settings. The first value that is stored counts for everybody. */
#include "db/settings.h"

#include <string.h>

#include "db/db.h"

enum err settings_get(struct db *db, const char *name, void *out, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_GET);
    query_text(query, 1, name);
    enum err own = ERR_NOT_FOUND;
    if (query_row(query)) {
        size_t found_len;
        const void *found = column_bytes(query, 0, &found_len);
        own = found_len == len ? ERR_NONE : ERR_CORRUPT;
        if (!own)
            memcpy(out, found, len);
    }
    enum err e = query_end(query);
    return e ? e : own;
}

enum err settings_get_or_set(struct db *db, const char *name, void *out, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_ADD);
    query_text(query, 1, name);
    query_bytes(query, 2, out, len);
    enum err e = query_exec(query);
    return e ? e : settings_get(db, name, out, len);
}

enum err settings_remove(struct db *db, const char *name, const void *value, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_REMOVE);
    query_text(query, 1, name);
    query_bytes(query, 2, value, len);
    bool removed = query_row(query);
    enum err e = query_end(query);
    return e ? e : removed ? ERR_NONE : ERR_REFUSED;
}

enum err settings_put(struct db *db, const char *name, const void *value, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_PUT);
    query_text(query, 1, name);
    query_bytes(query, 2, value, len);
    return query_exec(query);
}
