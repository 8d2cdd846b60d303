/* Settings. The first value that is stored counts for everybody. */
#include "db/settings.h"

#include <string.h>

#include "db/db.h"

enum err settings_get_or_set(struct db *db, const char *name, void *out, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_ADD);
    query_text(query, 1, name);
    query_bytes(query, 2, out, len);
    enum err e = query_exec(query);
    if (e)
        return e;
    query = db_query(db, Q_SETTING_GET);
    query_text(query, 1, name);
    size_t found_len = 0;
    const void *found = query_row(query) ? column_bytes(query, 0, &found_len) : NULL;
    bool fits = found && found_len == len;
    if (fits)
        memcpy(out, found, len);
    e = query_end(query);
    return e ? e : fits ? ERR_NONE : ERR_CORRUPT;
}

enum err settings_put(struct db *db, const char *name, const void *value, size_t len)
{
    struct query *query = db_query(db, Q_SETTING_PUT);
    query_text(query, 1, name);
    query_bytes(query, 2, value, len);
    return query_exec(query);
}
