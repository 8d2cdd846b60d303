/* What only the engine can do for a backup: a copy of all pages in one read transaction, and ids
 * that jump.
 *
 * All pages in one step, since a copy in several starts anew whenever somebody commits between
 * them. It goes at the speed of the disk, so the log, which cannot begin anew meanwhile, grows for
 * a short while only. */
#include "db/db_whole.h"

#include <errno.h>
#include <string.h>

#include "db/db_sqlite.h"

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

/* A table that never had a row is not in the sequence, and its first id was dealt out since. */
static const char skip_ids[] =
    "INSERT INTO sqlite_sequence (name, seq) SELECT t.name, 0 FROM sqlite_schema AS t"
    " WHERE t.type = 'table' AND t.sql LIKE '%AUTOINCREMENT%'"
    " AND t.name NOT IN (SELECT name FROM sqlite_sequence);"
    "UPDATE sqlite_sequence SET seq = seq + " TEXT(DB_ID_GAP);

/* Nobody else knows the file yet; our caller syncs it. */
static const char copy_pragmas[] = "PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
                                   "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0";

/* What is copied says of itself that it has a log beside it: a backup is one file. */
static const char lone_file[] = "PRAGMA journal_mode=DELETE";

static int copy_pages(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup)
        return sqlite3_extended_errcode(to);
    int code = sqlite3_backup_step(backup, -1);
    int end = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? end : code;
}

enum err db_copy(struct db *db, const char *path)
{
    sqlite3 *copy = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    errno = 0;
    int code = sqlite3_open_v2(path, &copy, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy, copy_pragmas, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = copy_pages(copy, db->handle);
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy, lone_file, NULL, NULL, NULL);
    enum err e = db_note_of(db, copy, code);
    (void)sqlite3_close(copy); /* it has no statement */
    return e;
}

bool db_is_head(const char head[DB_HEAD_LEN])
{
    static const char magic[DB_HEAD_LEN] = "SQLite format 3"; /* its NUL, too */
    return !memcmp(head, magic, sizeof magic);
}

enum err db_skip_ids(struct db *db)
{
    return db_script(db, skip_ids);
}
