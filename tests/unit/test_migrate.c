/* db/migrate: what an upgrade meets. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/digest.h"
#include "core/file.h"
#include "db/migrate.h"

#include "db_rig.h"
#include "unit.h"

static struct fault fault;
static const char *sql; /* a folder of migrations */
static struct db *bare;

static void begin(void)
{
    rig_begin();
    fault_begin(&fault, &rig_arena);
    sql = rig_file("sql");
    ck_assert_int_eq(mkdir(sql, 0700), 0);
    ck_assert_int_eq(db_open_bare(&bare, rig_path(), NULL), ERR_NONE);
}

static void end(void)
{
    db_close(bare);
    rig_end();
}

static void put(const char *name, const char *text)
{
    const char *path = arena_printf(&rig_arena, "%s/%s", sql, name);
    ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, NULL), ERR_NONE);
}

static void drop(const char *name)
{
    ck_assert_int_eq(unlink(arena_printf(&rig_arena, "%s/%s", sql, name)), 0);
}

static int64_t run(void)
{
    int64_t applied = -1;
    fault_clear(&fault);
    enum err e = migrate(bare, sql, &applied, &fault);
    ck_assert_msg(!e, "migrate: %s", fault.text);
    return applied;
}

/* Fails with ERR_CONFIG and a text that holds those words. */
static void refuse(const char *words)
{
    fault_clear(&fault);
    ck_assert_int_eq(migrate(bare, sql, NULL, &fault), ERR_CONFIG);
    ck_assert_msg(strstr(fault.text, words), "\"%s\" is not in: %s", words, fault.text);
    ck_assert(!db_in_transaction(bare));
    ck_assert_int_eq(db_error(bare), ERR_NONE);
}

START_TEST(a_folder_without_migrations_is_refused)
{
    refuse("no migrations");
    put("README", "text");
    put("0001_a.sql.orig", "CREATE TABLE a (x INTEGER) STRICT;");
    put("0001_a.postgres.sql", "nonsense");
    refuse("no migrations");
    sql = rig_file("nowhere");
    refuse("cannot open");
}
END_TEST

START_TEST(gaps_twins_and_a_wrong_first_number_are_refused)
{
    put("0002_b.sql", "CREATE TABLE b (x INTEGER) STRICT;");
    refuse("0001 is missing");
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    put("0004_d.sql", "CREATE TABLE d (x INTEGER) STRICT;");
    refuse("0003 is missing");
    drop("0004_d.sql");
    put("0002_twin.sql", "CREATE TABLE t (x INTEGER) STRICT;");
    refuse("0003 is missing or there twice");
    drop("0002_twin.sql");
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema"), 0);
}
END_TEST

START_TEST(a_misspelt_name_is_refused_not_passed_over)
{
    static const char *const names[] = {"1_a.sql", "0002-a.sql", "0002_A.sql", "0002_.sql",
        "0000_a.sql", "00002_a.sql", "a.sql", "1001_a.sql", "0002_a b.sql", "002_a.sql"};
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        put(names[i], "SELECT 1;");
        refuse("not named NNNN_name.sql");
        drop(names[i]);
    }
    ck_assert_int_eq(run(), 1);
}
END_TEST

START_TEST(migrations_run_once_and_in_order)
{
    put("0002_b.sql", "INSERT INTO a (x) SELECT count(*) FROM a;");
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a (x) VALUES (7);");
    ck_assert_int_eq(run(), 2);
    ck_assert_int_eq(run(), 0);
    put("0003_c.sql", "DELETE FROM a WHERE x = 7;");
    ck_assert_int_eq(run(), 1);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM a WHERE x = 1"), 1);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM a"), 1);
    ck_assert_int_eq(rig_number("SELECT max(number) FROM schema_migrations"), 3);
}
END_TEST

START_TEST(each_is_recorded_with_name_time_and_sha_256)
{
    static const char text[] = "CREATE TABLE a (x INTEGER) STRICT;";
    char checksum[DIGEST_TEXT_SIZE];
    digest_sha256_text(checksum, text, strlen(text));
    put("0001_a.sql", text);
    ck_assert_int_eq(run(), 1);
    ck_assert_int_eq(
        rig_number(arena_printf(&rig_arena,
            "SELECT count(*) FROM schema_migrations WHERE number = 1 AND name = '0001_a.sql'"
            " AND checksum = '%s' AND applied_at > 1700000000",
            checksum)),
        1);
}
END_TEST

START_TEST(a_changed_migration_is_refused_even_by_a_blank)
{
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    ck_assert_int_eq(run(), 1);
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT; ");
    put("0002_b.sql", "CREATE TABLE b (x INTEGER) STRICT;");
    refuse("was changed after it was applied");
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}
END_TEST

START_TEST(a_renamed_migration_is_refused)
{
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    ck_assert_int_eq(run(), 1);
    drop("0001_a.sql");
    put("0001_other.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    refuse("0001_a.sql was applied to the database and is not in");
}
END_TEST

START_TEST(a_database_newer_than_the_program_is_refused)
{
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    put("0002_b.sql", "CREATE TABLE b (x INTEGER) STRICT;");
    ck_assert_int_eq(run(), 2);
    drop("0002_b.sql");
    refuse("newer than this program: it has migration 0002_b.sql");
}
END_TEST

START_TEST(a_file_that_does_not_run_leaves_nothing_and_can_be_mended)
{
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    put("0002_b.sql", "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b (x) VALUES ('text');");
    put("0003_c.sql", "CREATE TABLE c (x INTEGER) STRICT;");
    refuse("migration 0002_b.sql: ");
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema WHERE name = 'a'"), 1);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema WHERE name IN ('b', 'c')"), 0);
    put("0002_b.sql", "CREATE TABLE b (x INTEGER) STRICT;");
    ck_assert_int_eq(run(), 2);
}
END_TEST

START_TEST(a_syntax_error_says_where)
{
    put("0001_a.sql", "CREATE TABEL a (x INTEGER) STRICT;");
    refuse("TABEL");
}
END_TEST

START_TEST(a_file_may_not_end_the_transaction_it_runs_in)
{
    static const char *const ends[] = {"COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT s", "END"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        put("0001_a.sql",
            arena_printf(&rig_arena, "CREATE TABLE a (x INTEGER) STRICT; %s; nonsense", ends[i]));
        refuse("not authorized");
        ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema WHERE name = 'a'"), 0);
    }
}
END_TEST

START_TEST(a_file_with_a_nul_is_refused)
{
    const char *path = arena_printf(&rig_arena, "%s/0001_a.sql", sql);
    ck_assert_int_eq(file_replace(path, "SELECT 1;\0DROP", 14, 0600, NULL), ERR_NONE);
    refuse("is not text");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_stops_before_anything_runs)
{
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    ck_assert_int_eq(mkdir(arena_printf(&rig_arena, "%s/0002_b.sql", sql), 0700), 0);
    ck_assert_int_ne(migrate(bare, sql, NULL, &fault), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema"), 0);
}
END_TEST

START_TEST(pending_counts_and_changes_nothing)
{
    put("0001_a.sql", "CREATE TABLE a (x INTEGER) STRICT;");
    ck_assert_int_eq(run(), 1);
    put("0002_b.sql", "CREATE TABLE b (x INTEGER) STRICT;");
    put("0003_c.sql", "CREATE TABLE c (x INTEGER) STRICT;");
    int64_t pending;
    ck_assert_int_eq(migrate_pending(bare, sql, &pending, &fault), ERR_NONE);
    ck_assert_int_eq(pending, 2);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM schema_migrations"), 1);
}
END_TEST

START_TEST(our_own_migrations_run)
{
    ck_assert_int_eq(migrate(bare, rig_migrations(), NULL, &fault), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
                                " sql NOT GLOB '*STRICT*' AND name NOT GLOB 'sqlite_*'"),
        0);
    struct db *db;
    ck_assert_int_eq(db_open(&db, rig_path(), DB_WRITER, &fault), ERR_NONE);
    db_close(db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migrate");
    TCase *tc = tcase_create("migrate");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_folder_without_migrations_is_refused);
    tcase_add_test(tc, gaps_twins_and_a_wrong_first_number_are_refused);
    tcase_add_test(tc, a_misspelt_name_is_refused_not_passed_over);
    tcase_add_test(tc, migrations_run_once_and_in_order);
    tcase_add_test(tc, each_is_recorded_with_name_time_and_sha_256);
    tcase_add_test(tc, a_changed_migration_is_refused_even_by_a_blank);
    tcase_add_test(tc, a_renamed_migration_is_refused);
    tcase_add_test(tc, a_database_newer_than_the_program_is_refused);
    tcase_add_test(tc, a_file_that_does_not_run_leaves_nothing_and_can_be_mended);
    tcase_add_test(tc, a_syntax_error_says_where);
    tcase_add_test(tc, a_file_may_not_end_the_transaction_it_runs_in);
    tcase_add_test(tc, a_file_with_a_nul_is_refused);
    tcase_add_test(tc, a_file_that_cannot_be_read_stops_before_anything_runs);
    tcase_add_test(tc, pending_counts_and_changes_nothing);
    tcase_add_test(tc, our_own_migrations_run);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
