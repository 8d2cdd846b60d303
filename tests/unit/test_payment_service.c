/* The payment service: what each answer of the gateway, each token and each time-out becomes. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "gateway/simulated.h"

#include "services/payment.h"

#include "fake_gateway.h"
#include "unit.h"

#define UID "0123456789abcdef0123456789abcdef"

static struct arena arena;
static struct context ctx;
static struct gateway *gateway;
static struct payment *payment;

static const struct payment_options defaults = {
    .permits = 2, .permit_timeout_ms = 50, .timeout_ms = 5000};

static void begin(void)
{
    arena_init(&arena, 1024);
    context_begin(&ctx, &arena, "request-1");
}

static void open_with(struct simulated_options simulated, int timeout_ms)
{
    struct fault fault;
    struct payment_options options = defaults;
    begin();
    fault_begin(&fault, NULL);
    ck_assert_int_eq(simulated_open(&gateway, &simulated, &fault), ERR_NONE);
    options.timeout_ms = timeout_ms;
    payment = payment_open(gateway, &options);
}

static void open_simulated(int64_t latency_ms, int timeout_ms)
{
    open_with((struct simulated_options){.ledger = unit_path(unit_folder(), "ledger"),
                  .latency_ms = latency_ms},
        timeout_ms);
}

static void close_simulated(void)
{
    payment_close(payment);
    gateway_close(gateway);
    arena_fini(&arena);
}

static struct gateway_charge charge_of(const char *token)
{
    return (struct gateway_charge){
        .reference = UID, .amount_minor = 2590, .currency = "EUR", .payment_token = token};
}

static enum err authorise(const char *token)
{
    struct gateway_charge charge = charge_of(token);
    fault_clear(&ctx.fault);
    return payment_authorise(payment, &ctx, &charge);
}

static enum gateway_state state(void)
{
    enum gateway_state found = GATEWAY_STATE_UNKNOWN;
    fault_clear(&ctx.fault);
    ck_assert_int_eq(payment_status(payment, &ctx, UID, &found), ERR_NONE);
    return found;
}

START_TEST(declines_tell_their_code)
{
    static const struct {
        const char *token;
        const char *code;
    } rows[] = {
        {"tok_declined", "card_declined"},
        {"tok_insufficient_funds", "insufficient_funds"},
        {"tok_nobody_knows", "invalid_token"},
    };
    open_simulated(0, 5000);
    ck_assert_int_eq(authorise(rows[_i].token), ERR_PAYMENT_FAILED);
    ck_assert_str_eq(ctx.fault.decline_code, rows[_i].code);
    ck_assert_str_eq(ctx.fault.text, "Payment failed");
    ck_assert_int_ne(state(), GATEWAY_STATE_AUTHORISED);
    close_simulated();
}
END_TEST

START_TEST(gateway_error_is_unavailable)
{
    open_simulated(0, 5000);
    ck_assert_int_eq(authorise("tok_error"), ERR_PAYMENT_UNAVAILABLE);
    ck_assert_ptr_null(ctx.fault.decline_code);
    close_simulated();
}
END_TEST

START_TEST(time_out_is_unavailable_in_time_and_its_late_approval_can_be_voided)
{
    struct gateway_charge charge = charge_of("tok_timeout");
    open_simulated(0, 100);
    int64_t begun_ms = clock_mono_ms();
    ck_assert_int_eq(authorise("tok_timeout"), ERR_PAYMENT_UNAVAILABLE);
    ck_assert_int_lt(clock_mono_ms() - begun_ms, 5000);
    ck_assert_int_ge(clock_mono_ms() - begun_ms, 100);
    ck_assert_int_eq(state(), GATEWAY_STATE_AUTHORISED);
    ck_assert_int_eq(payment_void(payment, &ctx, &charge), ERR_NONE);
    ck_assert_int_eq(state(), GATEWAY_STATE_VOIDED);
    close_simulated();
}
END_TEST

START_TEST(void_before_the_late_approval_prevents_it)
{
    struct gateway_charge charge = charge_of("tok_ok");
    open_simulated(0, 5000);
    ck_assert_int_eq(payment_void(payment, &ctx, &charge), ERR_NONE);
    ck_assert_int_eq(authorise("tok_ok"), ERR_PAYMENT_UNAVAILABLE);
    ck_assert_int_eq(state(), GATEWAY_STATE_VOIDED);
    close_simulated();
}
END_TEST

START_TEST(success_is_captured_once_however_often_it_is_asked)
{
    struct gateway_charge charge = charge_of("tok_ok");
    open_simulated(0, 5000);
    ck_assert_int_eq(authorise("tok_ok"), ERR_NONE);
    ck_assert_int_eq(authorise("tok_ok"), ERR_NONE);
    ck_assert_int_eq(state(), GATEWAY_STATE_AUTHORISED);
    ck_assert_int_eq(payment_capture(payment, &ctx, &charge), ERR_NONE);
    ck_assert_int_eq(payment_capture(payment, &ctx, &charge), ERR_NONE);
    ck_assert_int_eq(state(), GATEWAY_STATE_CAPTURED);
    fault_clear(&ctx.fault);
    ck_assert_int_eq(payment_void(payment, &ctx, &charge), ERR_CONFLICT);
    close_simulated();
}
END_TEST

START_TEST(capture_refused_for_good_is_told_from_an_outage)
{
    struct gateway_charge charge = charge_of("tok_capture_fails");
    open_simulated(0, 5000);
    ck_assert_int_eq(authorise("tok_capture_fails"), ERR_NONE);
    ck_assert_int_eq(payment_capture(payment, &ctx, &charge), ERR_REFUSED);
    close_simulated();
}
END_TEST

/* ---- a gateway that says what a test wants ---- */

static struct fake_gateway fake;

static void open_fake(void)
{
    begin();
    fake_gateway_init(&fake);
    payment = payment_open(&fake.gateway, &defaults);
}

static void close_fake(void)
{
    payment_close(payment);
    arena_fini(&arena);
}

/* The four questions. */
enum {
    AUTHORISE,
    CAPTURE,
    VOID,
    STATUS,
    QUESTIONS
};

static enum err ask(int question)
{
    struct gateway_charge charge = charge_of("any");
    enum gateway_state found = GATEWAY_STATE_UNKNOWN;
    fault_clear(&ctx.fault);
    switch (question) {
    case AUTHORISE:
        return payment_authorise(payment, &ctx, &charge);
    case CAPTURE:
        return payment_capture(payment, &ctx, &charge);
    case VOID:
        return payment_void(payment, &ctx, &charge);
    default: {
        enum err e = payment_status(payment, &ctx, UID, &found);
        ck_assert_int_eq(found, e ? GATEWAY_STATE_UNKNOWN : GATEWAY_STATE_CAPTURED);
        return e;
    }
    }
}

#define OUTAGE ERR_PAYMENT_UNAVAILABLE

START_TEST(every_answer_has_one_meaning)
{
    static const struct {
        enum gateway_result result;
        enum err meaning[QUESTIONS];
    } rows[] = {
        {GATEWAY_DONE, {ERR_NONE, ERR_NONE, ERR_NONE, ERR_NONE}},
        {GATEWAY_DECLINED, {ERR_PAYMENT_FAILED, OUTAGE, OUTAGE, OUTAGE}},
        {GATEWAY_UNAVAILABLE, {OUTAGE, OUTAGE, OUTAGE, OUTAGE}},
        {GATEWAY_REFUSED, {OUTAGE, ERR_REFUSED, ERR_REFUSED, ERR_REFUSED}},
        {GATEWAY_CONFLICT, {OUTAGE, OUTAGE, ERR_CONFLICT, OUTAGE}},
        {(enum gateway_result)(GATEWAY_CONFLICT + 1), {OUTAGE, OUTAGE, OUTAGE, OUTAGE}},
        {(enum gateway_result)77, {OUTAGE, OUTAGE, OUTAGE, OUTAGE}},
        {(enum gateway_result) - 1, {OUTAGE, OUTAGE, OUTAGE, OUTAGE}},
    };
    open_fake();
    fake_gateway_say(&fake, rows[_i].result);
    for (int question = 0; question < QUESTIONS; question++)
        ck_assert_int_eq(ask(question), rows[_i].meaning[question]);
    close_fake();
}
END_TEST

static void of_another(struct gateway_answer *answer)
{
    answer->reference[0] ^= 1;
}

static void of_a_longer_one(struct gateway_answer *answer)
{
    strcat(answer->reference, "0");
}

static void of_nobody(struct gateway_answer *answer)
{
    *answer = (struct gateway_answer){.state = GATEWAY_STATE_CAPTURED};
}

static void without_end(struct gateway_answer *answer)
{
    memset(answer->reference, 'x', sizeof answer->reference);
}

static void of_less(struct gateway_answer *answer)
{
    answer->amount_minor--;
}

static void of_a_negative_sum(struct gateway_answer *answer)
{
    answer->amount_minor = -answer->amount_minor;
}

static void in_another_currency(struct gateway_answer *answer)
{
    memcpy(answer->currency, "USD", sizeof "USD");
}

static void in_an_endless_currency(struct gateway_answer *answer)
{
    memset(answer->currency, 'E', sizeof answer->currency);
}

static void with_an_endless_code(struct gateway_answer *answer)
{
    memset(answer->decline_code, 'x', sizeof answer->decline_code);
}

static void with_a_code_for_somebodys_log(struct gateway_answer *answer)
{
    memcpy(answer->decline_code, "a\nb", sizeof "a\nb");
}

static void without_a_code(struct gateway_answer *answer)
{
    answer->decline_code[0] = '\0';
}

static void in_no_state(struct gateway_answer *answer)
{
    answer->state = (enum gateway_state)(GATEWAY_STATE_VOIDED + 1);
}

static void in_a_negative_state(struct gateway_answer *answer)
{
    answer->state = (enum gateway_state) - 1;
}

static const struct {
    void (*garble)(struct gateway_answer *);
    enum gateway_result result; /* which then makes no sense */
    bool is_garbage[QUESTIONS];
} garbage[] = {
    {of_another, GATEWAY_DONE, {true, true, true, true}},
    {of_another, GATEWAY_REFUSED, {true, true, true, true}},
    {of_another, GATEWAY_DECLINED, {true, true, true, true}},
    {of_another, GATEWAY_CONFLICT, {true, true, true, true}},
    {of_a_longer_one, GATEWAY_DONE, {true, true, true, true}},
    {of_nobody, GATEWAY_DONE, {true, true, true, true}},
    {of_nobody, GATEWAY_REFUSED, {true, true, true, true}},
    {without_end, GATEWAY_DONE, {true, true, true, true}},
    {of_less, GATEWAY_DONE, {true, true, false, false}},
    {of_a_negative_sum, GATEWAY_DONE, {true, true, false, false}},
    {in_another_currency, GATEWAY_DONE, {true, true, false, false}},
    {in_an_endless_currency, GATEWAY_DONE, {true, true, false, false}},
    {with_an_endless_code, GATEWAY_DECLINED, {true, true, true, true}},
    {with_a_code_for_somebodys_log, GATEWAY_DECLINED, {true, true, true, true}},
    {without_a_code, GATEWAY_DECLINED, {true, true, true, true}},
    {in_no_state, GATEWAY_DONE, {false, false, false, true}},
    {in_a_negative_state, GATEWAY_DONE, {false, false, false, true}},
};

/* Nothing is concluded from it: neither that it is paid, nor that it is over. */
START_TEST(garbage_is_taken_for_no_answer)
{
    open_fake();
    fake.garble = garbage[_i].garble;
    fake_gateway_say(&fake, garbage[_i].result);
    for (int question = 0; question < QUESTIONS; question++) {
        int64_t before = metrics_get(METRIC_gateway_garbage_total);
        bool is_garbage = garbage[_i].is_garbage[question];
        ck_assert_int_eq(ask(question), is_garbage ? OUTAGE : ERR_NONE);
        ck_assert_ptr_null(ctx.fault.decline_code);
        ck_assert_int_eq(metrics_get(METRIC_gateway_garbage_total) - before, is_garbage);
    }
    close_fake();
}
END_TEST

/* Whatever the simulated one comes up with when it lies, and although it did what it was asked. */
START_TEST(nothing_that_the_simulated_gateway_can_invent_is_believed)
{
    const char *ledger = unit_path(unit_folder(), "ledger");
    struct gateway_charge charge = charge_of("tok_ok");
    enum gateway_state found = GATEWAY_STATE_UNKNOWN;
    char uid[UID_SIZE];
    charge.reference = uid;
    open_with((struct simulated_options){.ledger = ledger, .garbage_per_cent = 100}, 5000);
    for (int i = 0; i < 100; i++) {
        random_uid(uid);
        ck_assert_int_eq(payment_authorise(payment, &ctx, &charge), OUTAGE);
        ck_assert_int_eq(payment_capture(payment, &ctx, &charge), OUTAGE);
        ck_assert_int_eq(payment_void(payment, &ctx, &charge), OUTAGE);
        ck_assert_int_eq(payment_status(payment, &ctx, uid, &found), OUTAGE);
        fault_clear(&ctx.fault);
    }
    ck_assert_int_eq(found, GATEWAY_STATE_UNKNOWN);
    close_simulated();
    open_with((struct simulated_options){.ledger = ledger}, 5000);
    ck_assert_int_eq(payment_status(payment, &ctx, charge.reference, &found), ERR_NONE);
    ck_assert_int_eq(found, GATEWAY_STATE_CAPTURED);
    close_simulated();
}
END_TEST

START_TEST(permits_are_counted)
{
    open_fake();
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_NONE);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_NONE);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_UNAVAILABLE);
    payment_permit_return(payment);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_NONE);
    close_fake();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("payment service");
    TCase *tests = tcase_create("payment service");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, declines_tell_their_code, 0, 3);
    tcase_add_test(tests, gateway_error_is_unavailable);
    tcase_add_test(tests, time_out_is_unavailable_in_time_and_its_late_approval_can_be_voided);
    tcase_add_test(tests, void_before_the_late_approval_prevents_it);
    tcase_add_test(tests, success_is_captured_once_however_often_it_is_asked);
    tcase_add_test(tests, capture_refused_for_good_is_told_from_an_outage);
    tcase_add_loop_test(tests, every_answer_has_one_meaning, 0, 8);
    tcase_add_loop_test(tests, garbage_is_taken_for_no_answer, 0, sizeof garbage / sizeof *garbage);
    tcase_add_test(tests, nothing_that_the_simulated_gateway_can_invent_is_believed);
    tcase_add_test(tests, permits_are_counted);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
