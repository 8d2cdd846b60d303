/* Cursors: only what was sealed for the same purpose with the same key opens. */
#include <stdlib.h>
#include <string.h>

#include "security/cursor.h"

#include "unit.h"

#define PURPOSE "orders\n3\nreference=A"

static const unsigned char key[CURSOR_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static const unsigned char other_key[CURSOR_KEY_SIZE] = "0123456789abcdef0123456789abcdf";

static const int64_t ids[] = {0, 1, 17, 255, 256, INT64_MAX, -1, INT64_MIN};

START_TEST(what_was_sealed_opens)
{
    char cursor[CURSOR_SIZE];
    int64_t id = 42;
    cursor_seal(cursor, key, PURPOSE, ids[_i]);
    ck_assert_uint_eq(strlen(cursor), 32);
    ck_assert(cursor_has_form(cursor, 32));
    ck_assert(!cursor_has_form(cursor, 31));
    ck_assert(!cursor_has_form(cursor, 33)); /* its NUL is no character of it */
    ck_assert(cursor_open(cursor, key, PURPOSE, &id));
    ck_assert_int_eq(id, ids[_i]);
}
END_TEST

/* So that a new release opens what an old one sealed. */
START_TEST(a_cursor_is_always_the_same)
{
    char cursor[CURSOR_SIZE];
    cursor_seal(cursor, key, PURPOSE, 17);
    ck_assert_str_eq(cursor, "AAAAAAAAABEeismnvhuEU-emzF-iQ39L");
}
END_TEST

static const char *const purposes[] = {
    "",
    "orders\n3\nreference=B",
    "orders\n3\nreference=A ",
    "orders\n3\nreference=",
    "orders\n4\nreference=A",
    "mine\n3\nreference=A",
};

START_TEST(another_purpose_does_not_open_it)
{
    char cursor[CURSOR_SIZE];
    int64_t id = 42;
    cursor_seal(cursor, key, PURPOSE, 17);
    ck_assert(!cursor_open(cursor, key, purposes[_i], &id));
    ck_assert_int_eq(id, 42);
}
END_TEST

START_TEST(another_key_does_not_open_it)
{
    char cursor[CURSOR_SIZE];
    int64_t id = 42;
    cursor_seal(cursor, key, PURPOSE, 17);
    ck_assert(!cursor_open(cursor, other_key, PURPOSE, &id));
    ck_assert_int_eq(id, 42);
}
END_TEST

START_TEST(no_byte_of_it_can_be_changed)
{
    char cursor[CURSOR_SIZE];
    int64_t id = 42;
    cursor_seal(cursor, key, PURPOSE, 17);
    for (size_t i = 0; i < strlen(cursor); i++) {
        char kept = cursor[i];
        cursor[i] = kept == 'A' ? 'B' : 'A';
        ck_assert(!cursor_open(cursor, key, PURPOSE, &id));
        cursor[i] = kept;
    }
    ck_assert_int_eq(id, 42);
    ck_assert(cursor_open(cursor, key, PURPOSE, &id));
}
END_TEST

static const char forged[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static const char *const foreign[] = {
    "",
    "A",
    "17",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    forged,
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AAAAAAAAAAAAAAAA AAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAA+AAAAAAAAAAAAAA/",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

START_TEST(what_is_no_cursor_does_not_open)
{
    int64_t id = 42;
    char *exact = strdup(foreign[_i]); /* so that a sanitizer sees a read past the end */
    ck_assert(!cursor_open(exact, key, PURPOSE, &id));
    ck_assert_int_eq(id, 42);
    ck_assert(cursor_has_form(exact, strlen(exact)) == (foreign[_i] == forged));
    free(exact);
}
END_TEST

START_TEST(a_part_of_a_cursor_or_more_than_it_does_not_open)
{
    char cursor[CURSOR_SIZE], longer[CURSOR_SIZE];
    int64_t id = 42;
    cursor_seal(cursor, key, PURPOSE, 17);
    memcpy(longer, cursor, 32);
    memcpy(longer + 32, "AA", 3);
    ck_assert(!cursor_open(longer, key, PURPOSE, &id));
    cursor[31] = '\0';
    ck_assert(!cursor_open(cursor, key, PURPOSE, &id));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cursor");
    TCase *all = tcase_create("cursor");
    tcase_add_loop_test(
        all, what_is_no_cursor_does_not_open, 0, (int)(sizeof foreign / sizeof *foreign));
    tcase_add_loop_test(
        all, another_purpose_does_not_open_it, 0, (int)(sizeof purposes / sizeof *purposes));
    tcase_add_test(all, another_key_does_not_open_it);
    tcase_add_test(all, no_byte_of_it_can_be_changed);
    tcase_add_test(all, a_part_of_a_cursor_or_more_than_it_does_not_open);
    tcase_add_loop_test(all, what_was_sealed_opens, 0, (int)(sizeof ids / sizeof *ids));
    tcase_add_test(all, a_cursor_is_always_the_same);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
