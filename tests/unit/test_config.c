#include "unit.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/file.h"
#include "core/option.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

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

/* The problems, each without the file's folder: "orderd.conf:LINE: text\n". */
static const char *problems_of(const char *text, size_t len)
{
    struct buffer problems;
    put(text, len);
    buffer_begin(&problems, &arena, 100);
    fault_clear(&fault);
    ck_assert_int_eq(config_open(&config, path, &problems, &fault), ERR_CONFIG);
    ck_assert_int_eq(fault.code, ERR_CONFIG);
    ck_assert_ptr_null(config);
    struct buffer shorter;
    buffer_begin(&shorter, &arena, 100);
    char *rest = problems.data;
    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n")) {
        ck_assert_int_eq(strncmp(line, folder, strlen(folder)), 0);
        buffer_text(&shorter, line + strlen(folder) + 1);
        buffer_char(&shorter, '\n');
    }
    return shorter.data;
}

#define QUEUE_RANGE                                                                                \
    "orderd.conf:2: server.queue must be a whole number of requests from 1 to 65536\n"
#define MODE_RANGE  "orderd.conf:2: server.socket_mode must be an octal number from 0 to 777\n"
#define LEVEL_RANGE "orderd.conf:2: log.level must be one of the words: error warn info debug\n"
#define NEITHER     "the line is neither \"name = value\" nor a [section] nor a comment\n"

static const struct {
    const char *text;
    const char *problems;
} bad_rows[] = {
    {"[server]\nnope = 1\n", "orderd.conf:2: there is no option nope in [server]\n"},
    {"[server]\nSocket = x\n", "orderd.conf:2: there is no option Socket in [server]\n"},
    {"[server]\nissuer = x\n", "orderd.conf:2: there is no option issuer in [server]\n"},
    {"[nope]\na = 1\nb = 2\n", "orderd.conf:1: there is no section [nope]\n"},
    {"[]\na = 1\n", "orderd.conf:1: there is no section []\n"},
    {"[server ]\n", "orderd.conf:1: there is no section [server ]\n"},
    {"[SERVER]\n", "orderd.conf:1: there is no section [SERVER]\n"},
    {"[server\nqueue = 1\n", "orderd.conf:1: the section's ] is missing\n"},
    {"[server] queue = 1\n", "orderd.conf:1: only a comment may follow [server]\n"},
    {"queue = 1\n", "orderd.conf:1: queue stands before the first [section]\n"},
    {"[server]\nqueue\n", "orderd.conf:2: " NEITHER},
    {"[server]\nqueue = 1\n  continued\n", "orderd.conf:3: " NEITHER},
    {"[server]\nqueue = 1\nqueue = 1\n", "orderd.conf:3: server.queue is already set in line 2\n"},
    {"[server]\nqueue = 1\n[log]\n[server]\nqueue = 2\n",
        "orderd.conf:5: server.queue is already set in line 2\n"},
    {"[server]\n= 1\n", "orderd.conf:2: " NEITHER},
    {"[server]\nqueue =\n", QUEUE_RANGE},
    {"[server]\nqueue = 0\n", QUEUE_RANGE},
    {"[server]\nqueue = 65537\n", QUEUE_RANGE},
    {"[server]\nqueue = -1\n", QUEUE_RANGE},
    {"[server]\nqueue = 010\n", QUEUE_RANGE},
    {"[server]\nqueue = 0x10\n", QUEUE_RANGE},
    {"[server]\nqueue = 10 # ten\n", QUEUE_RANGE},
    {"[server]\nqueue = 18446744073709551617\n", QUEUE_RANGE},
    {"[server]\nsocket_mode = 668\n", MODE_RANGE},
    {"[server]\nsocket_mode = 1777\n", MODE_RANGE},
    {"[server]\nsocket_mode = 00660\n", MODE_RANGE},
    {"[log]\nlevel = loud\n", LEVEL_RANGE},
    {"[log]\nlevel = inf\n", LEVEL_RANGE},
    {"[log]\nlevel = info debug\n", LEVEL_RANGE},
    {"[log]\nlevel = \"info\"\n", LEVEL_RANGE},
    {"[log]\nlevel =\n", LEVEL_RANGE},
    {"[notify]\nfrom = ab\n", "orderd.conf:2: notify.from must be a text of 3 to 254 bytes\n"},
    {"[notify]\nfrom_name = a\tb\n",
        "orderd.conf:2: notify.from_name must be a text of 0 to 200 bytes\n"},
    {"[notify]\nfrom_name = a\rb\n",
        "orderd.conf:2: the line holds bytes that are not text in UTF-8\n"},
    {"[notify]\nfrom_name = \xFF\n",
        "orderd.conf:2: the line holds bytes that are not text in UTF-8\n"},
    {"; \xE4\n", "orderd.conf:1: the line holds bytes that are not text in UTF-8\n"},
    {"[database]\npath =\n", "orderd.conf:2: database.path must be a path of 1 to 4000 bytes\n"},
};

START_TEST(what_is_wrong_is_said_with_its_line)
{
    ck_assert_str_eq(
        problems_of(bad_rows[_i].text, strlen(bad_rows[_i].text)), bad_rows[_i].problems);
    ck_assert_str_eq(fault.text, arena_printf(&arena, "%s: 1 problem", path));
}
END_TEST

START_TEST(all_problems_are_said_at_once)
{
    static const char text[] = "x = 1\n"
                               "[server]\n"
                               "queue = many\n"
                               "\n"
                               "; a comment\n"
                               "[nope]\n"
                               "a = b\n"
                               "[log]\n"
                               "level = info\n"
                               "level = warn\n"
                               "end";
    ck_assert_str_eq(problems_of(text, strlen(text)),
        "orderd.conf:1: x stands before the first [section]\n"
        "orderd.conf:3: server.queue must be a whole number of requests from 1 to 65536\n"
        "orderd.conf:6: there is no section [nope]\n"
        "orderd.conf:10: log.level is already set in line 9\n"
        "orderd.conf:11: " NEITHER);
    ck_assert_str_eq(fault.text, arena_printf(&arena, "%s: 5 problems", path));
}
END_TEST

START_TEST(without_a_place_for_problems_the_first_is_the_cause)
{
    put("a\nb\n", 4);
    ck_assert_int_eq(config_open(&config, path, NULL, &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "orderd.conf:1: the line is neither"));
    ck_assert_int_eq(config_open(&config, path, NULL, NULL), ERR_CONFIG);
}
END_TEST

START_TEST(a_nul_does_not_hide_what_follows)
{
    ck_assert_str_eq(problems_of("[log]\0\n[nope]\n", 14),
        "orderd.conf:1: the line holds bytes that are not text in UTF-8\n"
        "orderd.conf:2: there is no section [nope]\n");
}
END_TEST

/* before, count times 'x', after. */
static const char *stretch(const char *before, size_t count, const char *after)
{
    struct buffer text;
    buffer_begin(&text, &arena, 100);
    buffer_text(&text, before);
    while (count--)
        buffer_char(&text, 'x');
    buffer_text(&text, after);
    return text.data;
}

/* inih would cut the line, and take its rest for one more. */
START_TEST(a_line_that_is_too_long_is_refused_and_not_cut)
{
    const char *text = stretch("[log]\nfile = ", 5000, "\nlevel = warn\n");
    const char *problems = problems_of(text, strlen(text));
    ck_assert_ptr_nonnull(strstr(problems, "orderd.conf:2: the line is longer than "));
    ck_assert_ptr_eq(strchr(problems, '\n'), strrchr(problems, '\n'));
}
END_TEST

START_TEST(the_longest_path_is_taken)
{
    const char *text = stretch("[log]\nfile = /", 4000, "\n");
    ck_assert_str_eq(problems_of(text, strlen(text)),
        "orderd.conf:2: log.file must be a path of 0 to 4000 bytes\n");
    open_text(stretch("[log]\nnotifier_file = /", 3999, " ; with a comment\n"));
    ck_assert_uint_eq(strlen(config_text(config, OPT_log_notifier_file)), 4000);
}
END_TEST

START_TEST(what_is_too_long_only_with_its_folder_is_refused)
{
    const char *text = stretch("[server]\nsocket = ", 100, "\n");
    ck_assert_ptr_nonnull(strstr(problems_of(text, strlen(text)),
        "orderd.conf:2: server.socket is too long with the file's folder before it: "));
}
END_TEST

START_TEST(a_file_that_is_not_there_or_none_is_a_problem)
{
    struct buffer problems;
    buffer_begin(&problems, &arena, 100);
    const char *missing = arena_printf(&arena, "%s/missing", folder);
    ck_assert_int_eq(config_open(&config, missing, &problems, &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problems.data, "No such file"));
    ck_assert_int_eq(config_open(&config, folder, &problems, NULL), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problems.data, "not a regular file\n"));
    ck_assert_ptr_null(config);
}
END_TEST

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

START_TEST(without_a_file_everything_has_its_default)
{
    ck_assert_int_eq(config_open(&config, NULL, NULL, &fault), ERR_NONE);
    for (int i = 0; i < OPT__COUNT; i++)
        assert_value(i, option_rows[i].value);
}
END_TEST

START_TEST(an_empty_file_is_one_too)
{
    open_text("");
    ck_assert_int_eq(config_int(config, OPT_server_socket_mode), 0660);
    ck_assert_str_eq(config_text(config, OPT_log_level), "info");
    ck_assert_int_eq(config_choice(config, OPT_log_level), 2);
    ck_assert_str_eq(config_text(config, OPT_log_file), "");
    ck_assert_str_eq(
        config_text(config, OPT_database_path), arena_printf(&arena, "%s/orders.db", folder));
}
END_TEST

START_TEST(comments_space_and_line_ends_of_any_kind_are_taken)
{
    open_text("\xEF\xBB\xBF; a comment\r\n"
              "# another = one\n"
              "\t\r\n"
              "[server]  ; of the web\r\n"
              "  queue=7 ; seven\r\n"
              "\tbacklog\t =  8\t\n"
              "[notify]#\n"
              "from_name = Tea & Co; #1 \xE2\x82\xAC = [x] : y  \n"
              "domain : a.example\n"
              "[server]\n"
              "socket_mode = 0600");
    ck_assert_int_eq(config_int(config, OPT_server_queue), 7);
    ck_assert_int_eq(config_int(config, OPT_server_backlog), 8);
    ck_assert_int_eq(config_int(config, OPT_server_socket_mode), 0600);
    ck_assert_str_eq(
        config_text(config, OPT_notify_from_name), "Tea & Co; #1 \xE2\x82\xAC = [x] : y");
    ck_assert_str_eq(config_text(config, OPT_notify_domain), "a.example");
}
END_TEST

START_TEST(the_ends_of_a_range_belong_to_it)
{
    open_text("[log]\nrotate_size = 1099511627776\nrotate_count = 0\nlevel = error\n"
              "[server]\nsocket_mode = 777\n[gateway]\nother_tokens = approve\n");
    ck_assert_int_eq(config_int(config, OPT_log_rotate_size), 1099511627776);
    ck_assert_int_eq(config_int(config, OPT_log_rotate_count), 0);
    ck_assert_int_eq(config_choice(config, OPT_log_level), 0);
    ck_assert_int_eq(config_int(config, OPT_server_socket_mode), 0777);
    ck_assert_int_eq(config_choice(config, OPT_gateway_other_tokens), 1);
}
END_TEST

START_TEST(relative_paths_are_taken_from_the_file_s_folder)
{
    static const char text[] = "[database]\npath = a/b.db\n[spool]\npath = /abs/spool\n";
    put(text, strlen(text));
    ck_assert_int_eq(chdir(folder), 0);
    const char *const spellings[] = {
        "orderd.conf",
        "./orderd.conf",
        arena_printf(&arena, "..%s/orderd.conf", strrchr(folder, '/')),
    };
    for (size_t i = 0; i < COUNT(spellings); i++) {
        ck_assert_int_eq(config_open(&config, spellings[i], NULL, &fault), ERR_NONE);
        ck_assert_str_eq(
            config_text(config, OPT_database_path), arena_printf(&arena, "%s/a/b.db", folder));
        ck_assert_str_eq(config_text(config, OPT_spool_path), "/abs/spool");
        config_close(config);
        config = NULL;
    }
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(asking_for_another_type_aborts)
{
    ck_assert_int_eq(config_open(&config, NULL, NULL, &fault), ERR_NONE);
    if (_i == 0)
        config_int(config, OPT_log_level);
    else if (_i == 1)
        config_text(config, OPT_server_queue);
    else if (_i == 2)
        config_bool(config, OPT_server_queue);
    else
        config_choice(config, OPT_log_file);
}
END_TEST

static TCase *make_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, end);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_problems(TCase *tcase)
{
    tcase_add_loop_test(tcase, what_is_wrong_is_said_with_its_line, 0, COUNT(bad_rows));
    tcase_add_test(tcase, all_problems_are_said_at_once);
    tcase_add_test(tcase, without_a_place_for_problems_the_first_is_the_cause);
    tcase_add_test(tcase, a_nul_does_not_hide_what_follows);
    tcase_add_test(tcase, a_line_that_is_too_long_is_refused_and_not_cut);
    tcase_add_test(tcase, the_longest_path_is_taken);
    tcase_add_test(tcase, what_is_too_long_only_with_its_folder_is_refused);
    tcase_add_test(tcase, a_file_that_is_not_there_or_none_is_a_problem);
    tcase_add_loop_test_raise_signal(tcase, asking_for_another_type_aborts, SIGABRT, 0, 4);
}

static void add_values(TCase *tcase)
{
    tcase_add_test(tcase, without_a_file_everything_has_its_default);
    tcase_add_test(tcase, an_empty_file_is_one_too);
    tcase_add_test(tcase, comments_space_and_line_ends_of_any_kind_are_taken);
    tcase_add_test(tcase, the_ends_of_a_range_belong_to_it);
    tcase_add_test(tcase, relative_paths_are_taken_from_the_file_s_folder);
}

int main(void)
{
    Suite *suite = suite_create("config");
    add_problems(make_tcase(suite, "problems"));
    add_values(make_tcase(suite, "values"));
    return unit_run(suite);
}
