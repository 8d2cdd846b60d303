/* What is printed must be a configuration again: for every option, with any value. */
#include "unit.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/file.h"
#include "core/option.h"

static struct arena arena;
static struct fault fault;
static const char *folder; /* without symbolic links */
static const char *path;
static struct config *config;

static void begin(void)
{
    char real[PATH_MAX];
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
    ck_assert_ptr_nonnull(realpath(unit_folder(), real));
    folder = arena_text(&arena, real);
    path = arena_printf(&arena, "%s/orderd.conf", folder);
    config = NULL;
}

static void end(void)
{
    config_close(config);
    arena_fini(&arena);
}

static void put(const char *text, size_t len)
{
    ck_assert_int_eq(file_replace(path, text, len, 0600, &fault), ERR_NONE);
}

static void open_text(const char *text)
{
    struct buffer problems;
    buffer_begin(&problems, &arena, 100);
    put(text, strlen(text));
    enum err e = config_open(&config, path, &problems, &fault);
    ck_assert_msg(!e, "%s", problems.data);
}

static void assert_value(int i, const char *value)
{
    const struct option_row *row = &option_rows[i];
    enum config_option option = (enum config_option)i;
    if (row->type == OPTION_INT && strcmp(row->unit, "octal"))
        ck_assert_int_eq(config_int(config, option), strtoll(value, NULL, 10));
    else if (row->type == OPTION_INT)
        ck_assert_int_eq(config_int(config, option), strtoll(value, NULL, 8));
    else
        ck_assert_str_eq(config_text(config, option), value);
}

/* Whatever is not the default, for each type. */
static const char *other_value(const struct option_row *row)
{
    if (row->type == OPTION_CHOICE)
        return strrchr(row->unit, ' ') + 1;
    if (row->type == OPTION_INT)
        return arena_printf(&arena, "%lld", (long long)row->max);
    return "/some/where = else";
}

static void assert_same(const struct config *one, const struct config *other)
{
    for (int i = 0; i < OPT__COUNT; i++) {
        enum config_option option = (enum config_option)i;
        if (option_rows[i].type == OPTION_INT)
            ck_assert_int_eq(config_int(one, option), config_int(other, option));
        else
            ck_assert_str_eq(config_text(one, option), config_text(other, option));
    }
}

/* Every option with another value than its default; with comments, and without. */
START_TEST(what_is_printed_is_taken_back_unchanged)
{
    struct buffer text;
    const char *section = "";
    buffer_begin(&text, &arena, 100);
    for (int i = 0; i < OPT__COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (strcmp(row->section, section))
            buffer_text(&text, arena_printf(&arena, "[%s]\n", row->section));
        section = row->section;
        buffer_text(&text, arena_printf(&arena, "%s = %s\n", row->name, other_value(row)));
    }
    open_text(text.data);
    struct config *before = config;
    struct buffer printed;
    buffer_begin(&printed, &arena, 100);
    config_print(before, &printed, _i);
    open_text(printed.data);
    for (int i = 0; i < OPT__COUNT; i++)
        assert_value(i, other_value(&option_rows[i]));
    assert_same(before, config);
    config_close(before);
}
END_TEST

START_TEST(the_sample_is_the_defaults_and_works_in_any_folder)
{
    struct buffer sample;
    struct buffer again;
    buffer_begin(&sample, &arena, 100);
    buffer_begin(&again, &arena, 100);
    ck_assert_int_eq(config_open(&config, NULL, NULL, &fault), ERR_NONE);
    config_print(config, &sample, true);
    config_close(config);
    open_text(sample.data);
    config_print(config, &again, true);
    ck_assert_str_eq(again.data, sample.data);
    ck_assert_str_eq(
        config_text(config, OPT_database_path), arena_printf(&arena, "%s/orders.db", folder));
}
END_TEST

static const char socket_mode_sample[] =
    "\n"
    "; permissions of that socket; the web server's group needs to write\n"
    "; (an octal number from 0 to 777; default: 660)\n"
    "socket_mode = 660\n"
    "\n";

START_TEST(each_option_stands_below_its_sentence_and_range)
{
    struct buffer sample;
    buffer_begin(&sample, &arena, 100);
    ck_assert_int_eq(config_open(&config, NULL, NULL, &fault), ERR_NONE);
    config_print(config, &sample, true);
    ck_assert_ptr_nonnull(strstr(sample.data, socket_mode_sample));
    char *rest = sample.data;
    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n"))
        ck_assert_uint_le(strlen(line), 100);
}
END_TEST

START_TEST(values_alone_are_printed_without_comments)
{
    struct buffer text;
    buffer_begin(&text, &arena, 100);
    open_text("[log]\nlevel = warn ; and above\nfile = x.log\n");
    config_print(config, &text, false);
    ck_assert_int_eq(strncmp(text.data, "[server]\nsocket = run/orderd.sock\n", 34), 0);
    ck_assert_ptr_nonnull(
        strstr(text.data, "\n\n[log]\nfile = x.log\nnotifier_file =\nlevel = warn\n"));
    ck_assert_ptr_null(strchr(text.data, ';'));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_print");
    TCase *tcase = tcase_create("printing");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, what_is_printed_is_taken_back_unchanged, 0, 2);
    tcase_add_test(tcase, the_sample_is_the_defaults_and_works_in_any_folder);
    tcase_add_test(tcase, each_option_stands_below_its_sentence_and_range);
    tcase_add_test(tcase, values_alone_are_printed_without_comments);
    return unit_run(suite);
}
