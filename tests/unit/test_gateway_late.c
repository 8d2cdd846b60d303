/* Time at the simulated gateway: who answers when, and what happens after the caller has gone. */
#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "gateway/simulated.h"
#include "gateway/late.h"

#include "gateway_desk.h"
#include "unit.h"

enum {
    NEVER_MS = 600000
};

static struct gateway_answer answer;

static enum gateway_result authorise_until(
    struct gateway *gateway, const char *token, int64_t deadline_ms)
{
    struct gateway_charge charge = {
        .reference = REF_A, .amount_minor = 2590, .currency = "EUR", .payment_token = token};
    return gateway->ops->authorise(gateway, &charge, deadline_ms, &answer);
}

static enum gateway_result capture_until(struct gateway *gateway, int64_t deadline_ms)
{
    struct gateway_charge charge = {.reference = REF_A, .amount_minor = 2590, .currency = "EUR"};
    return gateway->ops->capture(gateway, &charge, deadline_ms, &answer);
}

/* An onlooker: a second gateway on the ledger, which answers at once. */
struct wish {
    struct gateway *onlooker;
    enum gateway_state state;
};

static int has_come(void *arg)
{
    struct wish *wish = arg;
    return desk_status(wish->onlooker, REF_A) == wish->state;
}

static void await(struct gateway *onlooker, enum gateway_state state)
{
    struct wish wish = {onlooker, state};
    unit_wait(has_come, &wish, gateway_state_name(state));
}

static struct gateway *open_slow(int64_t latency_ms)
{
    return desk_open((struct simulated_options){.latency_ms = latency_ms});
}

/* ---- in time ---- */

START_TEST(every_answer_takes_the_latency)
{
    struct gateway *gateway = open_slow(20);
    int64_t begun_ms = clock_mono_ms();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 20);
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 40);
    ck_assert_int_eq(desk_void(gateway, REF_A), GATEWAY_CONFLICT);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 60);
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_CAPTURED);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 80);
    ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_error"), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 100);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_failure_does_not_outlast_the_deadline)
{
    struct gateway *gateway = open_slow(NEVER_MS);
    int64_t deadline_ms = clock_mono_ms() + 20;
    ck_assert_int_eq(authorise_until(gateway, "tok_error", deadline_ms), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), deadline_ms);
    gateway_close(gateway);
    ck_assert_str_eq(desk_read(), "");
}
END_TEST

START_TEST(a_status_that_comes_too_late_is_none)
{
    struct gateway *gateway = open_slow(NEVER_MS);
    answer.state = GATEWAY_STATE_VOIDED;
    int64_t deadline_ms = clock_mono_ms() + 20;
    ck_assert_int_eq(
        gateway->ops->status(gateway, REF_A, deadline_ms, &answer), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), deadline_ms);
    ck_assert_int_eq(answer.state, GATEWAY_STATE_VOIDED);
    gateway_close(gateway);
}
END_TEST

/* ---- tok_timeout, tok_late ---- */

START_TEST(the_late_token_is_approved_as_long_again_after_the_deadline)
{
    struct gateway *gateway = desk_open_plain();
    int64_t deadline_ms = clock_mono_ms() + 400;
    ck_assert_int_eq(authorise_until(gateway, "tok_late", deadline_ms), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), deadline_ms);
    await(gateway, GATEWAY_STATE_AUTHORISED);
    /* less what went by before the call began */
    ck_assert_int_ge(clock_mono_ms(), deadline_ms + 200);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_void_comes_before_the_late_token_and_stays)
{
    struct gateway *gateway = desk_open_plain();
    int64_t deadline_ms = clock_mono_ms() + 1000; /* and a second for the void to come first */
    ck_assert_int_eq(authorise_until(gateway, "tok_late", deadline_ms), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_void(gateway, REF_A), GATEWAY_DONE);
    gateway_close(gateway); /* what is still to come, comes */
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_VOIDED);
    ck_assert_int_eq(desk_lines(), 1);
    gateway_close(gateway);
}
END_TEST

START_TEST(the_timeout_token_is_approved_at_the_deadline)
{
    struct gateway *gateway = open_slow(_i ? NEVER_MS : 0);
    int64_t deadline_ms = clock_mono_ms() + 50;
    ck_assert_int_eq(authorise_until(gateway, "tok_timeout", deadline_ms), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), deadline_ms);
    ck_assert_str_eq(answer.decline_code, "");
    ck_assert_int_eq(desk_count("authorise", REF_A), 1);
    gateway_close(gateway);
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_AUTHORISED);
    ck_assert_int_eq(desk_void(gateway, REF_A), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

static void *time_out(void *arg)
{
    ck_assert_int_eq(
        authorise_until(arg, "tok_timeout", clock_mono_ms() + 1000), GATEWAY_UNAVAILABLE);
    return NULL;
}

START_TEST(a_void_keeps_the_approval_of_a_timeout_from_living)
{
    struct gateway *gateway = desk_open_plain();
    pthread_t thread;
    ck_assert(!pthread_create(&thread, NULL, time_out, gateway));
    ck_assert_int_eq(desk_void(gateway, REF_A), GATEWAY_DONE);
    ck_assert(!pthread_join(thread, NULL));
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_VOIDED);
    ck_assert_int_eq(desk_lines(), 1);
    gateway_close(gateway);
}
END_TEST

/* ---- late answers ---- */

START_TEST(an_approval_past_the_deadline_comes_at_its_time)
{
    struct gateway *gateway = open_slow(150), *onlooker = desk_open_plain();
    int64_t begun_ms = clock_mono_ms();
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", begun_ms + 20), GATEWAY_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 20);
    await(onlooker, GATEWAY_STATE_AUTHORISED);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 150);
    ck_assert_int_eq(desk_lines(), 1);
    gateway_close(gateway);
    gateway_close(onlooker);
    ck_assert_int_eq(desk_lines(), 1);
}
END_TEST

START_TEST(a_deadline_that_has_passed_gets_no_answer_but_has_its_effect)
{
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", clock_mono_ms() - 1), GATEWAY_UNAVAILABLE);
    await(gateway, GATEWAY_STATE_AUTHORISED);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_late_decline_is_recorded)
{
    struct gateway *gateway = open_slow(40), *onlooker = desk_open_plain();
    ck_assert_int_eq(
        authorise_until(gateway, "tok_declined", clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    ck_assert_str_eq(answer.decline_code, "");
    await(onlooker, GATEWAY_STATE_DECLINED);
    gateway_close(gateway);
    gateway_close(onlooker);
}
END_TEST

START_TEST(closing_writes_out_what_is_still_to_come)
{
    struct gateway *gateway = open_slow(NEVER_MS);
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    ck_assert_str_eq(desk_read(), "");
    gateway_close(gateway);
    ck_assert_int_eq(desk_count("authorise", REF_A), 1);
}
END_TEST

START_TEST(closing_approves_nothing_that_was_voided)
{
    struct gateway *gateway = open_slow(NEVER_MS), *onlooker = desk_open_plain();
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_void(onlooker, REF_A), GATEWAY_DONE);
    gateway_close(gateway);
    ck_assert_int_eq(desk_lines(), 1);
    ck_assert_int_eq(desk_status(onlooker, REF_A), GATEWAY_STATE_VOIDED);
    gateway_close(onlooker);
}
END_TEST

START_TEST(a_void_before_the_late_approval_wins)
{
    struct gateway *gateway = open_slow(1000), *onlooker = desk_open_plain();
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_void(onlooker, REF_A), GATEWAY_DONE);
    /* takes as long as the approval, and began later */
    ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_ok"), GATEWAY_DONE);
    ck_assert_int_eq(desk_count("authorise", REF_A), 0);
    gateway_close(gateway);
    gateway_close(onlooker);
}
END_TEST

START_TEST(a_late_void_undoes_a_late_approval)
{
    struct gateway *gateway = open_slow(60), *onlooker = desk_open_plain();
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(
        gateway->ops->void_(gateway, REF_A, clock_mono_ms() + 10, &answer), GATEWAY_UNAVAILABLE);
    await(onlooker, GATEWAY_STATE_VOIDED);
    ck_assert_int_eq(desk_count("authorise", REF_A), 1);
    gateway_close(gateway);
    gateway_close(onlooker);
}
END_TEST

START_TEST(a_late_capture_captures)
{
    struct gateway *gateway = open_slow(40), *onlooker = desk_open_plain();
    desk_authorise(onlooker, REF_A, "tok_ok");
    ck_assert_int_eq(capture_until(gateway, clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(capture_until(gateway, clock_mono_ms() + 10), GATEWAY_UNAVAILABLE);
    await(onlooker, GATEWAY_STATE_CAPTURED);
    gateway_close(gateway);
    gateway_close(onlooker);
    ck_assert_int_eq(desk_count("capture", REF_A), 1);
}
END_TEST

START_TEST(late_events_keep_the_order_of_their_times)
{
    struct gateway *gateway = open_slow(NEVER_MS);
    ck_assert_int_eq(authorise_until(gateway, "tok_ok", clock_mono_ms() + 5), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(capture_until(gateway, clock_mono_ms() + 5), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(
        gateway->ops->void_(gateway, REF_A, clock_mono_ms() + 5, &answer), GATEWAY_UNAVAILABLE);
    gateway_close(gateway);
    ck_assert_int_eq(desk_lines(), 2);
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_CAPTURED);
    gateway_close(gateway);
}
END_TEST

static char run_order[8];

static void note(void *arg, const struct intent *intent)
{
    (void)arg;
    size_t used = strlen(run_order);
    ck_assert_uint_lt(used, sizeof run_order - 1);
    run_order[used] = intent->event.reference[0];
}

START_TEST(what_is_due_together_runs_as_it_came)
{
    struct late *late;
    int64_t due_ms = clock_mono_ms() + NEVER_MS;
    static const struct {
        const char *name;
        int after_ms;
    } items[] = {{"d", 2}, {"b", 1}, {"a", 0}, {"c", 1}, {"e", 2}};
    ck_assert_int_eq(late_open(&late, note, NULL, NULL), ERR_NONE);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        struct intent intent = {.call = CALL_VOID};
        intent.event.reference[0] = items[i].name[0];
        late_add(late, due_ms + items[i].after_ms, &intent);
    }
    late_close(late);
    ck_assert_str_eq(run_order, "abcde");
    late_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway_late");
    TCase *in_time = tcase_create("in time");
    tcase_add_checked_fixture(in_time, desk_begin, NULL);
    tcase_add_test(in_time, every_answer_takes_the_latency);
    tcase_add_test(in_time, a_failure_does_not_outlast_the_deadline);
    tcase_add_test(in_time, a_status_that_comes_too_late_is_none);
    suite_add_tcase(suite, in_time);

    TCase *late = tcase_create("late");
    tcase_add_checked_fixture(late, desk_begin, NULL);
    tcase_add_test(late, the_late_token_is_approved_as_long_again_after_the_deadline);
    tcase_add_test(late, a_void_comes_before_the_late_token_and_stays);
    tcase_add_loop_test(late, the_timeout_token_is_approved_at_the_deadline, 0, 2);
    tcase_add_test(late, a_void_keeps_the_approval_of_a_timeout_from_living);
    tcase_add_test(late, an_approval_past_the_deadline_comes_at_its_time);
    tcase_add_test(late, a_deadline_that_has_passed_gets_no_answer_but_has_its_effect);
    tcase_add_test(late, a_late_decline_is_recorded);
    tcase_add_test(late, closing_writes_out_what_is_still_to_come);
    tcase_add_test(late, closing_approves_nothing_that_was_voided);
    tcase_add_test(late, a_void_before_the_late_approval_wins);
    tcase_add_test(late, a_late_void_undoes_a_late_approval);
    tcase_add_test(late, a_late_capture_captures);
    tcase_add_test(late, late_events_keep_the_order_of_their_times);
    tcase_add_test(late, what_is_due_together_runs_as_it_came);
    suite_add_tcase(suite, late);
    return unit_run(suite);
}
