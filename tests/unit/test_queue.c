/* What becomes of each message, with a transport that does as it is told. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "notify/queue.h"
#include "notify/transport_maildir.h"

#include "spool_desk.h"
#include "unit.h"

/* The transport: counts what it is given and answers with the outcome of the moment. */
static struct {
    enum transport_outcome outcome;
    int batches;
    int mails;
    char last[4096];
    void (*meanwhile)(void); /* called in the middle of a delivery, NULL: nothing happens */
} desk;

static void desk_deliver(void *self, struct transport_mail *const mails[], size_t count)
{
    (void)self;
    desk.batches++;
    desk.mails += (int)count;
    for (size_t i = 0; i < count; i++) {
        mails[i]->outcome = desk.outcome;
        if (desk.outcome != TRANSPORT_SENT)
            (void)fail(&mails[i]->fault, ERR_IO, NULL, "the transport says no");
        snprintf(desk.last, sizeof desk.last, "%s", mails[i]->bytes);
    }
    if (desk.meanwhile)
        desk.meanwhile();
}

static void desk_close(void *self)
{
    (void)self;
}

static const struct transport_ops desk_ops = {"desk", desk_deliver, desk_close};
static const struct transport desk_transport = {&desk_ops, NULL};

static const struct queue_options options = {
    .message = {"shop@example.org", "Order service", "orderd.example"},
    .backoff = {.first_s = 30, .max_s = 3600, .give_up_s = 48 * 3600},
};

static struct take *take;
static struct queue *queue;
static struct fault fault;

static void open_queue(const struct transport *transport)
{
    fault_begin(&fault, NULL);
    ck_assert_msg(!take_open(&take, desk_spool(), &fault), "%s", fault.text);
    queue = queue_new(take, transport, &options);
}

static void close_queue(void)
{
    queue_free(queue);
    take_close(take);
}

static const char *log_path(void)
{
    return unit_path(desk_spool(), "../log");
}

static void begin(void)
{
    desk_open();
    message_init();
    open_queue(&desk_transport);
    desk.outcome = TRANSPORT_SENT;
    ck_assert(!log_open(&(struct log_options){.path = log_path(), .level = LOG_LEVEL_INFO}, NULL));
}

static void end(void)
{
    close_queue();
    message_fini();
    log_close();
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

static void run(void)
{
    fault_begin(&fault, NULL);
    ck_assert_msg(!queue_run(queue, true, always, NULL, &fault), "%s", fault.text);
}

/* How often the log has that. */
static int logged(const char *what)
{
    int count = 0;
    for (const char *at = desk_text(log_path()); (at = strstr(at, what)); at++)
        count++;
    return count;
}

static void assert_empty(const char *folder)
{
    ck_assert_msg(desk_count(folder) == 0, "%s/ is not empty", folder);
}

START_TEST(a_message_that_was_sent_is_gone)
{
    desk_publish(17, 17);
    run();
    ck_assert_int_eq(desk.mails, 1);
    ck_assert_ptr_nonnull(strstr(desk.last, "\nX-Order-Id: 17\n"));
    static const char *const folders[] = {"new", "claimed", "deferred", "failed", "corrupt"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_empty(folders[i]);
    run();
    ck_assert_int_eq(desk.mails, 1);
}
END_TEST

START_TEST(a_delivery_is_one_line_in_the_log)
{
    desk_publish(17, 17);
    run();
    ck_assert_int_eq(logged("\n") + 0, 1);
    ck_assert_int_eq(logged("event=notify.deliver"), 1);
    ck_assert_int_eq(logged("kind=delivery"), 1);
    ck_assert_int_eq(logged("request_id=6f0c6f0c6f0c6f0c6f0c6f0c6f0c6f0c"), 1);
    ck_assert_int_eq(logged("outcome=ok"), 1);
    ck_assert_int_eq(logged("result=sent"), 1);
    ck_assert_int_eq(logged("order_id=17"), 1);
    ck_assert_int_eq(logged("alice"), 0); /* nobody's name or address */
}
END_TEST

/* The state of the one message in deferred/. */
static void read_deferred(int64_t *next_at, int64_t *tries)
{
    struct name name;
    ck_assert(name_parse(LAYOUT_DEFERRED, desk_only("deferred"), &name));
    *next_at = name.next_at;
    *tries = name.tries;
}

START_TEST(a_message_that_was_not_sent_is_tried_again)
{
    int64_t next_at;
    int64_t tries;
    desk_publish(17, 17);
    desk.outcome = TRANSPORT_TEMPORARY;
    int64_t before = clock_now();
    run();
    int64_t after = clock_now();
    read_deferred(&next_at, &tries);
    ck_assert_int_eq(tries, 1);
    ck_assert_int_ge(next_at, before + 23);
    ck_assert_int_le(next_at, after + 30);
    ck_assert_int_eq(logged("result=deferred"), 1);
    ck_assert_int_eq(logged("outcome=io"), 1);
    ck_assert_int_eq(logged("the transport says no"), 1);
    run();
    ck_assert_int_eq(desk.mails, 1); /* not yet */
}
END_TEST

START_TEST(each_failed_try_doubles_the_wait)
{
    int64_t next_at;
    int64_t tries;
    desk_publish(1, 1);
    desk_move(1, "deferred", "1.4.00000000000000000000000000000001");
    desk.outcome = TRANSPORT_TEMPORARY;
    int64_t before = clock_now();
    run();
    read_deferred(&next_at, &tries);
    ck_assert_int_eq(tries, 5);
    ck_assert_int_ge(next_at, before + 480 - 120);
    ck_assert_int_le(next_at, clock_now() + 480);
}
END_TEST

START_TEST(what_heals_is_delivered)
{
    desk_publish(1, 1);
    desk_move(1, "deferred", "1.4.00000000000000000000000000000001");
    run();
    ck_assert_int_eq(desk.mails, 1);
    ck_assert_int_eq(logged("tries=5"), 1);
    assert_empty("deferred");
}
END_TEST

static void assert_given_up(const char *reason)
{
    ck_assert_int_eq(desk_count("failed"), 2);
    ck_assert_int_eq(access(desk_path("failed", desk_uid(1)), R_OK), 0);
    const char *text = desk_text(desk_path("failed", "00000000000000000000000000000001.reason"));
    ck_assert_msg(strstr(text, reason) != NULL, "%s", text);
    ck_assert_int_eq(logged("result=failed"), 1);
    assert_empty("claimed");
    assert_empty("deferred");
}

START_TEST(what_will_never_be_sent_is_given_up_at_once)
{
    desk_publish(1, 1);
    desk.outcome = TRANSPORT_PERMANENT;
    run();
    assert_given_up("the transport says no");
}
END_TEST

START_TEST(what_cannot_be_sent_is_given_up_after_two_days)
{
    desk_publish(1, 1);
    desk_move(1, "deferred", "1.70.00000000000000000000000000000001");
    desk.outcome = TRANSPORT_TEMPORARY;
    run();
    assert_given_up("the transport says no");
}
END_TEST

START_TEST(the_last_try_still_counts)
{
    desk_publish(1, 1);
    desk_move(1, "deferred", "1.70.00000000000000000000000000000001");
    run();
    ck_assert_int_eq(desk.mails, 1);
    assert_empty("failed");
}
END_TEST

START_TEST(a_kind_without_a_mail_is_given_up)
{
    struct record record = desk_record(1);
    record.kind = "order_teleported";
    desk_publish_record(&record);
    run();
    assert_given_up("order_teleported");
    ck_assert_int_eq(desk.mails, 0);
}
END_TEST

START_TEST(a_recipient_that_no_mail_can_have_is_given_up)
{
    struct record record = desk_record(1);
    record.recipient = "a@example.com,b";
    desk_publish_record(&record);
    run();
    assert_given_up("domain");
}
END_TEST

/* Whole files, rightly sealed, that are no message all the same. */
START_TEST(what_is_no_message_goes_to_corrupt)
{
    struct record record = desk_record(1);
    desk_publish(2, 2);
    if (_i == 0) {
        record.reference = "a\r\nBcc: b@example.com";
        desk_publish_record(&record);
    } else if (_i == 1) {
        record.total_minor++;
        desk_publish_record(&record);
    } else {
        desk_publish(3, 3);
        desk_move(3, "new", desk_uid(1)); /* the name of another */
    }
    run();
    ck_assert_str_eq(desk_only("corrupt"), desk_uid(1));
    ck_assert_int_eq(desk.mails, 1);
    ck_assert_int_eq(logged("result=sent"), 1);
    ck_assert_int_eq(logged("spool file corrupt"), 1);
    ck_assert_ptr_null(strstr(desk.last, "Bcc"));
}
END_TEST

START_TEST(a_first_cut_is_tried_again_at_once)
{
    desk_publish(1, 1);
    desk_move(1, "claimed", "1.00000000000000000000000000000001");
    run();
    ck_assert_int_eq(desk.mails, 1);
    ck_assert_int_eq(logged("tries=2"), 1);
}
END_TEST

START_TEST(a_message_that_cuts_us_off_again_and_again_waits)
{
    int64_t next_at;
    int64_t tries;
    desk_publish(1, 2);
    desk_move(1, "claimed", "3.00000000000000000000000000000001");
    run();
    ck_assert_int_eq(desk.mails, 1); /* the other one */
    read_deferred(&next_at, &tries);
    ck_assert_int_eq(tries, 4);
    ck_assert_int_gt(next_at, clock_now() + 100);
    ck_assert_int_eq(logged("cut off"), 1);
}
END_TEST

START_TEST(and_is_given_up_like_any_other)
{
    desk_publish(1, 1);
    desk_move(1, "claimed", "999999.00000000000000000000000000000001");
    run();
    assert_given_up("cut off");
}
END_TEST

START_TEST(a_batch_is_handed_over_as_one)
{
    desk_publish(1, TAKE_BATCH_MAX + 3);
    run();
    ck_assert_int_eq(desk.batches, 2);
    ck_assert_int_eq(desk.mails, TAKE_BATCH_MAX + 3);
    ck_assert_int_eq(logged("event=notify.deliver"), TAKE_BATCH_MAX + 3);
}
END_TEST

static bool only_once(void *arg)
{
    int *left = arg;
    return (*left)-- > 0;
}

START_TEST(it_stops_between_two_batches)
{
    int left = 1;
    desk_publish(1, TAKE_BATCH_MAX + 3);
    ck_assert(!queue_run(queue, true, only_once, &left, &fault));
    ck_assert_int_eq(desk.mails, TAKE_BATCH_MAX);
    ck_assert_int_eq(desk_count("new"), 3);
    assert_empty("claimed");
    left = 0;
    ck_assert(!queue_run(queue, true, only_once, &left, &fault));
    ck_assert_int_eq(desk_count("new"), 3);
}
END_TEST

static void break_deferred(void)
{
    char from[400];
    snprintf(from, sizeof from, "%s/claimed", desk_spool());
    ck_assert_int_eq(rename(from, desk_path("..", "claimed")), 0);
    ck_assert_int_eq(mkdir(from, 0700), 0);
}

START_TEST(a_folder_that_moves_away_ends_no_process)
{
    desk_publish(1, 1);
    desk.meanwhile = break_deferred;
    run(); /* its folders stay open, wherever they are */
    ck_assert_int_eq(desk.mails, 1);
}
END_TEST

static void remove_claimed(void)
{
    ck_assert_int_eq(unlink(desk_path("claimed", desk_only("claimed"))), 0);
}

START_TEST(a_message_that_cannot_be_put_away_is_told)
{
    desk_publish(1, 1);
    desk.meanwhile = remove_claimed;
    run();
    ck_assert_int_eq(logged("not put away"), 1);
    ck_assert_int_eq(logged("result=sent"), 1);
}
END_TEST

START_TEST(a_spool_that_has_gone_is_an_error)
{
    char new_folder[400];
    snprintf(new_folder, sizeof new_folder, "%s/new", desk_spool());
    ck_assert_int_eq(rmdir(new_folder), 0);
    fault_begin(&fault, NULL);
    ck_assert_int_eq(queue_run(queue, true, always, NULL, &fault), ERR_NOT_FOUND);
}
END_TEST

/* The same with the real Maildir. */
static struct transport maildir;

static void use_maildir(void)
{
    close_queue();
    transport_maildir_open(&maildir, desk_mail());
    open_queue(&maildir);
}

START_TEST(an_unwritable_maildir_defers_and_heals)
{
    use_maildir();
    desk_publish(1, 10);
    FILE *obstacle = fopen(desk_mail(), "w");
    ck_assert_ptr_nonnull(obstacle);
    fclose(obstacle);
    run();
    ck_assert_int_eq(desk_count("deferred"), 10);
    ck_assert_int_eq(unlink(desk_mail()), 0);
    run(); /* nothing is due */
    ck_assert_int_eq(desk_count("deferred"), 10);
    for (int64_t i = 1; i <= 10; i++) { /* as if their time had come */
        desk_publish(i, i);
        char name[64];
        snprintf(name, sizeof name, "1.1.%s", desk_uid(i));
        desk_move(i, "deferred", name);
    }
    run();
    ck_assert_int_eq(desk_count(unit_path(desk_mail(), "new")), 10);
    maildir.ops->close(maildir.self);
}
END_TEST

START_TEST(a_crash_after_the_delivery_doubles_nothing)
{
    use_maildir();
    desk_publish(1, 1);
    run();
    ck_assert_int_eq(desk_count(unit_path(desk_mail(), "new")), 1);
    desk_publish(1, 1);
    desk_move(1, "claimed", "1.00000000000000000000000000000001"); /* it was not removed yet */
    run();
    ck_assert_int_eq(desk_count(unit_path(desk_mail(), "new")), 1);
    ck_assert_int_eq(logged("result=sent"), 2);
    assert_empty("claimed");
    maildir.ops->close(maildir.self);
}
END_TEST

START_TEST(waits_grow_to_their_bound)
{
    static const int64_t full[] = {30, 60, 120, 240, 480, 960, 1920, 3600, 3600};
    for (int64_t tries = 1; tries <= 9; tries++) {
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (int i = 0; i < 2000; i++) {
            int64_t wait_s = backoff_wait_s(&options.backoff, tries);
            least = wait_s < least ? wait_s : least;
            most = wait_s > most ? wait_s : most;
        }
        int64_t wait_s = full[tries - 1];
        ck_assert_int_ge(least, wait_s - wait_s / 4);
        ck_assert_int_le(least, wait_s - wait_s / 5); /* there is jitter, */
        ck_assert_int_ge(most, wait_s - wait_s / 20); /* over all of its range */
        ck_assert_int_le(most, wait_s);
    }
    ck_assert_int_le(backoff_wait_s(&options.backoff, NAME_TRIES_MAX), 3600);
}
END_TEST

START_TEST(waits_have_bounds_for_any_options)
{
    const struct backoff odd[] = {{1, 1, 3600}, {1, 3600, 3600}, {3600, 3600, 720 * 3600},
        {3000, 3600, 3600}, {86400, 3600, 3600}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int64_t tries = 1; tries < 100; tries++) {
            int64_t wait_s = backoff_wait_s(&odd[i], tries);
            ck_assert_int_ge(wait_s, 1);
            ck_assert_int_le(wait_s, odd[i].max_s);
        }
    ck_assert(backoff_is_over(&odd[0], NAME_TRIES_MAX));
    ck_assert(!backoff_is_over(&odd[0], 3599));
    ck_assert(backoff_is_over(&odd[0], 3600));
}
END_TEST

/* The sum of the waits that were made, as a message would see them. */
START_TEST(it_is_over_after_two_days_of_waits)
{
    for (int round = 0; round < 20; round++) {
        int64_t waited_s = 0;
        int64_t tries = 1;
        ck_assert(!backoff_is_over(&options.backoff, 1));
        for (; !backoff_is_over(&options.backoff, tries); tries++)
            waited_s += backoff_wait_s(&options.backoff, tries);
        ck_assert_int_gt(waited_s, 45 * 3600);
        ck_assert_int_lt(waited_s, 51 * 3600);
        for (; tries < 1000; tries++)
            ck_assert(backoff_is_over(&options.backoff, tries));
    }
}
END_TEST

static void add_troubles(TCase *tc)
{
    tcase_add_loop_test(tc, what_is_no_message_goes_to_corrupt, 0, 3);
    tcase_add_test(tc, a_message_that_was_not_sent_is_tried_again);
    tcase_add_test(tc, each_failed_try_doubles_the_wait);
    tcase_add_test(tc, what_heals_is_delivered);
    tcase_add_test(tc, what_will_never_be_sent_is_given_up_at_once);
    tcase_add_test(tc, what_cannot_be_sent_is_given_up_after_two_days);
    tcase_add_test(tc, the_last_try_still_counts);
    tcase_add_test(tc, a_kind_without_a_mail_is_given_up);
    tcase_add_test(tc, a_recipient_that_no_mail_can_have_is_given_up);
    tcase_add_test(tc, a_first_cut_is_tried_again_at_once);
    tcase_add_test(tc, a_message_that_cuts_us_off_again_and_again_waits);
    tcase_add_test(tc, and_is_given_up_like_any_other);
    tcase_add_test(tc, a_folder_that_moves_away_ends_no_process);
    tcase_add_test(tc, a_message_that_cannot_be_put_away_is_told);
    tcase_add_test(tc, a_spool_that_has_gone_is_an_error);
    tcase_add_test(tc, an_unwritable_maildir_defers_and_heals);
    tcase_add_test(tc, a_crash_after_the_delivery_doubles_nothing);
}

static Suite *queue_suite(void)
{
    Suite *suite = suite_create("queue");
    TCase *tc = tcase_create("queue");
    TCase *backoff = tcase_create("backoff");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, begin, end);
    add_troubles(tc);
    tcase_add_test(tc, a_message_that_was_sent_is_gone);
    tcase_add_test(tc, a_delivery_is_one_line_in_the_log);
    tcase_add_test(tc, a_batch_is_handed_over_as_one);
    tcase_add_test(tc, it_stops_between_two_batches);
    tcase_add_test(backoff, waits_grow_to_their_bound);
    tcase_add_test(backoff, waits_have_bounds_for_any_options);
    tcase_add_test(backoff, it_is_over_after_two_days_of_waits);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, backoff);
    return suite;
}

int main(void)
{
    return unit_run(queue_suite());
}
