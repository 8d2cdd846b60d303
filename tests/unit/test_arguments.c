/* ctl/arguments and the table: what is understood, and the misuse matrix. */
#include <string.h>

#include <config.h>

#include "core/buffer.h"

#include "ctl/arguments.h"
#include "ctl/subcommand.h"
#include "ctl/ctl.h"
#include "ctl/usage.h"

#include "unit.h"

static struct ctl ctl;
static struct arguments arguments;

static void begin(void)
{
    ctl_begin(&ctl);
}

static void end(void)
{
    ctl_end(&ctl);
}

/* Words are separated by blanks; "''" is an empty one. */
static enum err parse(const char *line)
{
    char *copy = arena_text(&ctl.arena, line);
    char **argv = arena_array(&ctl.arena, 32, sizeof *argv);
    int argc = 0;
    argv[argc++] = arena_text(&ctl.arena, "orderctl");
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    return arguments_parse(&ctl, argc, argv, &arguments);
}

static const struct {
    const char *line;
    const char *why; /* part of the text */
} misuses[] = {
    {"", "no command"},
    {"''", "unknown command"},
    {"frob", "unknown command"},
    {"use", "unknown command"},
    {"user", "user what?"},
    {"user frob", "unknown command"},
    {"user ad --email a@b.c alice", "unknown command"},
    {"user ''", "unknown command"},
    {"user add", "--email is missing"},
    {"user add alice", "--email is missing"},
    {"user add --email a@b.c", "NAME is missing"},
    {"user add --email", "--email wants a value"},
    {"user add alice --email", "--email wants a value"},
    {"user add --email a@b.c alice bob", "exactly one NAME"},
    {"user add --email a@b.c --email a@b.c alice", "--email is given twice"},
    {"user add --role admin --role=user --email a@b.c alice", "--role is given twice"},
    {"user add --role root --email a@b.c alice", "--role must be one of: user admin"},
    {"user add --role= --email a@b.c alice", "--role must be one of"},
    {"user add --role use --email a@b.c alice", "--role must be one of"},
    {"user add --emai a@b.c alice", "unknown option --emai"},
    {"user add --emails a@b.c alice", "unknown option --emails"},
    {"user add -e a@b.c alice", "unknown option -e"},
    {"user add --password=hunter22 --email a@b.c alice", "unknown option --password"},
    {"user list alice", "more words"},
    {"user list --role user", "unknown option --role"},
    {"--role user user add --email a@b.c alice", "the options of a command stand behind it"},
    {"check now", "more words"},
    {"migrate --json --json", "--json is given twice"},
    {"--config a --config b check", "--config is given twice"},
    {"--config", "--config wants a value"},
    {"--json=yes check", "--json takes no value"},
    {"--", "no command"},
    {"check -- --json", "more words"},
    {"-", "unknown command"},
    {"-x check", "unknown option -x"},
    {"-hV", "unknown option -h"},
    {"-cmy.conf check", "unknown option -c"},
    {"-c", "--config wants a value"},
    {"-c a --config b check", "--config is given twice"},
    {"--=x check", "unknown option --"},
};

START_TEST(misuse_is_told)
{
    ck_assert_int_eq(parse(misuses[_i].line), ERR_BAD_REQUEST);
    ck_assert_msg(
        strstr(ctl.fault.text, misuses[_i].why), "\"%s\": %s", misuses[_i].line, ctl.fault.text);
    ck_assert_ptr_null(strstr(ctl.fault.text, "hunter22"));
}
END_TEST

START_TEST(options_may_stand_before_and_behind_the_operand)
{
    static const char *const lines[] = {
        "user add --role admin --email a@b.c alice",
        "user add alice --role admin --email a@b.c",
        "user add --role=admin alice --email=a@b.c",
        "user add --role admin --email a@b.c -- alice",
    };
    ck_assert_int_eq(parse(lines[_i]), ERR_NONE);
    ck_assert_ptr_eq(ctl.command, subcommand_find("user", "add"));
    ck_assert_str_eq(ctl.operand, "alice");
    ck_assert_str_eq(ctl_value(&ctl, "role"), "admin");
    ck_assert_str_eq(ctl_value(&ctl, "email"), "a@b.c");
}
END_TEST

START_TEST(what_is_left_out_is_null)
{
    ck_assert_int_eq(parse("user add --email a@b.c alice"), ERR_NONE);
    ck_assert_ptr_null(ctl_value(&ctl, "role"));
    ck_assert(!ctl.is_json);
    ck_assert_str_eq(ctl.config_path, ORDERD_SYSCONFDIR "/orderd.conf");
}
END_TEST

START_TEST(global_options_stand_anywhere)
{
    static const char *const lines[] = {
        "--config my.conf --json user list",
        "user --config my.conf list --json",
        "user list --json --config=my.conf",
        "-c my.conf user list --json",
    };
    ck_assert_int_eq(parse(lines[_i]), ERR_NONE);
    ck_assert_ptr_eq(ctl.command, subcommand_find("user", "list"));
    ck_assert(ctl.is_json);
    ck_assert_str_eq(ctl.config_path, "my.conf");
}
END_TEST

START_TEST(an_operand_may_look_like_an_option_behind_dashes)
{
    ck_assert_int_eq(parse("user add --email a@b.c -- --json"), ERR_NONE);
    ck_assert_str_eq(ctl.operand, "--json");
    ck_assert(!ctl.is_json);
}
END_TEST

START_TEST(a_value_may_look_like_an_option)
{
    ck_assert_int_eq(parse("user add --email --json alice"), ERR_NONE);
    ck_assert_str_eq(ctl_value(&ctl, "email"), "--json");
}
END_TEST

START_TEST(a_subject_that_stands_alone_needs_no_verb)
{
    ck_assert_int_eq(parse("check"), ERR_NONE);
    ck_assert_ptr_eq(ctl.command, subcommand_find("check", NULL));
}
END_TEST

START_TEST(help_wants_nothing_to_be_complete)
{
    static const char *const lines[] = {
        "--help", "-h", "user --help", "user add -h", "--version --help"};
    ck_assert_int_eq(parse(lines[_i]), ERR_NONE);
    ck_assert_int_eq(arguments.wish, ARGUMENTS_HELP);
}
END_TEST

START_TEST(version_is_told)
{
    ck_assert_int_eq(parse("--version"), ERR_NONE);
    ck_assert_int_eq(arguments.wish, ARGUMENTS_VERSION);
}
END_TEST

START_TEST(an_empty_argv_is_no_command)
{
    char *argv[] = {NULL};
    ck_assert_int_eq(arguments_parse(&ctl, 0, argv, &arguments), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(every_row_is_found_and_documented)
{
    const struct subcommand *command;
    size_t count = 0;
    struct buffer all;
    buffer_begin(&all, &ctl.arena, 1024);
    usage_all(&all);
    for (; (command = subcommand_at(count)); count++) {
        ck_assert_ptr_eq(subcommand_find(command->subject, command->verb), command);
        ck_assert(subcommand_has_subject(command->subject));
        ck_assert_ptr_nonnull(command->run);
        ck_assert_ptr_nonnull(strstr(all.data, command->sentence));
        size_t options = 0;
        while (command->options && command->options[options].name)
            options++;
        ck_assert_uint_le(options, CTL_OPTIONS_MAX);
    }
    ck_assert_uint_gt(count, 0);
}
END_TEST

START_TEST(the_usage_of_a_command_names_its_options)
{
    struct buffer out;
    buffer_begin(&out, &ctl.arena, 1024);
    usage_command(&out, subcommand_find("user", "add"));
    ck_assert_ptr_nonnull(
        strstr(out.data, "usage: orderctl user add [--role ROLE] --email ADDR NAME\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "user (the default) or admin"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arguments");
    TCase *tcase = tcase_create("arguments");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, misuse_is_told, 0, sizeof misuses / sizeof *misuses);
    tcase_add_test(tcase, an_empty_argv_is_no_command);
    tcase_add_loop_test(tcase, options_may_stand_before_and_behind_the_operand, 0, 4);
    tcase_add_test(tcase, what_is_left_out_is_null);
    tcase_add_loop_test(tcase, global_options_stand_anywhere, 0, 4);
    tcase_add_test(tcase, an_operand_may_look_like_an_option_behind_dashes);
    tcase_add_test(tcase, a_value_may_look_like_an_option);
    tcase_add_test(tcase, a_subject_that_stands_alone_needs_no_verb);
    tcase_add_loop_test(tcase, help_wants_nothing_to_be_complete, 0, 5);
    tcase_add_test(tcase, version_is_told);
    tcase_add_test(tcase, every_row_is_found_and_documented);
    tcase_add_test(tcase, the_usage_of_a_command_names_its_options);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
