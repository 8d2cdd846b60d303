/* Compiled with fault points whatever the build has. Death is the exit status of the test's own
 * process. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fault_point.h"

static void want(const char *wanted)
{
    ck_assert_int_eq(setenv("ORDERD_FAULT_POINT", wanted, 1), 0);
}

static void pass(void)
{
    FAULT_POINT(test_thing_done);
}

static void pass_often(void)
{
    for (int i = 0; i < 100; i++)
        pass();
}

START_TEST(without_a_wish_nothing_happens)
{
    ck_assert_int_eq(unsetenv("ORDERD_FAULT_POINT"), 0);
    pass_often();
}
END_TEST

static const char *const others[] = {"", ":", ":1", "test", "test_thing", "test_thing_done_again",
    "TEST_THING_DONE", "test_thing_done:0", "test_thing_done:", "test_thing_done:x",
    "test_thing_done:-1", "test_thing_done:101"};

START_TEST(another_wish_lets_it_pass)
{
    want(others[_i]);
    pass_often();
}
END_TEST

START_TEST(the_first_passage_ends_the_process)
{
    want("test_thing_done");
    pass();
}
END_TEST

START_TEST(the_passage_before_the_wanted_one_does_not)
{
    want("test_thing_done:3");
    pass();
    pass();
}
END_TEST

START_TEST(the_wanted_passage_does)
{
    want("test_thing_done:3");
    pass();
    pass();
    pass();
}
END_TEST

START_TEST(other_points_do_not_count)
{
    want("test_thing_done:2");
    pass();
    FAULT_POINT(test_other_thing_done);
}
END_TEST

START_TEST(a_trace_tells_each_passage_and_ends_nothing)
{
    const char *path = unit_path(unit_folder(), "trace");
    char text[256] = "";
    want("trace");
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    pass();
    FAULT_POINT(test_other_thing_done);
    ck_assert_int_gt(pread(fd, text, sizeof text - 1, 0), 0);
    ck_assert_str_eq(text, "fault point test_thing_done\nfault point test_other_thing_done\n");
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

extern const char __start_fault_points[];
extern const char __stop_fault_points[];

/* Each of them once, however often it is passed. */
START_TEST(the_section_holds_the_names)
{
    int count = 0;
    for (const char *at = __start_fault_points; at < __stop_fault_points; at += strlen(at) + 1)
        count += !strcmp(at, "test_thing_done");
    ck_assert_int_eq(count, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault_point");
    TCase *tcase = tcase_create("fault_point");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, another_wish_lets_it_pass, 0, (int)(sizeof others / sizeof *others));
    tcase_add_test(tcase, without_a_wish_nothing_happens);
    tcase_add_exit_test(tcase, the_first_passage_ends_the_process, FAULT_POINT_STATUS);
    tcase_add_test(tcase, the_passage_before_the_wanted_one_does_not);
    tcase_add_exit_test(tcase, the_wanted_passage_does, FAULT_POINT_STATUS);
    tcase_add_test(tcase, other_points_do_not_count);
    tcase_add_test(tcase, a_trace_tells_each_passage_and_ends_nothing);
    tcase_add_test(tcase, the_section_holds_the_names);
    return unit_run(suite);
}
