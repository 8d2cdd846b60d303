#include "log_files.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/log.h"
#include "core/metrics.h"

START_TEST(a_line_says_time_level_event_and_pairs)
{
    open_log("log", 0, 0);
    LOG_WARN("spool full", LOG_TEXT("folder", "/var/spool x"), LOG_INT("rows", -3),
        LOG_TEXT("nothing", NULL));
    ck_assert_str_eq(only_line("log"),
        "level=warn event=\"spool full\" folder=\"/var/spool x\" rows=-3 nothing=-");
}
END_TEST

START_TEST(an_event_may_stand_alone)
{
    open_log("log", 0, 0);
    LOG_ERROR("a.b");
    ck_assert_str_eq(only_line("log"), "level=error event=a.b");
}
END_TEST

START_TEST(what_a_client_sends_cannot_forge_a_line)
{
    open_log("log", 0, 0);
    LOG_INFO("e", LOG_TEXT("path", "/x\" outcome=ok\ntime=2026-11-24T15:04:05Z level=error"));
    ck_assert_str_eq(only_line("log"),
        "level=info event=e path=\"/x\\\" outcome=ok\\ntime=2026-11-24T15:04:05Z level=error\"");
}
END_TEST

START_TEST(levels_below_are_not_written)
{
    open_log("log", 0, 0);
    log_set_level(LOG_LEVEL_WARN);
    LOG_DEBUG("no");
    LOG_INFO("no");
    LOG_WARN("yes");
    ck_assert(!log_enabled(LOG_LEVEL_INFO));
    ck_assert(log_enabled(LOG_LEVEL_WARN));
    ck_assert(log_enabled(LOG_LEVEL_ERROR));
    log_outcome(&(struct log_outcome){.kind = "action", .name = "no"});
    ck_assert_str_eq(only_line("log"), "level=warn event=yes");
    log_set_level(LOG_LEVEL_ERROR);
    ck_assert(!log_enabled(LOG_LEVEL_WARN));
    log_set_level(LOG_LEVEL_DEBUG);
    ck_assert(log_enabled(LOG_LEVEL_DEBUG));
}
END_TEST

START_TEST(lines_are_appended_to_what_is_there)
{
    open_log("log", 0, 0);
    LOG_INFO("one");
    log_close();
    open_log("log", 0, 0);
    LOG_INFO("two");
    const char *text = content("log");
    ck_assert(strstr(text, "event=one\n") && strstr(text, "event=two\n"));
    struct stat st;
    ck_assert_int_eq(stat(path_of("log"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0007, 0);
}
END_TEST

/* Standard error, turned into a file. */
START_TEST(before_opening_and_after_closing_lines_go_to_standard_error)
{
    int fd = open(path_of("stderr"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    LOG_INFO("before");
    LOG_DEBUG("not.at.level.info");
    open_log("log", 1, 1);
    LOG_INFO("between");
    log_close();
    LOG_INFO("after");
    log_reopen();
    log_close();
    struct log_options options = {.path = "", .level = LOG_LEVEL_DEBUG, .rotate_size = 1};
    ck_assert_int_eq(log_open(&options, &fault), ERR_NONE);
    LOG_DEBUG("empty.path");
    const char *text = content("stderr");
    ck_assert(strstr(text, "before\n") && strstr(text, "after\n") && strstr(text, "empty.path\n"));
    ck_assert(!strstr(text, "between") && !strstr(text, "not.at"));
    close(fd);
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_changes_nothing)
{
    open_log("log", 0, 0);
    struct log_options options = {.path = path_of("no/log"), .level = LOG_LEVEL_ERROR};
    ck_assert_int_eq(log_open(&options, &fault), ERR_IO);
    ck_assert_ptr_nonnull(strstr(fault.text, "no/log"));
    LOG_INFO("still");
    ck_assert_str_eq(only_line("log"), "level=info event=still");
}
END_TEST

START_TEST(a_fifo_without_a_reader_is_refused_and_not_waited_for)
{
    ck_assert_int_eq(mkfifo(path_of("fifo"), 0600), 0);
    struct log_options options = {.path = path_of("fifo")};
    ck_assert_int_eq(log_open(&options, &fault), ERR_IO);
}
END_TEST

START_TEST(a_full_disk_costs_lines_and_nothing_else)
{
    struct log_options options = {.path = "/dev/full", .level = LOG_LEVEL_INFO, .rotate_size = 1};
    ck_assert_int_eq(log_open(&options, &fault), ERR_NONE);
    int64_t before = metrics_get(METRIC_log_lines_lost_total);
    LOG_INFO("one");
    LOG_INFO("two");
    ck_assert_int_eq(metrics_get(METRIC_log_lines_lost_total) - before, 2);
    open_log("log", 0, 0);
    LOG_INFO("three");
    ck_assert_str_eq(only_line("log"), "level=info event=three");
}
END_TEST

static void limit_file_size(rlim_t size)
{
    struct rlimit limit = {size, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The limit stands for the end of the disk: the first line is cut off in its middle. */
START_TEST(a_line_that_the_disk_cut_off_does_not_swallow_the_next)
{
    signal(SIGXFSZ, SIG_IGN);
    open_log("log", 0, 0);
    int64_t before = metrics_get(METRIC_log_lines_lost_total);
    limit_file_size(40);
    LOG_INFO("torn");
    LOG_INFO("lost");
    ck_assert_uint_eq(strlen(content("log")), 40);
    ck_assert_int_eq(metrics_get(METRIC_log_lines_lost_total) - before, 2);
    limit_file_size(RLIM_INFINITY);
    LOG_INFO("whole");
    LOG_INFO("next");
    const char *text = content("log");
    ck_assert_int_eq(text[40], '\n');
    ck_assert_int_eq(strncmp(text + 41, "time=", 5), 0);
    ck_assert_ptr_nonnull(strstr(text + 41, "event=whole\ntime="));
    ck_assert_ptr_null(strstr(text, "lost"));
}
END_TEST

static const struct {
    enum err outcome;
    const char *level;
} outcome_rows[] = {
    {ERR_NONE, "info"},
    {ERR_NOT_FOUND, "info"},
    {ERR_PAYMENT_FAILED, "info"},
    {ERR_PAYMENT_UNAVAILABLE, "warn"},
    {ERR_FULL, "warn"},
    {ERR_CORRUPT, "warn"},
    {ERR_INTERNAL, "error"},
    {ERR_BROKEN, "error"},
};

START_TEST(an_outcome_has_the_level_of_its_kind)
{
    open_log("log", 0, 0);
    log_outcome(&(struct log_outcome){
        .kind = "request", .name = "x", .duration_us = 5, .outcome = outcome_rows[_i].outcome});
    ck_assert_str_eq(only_line("log"),
        arena_printf(&arena, "level=%s event=x kind=request duration_us=5 outcome=%s",
            outcome_rows[_i].level, err_info(outcome_rows[_i].outcome)->name));
}
END_TEST

START_TEST(an_outcome_says_for_whom_and_why)
{
    open_log("log", 0, 0);
    fail(&fault, ERR_PAYMENT_FAILED, NULL, "the card was declined");
    fault.decline_code = "card_declined";
    log_outcome(&(struct log_outcome){
        .kind = "action",
        .name = "order.create",
        .request_id = "6f",
        .user_id = 3,
        .duration_us = 812,
        .outcome = ERR_PAYMENT_FAILED,
        .fault = &fault,
        .extra = (struct log_pair[]){LOG_INT("order_id", 17), LOG_END},
    });
    ck_assert_str_eq(only_line("log"),
        "level=info event=order.create kind=action request_id=6f user_id=3 duration_us=812 "
        "outcome=payment-failed cause=\"the card was declined\" decline_code=card_declined "
        "order_id=17");
}
END_TEST

/* The name of an unknown member is the client's own words, perhaps a password in the wrong place.
 */
START_TEST(offending_fields_are_counted_and_not_named)
{
    open_log("log", 0, 0);
    fail(&fault, ERR_VALIDATION, "hunter2", "is not known");
    fail(&fault, ERR_VALIDATION, "currency", "is missing");
    log_outcome(&(struct log_outcome){
        .kind = "request", .name = "x", .outcome = ERR_VALIDATION, .fault = &fault});
    ck_assert_str_eq(only_line("log"),
        "level=info event=x kind=request duration_us=0 outcome=validation fields=2");
}
END_TEST

START_TEST(a_success_tells_no_cause)
{
    open_log("log", 0, 0);
    fail(&fault, ERR_BUSY, NULL, "overcome");
    log_outcome(&(struct log_outcome){.kind = "request", .name = "x", .fault = &fault});
    ck_assert_str_eq(only_line("log"), "level=info event=x kind=request duration_us=0 outcome=ok");
}
END_TEST

static void log_of_request(struct buffer *lines, const char *name, enum err outcome, bool is_last)
{
    log_outcome(&(struct log_outcome){
        .kind = "action", .name = name, .outcome = outcome, .lines = lines, .is_last = is_last});
}

START_TEST(lines_of_a_request_are_written_with_its_last)
{
    struct buffer lines;
    open_log("log", 0, 0);
    buffer_begin(&lines, &arena, 16);
    log_of_request(&lines, "first", ERR_NONE, false);
    ck_assert_str_eq(content("log"), "");
    LOG_INFO("another's");
    log_of_request(&lines, "last", ERR_NONE, true);
    const char *text = content("log");
    const char *other = strstr(text, "another");
    const char *first = strstr(text, "event=first");
    const char *last = strstr(text, "event=last");
    ck_assert(other && first && last && other < first && first < last);
    ck_assert_uint_eq(lines.len, 0);
    log_of_request(&lines, "next", ERR_NONE, true);
    ck_assert_ptr_eq(strstr(strstr(content("log"), "event=first") + 1, "event=first"), NULL);
}
END_TEST

/* The last one's level is too low to be written; what waits for it is not. */
START_TEST(lines_of_a_request_do_not_depend_on_the_last_ones_level)
{
    struct buffer lines;
    open_log("log", 0, 0);
    log_set_level(LOG_LEVEL_WARN);
    buffer_begin(&lines, &arena, 16);
    log_of_request(&lines, "failed", ERR_FULL, false);
    log_of_request(&lines, "last", ERR_NONE, true);
    ck_assert_str_eq(
        only_line("log"), "level=warn event=failed kind=action duration_us=0 outcome=full");
}
END_TEST

static void add_lines(TCase *tcase)
{
    tcase_add_test(tcase, lines_of_a_request_are_written_with_its_last);
    tcase_add_test(tcase, lines_of_a_request_do_not_depend_on_the_last_ones_level);
    tcase_add_test(tcase, a_line_says_time_level_event_and_pairs);
    tcase_add_test(tcase, an_event_may_stand_alone);
    tcase_add_test(tcase, what_a_client_sends_cannot_forge_a_line);
    tcase_add_test(tcase, levels_below_are_not_written);
    tcase_add_test(tcase, lines_are_appended_to_what_is_there);
    tcase_add_test(tcase, before_opening_and_after_closing_lines_go_to_standard_error);
    tcase_add_test(tcase, a_log_that_cannot_be_opened_changes_nothing);
    tcase_add_test(tcase, a_fifo_without_a_reader_is_refused_and_not_waited_for);
    tcase_add_test(tcase, a_full_disk_costs_lines_and_nothing_else);
    tcase_add_test(tcase, a_line_that_the_disk_cut_off_does_not_swallow_the_next);
}

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *outcomes = make_tcase(suite, "outcomes");
    add_lines(make_tcase(suite, "lines"));
    tcase_add_loop_test(outcomes, an_outcome_has_the_level_of_its_kind, 0,
        sizeof outcome_rows / sizeof *outcome_rows);
    tcase_add_test(outcomes, an_outcome_says_for_whom_and_why);
    tcase_add_test(outcomes, offending_fields_are_counted_and_not_named);
    tcase_add_test(outcomes, a_success_tells_no_cause);
    return unit_run(suite);
}
