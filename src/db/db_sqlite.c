/* The seam to SQLite: connections, transactions, and what its error codes mean.
 *
 * Its difficulty is that SQLite says where something went wrong and our callers need to know what
 * to do: db_note() and commit_outcome() decide that, and all that the store promises rests on them.
 * A disk that is full or fails may also end the whole transaction behind our back, which
 * db_in_transaction() shows.
 *
 * Connections are configured for one committer: no checkpoint happens unless db_checkpoint() is
 * called, not at a commit and not at a close; and nothing waits for a lock unless it was told how
 * long. */
#include "db/db_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"

/* For another process that recovers the log or changes the journal mode. */
#define OPEN_WAIT_MS 5000
#define READ_WAIT_MS 250

/* A writer takes the lock at once: deferred, it could meet BUSY in the middle of a unit. */
static const char *const controls[][CONTROL_COUNT] = {
    [DB_READER] = {[BEGIN] = "BEGIN", [ROLLBACK] = "ROLLBACK"},
    [DB_WRITER] =
        {
            [BEGIN] = "BEGIN IMMEDIATE",
            [SAVEPOINT] = "SAVEPOINT unit",
            [RELEASE] = "RELEASE unit",
            [UNDO] = "ROLLBACK TO unit",
            [COMMIT] = "COMMIT",
            [ROLLBACK] = "ROLLBACK",
        },
};

/* SQLite knows ENOSPC only. For the others errno is asked, which the failed call has left; what
 * sqlite3_system_errno() says may be of an earlier one. */
static bool is_out_of_space(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
}

static enum err err_of(const struct db *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_IOERR:
        return is_out_of_space() ? ERR_FULL : ERR_IO;
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return ERR_IO;
    case SQLITE_READONLY:
        return db->role == DB_READER && code == SQLITE_READONLY ? ERR_BROKEN : ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? ERR_TAKEN
                   : ERR_BROKEN;
    default:
        return ERR_BROKEN;
    }
}

enum err db_note_of(struct db *db, sqlite3 *handle, int code)
{
    if (code == SQLITE_OK)
        return ERR_NONE;
    enum err e = err_of(db, code);
    (void)snprintf(db->text, sizeof db->text, "%s (%d)", sqlite3_errmsg(handle), code);
    return e;
}

enum err db_note(struct db *db, int code)
{
    return db_note_of(db, db->handle, code);
}

enum err db_error(const struct db *db)
{
    return db->error;
}

const char *db_text(const struct db *db)
{
    return db->text;
}

static int run(struct db *db, enum control control)
{
    sqlite3_stmt *stmt = db->control[control];
    assert(stmt);
    errno = 0;
    (void)sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

enum err db_begin(struct db *db)
{
    return db_note(db, run(db, BEGIN));
}

enum err db_savepoint(struct db *db)
{
    return db_note(db, run(db, SAVEPOINT));
}

enum err db_release(struct db *db)
{
    return db_note(db, run(db, RELEASE));
}

enum err db_undo(struct db *db)
{
    enum err e = db_note(db, run(db, UNDO));
    return e ? e : db_release(db);
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_total_changes64(db->handle);
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->handle);
}

void db_rollback(struct db *db)
{
    if (db_in_transaction(db))
        (void)db_note(db, run(db, ROLLBACK));
    assert(!db_in_transaction(db));
}

/* What a failed COMMIT means. A full disk stops the frames from being written, and without the last
 * of them the others count for nothing. Anything else may have come after that: when the sync fails
 * the frames are there, hidden from this process and found again by the next one. */
static enum err commit_outcome(const struct db *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_FULL:
    case SQLITE_CONSTRAINT:
        return err_of(db, code);
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_WRITE && is_out_of_space())
            return ERR_FULL;
        return ERR_UNKNOWN;
    default:
        return ERR_UNKNOWN;
    }
}

enum err db_commit(struct db *db)
{
    assert(!db->error);
    db->log_pages = 0;
    int code = run(db, COMMIT);
    if (code == SQLITE_OK)
        return ERR_NONE;
    enum err e = commit_outcome(db, code);
    (void)db_note(db, code);
    db_rollback(db);
    return e;
}

void db_clear(struct db *db)
{
    for (size_t i = 0; i < Q__COUNT; i++)
        if (db->queries[i].state != QUERY_IDLE)
            query_let_go(&db->queries[i]);
    db->error = ERR_NONE;
}

static int count_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct db *db = arg;
    (void)handle;
    (void)name;
    db->log_pages = pages;
    return SQLITE_OK;
}

int64_t db_log_pages(const struct db *db)
{
    return db->log_pages;
}

static int forbid_transactions(void *arg, int action, const char *operation, const char *name,
    const char *database, const char *trigger)
{
    (void)arg, (void)operation, (void)name, (void)database, (void)trigger;
    return action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT ? SQLITE_DENY : SQLITE_OK;
}

enum err db_script(struct db *db, const char *sql)
{
    (void)sqlite3_set_authorizer(db->handle, forbid_transactions, NULL);
    errno = 0;
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    enum err e = db_note(db, code);
    (void)sqlite3_set_authorizer(db->handle, NULL, NULL);
    return e;
}

enum err db_checkpoint(struct db *db, enum db_checkpoint kind, int wait_ms, int64_t *pages)
{
    static const int modes[] = {
        [DB_PASSIVE] = SQLITE_CHECKPOINT_PASSIVE,
        [DB_RESTART] = SQLITE_CHECKPOINT_RESTART,
        [DB_TRUNCATE] = SQLITE_CHECKPOINT_TRUNCATE,
    };
    int log = 0;
    int moved = 0;
    (void)sqlite3_busy_timeout(db->handle, wait_ms);
    errno = 0;
    int code = sqlite3_wal_checkpoint_v2(db->handle, "main", modes[kind], &log, &moved);
    (void)sqlite3_busy_timeout(db->handle, 0);
    *pages = log > 0 ? log : 0;
    return db_note(db, code);
}

enum err db_sync_log(struct db *db)
{
    sqlite3_file *log = NULL;
    errno = 0;
    int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log->pMethods)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return db_note(db, code);
}

/* SQLite gives its -wal and -shm the mode of the database. */
static enum err make_file(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return ERR_NONE;
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "cannot make %s", path);
    enum err e =
        fchmod(fd, 0600) ? fail_errno(fault, ERR_IO, "cannot set the mode of %s", path) : ERR_NONE;
    file_close(&fd);
    return e;
}

/* SQLite takes any failure to open for writing, one of want of descriptors too, as a reason to open
 * for reading: nothing could be written until the next start. */
static enum err check_writable(struct db *db)
{
    if (db->role == DB_READER || sqlite3_db_readonly(db->handle, "main") == 0)
        return ERR_NONE;
    (void)snprintf(db->text, sizeof db->text, "it can be opened for reading only");
    return ERR_IO;
}

/* SQLite counts its memory under one lock for all threads, and nobody asks for the count. Refused
 * where it runs already, which costs nothing but speed. */
static void set_up_engine(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum err open_handle(struct db *db, const char *path, struct fault *fault)
{
    if (db->role == DB_READER && access(path, F_OK))
        return fail_errno(fault, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s", path);
    if (db->role == DB_WRITER) {
        enum err e = make_file(path, fault);
        if (e)
            return e;
    }
    static pthread_once_t is_engine_set_up = PTHREAD_ONCE_INIT;
    int failed = pthread_once(&is_engine_set_up, set_up_engine);
    assert(!failed);
    int flags = db->role == DB_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    enum err e = db_note(db, sqlite3_open_v2(path, &db->handle, flags, NULL));
    return e ? e : check_writable(db);
}

/* Settings that are not allowed to fail: they touch nothing but the handle. */
static void set_up_handle(struct db *db)
{
    static const struct {
        int what;
        int value;
    } settings[] = {
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int now = -1;
        int code = sqlite3_db_config(db->handle, settings[i].what, settings[i].value, &now);
        assert(code == SQLITE_OK && now == settings[i].value);
    }
    (void)sqlite3_busy_timeout(db->handle, OPEN_WAIT_MS);
}

/* Temporary files would be one more disk that can be full. A log that grew beyond 32 MiB, as it
 * does while somebody reads for long, is cut to that when it begins anew. */
static const char *const pragmas[] = {
    [DB_READER] = "PRAGMA query_only=ON; PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;"
                  "PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0; PRAGMA foreign_keys=ON;"
                  "PRAGMA synchronous=FULL",
    [DB_WRITER] = "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
                  "PRAGMA journal_size_limit=33554432;"
                  "PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0; PRAGMA foreign_keys=ON;"
                  "PRAGMA synchronous=FULL",
};

/* "wal" is answered if it worked, else the mode that stays. */
static int compare_mode(void *arg, int count, char **values, char **names)
{
    bool *is_wal = arg;
    (void)names;
    *is_wal = count == 1 && values[0] && !strcmp(values[0], "wal");
    return 0;
}

static enum err set_journal_mode(struct db *db)
{
    bool is_wal = false;
    enum err e = db_note(
        db, sqlite3_exec(db->handle, "PRAGMA journal_mode=WAL", compare_mode, &is_wal, NULL));
    if (e || is_wal)
        return e;
    (void)snprintf(db->text, sizeof db->text, "no write-ahead log on this file system");
    return ERR_IO;
}

static enum err prepare_controls(struct db *db)
{
    for (size_t i = 0; i < CONTROL_COUNT; i++) {
        const char *sql = controls[db->role][i];
        int code = sql ? sqlite3_prepare_v3(
                             db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->control[i], NULL)
                       : SQLITE_OK;
        if (code != SQLITE_OK)
            return db_note(db, code);
    }
    return ERR_NONE;
}

static enum err set_up(struct db *db, bool bare)
{
    set_up_handle(db);
    errno = 0;
    enum err e = db_note(db, sqlite3_exec(db->handle, pragmas[db->role], NULL, NULL, NULL));
    if (!e && db->role == DB_WRITER)
        e = set_journal_mode(db);
    if (!e)
        e = prepare_controls(db);
    if (!e && !bare)
        e = query_prepare_all(db);
    if (!e && db->role == DB_WRITER)
        (void)sqlite3_wal_hook(db->handle, count_pages, db); /* takes the place of autocheckpoint */
    (void)sqlite3_busy_timeout(db->handle, db->role == DB_READER ? READ_WAIT_MS : 0);
    return e;
}

static enum err open_connection(
    struct db **out, const char *url, enum db_role role, bool bare, struct fault *fault)
{
    struct db *db = xalloc(sizeof *db);
    db->role = role;
    enum err e = open_handle(db, url, fault);
    if (!e)
        e = set_up(db, bare);
    if (e) {
        e = fail(fault, e, NULL, "database %s: %s", url, db->text);
        db_close(db);
        db = NULL;
    }
    *out = db;
    return e;
}

enum err db_open(struct db **out, const char *url, enum db_role role, struct fault *fault)
{
    return open_connection(out, url, role, false, fault);
}

enum err db_open_bare(struct db **out, const char *url, struct fault *fault)
{
    return open_connection(out, url, DB_WRITER, true, fault);
}

enum err db_open_bare_reader(struct db **out, const char *url, struct fault *fault)
{
    return open_connection(out, url, DB_READER, true, fault);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < Q__COUNT; i++)
        (void)sqlite3_finalize(db->queries[i].stmt);
    for (size_t i = 0; i < CONTROL_COUNT; i++)
        (void)sqlite3_finalize(db->control[i]);
    int code = sqlite3_close(db->handle);
    assert(code == SQLITE_OK); /* a statement was left */
    free(db);
}
