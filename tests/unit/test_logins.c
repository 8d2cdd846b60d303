/* db/logins against a real database. */
#include "db/logins.h"

#include "db_rig.h"
#include "unit.h"

static int64_t found(struct db *db, int64_t user_id, const char *address)
{
    int64_t at = -1;
    ck_assert_int_eq(logins_find(db, user_id, address, &at), ERR_NONE);
    return at;
}

START_TEST(nobody_of_whom_nothing_is_known_is_found)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    int64_t bob = rig_user(db, "bob");
    ck_assert_int_eq(logins_record(db, alice, "192.0.2.1", 1000, 10, 0), ERR_NONE);
    ck_assert_int_eq(found(db, alice, "192.0.2.2"), 0);
    ck_assert_int_eq(found(db, bob, "192.0.2.1"), 0);
    ck_assert_int_eq(found(db, bob + 1, "192.0.2.1"), 0);
}
END_TEST

START_TEST(nobodys_login_is_a_bug_of_ours)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    ck_assert_int_eq(logins_record(db, alice, "", 1000, 10, 0), ERR_BROKEN);
    db_clear(db);
    ck_assert_int_eq(db_begin(db), ERR_NONE);
    ck_assert_int_eq(logins_record(db, alice + 1, "192.0.2.1", 1000, 10, 0), ERR_BROKEN);
    db_rollback(db);
    db_clear(db);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM login_addresses"), 0);
}
END_TEST

START_TEST(the_last_login_is_what_counts)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    for (int64_t at = 1000; at <= 3000; at += 1000) {
        ck_assert_int_eq(logins_record(db, alice, "192.0.2.1", at, 10, 0), ERR_NONE);
        ck_assert_int_eq(found(db, alice, "192.0.2.1"), at);
    }
    ck_assert_int_eq(rig_number("SELECT count(*) FROM login_addresses"), 1);
}
END_TEST

START_TEST(each_user_has_so_many_addresses_and_loses_the_oldest)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    int64_t bob = rig_user(db, "bob");
    ck_assert_int_eq(logins_record(db, bob, "192.0.2.1", 1, 2, 0), ERR_NONE);
    ck_assert_int_eq(logins_record(db, alice, "192.0.2.1", 1000, 2, 0), ERR_NONE);
    ck_assert_int_eq(logins_record(db, alice, "192.0.2.2", 1001, 2, 0), ERR_NONE);
    ck_assert_int_eq(logins_record(db, alice, "192.0.2.1", 1002, 2, 0), ERR_NONE);
    ck_assert_int_eq(logins_record(db, alice, "192.0.2.3", 1003, 2, 0), ERR_NONE);
    ck_assert_int_eq(found(db, alice, "192.0.2.1"), 1002);
    ck_assert_int_eq(found(db, alice, "192.0.2.2"), 0);
    ck_assert_int_eq(found(db, alice, "192.0.2.3"), 1003);
    ck_assert_int_eq(found(db, bob, "192.0.2.1"), 1);
}
END_TEST

/* Of users who never come back, too: whoever logs in takes a few of them along. */
START_TEST(what_has_expired_leaves_a_few_at_a_time)
{
    struct db *db = rig_db();
    int64_t alice = rig_user(db, "alice");
    int64_t bob = rig_user(db, "bob");
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(
            logins_record(db, alice, arena_printf(&rig_arena, "192.0.2.%d", i), 1000 + i, 100, 0),
            ERR_NONE);
    ck_assert_int_eq(logins_record(db, bob, "198.51.100.1", 5000, 100, 1019), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM login_addresses"), 5);
    ck_assert_int_eq(rig_number("SELECT min(logged_in_at) FROM login_addresses"), 1016);
    ck_assert_int_eq(logins_record(db, bob, "198.51.100.1", 5000, 100, 1019), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT min(logged_in_at) FROM login_addresses"), 1019);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM login_addresses"), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("logins");
    TCase *tc = tcase_create("logins");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_add_test(tc, nobody_of_whom_nothing_is_known_is_found);
    tcase_add_test(tc, nobodys_login_is_a_bug_of_ours);
    tcase_add_test(tc, the_last_login_is_what_counts);
    tcase_add_test(tc, each_user_has_so_many_addresses_and_loses_the_oldest);
    tcase_add_test(tc, what_has_expired_leaves_a_few_at_a_time);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
