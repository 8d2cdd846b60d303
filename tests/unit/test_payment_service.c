/* The payment service: what each answer of the gateway, each token and each time-out becomes. */
#include <stdio.h>

#include "core/clock.h"

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

static void open_simulated(int64_t latency_ms, int timeout_ms)
{
    struct fault fault;
    struct payment_options options = defaults;
    struct simulated_options simulated = {
        .ledger = unit_path(unit_folder(), "ledger"), .latency_ms = latency_ms};
    begin();
    fault_begin(&fault, NULL);
    ck_assert_int_eq(simulated_open(&gateway, &simulated, &fault), ERR_NONE);
    options.timeout_ms = timeout_ms;
    payment = payment_open(gateway, &options);
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
    ck_assert_int_eq(
        gateway->ops->status(gateway, UID, clock_mono_ms() + 5000, &found), GATEWAY_DONE);
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

START_TEST(every_answer_has_one_meaning)
{
    static const struct {
        enum gateway_result result;
        enum err authorise, capture, void_;
    } rows[] = {
        {GATEWAY_DONE, ERR_NONE, ERR_NONE, ERR_NONE},
        {GATEWAY_DECLINED, ERR_PAYMENT_FAILED, ERR_PAYMENT_UNAVAILABLE, ERR_PAYMENT_UNAVAILABLE},
        {GATEWAY_UNAVAILABLE, ERR_PAYMENT_UNAVAILABLE, ERR_PAYMENT_UNAVAILABLE,
            ERR_PAYMENT_UNAVAILABLE},
        {GATEWAY_REFUSED, ERR_PAYMENT_UNAVAILABLE, ERR_REFUSED, ERR_REFUSED},
        {GATEWAY_CONFLICT, ERR_PAYMENT_UNAVAILABLE, ERR_CONFLICT, ERR_CONFLICT},
    };
    struct fake_gateway fake;
    struct gateway_charge charge = charge_of("any");
    begin();
    fake_gateway_init(&fake);
    atomic_store(&fake.authorise, rows[_i].result);
    atomic_store(&fake.capture, rows[_i].result);
    atomic_store(&fake.void_, rows[_i].result);
    payment = payment_open(&fake.gateway, &defaults);
    ck_assert_int_eq(authorise("any"), rows[_i].authorise);
    ck_assert_int_eq(payment_capture(payment, &ctx, &charge), rows[_i].capture);
    ck_assert_int_eq(payment_void(payment, &ctx, &charge), rows[_i].void_);
    payment_close(payment);
    arena_fini(&arena);
}
END_TEST

START_TEST(permits_are_counted)
{
    struct fake_gateway fake;
    begin();
    fake_gateway_init(&fake);
    payment = payment_open(&fake.gateway, &defaults);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_NONE);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_NONE);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_UNAVAILABLE);
    payment_permit_return(payment);
    ck_assert_int_eq(payment_permit(payment, &ctx), ERR_NONE);
    payment_close(payment);
    arena_fini(&arena);
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
    tcase_add_loop_test(tests, every_answer_has_one_meaning, 0, 5);
    tcase_add_test(tests, permits_are_counted);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
