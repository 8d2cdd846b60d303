/* commits FOLDER MIGRATIONS SECONDS: what the disk and SQLite take for a create, without a service
 * around it. In a fresh database with orderd's schema, settings and statements, one thread writes
 * orders of three items, each in two durable commits: the attempt and the claim of its key; then
 * the end of the attempt, order, items, event, payment, notification and stored answer.
 *
 * Prints JSON: how many creates there were (two commits each), and the time of one. */
#include <dirent.h>
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "core/random.h"

#include "times.h"

#define ITEMS       3
#define MESSAGE_LEN 450 /* as long as a notification of three items */
#define ANSWER_LEN  700 /* as long as an answer */

enum statement {
#define STATEMENT(name, types, sql) name,
#include "db/statements.def"
#undef STATEMENT
    STATEMENT__COUNT
};

static const struct {
    const char *types;
    const char *sql;
} statements[STATEMENT__COUNT] = {
#define STATEMENT(name, types, sql) {types, sql},
#include "db/statements.def"
#undef STATEMENT
};

static sqlite3 *db;
static sqlite3_stmt *prepared[STATEMENT__COUNT];

static void check(int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
        errx(EXIT_FAILURE, "SQLite: %s", sqlite3_errmsg(db));
}

static void execute(const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static void bind(sqlite3_stmt *statement, int number, char type, va_list *values)
{
    char name[16];
    (void)snprintf(name, sizeof name, "$%d", number);
    int at = sqlite3_bind_parameter_index(statement, name);
    if (type == 'i')
        check(sqlite3_bind_int64(statement, at, va_arg(*values, sqlite3_int64)));
    else if (type == 't')
        check(sqlite3_bind_text(statement, at, va_arg(*values, const char *), -1, SQLITE_STATIC));
    else {
        const void *bytes = va_arg(*values, const void *);
        check(sqlite3_bind_blob(statement, at, bytes, va_arg(*values, int), SQLITE_STATIC));
    }
}

/* The first column of its first row, if there is one. i: sqlite3_int64; t: text; b: bytes, int. */
static sqlite3_int64 run(enum statement which, ...)
{
    sqlite3_int64 result = 0;
    sqlite3_stmt **statement = &prepared[which];
    if (!*statement)
        check(sqlite3_prepare_v2(db, statements[which].sql, -1, statement, NULL));
    va_list values;
    va_start(values, which);
    for (int i = 0; statements[which].types[i]; i++)
        bind(*statement, i + 1, statements[which].types[i], &values);
    va_end(values);
    int rc;
    while ((rc = sqlite3_step(*statement)) == SQLITE_ROW)
        result = sqlite3_column_int64(*statement, 0);
    check(rc);
    check(sqlite3_reset(*statement));
    return result;
}

static void first_commit(sqlite3_int64 user_id, const char *uid, const char *key, sqlite3_int64 now)
{
    static const char fingerprint[32];
    execute("BEGIN IMMEDIATE");
    run(ATTEMPT_START, uid, user_id, (sqlite3_int64)3885, "EUR", uid, now);
    run(KEY_CLAIM, user_id, key, fingerprint, (int)sizeof fingerprint, uid, now);
    execute("COMMIT");
}

static void second_commit(
    sqlite3_int64 user_id, const char *uid, const char *key, sqlite3_int64 now)
{
    static const char message[MESSAGE_LEN], answer[ANSWER_LEN];
    char outbox_uid[UID_SIZE];
    random_uid(outbox_uid);
    execute("BEGIN IMMEDIATE");
    run(ATTEMPT_END, uid, "ordered", (const char *)NULL, now);
    run(ORDER_ADD, user_id, uid, (sqlite3_int64)3885, "EUR", key, now);
    sqlite3_int64 order = sqlite3_last_insert_rowid(db);
    for (sqlite3_int64 line = 0; line < ITEMS; line++)
        run(ITEM_ADD, order, line, "TEA-250", "Green tea, 250 g", (sqlite3_int64)1,
            (sqlite3_int64)1295);
    run(PAYMENT_ADD, order, (sqlite3_int64)3885, "EUR", now);
    run(EVENT_ADD, order, "created", (const char *)NULL, now);
    run(OUTBOX_ADD, outbox_uid, "order_confirmed", order, message, MESSAGE_LEN, now);
    run(KEY_FINISH, user_id, key, uid, order, answer, ANSWER_LEN, now);
    execute("COMMIT");
}

static char *file_text(const char *folder, const char *name)
{
    char path[4096], *text = NULL;
    size_t room = 0;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file || getdelim(&text, &room, '\0', file) < 0)
        err(EXIT_FAILURE, "%s", path);
    (void)fclose(file);
    return text;
}

static int is_sql(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".sql") == 0;
}

static void migrate(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_sql, alphasort);
    if (count <= 0)
        err(EXIT_FAILURE, "no migrations in %s", folder);
    for (int i = 0; i < count; i++) {
        char *sql = file_text(folder, entries[i]->d_name);
        execute(sql);
        free(sql);
        free(entries[i]);
    }
    free(entries);
}

/* The user that everything belongs to. */
static sqlite3_int64 open_database(const char *folder, const char *migrations)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/commits.db", folder);
    check(sqlite3_open(path, &db));
    execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    migrate(migrations);
    return run(USER_ADD, "bench", "bench", "bench@example.com", "bench@example.com", "user", "x",
        (sqlite3_int64)time(NULL));
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(EXIT_FAILURE, "usage: commits FOLDER MIGRATIONS SECONDS");
    struct times times = {0};
    sqlite3_int64 user_id = open_database(argv[1], argv[2]);
    int64_t begun_us = times_now_us(), end_us = begun_us + (int64_t)(atof(argv[3]) * 1000000);
    for (int64_t now_us = begun_us; now_us < end_us;) {
        char uid[UID_SIZE], key[33];
        random_uid(uid);
        random_uid(key);
        first_commit(user_id, uid, key, time(NULL));
        second_commit(user_id, uid, key, time(NULL));
        int64_t last_us = now_us;
        now_us = times_now_us();
        times_add(&times, now_us - last_us);
    }
    double seconds = (double)(times_now_us() - begun_us) / 1e6;
    printf("{\"creates\": %zu, \"seconds\": %.3f, \"p50_us\": %lld, \"p99_us\": %lld}\n",
        times.count, seconds, (long long)times_percentile(&times, 50),
        (long long)times_percentile(&times, 99));
    for (int i = 0; i < STATEMENT__COUNT; i++)
        (void)sqlite3_finalize(prepared[i]);
    times_free(&times);
    return sqlite3_close(db) == SQLITE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
