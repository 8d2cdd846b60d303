#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/error.h"

static struct arena arena;
static struct fault fault;

static void begin(void)
{
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
}

static void end(void)
{
    arena_fini(&arena);
}

START_TEST(every_code_has_a_whole_row)
{
    const struct err_info *info = err_info((enum err)_i);
    ck_assert(*info->name && *info->problem && *info->title && *info->text);
    ck_assert_int_ge(info->status, 400);
    ck_assert_int_lt(info->status, 600);
    for (int other = 0; other < _i; other++)
        ck_assert_str_ne(info->name, err_info((enum err)other)->name);
}
END_TEST

START_TEST(no_error_is_ok_and_what_is_no_code_is_internal)
{
    ck_assert_str_eq(err_info(ERR_NONE)->name, "ok");
    ck_assert_int_eq(err_info(ERR_NONE)->status, 200);
    ck_assert_ptr_eq(err_info(ERR__COUNT), err_info(ERR_INTERNAL));
    ck_assert_ptr_eq(err_info((enum err) - 1), err_info(ERR_INTERNAL));
}
END_TEST

START_TEST(the_first_cause_wins)
{
    ck_assert_int_eq(fail(&fault, ERR_FULL, NULL, "disk %d", 1), ERR_FULL);
    ck_assert_int_eq(fail(&fault, ERR_IO, NULL, "and then"), ERR_IO);
    ck_assert_int_eq(fail(&fault, ERR_FULL, NULL, "again"), ERR_FULL);
    ck_assert_int_eq(fail(&fault, ERR_VALIDATION, "a", "field"), ERR_VALIDATION);
    ck_assert_int_eq(fault.code, ERR_FULL);
    ck_assert_str_eq(fault.text, "disk 1");
    ck_assert_uint_eq(fault.field_count, 0);
}
END_TEST

START_TEST(fields_of_the_same_code_are_collected)
{
    char name[] = "items[0].sku";
    ck_assert_int_eq(fail(&fault, ERR_VALIDATION, name, "is missing"), ERR_VALIDATION);
    memset(name, 'x', strlen(name)); /* the caller's text may go away */
    fail(&fault, ERR_VALIDATION, "", "has %d members too many", 2);
    fail(&fault, ERR_CONFLICT, "username", "is taken");
    ck_assert_uint_eq(fault.field_count, 2);
    ck_assert_str_eq(fault.fields[0].field, "items[0].sku");
    ck_assert_str_eq(fault.fields[0].message, "is missing");
    ck_assert_str_eq(fault.fields[1].field, "");
    ck_assert_str_eq(fault.fields[1].message, "has 2 members too many");
    ck_assert_ptr_null(fault.text);
}
END_TEST

START_TEST(a_text_may_come_before_its_fields)
{
    fail(&fault, ERR_CONFLICT, NULL, "taken");
    fail(&fault, ERR_CONFLICT, "email", "is taken");
    ck_assert_str_eq(fault.text, "taken");
    ck_assert_uint_eq(fault.field_count, 1);
}
END_TEST

START_TEST(at_most_a_hundred_fields_are_named)
{
    for (int i = 0; i < FAULT_FIELDS_MAX + 20; i++) {
        char name[24];
        snprintf(name, sizeof name, "items[%d]", i);
        fail(&fault, ERR_VALIDATION, name, "bad %d", i);
    }
    ck_assert_uint_eq(fault.field_count, FAULT_FIELDS_MAX);
    ck_assert_str_eq(fault.fields[0].field, "items[0]");
    ck_assert_str_eq(fault.fields[99].field, "items[99]");
    ck_assert_str_eq(fault.fields[99].message, "bad 99");
}
END_TEST

START_TEST(nobody_has_to_listen)
{
    ck_assert_int_eq(fail(NULL, ERR_BUSY, NULL, "%s", "x"), ERR_BUSY);
    errno = ENOSPC;
    ck_assert_int_eq(fail_errno(NULL, ERR_IO, "%s", "x"), ERR_FULL);
}
END_TEST

START_TEST(without_an_arena_the_text_is_kept_and_cut)
{
    fault_begin(&fault, NULL);
    fail(&fault, ERR_CONFIG, NULL, "%0300d", 7);
    ck_assert_uint_eq(strlen(fault.text), sizeof fault.spare - 1);
    fault_clear(&fault);
    fail(&fault, ERR_CONFIG, "server.socket", "is %s", "bad");
    fail(&fault, ERR_CONFIG, "server.data", "is bad too");
    ck_assert_str_eq(fault.text, "server.socket: is bad");
    ck_assert_uint_eq(fault.field_count, 0);
}
END_TEST

START_TEST(without_an_arena_even_the_field_is_cut)
{
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fault_begin(&fault, NULL);
    fail(&fault, ERR_CONFIG, name, "is bad");
    ck_assert_uint_eq(strlen(fault.text), sizeof fault.spare - 1);
}
END_TEST

START_TEST(clearing_forgets_all_but_the_arena)
{
    fail(&fault, ERR_VALIDATION, "a", "b");
    fault.decline_code = "card_declined";
    fault.retry_after_s = 3;
    fault_clear(&fault);
    ck_assert_int_eq(fault.code, ERR_NONE);
    ck_assert_ptr_null(fault.text);
    ck_assert_ptr_null(fault.decline_code);
    ck_assert_int_eq(fault.retry_after_s, 0);
    ck_assert_uint_eq(fault.field_count, 0);
    ck_assert_ptr_eq(fault.arena, &arena);
    ck_assert_int_eq(fail(&fault, ERR_BUSY, NULL, "new"), ERR_BUSY);
    ck_assert_int_eq(fault.code, ERR_BUSY);
}
END_TEST

static const struct {
    int number;
    enum err code;
    enum err result;
} errno_rows[] = {
    {ENOSPC, ERR_IO, ERR_FULL},
    {EDQUOT, ERR_IO, ERR_FULL},
    {EIO, ERR_IO, ERR_IO},
    {EACCES, ERR_IO, ERR_IO},
    {ENOSPC, ERR_CONFIG, ERR_CONFIG},
    {ENOENT, ERR_NOT_FOUND, ERR_NOT_FOUND},
};

START_TEST(a_full_disk_is_told_apart)
{
    errno = errno_rows[_i].number;
    enum err e = fail_errno(&fault, errno_rows[_i].code, "cannot write %s", "x");
    ck_assert_int_eq(e, errno_rows[_i].result);
    ck_assert_int_eq(fault.code, errno_rows[_i].result);
    char words[128];
    snprintf(words, sizeof words, "cannot write x: %s", strerror(errno_rows[_i].number));
    ck_assert_str_eq(fault.text, words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tcase = tcase_create("error");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, every_code_has_a_whole_row, 1, ERR__COUNT);
    tcase_add_test(tcase, no_error_is_ok_and_what_is_no_code_is_internal);
    tcase_add_test(tcase, the_first_cause_wins);
    tcase_add_test(tcase, fields_of_the_same_code_are_collected);
    tcase_add_test(tcase, a_text_may_come_before_its_fields);
    tcase_add_test(tcase, at_most_a_hundred_fields_are_named);
    tcase_add_test(tcase, nobody_has_to_listen);
    tcase_add_test(tcase, without_an_arena_the_text_is_kept_and_cut);
    tcase_add_test(tcase, without_an_arena_even_the_field_is_cut);
    tcase_add_test(tcase, clearing_forgets_all_but_the_arena);
    tcase_add_loop_test(
        tcase, a_full_disk_is_told_apart, 0, sizeof errno_rows / sizeof *errno_rows);
    return unit_run(suite);
}
