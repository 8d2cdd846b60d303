#include "unit.h"

#include <stdint.h>
#include <string.h>

#include "core/option.h"

/* The table itself: what a slip of the pen would break. */
START_TEST(a_row_is_sound)
{
    const struct option_row *row = &option_rows[_i];
    int64_t number;
    enum config_option option;
    ck_assert(option_find(row->section, row->name, &option));
    ck_assert_int_eq((int)option, _i); /* no other of that name */
    ck_assert(option_check(row, row->value, &number));
    ck_assert_int_le(row->min, row->max);
    ck_assert(*row->sentence);
    if (row->type == OPTION_INT)
        ck_assert(*row->unit);
    if (row->type == OPTION_CHOICE)
        ck_assert_ptr_nonnull(strchr(row->unit, ' '));
    bool is_new_section = _i == 0 || strcmp(row->section, option_rows[_i - 1].section);
    for (int i = 0; is_new_section && i < _i; i++)
        ck_assert_str_ne(option_rows[i].section, row->section);
}
END_TEST

START_TEST(the_range_of_an_octal_number_is_octal)
{
    const struct option_row row = {"a", "b", OPTION_INT, "700", 700, 777, "octal", "sentence"};
    int64_t number;
    ck_assert(option_check(&row, "700", &number));
    ck_assert_int_eq(number, 0700);
    ck_assert(!option_check(&row, "677", &number));
    ck_assert(!option_check(&row, "1000", &number));
    ck_assert(!option_check(&row, "0", &number));
    ck_assert(!option_check(&row, "", &number));
}
END_TEST

START_TEST(yes_and_no_are_spelt_so)
{
    const struct option_row row = {"a", "b", OPTION_BOOL, "no", 0, 0, "", "sentence"};
    int64_t number;
    ck_assert(option_check(&row, "yes", &number));
    ck_assert_int_eq(number, 1);
    ck_assert(option_check(&row, "no", &number));
    ck_assert_int_eq(number, 0);
    ck_assert(!option_check(&row, "true", &number));
    ck_assert(!option_check(&row, "1", &number));
    ck_assert(!option_check(&row, "", &number));
    ck_assert_str_eq(option_range(&row, NULL), "yes or no");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("option");
    TCase *tcase = tcase_create("option");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, a_row_is_sound, 0, OPT__COUNT);
    tcase_add_test(tcase, the_range_of_an_octal_number_is_octal);
    tcase_add_test(tcase, yes_and_no_are_spelt_so);
    return unit_run(suite);
}
