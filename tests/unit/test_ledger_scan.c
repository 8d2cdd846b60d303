/* gateway/ledger_scan: a look into the ledger that changes nothing, whatever is in it and whoever
 * else uses it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "gateway/ledger_scan.h"

#include "gateway_desk.h"
#include "unit.h"

#define TIME   "time=2026-11-24T15:04:05Z "
#define LINE_A TIME "event=authorise reference=" REF_A " amount=2590 currency=EUR\n"
#define LINE_B TIME "event=void reference=" REF_B "\n"

static struct event events[1000];
static size_t count;
static struct fault fault;

static void keep(void *arg, const struct event *event)
{
    ck_assert_ptr_eq(arg, &count);
    if (count < 1000)
        events[count] = *event;
    count++;
}

static enum err scan(int wait_ms)
{
    count = 0;
    fault_begin(&fault, NULL);
    return ledger_scan(desk_ledger(), wait_ms, keep, &count, &fault);
}

static void expect(size_t events_count)
{
    enum err e = scan(1000);
    ck_assert_msg(!e, "%s", fault.text);
    ck_assert_uint_eq(count, events_count);
}

START_TEST(a_ledger_that_is_not_there_is_empty_and_not_made)
{
    expect(0);
    ck_assert_int_ne(access(desk_ledger(), F_OK), 0);
}
END_TEST

START_TEST(an_empty_ledger_has_no_events)
{
    desk_write("");
    expect(0);
}
END_TEST

START_TEST(events_come_in_order_and_as_they_were_written)
{
    desk_write(LINE_A LINE_B);
    expect(2);
    ck_assert_int_eq(events[0].kind, EVENT_AUTHORISE);
    ck_assert_str_eq(events[0].reference, REF_A);
    ck_assert_int_eq(events[0].amount_minor, 2590);
    ck_assert_str_eq(events[0].currency, "EUR");
    ck_assert_int_eq(events[1].kind, EVENT_VOID);
    ck_assert_str_eq(events[1].currency, "");
}
END_TEST

START_TEST(a_torn_last_line_is_passed_over_and_stays)
{
    static const char *const texts[] = {"time=2026", LINE_A "time=2026-11-24T", LINE_A LINE_B "x"};
    desk_write(texts[_i]);
    expect((size_t)_i);
    ck_assert_str_eq(desk_read(), texts[_i]);
}
END_TEST

START_TEST(a_line_that_is_no_event_is_told_by_its_number)
{
    desk_write(LINE_A LINE_B "nonsense\n" LINE_A);
    ck_assert_int_eq(scan(1000), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(fault.text, "line 3"));
    ck_assert_uint_eq(count, 2);
}
END_TEST

/* len bytes of 'x', from then on a newline if there is to be one. */
static void append_long(size_t len, const char *end)
{
    char text[100000];
    ck_assert_uint_lt(len, sizeof text);
    memset(text, 'x', len);
    text[len] = '\0';
    desk_append(text);
    desk_append(end);
}

START_TEST(a_line_without_an_end_is_told)
{
    desk_write(LINE_A);
    append_long(_i ? 90000 : EVENT_LINE_MAX, _i ? "\n" LINE_A : "");
    ck_assert_int_eq(scan(1000), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(fault.text, "too long"));
}
END_TEST

START_TEST(a_long_ledger_is_read_whole)
{
    FILE *file = fopen(desk_ledger(), "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 5000; i++)
        fputs(i % 2 ? LINE_A : LINE_B, file);
    ck_assert_int_eq(fclose(file), 0);
    expect(5000);
}
END_TEST

START_TEST(what_is_no_file_is_told)
{
    if (_i)
        ck_assert_int_eq(mkfifo(desk_ledger(), 0600), 0);
    else
        ck_assert_int_eq(mkdir(desk_ledger(), 0700), 0);
    ck_assert_int_eq(scan(1000), ERR_CORRUPT);
}
END_TEST

START_TEST(a_ledger_that_is_held_is_told)
{
    desk_write(LINE_A);
    int fd = open(desk_ledger(), O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(scan(20), ERR_BUSY);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(flock(fd, LOCK_SH), 0); /* another reader is no trouble */
    expect(1);
    close(fd);
}
END_TEST

/* Lines are torn and cut off again all the time, as on a disk that is full at times. */
static void write_badly_until_killed(void)
{
    int fd = open(desk_ledger(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    for (off_t end = 0; fd >= 0; end += (off_t)strlen(LINE_A)) {
        if (flock(fd, LOCK_EX) || ftruncate(fd, end) ||
            write(fd, LINE_A, strlen(LINE_A)) != (ssize_t)strlen(LINE_A) ||
            write(fd, LINE_B, 30) != 30 || flock(fd, LOCK_UN))
            break;
    }
    _exit(1);
}

START_TEST(a_ledger_that_is_being_written_is_always_whole)
{
    pid_t pid = fork();
    if (!pid)
        write_badly_until_killed();
    size_t before = 0;
    int64_t deadline_ms = clock_mono_ms() + 500;
    while (clock_mono_ms() < deadline_ms || before == 0) { /* the writer may be slow to begin */
        ck_assert_msg(!scan(10000), "%s", fault.text);
        ck_assert_uint_ge(count, before);
        before = count;
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_uint_gt(before, 0);
}
END_TEST

START_TEST(a_gateway_that_runs_is_read)
{
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    expect(2);
    ck_assert_int_eq(events[1].kind, EVENT_CAPTURE);
    gateway_close(gateway);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger scan");
    TCase *tc = tcase_create("ledger scan");
    tcase_add_checked_fixture(tc, desk_begin, NULL);
    tcase_add_test(tc, a_ledger_that_is_not_there_is_empty_and_not_made);
    tcase_add_test(tc, an_empty_ledger_has_no_events);
    tcase_add_loop_test(tc, a_torn_last_line_is_passed_over_and_stays, 0, 3);
    tcase_add_test(tc, a_line_that_is_no_event_is_told_by_its_number);
    tcase_add_loop_test(tc, a_line_without_an_end_is_told, 0, 2);
    tcase_add_loop_test(tc, what_is_no_file_is_told, 0, 2);
    tcase_add_test(tc, a_ledger_that_is_held_is_told);
    tcase_add_test(tc, events_come_in_order_and_as_they_were_written);
    tcase_add_test(tc, a_long_ledger_is_read_whole);
    tcase_add_test(tc, a_ledger_that_is_being_written_is_always_whole);
    tcase_add_test(tc, a_gateway_that_runs_is_read);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
