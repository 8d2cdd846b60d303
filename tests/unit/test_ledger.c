/* The ledger as a file: what a restart, a torn line, a foreign line, a full disk and a stuck
 * neighbour do. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "gateway/event.h"
#include "gateway/simulated.h"

#include "gateway_desk.h"
#include "unit.h"

#define TIME     "time=2026-11-24T15:04:05Z"
#define LINE_A   TIME " event=authorise reference=" REF_A " amount=2590 currency=EUR\n"
#define LINE_B   TIME " event=authorise reference=" REF_B " amount=2590 currency=EUR\n"
#define MONEY    " amount=2590 currency=EUR"
#define REF_LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* ---- lines ---- */

static const char *const foreign[] = {
    "",
    " ",
    "garbage",
    TIME,
    "event=authorise reference=" REF_A MONEY,
    "time= event=authorise reference=" REF_A MONEY,
    "time=2026-11-24 event=authorise reference=" REF_A MONEY,
    TIME " reference=" REF_A MONEY,
    TIME " event=authorise" MONEY,
    TIME " event=authorise reference=" REF_A,
    TIME " event=authorise reference=" REF_A " amount=2590",
    TIME " event=authorise reference=" REF_A " currency=EUR",
    TIME " event=refund reference=" REF_A MONEY,
    TIME " event= reference=" REF_A MONEY,
    TIME " event=authorise reference=" MONEY,
    TIME " event=authorise reference=a/b" MONEY,
    TIME " event=authorise reference=" REF_LONG MONEY,
    TIME " event=authorise reference=" REF_A " amount=-1 currency=EUR",
    TIME " event=authorise reference=" REF_A " amount=2590.0 currency=EUR",
    TIME " event=authorise reference=" REF_A " amount=02590 currency=EUR",
    TIME " event=authorise reference=" REF_A " amount=9223372036854775808 currency=EUR",
    TIME " event=authorise reference=" REF_A " amount= currency=EUR",
    TIME " event=authorise reference=" REF_A " amount=2590 currency=eur",
    TIME " event=authorise reference=" REF_A " amount=2590 currency=EURO",
    TIME " event=authorise reference=" REF_A MONEY " currency=EUR",
    TIME " event=authorise reference=" REF_A MONEY " reference=" REF_B,
    TIME " event=authorise reference=" REF_A MONEY " capture=accept",
    TIME " event=authorise reference=" REF_A MONEY " code=card_declined",
    TIME " event=authorise reference=" REF_A MONEY " note=x",
    TIME " event=authorise reference=" REF_A MONEY " =",
    TIME " event=authorise reference=" REF_A MONEY " ",
    TIME "  event=authorise reference=" REF_A MONEY,
    TIME " reference=" REF_A " event=authorise" MONEY,
    TIME " event=decline reference=" REF_A MONEY,
    TIME " event=decline reference=" REF_A MONEY " code=",
    TIME " event=decline reference=" REF_A MONEY " code=No",
    TIME " event=decline reference=" REF_A MONEY " code=" REF_LONG,
    TIME " event=capture reference=" REF_A,
    TIME " event=capture reference=" REF_A MONEY " capture=refuse",
    TIME " event=void reference=" REF_A " amount=2590",
};
#define FOREIGN ((int)(sizeof foreign / sizeof *foreign))

START_TEST(a_foreign_line_is_refused_and_named)
{
    static char text[1024];
    struct gateway *gateway;
    const char *why;
    snprintf(text, sizeof text, LINE_B "%s\n" LINE_A, foreign[_i]);
    desk_write(text);
    ck_assert_int_eq(desk_try_open(&gateway, &why), ERR_CORRUPT);
    ck_assert_ptr_null(gateway);
    ck_assert_msg(strstr(why, "gateway.ledger: line 2 ") != NULL, "%s", why);
    ck_assert_str_eq(desk_read(), text);
}
END_TEST

START_TEST(a_line_with_a_nul_is_foreign)
{
    static const char bytes[] = TIME " event=void reference=" REF_A "\0\n";
    struct event event;
    ck_assert(event_parse(bytes, sizeof bytes - 3, &event));
    ck_assert(!event_parse(bytes, sizeof bytes - 2, &event));
}
END_TEST

START_TEST(a_line_that_never_ends_is_foreign)
{
    static char text[8192];
    struct gateway *gateway;
    const char *why;
    memset(text, 'a', sizeof text - 1);
    desk_write(text);
    ck_assert_int_eq(desk_try_open(&gateway, &why), ERR_CORRUPT);
    ck_assert_str_eq(desk_read(), text);
}
END_TEST

static const struct event events[] = {
    {.kind = EVENT_AUTHORISE, .reference = REF_A, .amount_minor = 0, .currency = "EUR"},
    {.kind = EVENT_AUTHORISE,
        .reference = "A-z_9",
        .amount_minor = INT64_MAX,
        .currency = "JPY",
        .capture_refused = true},
    {.kind = EVENT_DECLINE,
        .reference = REF_A,
        .amount_minor = 1,
        .currency = "EUR",
        .code = "card_declined"},
    {.kind = EVENT_CAPTURE, .reference = REF_A, .amount_minor = 1, .currency = "EUR"},
    {.kind = EVENT_CAPTURE_REFUSED, .reference = REF_A, .amount_minor = 1, .currency = "EUR"},
    {.kind = EVENT_VOID, .reference = REF_A, .amount_minor = 1, .currency = "EUR"},
    {.kind = EVENT_VOID, .reference = REF_A},
};

START_TEST(an_event_reads_as_it_was_written)
{
    struct arena arena;
    struct buffer line;
    struct event read;
    const struct event *written = &events[_i];
    arena_init(&arena, 1024);
    buffer_begin(&line, &arena, 64);
    event_write(written, 1795532645, &line);
    ck_assert(line.len && line.data[line.len - 1] == '\n');
    ck_assert_msg(event_parse(line.data, line.len - 1, &read), "%s", line.data);
    ck_assert_int_eq(read.kind, written->kind);
    ck_assert_str_eq(read.reference, written->reference);
    ck_assert_int_eq(read.amount_minor, written->amount_minor);
    ck_assert_str_eq(read.currency, written->currency);
    ck_assert_int_eq(read.capture_refused, written->capture_refused);
    ck_assert_str_eq(read.code, written->code);
    arena_fini(&arena);
}
END_TEST

START_TEST(the_lines_are_as_documented)
{
    struct gateway *gateway = desk_open_plain();
    desk_authorise(gateway, REF_A, "tok_capture_fails");
    desk_capture(gateway, REF_A);
    desk_void(gateway, REF_A);
    desk_authorise(gateway, REF_B, "tok_declined");
    desk_void(gateway, "unknown");
    gateway_close(gateway);
    static const char *const tails[] = {
        "event=authorise reference=" REF_A MONEY " capture=refuse",
        "event=capture_refused reference=" REF_A MONEY,
        "event=void reference=" REF_A MONEY,
        "event=decline reference=" REF_B MONEY " code=card_declined",
        "event=void reference=unknown",
    };
    const char *at = desk_read();
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        ck_assert_int_eq(strncmp(at, "time=20", 7), 0);
        at += strlen(TIME " ");
        ck_assert_int_eq(strncmp(at, tails[i], strlen(tails[i])), 0);
        at += strlen(tails[i]);
        ck_assert_int_eq(*at++, '\n');
    }
    ck_assert_int_eq(*at, '\0');
}
END_TEST

/* ---- the file ---- */

START_TEST(a_ledger_that_cannot_be_opened_is_an_error)
{
    struct simulated_options options = {.ledger = unit_path(unit_folder(), "none/ledger")};
    struct gateway *gateway;
    ck_assert_int_eq(simulated_open(&gateway, &options, NULL), ERR_IO);
    ck_assert_ptr_null(gateway);
    options.ledger = "/";
    ck_assert_int_eq(simulated_open(&gateway, &options, NULL), ERR_IO);
}
END_TEST

START_TEST(a_new_ledger_is_empty_and_ours_alone)
{
    struct stat st;
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(stat(desk_ledger(), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(st.st_size, 0);
    gateway_close(gateway);
}
END_TEST

/* A line cut at any of its bytes is removed, those before it stay, and the next one is whole. */
START_TEST(a_torn_last_line_is_removed)
{
    for (size_t len = 1; len < strlen(LINE_B); len += 7) {
        char text[512];
        snprintf(text, sizeof text, LINE_A "%.*s", (int)len, LINE_B);
        desk_write(text);
        struct gateway *gateway = desk_open_plain();
        ck_assert_str_eq(desk_read(), LINE_A);
        ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_AUTHORISED);
        ck_assert_int_eq(desk_status(gateway, REF_B), GATEWAY_STATE_UNKNOWN);
        ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_ok"), GATEWAY_DONE);
        gateway_close(gateway);
        gateway = desk_open_plain();
        ck_assert_int_eq(desk_status(gateway, REF_B), GATEWAY_STATE_AUTHORISED);
        gateway_close(gateway);
    }
}
END_TEST

START_TEST(a_line_torn_while_in_use_is_removed)
{
    struct gateway *gateway = desk_open_plain();
    desk_append(LINE_A TIME " event=auth");
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    ck_assert_int_eq(desk_lines(), 2);
    gateway_close(gateway);
    gateway_close(desk_open_plain());
}
END_TEST

#define MANY 2000 /* more than are kept in memory, or read at once */

/* first, and many more behind it. */
static const char *many_lines(const char *first)
{
    static char text[300000];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", first);
    for (int i = 0; i < MANY; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            TIME " event=authorise reference=r%d amount=2590 currency=EUR\n", i);
    return text;
}

static const char *reference_of(int i)
{
    static char reference[16];
    snprintf(reference, sizeof reference, "r%d", i);
    return reference;
}

START_TEST(a_ledger_larger_than_the_reading_chunk_is_read_whole)
{
    desk_write(many_lines(""));
    struct gateway *gateway = desk_open_plain();
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(desk_status(gateway, reference_of(i)), GATEWAY_STATE_AUTHORISED);
    ck_assert_int_eq(desk_status(gateway, "r2000"), GATEWAY_STATE_UNKNOWN);
    gateway_close(gateway);
}
END_TEST

/* What we wrote is known by its place in the file, near its end or far from it, also between lines
 * of somebody else. */
START_TEST(what_was_written_is_found_however_long_ago)
{
    struct gateway *gateway = desk_open_plain();
    struct gateway *other = desk_open_plain();
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(
            desk_authorise(i % 3 ? gateway : other, reference_of(i), "tok_ok"), GATEWAY_DONE);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(desk_capture(gateway, reference_of(i)), GATEWAY_DONE);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(desk_status(other, reference_of(i)), GATEWAY_STATE_CAPTURED);
    ck_assert_int_eq(desk_lines(), 2 * MANY);
    gateway_close(other);
    gateway_close(gateway);
}
END_TEST

static void expect_unavailable(struct gateway *gateway, const char *reference)
{
    struct gateway_answer answer = {.amount_minor = 0};
    ck_assert_int_eq(desk_authorise(gateway, reference, "tok_ok"), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_capture(gateway, reference), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_void(gateway, reference), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(
        gateway->ops->status(gateway, reference, desk_soon(), &answer), GATEWAY_UNAVAILABLE);
}

START_TEST(a_foreign_line_while_in_use_stops_every_call)
{
    struct gateway *gateway = desk_open_plain();
    desk_authorise(gateway, REF_A, "tok_ok");
    desk_append("garbage\n");
    int lines = desk_lines();
    expect_unavailable(gateway, REF_A);
    expect_unavailable(gateway, REF_B);
    ck_assert_int_eq(desk_lines(), lines);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_ledger_cut_while_in_use_stops_every_call)
{
    struct gateway *gateway = desk_open_plain();
    desk_authorise(gateway, REF_A, "tok_ok");
    desk_authorise(gateway, REF_B, "tok_ok");
    desk_write(LINE_A);
    expect_unavailable(gateway, REF_A);
    ck_assert_str_eq(desk_read(), LINE_A);
    gateway_close(gateway);
}
END_TEST

/* More than a slot of the index can say. The file is a hole: nothing of it is on the disk. */
START_TEST(a_ledger_beyond_64_gib_is_refused_before_it_is_read)
{
    struct gateway *gateway = desk_open_plain();
    const char *why;
    desk_authorise(gateway, REF_A, "tok_ok");
    ck_assert_int_eq(truncate(desk_ledger(), INT64_C(1) << 36), 0);
    expect_unavailable(gateway, REF_B);
    gateway_close(gateway);
    ck_assert_int_eq(desk_try_open(&gateway, &why), ERR_FULL);
    ck_assert_ptr_nonnull(strstr(why, "larger than 64 GiB"));
}
END_TEST

START_TEST(a_ledger_changed_while_in_use_is_not_believed)
{
    static char spoilt[] = LINE_A;
    struct gateway *gateway = desk_open_plain();
    desk_write(many_lines(LINE_A));
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_AUTHORISED);
    memset(spoilt, 'x', strlen(LINE_A) - 1);
    desk_write(many_lines(spoilt));
    expect_unavailable(gateway, REF_A);
    ck_assert_int_eq(desk_status(gateway, reference_of(0)), GATEWAY_STATE_AUTHORISED);
    gateway_close(gateway);
}
END_TEST

/* ---- a full disk ---- */

/* Lets files grow to that size and no further, as a full disk would; RLIM_INFINITY lifts it. Check
 * writes files too, so nothing is asserted between the two. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &limit))
        abort();
    limit.rlim_cur = size;
    if (setrlimit(RLIMIT_FSIZE, &limit))
        abort();
}

/* The limit falls before, into and right behind the line that is to be written. */
START_TEST(what_cannot_be_written_has_not_happened)
{
    static const size_t room[] = {0, 1, 40, sizeof LINE_B - 2};
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    limit_files(strlen(LINE_A) + room[_i]);
    enum gateway_result authorised = desk_authorise(gateway, REF_B, "tok_ok");
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(strlen(desk_read()), strlen(LINE_A) + room[_i]);
    ck_assert_int_eq(desk_status(gateway, REF_B), GATEWAY_STATE_UNKNOWN);
    ck_assert_int_eq(strlen(desk_read()), strlen(LINE_A));
    limit_files(strlen(LINE_A) + room[_i]);
    enum gateway_result captured = desk_capture(gateway, REF_A);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(authorised, GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(captured, _i == 3 ? GATEWAY_DONE : GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_ok"), GATEWAY_DONE);
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    ck_assert_int_eq(desk_lines(), 3);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_line_torn_by_a_full_disk_is_gone_after_a_restart)
{
    struct gateway *gateway = desk_open_plain();
    desk_authorise(gateway, REF_A, "tok_ok");
    limit_files(strlen(LINE_A) + 40);
    enum gateway_result result = desk_authorise(gateway, REF_B, "tok_ok");
    gateway_close(gateway);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(result, GATEWAY_UNAVAILABLE);
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_lines(), 1);
    ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_ok"), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

/* ---- a neighbour that does not let go ---- */

static int hold_lock(void)
{
    int fd = open(desk_ledger(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    return fd;
}

START_TEST(a_stuck_neighbour_costs_no_more_than_the_deadline)
{
    struct gateway *gateway = desk_open_plain();
    int fd = hold_lock();
    struct gateway_answer answer = {.amount_minor = 0};
    int64_t deadline_ms = clock_mono_ms() + 30;
    ck_assert_int_eq(
        gateway->ops->status(gateway, REF_A, deadline_ms, &answer), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), deadline_ms);
    ck_assert_int_eq(
        gateway->ops->void_(gateway, REF_A, clock_mono_ms() + 5, &answer), GATEWAY_UNAVAILABLE);
    close(fd);
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_start_beside_a_stuck_neighbour_says_so)
{
    struct gateway *gateway;
    const char *why;
    int fd = hold_lock();
    ck_assert_int_eq(desk_try_open(&gateway, &why), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(why, "locked by another process"));
    close(fd);
    gateway_close(desk_open_plain());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger");
    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, desk_begin, NULL);
    tcase_add_loop_test(lines, a_foreign_line_is_refused_and_named, 0, FOREIGN);
    tcase_add_test(lines, a_line_with_a_nul_is_foreign);
    tcase_add_test(lines, a_line_that_never_ends_is_foreign);
    tcase_add_loop_test(
        lines, an_event_reads_as_it_was_written, 0, (int)(sizeof events / sizeof *events));
    tcase_add_test(lines, the_lines_are_as_documented);
    suite_add_tcase(suite, lines);

    TCase *file = tcase_create("file");
    tcase_add_checked_fixture(file, desk_begin, NULL);
    tcase_add_test(file, a_ledger_that_cannot_be_opened_is_an_error);
    tcase_add_test(file, a_new_ledger_is_empty_and_ours_alone);
    tcase_add_test(file, a_torn_last_line_is_removed);
    tcase_add_test(file, a_line_torn_while_in_use_is_removed);
    tcase_add_test(file, a_ledger_larger_than_the_reading_chunk_is_read_whole);
    tcase_add_test(file, what_was_written_is_found_however_long_ago);
    tcase_add_test(file, a_foreign_line_while_in_use_stops_every_call);
    tcase_add_test(file, a_ledger_cut_while_in_use_stops_every_call);
    tcase_add_test(file, a_ledger_beyond_64_gib_is_refused_before_it_is_read);
    tcase_add_test(file, a_ledger_changed_while_in_use_is_not_believed);
    tcase_add_loop_test(file, what_cannot_be_written_has_not_happened, 0, 4);
    tcase_add_test(file, a_line_torn_by_a_full_disk_is_gone_after_a_restart);
    tcase_add_test(file, a_stuck_neighbour_costs_no_more_than_the_deadline);
    tcase_add_test(file, a_start_beside_a_stuck_neighbour_says_so);
    suite_add_tcase(suite, file);
    return unit_run(suite);
}
