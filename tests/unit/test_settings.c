/* db/settings against a real database. */
#include <string.h>

#include "db/settings.h"

#include "db_rig.h"
#include "unit.h"

START_TEST(the_first_value_counts)
{
    struct db *db = rig_db();
    char value[4] = "abc";
    ck_assert_int_eq(settings_get_or_set(db, "key", value, sizeof value), ERR_NONE);
    ck_assert_str_eq(value, "abc");
    char other[4] = "xyz";
    ck_assert_int_eq(settings_get_or_set(db, "key", other, sizeof other), ERR_NONE);
    ck_assert_str_eq(other, "abc");
}
END_TEST

START_TEST(a_value_is_read_or_not_there)
{
    struct db *db = rig_db();
    char value[4] = "abc";
    char found[4] = "xyz";
    char longer[8] = "abcdefg";
    ck_assert_int_eq(settings_get(db, "key", found, sizeof found), ERR_NOT_FOUND);
    ck_assert_str_eq(found, "xyz");
    ck_assert_int_eq(settings_put(db, "key", value, sizeof value), ERR_NONE);
    ck_assert_int_eq(settings_get(db, "key", found, sizeof found), ERR_NONE);
    ck_assert_str_eq(found, "abc");
    ck_assert_int_eq(settings_get(db, "key", longer, sizeof longer), ERR_CORRUPT);
    ck_assert_str_eq(longer, "abcdefg");
}
END_TEST

START_TEST(a_value_of_another_length_is_not_taken)
{
    struct db *db = rig_db();
    char value[4] = "abc";
    ck_assert_int_eq(settings_get_or_set(db, "key", value, sizeof value), ERR_NONE);
    char longer[8] = "abcdefg";
    ck_assert_int_eq(settings_get_or_set(db, "key", longer, sizeof longer), ERR_CORRUPT);
    ck_assert_str_eq(longer, "abcdefg");
}
END_TEST

START_TEST(put_replaces)
{
    struct db *db = rig_db();
    ck_assert_int_eq(settings_put(db, "key", "one", 4), ERR_NONE);
    ck_assert_int_eq(settings_put(db, "key", "two", 4), ERR_NONE);
    char value[4] = "xyz";
    ck_assert_int_eq(settings_get_or_set(db, "key", value, sizeof value), ERR_NONE);
    ck_assert_str_eq(value, "two");
}
END_TEST

START_TEST(names_are_apart)
{
    struct db *db = rig_db();
    ck_assert_int_eq(settings_put(db, "a", "one", 4), ERR_NONE);
    ck_assert_int_eq(settings_put(db, "A", "two", 4), ERR_NONE);
    char value[4] = "";
    ck_assert_int_eq(settings_get_or_set(db, "a", value, sizeof value), ERR_NONE);
    ck_assert_str_eq(value, "one");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tc = tcase_create("settings");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_value_is_read_or_not_there);
    tcase_add_test(tc, the_first_value_counts);
    tcase_add_test(tc, a_value_of_another_length_is_not_taken);
    tcase_add_test(tc, put_replaces);
    tcase_add_test(tc, names_are_apart);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
