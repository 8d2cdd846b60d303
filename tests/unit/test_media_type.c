/* The one media type: what is taken and what is not. */
#include <stdio.h>

#include "api/media_type.h"

#include "unit.h"

static const char *const taken[] = {
    "application/json",
    "APPLICATION/Json",
    "application/json;charset=utf-8",
    "application/json; charset=UTF-8",
    "application/json; Charset=\"utf-8\"",
    "application/json ; charset=utf-8 ",
};

static const char *const refused[] = {
    "",
    "text/plain",
    "application/jsonx",
    "application/json x",
    "application/json;",
    "application/json; ",
    "application/json; charset=latin1",
    "application/json; charset=utf-8; charset=utf-8",
    "application/json; charset=utf-8x",
    "application/json; charset=\"utf-8",
    "application/json; charset = utf-8",
    "application/json; q=1",
    "application/json, application/json",
    "application/problem+json",
    "application/x-www-form-urlencoded",
};

START_TEST(json_is_taken_with_or_without_its_charset)
{
    ck_assert_msg(media_type_is_json(taken[_i]), "%s", taken[_i]);
}
END_TEST

START_TEST(anything_else_is_refused)
{
    ck_assert_msg(!media_type_is_json(refused[_i]), "%s", refused[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("media type");
    TCase *tests = tcase_create("media type");
    tcase_add_loop_test(tests, anything_else_is_refused, 0, sizeof refused / sizeof refused[0]);
    tcase_add_loop_test(
        tests, json_is_taken_with_or_without_its_charset, 0, sizeof taken / sizeof taken[0]);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
