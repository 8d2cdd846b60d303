#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <config.h>

#include "core/arena.h"
#include "core/command.h"
#include "core/file.h"

#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || HAS_FEATURE(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#else
#define HAS_ADDRESS_SANITIZER 0
#endif

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static const struct command_spec spec = {.name = "tried", .summary = "Does nothing.\n"};
static const struct command_spec once_spec = {.name = "tried", .summary = "", .knows_once = true};

static struct arena arena;
static struct command command;
static const char *folder;
static const char *path;
static int status;

static void begin(void)
{
    arena_init(&arena, 4096);
    folder = unit_folder();
    path = arena_printf(&arena, "%s/orderd.conf", folder);
    status = -1;
}

static void end(void)
{
    config_close(command.config);
    arena_fini(&arena);
}

static void put(const char *text)
{
    ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, NULL), ERR_NONE);
}

/* Runs command_parse() with standard output and standard error in the files out and err. */
static bool parse(const struct command_spec *of, char **argv)
{
    static const char *const names[] = {"out", "err"};
    int argc = 0;
    while (argv[argc])
        argc++;
    for (int i = 0; i < 2; i++) {
        int fd = open(unit_path(folder, names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ck_assert_int_eq(dup2(fd, i + 1), i + 1);
        close(fd);
    }
    bool runs = command_parse(argc, argv, of, &command, &status);
    ck_assert_int_eq(fflush(stdout), 0);
    return runs;
}

static const char *said(const char *name)
{
    char *text;
    size_t len;
    ck_assert_int_eq(
        file_read(&arena, unit_path(folder, name), 1 << 20, &text, &len, NULL), ERR_NONE);
    return text;
}

static char *const wrong_rows[][4] = {
    {"tried", "--nope", NULL},
    {"tried", "argument", NULL},
    {"tried", "--check-config", "argument", NULL},
    {"tried", "--config", NULL},
    {"tried", "-x", NULL},
    {"tried", "--once", NULL},
};

START_TEST(a_wrong_command_line_is_status_2_and_says_the_usage)
{
    char *argv[4];
    memcpy(argv, wrong_rows[_i], sizeof argv);
    ck_assert(!parse(&spec, argv));
    ck_assert_int_eq(status, 2);
    ck_assert_ptr_nonnull(strstr(said("err"), "usage: tried [--config FILE]\n"));
    ck_assert_str_eq(said("out"), "");
}
END_TEST

START_TEST(problems_are_said_once_each_and_are_status_1)
{
    char *argv[] = {"tried", "--config", (char *)path, NULL};
    put("[server]\nqueue = many\nnope = 1\n");
    ck_assert(!parse(&spec, argv));
    ck_assert_int_eq(status, 1);
    ck_assert_str_eq(
        said("err"), arena_printf(&arena,
                         "%s:2: server.queue must be a whole number of requests from 1 to 65536\n"
                         "%s:3: there is no option nope in [server]\n"
                         "%s: 2 problems\n",
                         path, path, path));
}
END_TEST

START_TEST(a_configuration_that_is_not_there_is_status_1_even_for_printing)
{
    char *argv[] = {"tried", "-c", (char *)path, "--print-config", NULL};
    ck_assert(!parse(&spec, argv));
    ck_assert_int_eq(status, 1);
    ck_assert_ptr_nonnull(strstr(said("err"), "No such file"));
    ck_assert_str_eq(said("out"), "");
}
END_TEST

START_TEST(a_good_configuration_lets_it_run)
{
    char *argv[] = {"tried", "-c", (char *)path, NULL};
    put("[server]\nqueue = 7\n");
    ck_assert(parse(&spec, argv));
    ck_assert_int_eq(config_int(command.config, OPT_server_queue), 7);
    ck_assert(!command.once);
}
END_TEST

START_TEST(checking_only_checks)
{
    char *argv[] = {"tried", "-c", (char *)path, "--check-config", NULL};
    put("");
    ck_assert(!parse(&spec, argv));
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(said("out"), "in order\n"));
}
END_TEST

START_TEST(what_is_printed_can_be_read)
{
    char *argv[] = {"tried", "-c", (char *)path, "--print-config", NULL};
    put("[server]\nqueue = 7\n");
    ck_assert(!parse(&spec, argv));
    ck_assert_int_eq(status, 0);
    config_close(command.config);
    command.config = NULL;
    ck_assert_ptr_nonnull(strstr(said("out"), "\nqueue = 7\n"));
    ck_assert_int_eq(config_open(&command.config, unit_path(folder, "out"), NULL, NULL), ERR_NONE);
    ck_assert_int_eq(config_int(command.config, OPT_server_queue), 7);
}
END_TEST

START_TEST(without_any_file_the_sample_is_printed)
{
    char *argv[] = {"tried", "--print-config", NULL};
    if (access(ORDERD_SYSCONFDIR "/orderd.conf", F_OK) == 0)
        return; /* this machine has one */
    ck_assert(!parse(&spec, argv));
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(said("out"), "\nsocket = run/orderd.sock\n"));
}
END_TEST

START_TEST(help_and_version_need_no_configuration)
{
    char *help[] = {"tried", "--help", "-c", "/nowhere", NULL};
    char *version[] = {"tried", "-V", NULL};
    ck_assert(!parse(&spec, _i ? version : help));
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(said("out"), _i ? "tried " : "Does nothing.\n"));
    ck_assert_ptr_null(strstr(said("out"), "--once"));
    ck_assert_str_eq(said("err"), "");
}
END_TEST

START_TEST(once_is_for_those_who_know_it)
{
    char *argv[] = {"tried", "--once", "-c", (char *)path, NULL};
    put("");
    ck_assert(parse(&once_spec, argv));
    ck_assert(command.once);
}
END_TEST

START_TEST(standard_descriptors_are_opened_where_they_are_closed)
{
    close(0);
    close(2);
    ck_assert(command_begin());
    int next = open("/dev/null", O_RDONLY);
    ck_assert_int_gt(next, STDERR_FILENO);
    close(next);
    for (int fd = 0; fd <= 2; fd += 2)
        ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
}
END_TEST

START_TEST(a_descriptor_that_was_handed_over_is_left_alone)
{
    int ends[2];
    char byte;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[0], 0), 0);
    ck_assert(command_begin());
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(read(0, &byte, 1), 1);
}
END_TEST

START_TEST(no_core_dump_and_no_other_process_gets_the_memory)
{
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L), 0);
    ck_assert(command_begin());
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), HAS_ADDRESS_SANITIZER);
}
END_TEST

START_TEST(all_signals_are_blocked_and_four_are_waited_for)
{
    sigset_t waited;
    sigset_t blocked;
    command_block_signals(&waited);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
    for (size_t i = 0; i < COUNT(numbers); i++)
        ck_assert(sigismember(&waited, numbers[i]) && sigismember(&blocked, numbers[i]));
    ck_assert(sigismember(&blocked, SIGPIPE) && !sigismember(&waited, SIGPIPE));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command");
    TCase *tcase = tcase_create("command");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(
        tcase, a_wrong_command_line_is_status_2_and_says_the_usage, 0, COUNT(wrong_rows));
    tcase_add_test(tcase, problems_are_said_once_each_and_are_status_1);
    tcase_add_test(tcase, a_configuration_that_is_not_there_is_status_1_even_for_printing);
    tcase_add_test(tcase, a_good_configuration_lets_it_run);
    tcase_add_test(tcase, checking_only_checks);
    tcase_add_test(tcase, what_is_printed_can_be_read);
    tcase_add_test(tcase, without_any_file_the_sample_is_printed);
    tcase_add_loop_test(tcase, help_and_version_need_no_configuration, 0, 2);
    tcase_add_test(tcase, once_is_for_those_who_know_it);
    tcase_add_test(tcase, all_signals_are_blocked_and_four_are_waited_for);
    tcase_add_test(tcase, standard_descriptors_are_opened_where_they_are_closed);
    tcase_add_test(tcase, a_descriptor_that_was_handed_over_is_left_alone);
    tcase_add_test(tcase, no_core_dump_and_no_other_process_gets_the_memory);
    return unit_run(suite);
}
