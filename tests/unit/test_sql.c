/* The SQL of statements.def and sql/: words that only one engine knows, and plans that cost more
 * the more there is. */
#include <glob.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

#include "core/file.h"

#include "db_rig.h"
#include "unit.h"

static const struct {
    const char *name;
    const char *sql;
} statements[] = {
#define STATEMENT(name, types, sql) {#name, sql},
#include "db/statements.def"
#undef STATEMENT
};
#define STATEMENT_COUNT (sizeof statements / sizeof statements[0])

static const char *const banned[] = {
    "NOCASE",
    "INSERT +OR|REPLACE +INTO|OR +(IGNORE|ROLLBACK|ABORT|FAIL)",
    "(^|[^_a-z])(oid|rowid)([^_a-z]|$)",
    "ifnull *\\(",
    "hex *\\(",
    "(date|time|datetime|julianday|strftime|unixepoch) *\\(",
    "CURRENT_(TIMESTAMP|DATE|TIME)",
    "(^|[^a-z])(LIKE|GLOB|MATCH|REGEXP)([^a-z]|$)",
    "DELETE +FROM +[a-z_]+( +WHERE [^(]*)? +LIMIT",
    "UPDATE +[a-z_]+ +SET [^(]* LIMIT",
    "last_insert_rowid|changes *\\(",
    "(max|min) *\\([^()]*,",
    "IS +(NOT +)?[0-9]",
    "group_concat|total *\\(|instr *\\(|printf *\\(",
    "GROUP +BY",
    "\"",
    "\\?",
    "[^'a-z](:|@)[a-z]",
    "== |!=",
    "PRAGMA",
    "NULLS +(FIRST|LAST)",
};

/* The words that it holds; NULL: none of them. */
static const char *find_banned(const char *sql)
{
    for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++) {
        regex_t pattern;
        ck_assert_int_eq(regcomp(&pattern, banned[i], REG_EXTENDED | REG_ICASE | REG_NOSUB), 0);
        bool found = !regexec(&pattern, sql, 0, NULL, 0);
        regfree(&pattern);
        if (found)
            return banned[i];
    }
    return NULL;
}

START_TEST(the_ban_finds_what_is_banned)
{
    static const char *const bad[] = {
        "SELECT name COLLATE nocase FROM t",
        "insert or ignore into t values (1)",
        "SELECT rowid FROM t",
        "SELECT ifnull(a, b)",
        "SELECT hex(a)",
        "SELECT datetime('now')",
        "INSERT INTO t VALUES (CURRENT_TIMESTAMP)",
        "SELECT a FROM t WHERE a LIKE 'x'",
        "DELETE FROM t WHERE a = $1 LIMIT 5",
        "DELETE FROM t LIMIT 5",
        "SELECT last_insert_rowid()",
        "SELECT changes()",
        "SELECT max(a, b) FROM t",
        "SELECT a FROM t WHERE a IS 1",
        "SELECT \"a\" FROM t",
        "SELECT a FROM t WHERE a = ?1",
        "SELECT a FROM t WHERE a = :name",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(find_banned(bad[i]), "not found in: %s", bad[i]);
    ck_assert_ptr_null(find_banned("DELETE FROM t WHERE (a, b) IN (SELECT a, b FROM t LIMIT $1)"));
    ck_assert_ptr_null(find_banned("SELECT max(number) FROM updated_rows"));
}
END_TEST

START_TEST(statements_use_no_words_of_one_engine)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        const char *found = find_banned(statements[i].sql);
        ck_assert_msg(!found, "%s: %s", statements[i].name, found);
    }
}
END_TEST

/* What the schema may say although it is SQLite's own: exchanged for another engine. */
static void blank_out(char *text, const char *words)
{
    for (char *at = text; (at = strstr(at, words)) != NULL;)
        memset(at, ' ', strlen(words));
}

START_TEST(migrations_use_no_words_of_one_engine)
{
    glob_t files;
    const char *pattern = arena_printf(&rig_arena, "%s/*.sql", rig_migrations());
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *text;
        size_t len;
        enum err e = file_read(&rig_arena, files.gl_pathv[i], 1 << 20, &text, &len, NULL);
        ck_assert_int_eq(e, ERR_NONE);
        blank_out(text, "WITHOUT ROWID");
        const char *found = find_banned(text);
        ck_assert_msg(!found, "%s: %s", files.gl_pathv[i], found);
    }
    globfree(&files);
}
END_TEST

START_TEST(unique_indexes_are_named_by_table_and_column)
{
    (void)rig_db();
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema AS i WHERE type = 'index'"
                                " AND sql GLOB 'CREATE UNIQUE*' AND name <> tbl_name || '_' ||"
                                " (SELECT group_concat(name, '_') FROM pragma_index_info(i.name))"),
        0);
}
END_TEST

/* A plan is rows of text; a scan or a sort is named in it. */
static void check_plan(sqlite3 *handle, const char *name, const char *sql)
{
    const char *explain = arena_printf(&rig_arena, "EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *stmt;
    ck_assert_int_eq(sqlite3_prepare_v2(handle, explain, -1, &stmt, NULL), SQLITE_OK);
    int steps = 0;
    for (; sqlite3_step(stmt) == SQLITE_ROW; steps++) {
        const char *detail = (const char *)sqlite3_column_text(stmt, 3);
        ck_assert_msg(!strstr(detail, "SCAN"), "%s: %s", name, detail);
        ck_assert_msg(!strstr(detail, "TEMP B-TREE"), "%s: %s", name, detail);
        ck_assert_msg(!strstr(detail, "AUTOMATIC"), "%s: %s", name, detail);
    }
    ck_assert_int_gt(steps, 0);
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
}

/* These read the whole of something that is small, or are for tests and administrators. */
static bool may_scan(const char *name)
{
    static const char *const names[] = {"USER_COUNT", "ATTEMPT_COUNT", "ATTEMPT_DUE", "PAYMENT_DUE",
        "OUTBOX_NEXT", "OUTBOX_COUNT", "MIGRATION_LIST", "ATTEMPT_ABANDON", "KEY_RELEASE_STARTED",
        "USER_DISABLE", "USER_SET_ROLE", "OUTBOX_WALK", "BOOKS_WALK", "USER_VOID_TOKENS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

START_TEST(no_statement_scans_or_sorts_a_table_that_grows)
{
    (void)rig_db();
    sqlite3 *handle;
    ck_assert_int_eq(sqlite3_open(rig_path(), &handle), SQLITE_OK);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (!may_scan(statements[i].name) && strncmp(statements[i].sql, "INSERT", 6) != 0)
            check_plan(handle, statements[i].name, statements[i].sql);
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
}
END_TEST

/* What a create is made of, up to its capture and the end of its outbox row. */
static bool is_of_a_create(const char *name)
{
    static const char *const names[] = {"ATTEMPT_START", "KEY_GET", "KEY_CLAIM", "ATTEMPT_END",
        "ORDER_ADD", "ITEM_ADD", "PAYMENT_ADD", "EVENT_ADD", "OUTBOX_ADD", "KEY_FINISH",
        "OUTBOX_NEXT", "OUTBOX_DELETE", "PAYMENT_DUE", "PAYMENT_ORDER", "PAYMENT_SETTLE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static void check_makes_no_table(sqlite3 *handle, const char *name, const char *sql)
{
    sqlite3_stmt *stmt;
    const char *explain = arena_printf(&rig_arena, "EXPLAIN %s", sql);
    ck_assert_int_eq(sqlite3_prepare_v2(handle, explain, -1, &stmt, NULL), SQLITE_OK);
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *operation = (const char *)sqlite3_column_text(stmt, 1);
        ck_assert_msg(strcmp(operation, "OpenEphemeral") != 0, "%s makes a temporary table", name);
    }
    ck_assert_int_eq(code, SQLITE_DONE);
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
}

/* RETURNING does, and an IN with more than two values in a CHECK; each costs as much as an INSERT.
 */
START_TEST(no_statement_of_a_create_makes_a_temporary_table)
{
    (void)rig_db();
    sqlite3 *handle;
    int count = 0;
    ck_assert_int_eq(sqlite3_open(rig_path(), &handle), SQLITE_OK);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (is_of_a_create(statements[i].name)) {
            check_makes_no_table(handle, statements[i].name, statements[i].sql);
            count++;
        }
    ck_assert_int_eq(count, 15);
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
}
END_TEST

/* Those are in the order of their partial index already, which holds only what is to be done. */
START_TEST(work_lists_read_their_own_index_and_sort_nothing)
{
    (void)rig_db();
    sqlite3 *handle;
    ck_assert_int_eq(sqlite3_open(rig_path(), &handle), SQLITE_OK);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        const char *index = !strcmp(statements[i].name, "ATTEMPT_DUE") ? "payment_attempts_voiding"
                            : !strcmp(statements[i].name, "PAYMENT_DUE") ? "payments_authorized"
                            : !strcmp(statements[i].name, "ATTEMPT_ABANDON")
                                ? "payment_attempts_started"
                                : NULL;
        if (!index)
            continue;
        sqlite3_stmt *stmt;
        const char *sql = arena_printf(&rig_arena, "EXPLAIN QUERY PLAN %s", statements[i].sql);
        ck_assert_int_eq(sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
        const char *detail = (const char *)sqlite3_column_text(stmt, 3);
        ck_assert_msg(strstr(detail, index), "%s: %s", statements[i].name, detail);
        while (sqlite3_step(stmt) == SQLITE_ROW) { /* what belongs to a row follows by key */
            detail = (const char *)sqlite3_column_text(stmt, 3);
            ck_assert_msg(!strncmp(detail, "SEARCH", 6), "%s: %s", statements[i].name, detail);
        }
        ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
    }
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sql");
    TCase *tc = tcase_create("sql");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_ban_finds_what_is_banned);
    tcase_add_test(tc, statements_use_no_words_of_one_engine);
    tcase_add_test(tc, migrations_use_no_words_of_one_engine);
    tcase_add_test(tc, unique_indexes_are_named_by_table_and_column);
    tcase_add_test(tc, no_statement_scans_or_sorts_a_table_that_grows);
    tcase_add_test(tc, work_lists_read_their_own_index_and_sort_nothing);
    tcase_add_test(tc, no_statement_of_a_create_makes_a_temporary_table);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
