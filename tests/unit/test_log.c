#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/log.h"
#include "core/metrics.h"

static struct arena arena;
static struct fault fault;
static const char *folder;

static void begin(void)
{
    folder = unit_folder();
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
}

static void end(void)
{
    log_close();
    arena_fini(&arena);
}

static const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

static void open_log(const char *name, int64_t rotate_size, int64_t rotate_count)
{
    struct log_options options = {
        .path = path_of(name),
        .level = LOG_LEVEL_DEBUG,
        .rotate_size = rotate_size,
        .rotate_count = rotate_count,
    };
    ck_assert_int_eq(log_open(&options, &fault), ERR_NONE);
}

/* The file's text; "" if there is none. */
static const char *content(const char *name)
{
    char *text;
    size_t len;
    enum err e = file_read(&arena, path_of(name), 1 << 28, &text, &len, NULL);
    if (e == ERR_NOT_FOUND)
        return "";
    ck_assert_int_eq(e, ERR_NONE);
    ck_assert_uint_eq(strlen(text), len);
    return text;
}

static bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

/* What follows the time in the only line. */
static const char *only_line(const char *name)
{
    const char *text = content(name);
    const char *newline = strchr(text, '\n');
    ck_assert_msg(newline && !newline[1], "not one line: %s", text);
    ck_assert_int_eq(strncmp(text, "time=2", 6), 0);
    ck_assert_mem_eq(text + 24, "Z ", 2);
    return arena_copy(&arena, text + 26, (size_t)(newline - text - 26));
}

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

/* Each line is larger than the size, so each goes to a file of its own. */
START_TEST(files_are_rotated_and_the_oldest_go)
{
    open_log("log", 10, 3);
    for (int i = 1; i <= 6; i++)
        LOG_INFO("line", LOG_INT("i", i));
    ck_assert_str_eq(content("log"), "");
    ck_assert_ptr_nonnull(strstr(only_line("log.1"), "i=6"));
    ck_assert_ptr_nonnull(strstr(only_line("log.2"), "i=5"));
    ck_assert_ptr_nonnull(strstr(only_line("log.3"), "i=4"));
    ck_assert(!exists("log.4"));
}
END_TEST

START_TEST(a_file_is_rotated_only_past_its_size)
{
    open_log("log", 100, 3);
    LOG_INFO("one"); /* 42 bytes */
    LOG_INFO("two");
    ck_assert(!exists("log.1"));
    LOG_INFO("three");
    ck_assert(exists("log.1"));
    LOG_INFO("four");
    ck_assert(!exists("log.2"));
}
END_TEST

START_TEST(what_is_in_the_file_at_its_opening_counts)
{
    open_log("log", 100, 1);
    LOG_INFO("one");
    LOG_INFO("two");
    open_log("log", 100, 1);
    LOG_INFO("three");
    ck_assert(exists("log.1"));
}
END_TEST

START_TEST(size_0_never_rotates)
{
    open_log("log", 0, 3);
    for (int i = 0; i < 100; i++)
        LOG_INFO("line");
    ck_assert(!exists("log.1"));
}
END_TEST

START_TEST(count_0_keeps_no_old_file)
{
    open_log("log", 10, 0);
    LOG_INFO("one");
    LOG_INFO("two");
    ck_assert_str_eq(content("log"), "");
    ck_assert(!exists("log.1"));
}
END_TEST

static void put(const char *name, const char *text)
{
    ck_assert_int_eq(file_replace(path_of(name), text, strlen(text), 0600, &fault), ERR_NONE);
}

START_TEST(a_gap_in_the_numbers_is_filled_before_anything_is_lost)
{
    put("log.1", "first");
    put("log.3", "third");
    put("log.4", "fourth");
    open_log("log", 10, 4);
    LOG_INFO("line");
    ck_assert_ptr_nonnull(strstr(content("log.1"), "event=line"));
    ck_assert_str_eq(content("log.2"), "first");
    ck_assert_str_eq(content("log.3"), "third");
    ck_assert_str_eq(content("log.4"), "fourth");
}
END_TEST

/* log.2 cannot become log.3, so log.1 must not become log.2. */
START_TEST(a_rotation_that_fails_half_way_overwrites_nothing)
{
    put("log.1", "first");
    put("log.2", "second");
    ck_assert_int_eq(mkdir(path_of("log.3"), 0700), 0);
    open_log("log", 10, 3);
    LOG_INFO("line");
    ck_assert_str_eq(content("log.1"), "first");
    ck_assert_str_eq(content("log.2"), "second");
    ck_assert_ptr_nonnull(strstr(content("log"), "event=line"));
}
END_TEST

/* log.1 cannot be renamed away or over: it is a folder that is not empty, and log.2 a file. */
START_TEST(a_rotation_that_fails_loses_no_line_and_does_not_loop)
{
    ck_assert_int_eq(mkdir(path_of("log.1"), 0700), 0);
    put("log.1/x", "x");
    put("log.2", "old");
    open_log("log", 1000, 2);
    for (int i = 0; i < 100; i++)
        LOG_INFO("line", LOG_INT("i", i));
    const char *text = content("log");
    int complaints = 0;
    for (const char *at = text; (at = strstr(at, "log rotation failed")); at++)
        complaints++;
    ck_assert_int_ge(complaints, 2);
    ck_assert_int_le(complaints, 8);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_nonnull(strstr(text, arena_printf(&arena, "event=line i=%d\n", i)));
    ck_assert_str_eq(content("log.2"), "old");
}
END_TEST

START_TEST(a_log_that_somebody_else_rotated_is_only_opened_anew)
{
    open_log("log", 10, 3);
    put("other", "of somebody else\n");
    ck_assert_int_eq(rename(path_of("log"), path_of("moved")), 0);
    ck_assert_int_eq(rename(path_of("other"), path_of("log")), 0);
    LOG_INFO("to.the.old.file");
    ck_assert(!exists("log.1"));
    ck_assert_ptr_nonnull(strstr(content("moved"), "to.the.old.file"));
    LOG_INFO("to.the.new.file");
    ck_assert_int_eq(strncmp(content("log.1"), "of somebody else\ntime=", 22), 0);
}
END_TEST

START_TEST(a_log_whose_name_is_gone_is_made_again)
{
    open_log("log", 10, 3);
    ck_assert_int_eq(unlink(path_of("log")), 0);
    LOG_INFO("lost.with.the.file");
    LOG_INFO("kept");
    ck_assert_ptr_nonnull(strstr(content("log.1"), "kept"));
}
END_TEST

START_TEST(what_is_no_regular_file_is_not_rotated)
{
    ck_assert_int_eq(symlink("/dev/null", path_of("log")), 0);
    open_log("log", 10, 3);
    LOG_INFO("one");
    LOG_INFO("two");
    ck_assert(!exists("log.1"));
}
END_TEST

START_TEST(a_log_moved_away_is_opened_anew)
{
    open_log("log", 0, 0);
    LOG_INFO("one");
    ck_assert_int_eq(rename(path_of("log"), path_of("moved")), 0);
    LOG_INFO("two");
    log_reopen();
    LOG_INFO("three");
    ck_assert_str_eq(only_line("log"), "level=info event=three");
    ck_assert_ptr_nonnull(strstr(content("moved"), "two"));
}
END_TEST

START_TEST(a_reopening_that_fails_keeps_the_old_file)
{
    ck_assert_int_eq(mkdir(path_of("sub"), 0700), 0);
    open_log("sub/log", 0, 0);
    ck_assert_int_eq(rename(path_of("sub"), path_of("moved")), 0);
    log_reopen();
    LOG_INFO("still");
    const char *text = content("moved/log");
    ck_assert_ptr_nonnull(strstr(text, "level=error event=\"log reopen failed\" cause="));
    ck_assert_ptr_nonnull(strstr(text, "event=still"));
}
END_TEST

enum {
    THREADS = 8,
    LINES = 2000
};

static atomic_bool is_done;

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        LOG_INFO("line", LOG_INT("thread", (int)(intptr_t)arg), LOG_INT("i", i),
            LOG_TEXT("filler", "some more words, so that a torn line would be seen"));
    return NULL;
}

static void *reopen_all_the_time(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_done)) {
        log_reopen();
        log_set_level(LOG_LEVEL_DEBUG);
    }
    return NULL;
}

static void take_line(const char *line, bool seen[THREADS][LINES])
{
    int thread;
    int i;
    char rest[80];
    ck_assert_msg(sscanf(line, "time=%*20s level=info event=line thread=%d i=%d filler=%79[^\n]",
                      &thread, &i, rest) == 3,
        "torn: %.200s", line);
    ck_assert_str_eq(rest, "\"some more words, so that a torn line would be seen\"");
    ck_assert(!seen[thread][i]);
    seen[thread][i] = true;
}

static int take_file(const char *name, bool seen[THREADS][LINES])
{
    int count = 0;
    for (const char *at = content(name); *at; at = strchr(at, '\n') + 1) {
        ck_assert_ptr_nonnull(strchr(at, '\n'));
        take_line(at, seen);
        count++;
    }
    return count;
}

/* Some sixty rotations, each when it was due and not before, and a reopening whenever there is
 * time. */
START_TEST(no_line_is_torn_or_lost_while_threads_rotate_and_reopen)
{
    static bool seen[THREADS][LINES];
    pthread_t threads[THREADS];
    pthread_t reopener;
    open_log("log", 32768, 1000);
    ck_assert_int_eq(pthread_create(&reopener, NULL, reopen_all_the_time, NULL), 0);
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&is_done, true);
    pthread_join(reopener, NULL);
    int count = take_file("log", seen);
    int files = 0;
    while (exists(arena_printf(&arena, "log.%d", files + 1))) {
        const char *name = arena_printf(&arena, "log.%d", ++files);
        count += take_file(name, seen);
        ck_assert_uint_gt(strlen(content(name)), 32768);
    }
    ck_assert_int_eq(count, THREADS * LINES);
    ck_assert_int_gt(files, 30);
    ck_assert_int_eq(metrics_get(METRIC_log_lines_lost_total), 0);
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

static TCase *make_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, end);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_lines(TCase *tcase)
{
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

static void add_rotation(TCase *tcase)
{
    tcase_add_test(tcase, files_are_rotated_and_the_oldest_go);
    tcase_add_test(tcase, a_file_is_rotated_only_past_its_size);
    tcase_add_test(tcase, what_is_in_the_file_at_its_opening_counts);
    tcase_add_test(tcase, size_0_never_rotates);
    tcase_add_test(tcase, count_0_keeps_no_old_file);
    tcase_add_test(tcase, a_gap_in_the_numbers_is_filled_before_anything_is_lost);
    tcase_add_test(tcase, a_rotation_that_fails_half_way_overwrites_nothing);
    tcase_add_test(tcase, a_rotation_that_fails_loses_no_line_and_does_not_loop);
    tcase_add_test(tcase, a_log_that_somebody_else_rotated_is_only_opened_anew);
    tcase_add_test(tcase, a_log_whose_name_is_gone_is_made_again);
    tcase_add_test(tcase, what_is_no_regular_file_is_not_rotated);
    tcase_add_test(tcase, a_log_moved_away_is_opened_anew);
    tcase_add_test(tcase, a_reopening_that_fails_keeps_the_old_file);
    tcase_add_test(tcase, no_line_is_torn_or_lost_while_threads_rotate_and_reopen);
}

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *outcomes = make_tcase(suite, "outcomes");
    add_lines(make_tcase(suite, "lines"));
    add_rotation(make_tcase(suite, "rotation"));
    tcase_add_loop_test(outcomes, an_outcome_has_the_level_of_its_kind, 0,
        sizeof outcome_rows / sizeof *outcome_rows);
    tcase_add_test(outcomes, an_outcome_says_for_whom_and_why);
    tcase_add_test(outcomes, offending_fields_are_counted_and_not_named);
    tcase_add_test(outcomes, a_success_tells_no_cause);
    return unit_run(suite);
}
