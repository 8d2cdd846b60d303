/* Migrations.
 *
 * Special difficulty: what was applied once can never be changed, so every file is remembered by
 * its checksum and compared at each start, before anything else runs. The folder is judged as a
 * whole first (numbers without gaps, nothing applied that is gone), then only new files run, each
 * with its record in one transaction: after a crash the start goes on where it was. */
#include "db/migrate.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"

#include "db/db_unit.h"

#define NUMBER_LEN    4
#define COUNT_MAX     1000
#define FILE_MAX      (1024 * 1024)
#define BEGIN_MS      5000
#define BEGIN_POLL_MS 10

struct migration {
    int64_t number;
    const char *name; /* of the file */
    const char *sql;
    char checksum[DIGEST_TEXT_SIZE];
};

struct run {
    struct db *db;
    const char *folder;
    struct arena arena;
    struct fault *fault;
    struct migration *files;
    size_t count;
};

static const char migrations_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "number INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,"
    "applied_at INTEGER NOT NULL) STRICT";

/* Not a README, an editor's copy, or another engine's variant (0007_name.engine.sql). */
static bool is_migration(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot && !strcmp(dot, ".sql");
}

/* NNNN_name.sql with a name of [a-z0-9_]+. */
static bool parse_name(const char *name, int64_t *number)
{
    size_t digits = strspn(name, "0123456789");
    if (digits != NUMBER_LEN || name[NUMBER_LEN] != '_')
        return false;
    const char *word = name + NUMBER_LEN + 1;
    size_t word_len = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");
    size_t zeros = strspn(name, "0");
    if (!word_len || strcmp(word + word_len, ".sql") || zeros == NUMBER_LEN)
        return false;
    return text_parse_uint(name + zeros, NUMBER_LEN - zeros, COUNT_MAX, number);
}

static int by_number(const void *left, const void *right)
{
    int64_t a = ((const struct migration *)left)->number;
    int64_t b = ((const struct migration *)right)->number;
    return (a > b) - (a < b);
}

static enum err list_entries(struct run *run, DIR *dir)
{
    struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        int64_t number;
        if (!is_migration(entry->d_name))
            continue;
        if (!parse_name(entry->d_name, &number))
            return fail(run->fault, ERR_CONFIG, NULL, "%s/%s: not named NNNN_name.sql", run->folder,
                entry->d_name);
        if (run->count == COUNT_MAX)
            return fail(run->fault, ERR_CONFIG, NULL, "%s holds too many files", run->folder);
        run->files[run->count++] =
            (struct migration){.number = number, .name = arena_text(&run->arena, entry->d_name)};
    }
    return errno ? fail_errno(run->fault, ERR_IO, "cannot read %s", run->folder) : ERR_NONE;
}

static enum err list_files(struct run *run)
{
    DIR *dir = opendir(run->folder);
    if (!dir)
        return fail_errno(run->fault, ERR_CONFIG, "cannot open the migrations in %s", run->folder);
    run->files = arena_array(&run->arena, COUNT_MAX, sizeof *run->files);
    enum err e = list_entries(run, dir);
    (void)closedir(dir); /* it was only read */
    qsort(run->files, run->count, sizeof *run->files, by_number);
    return e;
}

static enum err read_file(struct run *run, struct migration *file)
{
    const char *path = arena_printf(&run->arena, "%s/%s", run->folder, file->name);
    char *sql;
    size_t len;
    enum err e = file_read(&run->arena, path, FILE_MAX, &sql, &len, run->fault);
    if (e)
        return e;
    if (strlen(sql) != len)
        return fail(run->fault, ERR_CONFIG, NULL, "%s is not text", path);
    file->sql = sql;
    digest_sha256_text(file->checksum, sql, len);
    return ERR_NONE;
}

/* Number i is at [i - 1]. */
static enum err read_folder(struct run *run)
{
    enum err e = list_files(run);
    if (e)
        return e;
    if (!run->count)
        return fail(run->fault, ERR_CONFIG, NULL, "no migrations in %s", run->folder);
    for (size_t i = 0; i < run->count; i++) {
        if (run->files[i].number != (int64_t)i + 1)
            return fail(run->fault, ERR_CONFIG, NULL,
                "%s/%s: number %04zu is missing or there twice", run->folder, run->files[i].name,
                i + 1);
        e = read_file(run, &run->files[i]);
        if (e)
            return e;
    }
    return ERR_NONE;
}

/* One record against the folder; position counts from 0. */
static enum err compare(const struct run *run, const struct query *query, size_t position)
{
    int64_t number = column_int(query, 0);
    const char *name = column_text(query, 1);
    if (position >= run->count)
        return fail(run->fault, ERR_CONFIG, NULL,
            "the database is newer than this program: it has migration %s, and %s ends with %s",
            name, run->folder, run->files[run->count - 1].name);
    const struct migration *file = &run->files[position];
    if (number != file->number || strcmp(name, file->name))
        return fail(run->fault, ERR_CONFIG, NULL,
            "migration %s was applied to the database and is not in %s", name, run->folder);
    if (strcmp(column_text(query, 2), file->checksum))
        return fail(run->fault, ERR_CONFIG, NULL,
            "migration %s/%s was changed after it was applied", run->folder, name);
    return ERR_NONE;
}

static enum err compare_all(struct run *run, size_t *applied)
{
    enum err own = ERR_NONE;
    *applied = 0;
    struct query *query = db_query(run->db, Q_MIGRATION_LIST);
    while (!own && query_row(query))
        own = compare(run, query, (*applied)++);
    enum err e = query_end(query);
    if (e)
        return fail(run->fault, e, NULL, "cannot read the migrations: %s", db_text(run->db));
    return own;
}

static enum err begin(struct run *run)
{
    int64_t deadline = clock_mono_ms() + BEGIN_MS;
    enum err e;
    while ((e = db_begin(run->db)) == ERR_BUSY && clock_mono_ms() < deadline)
        clock_sleep_until(clock_mono_ms() + BEGIN_POLL_MS);
    return e ? fail(run->fault, e, NULL, "cannot begin a migration: %s", db_text(run->db)) : e;
}

static enum err record(struct db *db, const struct migration *file)
{
    struct query *query = db_query(db, Q_MIGRATION_ADD);
    query_int(query, 1, file->number);
    query_text(query, 2, file->name);
    query_text(query, 3, file->checksum);
    query_int(query, 4, clock_now());
    return query_exec(query);
}

static enum err run_script(struct run *run, const char *sql, const struct migration *file)
{
    enum err e = begin(run);
    if (e)
        return e;
    e = db_script(run->db, sql);
    if (!e && file)
        e = record(run->db, file);
    db_clear(run->db);
    if (!e)
        e = db_commit(run->db);
    if (e == ERR_BROKEN || e == ERR_TAKEN)
        e = ERR_CONFIG; /* it is the file that is wrong */
    if (e)
        e = fail(run->fault, e, NULL, "migration %s: %s", file ? file->name : "schema_migrations",
            db_text(run->db));
    db_rollback(run->db);
    return e;
}

static enum err apply_new(struct run *run, int64_t *applied)
{
    size_t known = 0;
    enum err e = compare_all(run, &known);
    for (size_t i = known; !e && i < run->count; i++) {
        e = run_script(run, run->files[i].sql, &run->files[i]);
        if (e)
            break;
        (*applied)++;
        LOG_INFO("migration applied", LOG_TEXT("name", run->files[i].name));
    }
    return e;
}

enum err migrate(struct db *db, const char *folder, int64_t *applied, struct fault *fault)
{
    struct run run = {.db = db, .folder = folder, .fault = fault};
    int64_t count = 0;
    arena_init(&run.arena, 64 * 1024);
    enum err e = read_folder(&run);
    if (!e)
        e = run_script(&run, migrations_table, NULL);
    if (!e)
        e = apply_new(&run, &count);
    arena_fini(&run.arena);
    if (applied)
        *applied = count;
    return e;
}

enum err migrate_pending(struct db *db, const char *folder, int64_t *pending, struct fault *fault)
{
    struct run run = {.db = db, .folder = folder, .fault = fault};
    size_t known = 0;
    arena_init(&run.arena, 64 * 1024);
    enum err e = read_folder(&run);
    if (!e)
        e = compare_all(&run, &known);
    *pending = e ? 0 : (int64_t)(run.count - known);
    arena_fini(&run.arena);
    return e;
}
