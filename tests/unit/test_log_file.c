/* Rotation and reopening: whatever happens to the files, no line is lost. */
#include "log_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"

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
    LINES = 1000
};

static atomic_bool is_done;

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        LOG_INFO("line", LOG_INT("thread", (int)(intptr_t)arg), LOG_INT("i", i),
            LOG_TEXT("filler", "some more words, so that a torn line would be seen"));
    return NULL;
}

static void *reopen_each_ms(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_done)) {
        log_reopen();
        log_set_level(LOG_LEVEL_DEBUG);
        clock_sleep_until(clock_mono_ms() + 1); /* else the writers starve under valgrind */
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

/* Some fifty rotations, each when it was due and not before, and a reopening every millisecond. */
START_TEST(no_line_is_torn_or_lost_while_threads_rotate_and_reopen)
{
    static bool seen[THREADS][LINES];
    pthread_t threads[THREADS];
    pthread_t reopener;
    open_log("log", 16384, 1000);
    ck_assert_int_eq(pthread_create(&reopener, NULL, reopen_each_ms, NULL), 0);
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
        ck_assert_uint_gt(strlen(content(name)), 16384);
    }
    ck_assert_int_eq(count, THREADS * LINES);
    ck_assert_int_gt(files, 30);
    ck_assert_int_eq(metrics_get(METRIC_log_lines_lost_total), 0);
}
END_TEST

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
    Suite *suite = suite_create("log_file");
    add_rotation(make_tcase(suite, "rotation"));
    return unit_run(suite);
}
