/* orderd-notifier as a process: told of new mail, of times, and by signals. Each test runs it in a
 * child. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "notify/service.h"

#include "spool_desk.h"
#include "unit.h"

static char config_path[400];
static char log_path[400];
static char elsewhere[400]; /* where things are moved out of the way */
static char mail_path[400];
static pid_t child;

/* notify: lines of that section, behind the Maildir's. */
static void write_config(const char *notify)
{
    FILE *out = fopen(config_path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_gt(fprintf(out,
                         "[spool]\npath = %s\n[log]\nnotifier_file = %s\nlevel = info\n"
                         "[notify]\nmaildir = %s\n%s\n",
                         desk_spool(), log_path, mail_path, notify),
        0);
    ck_assert_int_eq(fclose(out), 0);
}

static int serve(bool once)
{
    struct config *config;
    struct service *service;
    struct fault fault;
    fault_begin(&fault, NULL);
    enum err e = config_open(&config, config_path, NULL, &fault);
    if (!e)
        e = service_open(&service, config_path, config, &fault);
    if (e)
        return 90;
    e = service_run(service, once, &fault);
    service_close(service);
    return (int)e;
}

static void start(bool once)
{
    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        exit(serve(once)); /* with all that is checked at an exit */
}

static int child_status;

static int has_ended(void *arg)
{
    (void)arg;
    return waitpid(child, &child_status, WNOHANG) == child;
}

/* Far below a scan: whatever it waits for, a signal ends the waiting. */
static int finish(int signal)
{
    if (signal)
        ck_assert_int_eq(kill(child, signal), 0);
    unit_wait(has_ended, NULL, "the end");
    child = 0;
    ck_assert(WIFEXITED(child_status));
    return WEXITSTATUS(child_status);
}

static void begin(void)
{
    desk_open();
    snprintf(config_path, sizeof config_path, "%s.conf", desk_spool());
    snprintf(log_path, sizeof log_path, "%s.log", desk_spool());
    snprintf(elsewhere, sizeof elsewhere, "%s.elsewhere", desk_spool());
    snprintf(mail_path, sizeof mail_path, "%s", desk_mail());
    write_config("");
}

static void end(void)
{
    if (child > 0)
        kill(child, SIGKILL);
}

static int is_logged(void *what)
{
    return access(log_path, R_OK) == 0 && strstr(desk_text(log_path), what) != NULL;
}

static void wait_log(const char *what)
{
    unit_wait(is_logged, (void *)what, what);
}

static int has_mails(void *count)
{
    return desk_count(unit_path(mail_path, "new")) == *(int *)count;
}

static void wait_mails(int count)
{
    unit_wait(has_mails, &count, "the mails");
}

/* The folders that a notifier makes. */
static void run_once(void)
{
    start(true);
    ck_assert_int_eq(finish(0), 0);
}

START_TEST(bad_values_are_refused)
{
    struct config *config;
    struct fault fault;
    write_config(_i ? "retry_first = 100\nretry_max = 10" : "domain = exa_mple");
    ck_assert(!config_open(&config, config_path, NULL, NULL));
    fault_begin(&fault, NULL);
    ck_assert_int_eq(service_check(config, &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, _i ? "retry_first" : "domain"));
    config_close(config);
    start(false);
    ck_assert_int_eq(finish(0), 90);
}
END_TEST

START_TEST(a_second_notifier_ends_with_an_error)
{
    start(false);
    wait_log("is ready");
    ck_assert_int_eq(serve(false), ERR_BUSY);
    wait_log(".notifier.lock");
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(without_a_spool_once_ends_with_an_error)
{
    ck_assert_int_eq(rename(desk_spool(), elsewhere), 0);
    start(true);
    ck_assert_int_eq(finish(0), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_spool_that_is_made_late_is_waited_for)
{
    ck_assert_int_eq(rename(desk_spool(), elsewhere), 0);
    start(false);
    wait_log("waiting for the spool");
    ck_assert_int_eq(rename(elsewhere, desk_spool()), 0);
    wait_log("is ready");
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(waiting_for_a_spool_can_be_ended)
{
    ck_assert_int_eq(rename(desk_spool(), elsewhere), 0);
    start(false);
    wait_log("waiting for the spool");
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(a_new_message_is_delivered_at_once)
{
    start(false);
    wait_log("is ready");
    int64_t before = clock_mono_ms();
    desk_publish(1, 3);
    wait_mails(3);
    ck_assert_int_lt(clock_mono_ms() - before, 8000); /* far below a scan */
    ck_assert_int_eq(finish(SIGTERM), 0);
    ck_assert_int_eq(desk_count("new") + desk_count("claimed"), 0);
    ck_assert(is_logged("has stopped"));
}
END_TEST

START_TEST(what_came_while_it_was_down_is_delivered)
{
    run_once();
    desk_publish(1, 2);
    desk_move(1, "claimed", "1.00000000000000000000000000000001");
    start(false);
    wait_mails(2);
    ck_assert_int_eq(finish(SIGINT), 0);
}
END_TEST

START_TEST(a_deferred_message_is_delivered_when_it_is_due)
{
    write_config("retry_first = 1\nscan = 3600");
    FILE *obstacle = fopen(desk_mail(), "w");
    ck_assert_ptr_nonnull(obstacle);
    fclose(obstacle);
    desk_publish(1, 1);
    start(false);
    wait_log("result=deferred");
    ck_assert_int_eq(unlink(desk_mail()), 0);
    wait_mails(1); /* far below a scan */
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(a_scan_finds_what_no_event_told)
{
    run_once();
    ck_assert_int_eq(unlink(log_path), 0);
    write_config("scan = 1");
    desk_publish(1, 1);
    desk_move(1, "hold", desk_uid(1));
    start(false);
    wait_log("is ready");
    const char *held = desk_path("hold", desk_uid(1)); /* let go of, by hand: nobody watches this */
    const char *due = desk_path("deferred", "1.1.00000000000000000000000000000001");
    ck_assert_int_eq(rename(held, due), 0);
    wait_mails(1);
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(once_delivers_and_ends)
{
    desk_publish(1, 100);
    run_once();
    ck_assert_int_eq(desk_count(unit_path(desk_mail(), "new")), 100);
    ck_assert_int_eq(desk_count("new"), 0);
}
END_TEST

START_TEST(the_log_is_opened_anew)
{
    char moved[450];
    snprintf(moved, sizeof moved, "%s.1", log_path);
    start(false);
    wait_log("is ready");
    ck_assert_int_eq(rename(log_path, moved), 0);
    ck_assert_int_eq(kill(child, SIGUSR1), 0);
    desk_publish(1, 1);
    wait_mails(1);
    wait_log("event=notify.deliver");
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(the_configuration_is_read_again)
{
    start(false);
    wait_log("is ready");
    snprintf(mail_path, sizeof mail_path, "%s.other", desk_mail());
    write_config("from = new@example.org");
    ck_assert_int_eq(kill(child, SIGHUP), 0);
    wait_log("taken over");
    desk_publish(1, 1);
    wait_mails(1); /* in the other one */
    ck_assert_int_eq(desk_count(unit_path(desk_mail(), "new")), 0);
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(a_bad_configuration_is_not_taken_over)
{
    start(false);
    wait_log("is ready");
    write_config(_i ? "scan = never" : "domain = exa_mple");
    ck_assert_int_eq(kill(child, SIGHUP), 0);
    wait_log("not taken over");
    wait_log(_i ? "notify.scan" : "notify.domain");
    desk_publish(1, 1);
    wait_mails(1);
    ck_assert_int_eq(finish(SIGTERM), 0);
}
END_TEST

START_TEST(a_spool_that_goes_away_ends_it)
{
    char new_folder[400];
    snprintf(new_folder, sizeof new_folder, "%s/new", desk_spool());
    start(false);
    wait_log("is ready");
    ck_assert_int_eq(rename(new_folder, elsewhere), 0);
    ck_assert_int_eq(finish(0), ERR_NOT_FOUND);
    ck_assert(is_logged("moved away"));
}
END_TEST

static Suite *service_suite(void)
{
    Suite *suite = suite_create("service");
    TCase *tc = tcase_create("service");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, bad_values_are_refused, 0, 2);
    tcase_add_test(tc, a_second_notifier_ends_with_an_error);
    tcase_add_test(tc, without_a_spool_once_ends_with_an_error);
    tcase_add_test(tc, a_spool_that_is_made_late_is_waited_for);
    tcase_add_test(tc, waiting_for_a_spool_can_be_ended);
    tcase_add_test(tc, a_spool_that_goes_away_ends_it);
    tcase_add_loop_test(tc, a_bad_configuration_is_not_taken_over, 0, 2);
    tcase_add_test(tc, a_new_message_is_delivered_at_once);
    tcase_add_test(tc, what_came_while_it_was_down_is_delivered);
    tcase_add_test(tc, a_deferred_message_is_delivered_when_it_is_due);
    tcase_add_test(tc, a_scan_finds_what_no_event_told);
    tcase_add_test(tc, once_delivers_and_ends);
    tcase_add_test(tc, the_log_is_opened_anew);
    tcase_add_test(tc, the_configuration_is_read_again);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return unit_run(service_suite());
}
