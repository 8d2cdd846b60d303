/* SQLite's own check of a database. Its answers are rows of text, "ok" if there is nothing to tell;
 * they are passed on as they are, since only they say where the damage is. */
#include "db/db_whole.h"

#include <stdio.h>
#include <string.h>

#include "db/db_sqlite.h"

struct report {
    db_report *tell;
    void *arg;
};

static int tell_damage(void *arg, int count, char **values, char **names)
{
    const struct report *report = arg;
    (void)names;
    if (count == 1 && values[0] && strcmp(values[0], "ok") != 0)
        report->tell(report->arg, values[0]);
    return 0;
}

/* table, row (none where the table has no rowid), the table it points to, which of its keys */
static int tell_dangling(void *arg, int count, char **values, char **names)
{
    const struct report *report = arg;
    char text[256];
    (void)names;
    if (count != 4)
        return 0;
    const char *number = values[1];
    (void)snprintf(text, sizeof text, "%s%s of %s points to no row of %s",
        number ? "row " : "a row", number ? number : "", values[0],
        values[2]); /* cut, if the names are that long */
    report->tell(report->arg, text);
    return 0;
}

enum err db_verify(struct db *db, db_report *tell, void *arg)
{
    struct report report = {tell, arg};
    int code = sqlite3_exec(db->handle, "PRAGMA integrity_check(100)", tell_damage, &report, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->handle, "PRAGMA foreign_key_check", tell_dangling, &report, NULL);
    return db_note(db, code);
}
