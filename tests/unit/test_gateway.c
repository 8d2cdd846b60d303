/* The calls of the simulated gateway: each token, each call after each other, restarts, threads and
 * processes. */
#include <string.h>

#include "core/random.h"
#include "gateway/simulated.h"
#include "gateway/index.h"

#include "gateway_desk.h"
#include "unit.h"

/* ---- tokens ---- */

static const struct {
    const char *token;
    enum gateway_result result;
    const char *code;
    const char *event; /* the only line of the ledger; "": none */
    enum gateway_state state;
} tokens[] = {
    {"tok_ok", GATEWAY_DONE, "", "authorise", GATEWAY_STATE_AUTHORISED},
    {"tok_capture_fails", GATEWAY_DONE, "", "authorise", GATEWAY_STATE_AUTHORISED},
    {"tok_declined", GATEWAY_DECLINED, "card_declined", "decline", GATEWAY_STATE_DECLINED},
    {"tok_insufficient_funds", GATEWAY_DECLINED, "insufficient_funds", "decline",
        GATEWAY_STATE_DECLINED},
    {"tok_error", GATEWAY_UNAVAILABLE, "", "", GATEWAY_STATE_UNKNOWN},
    {"tok_unheard_of", GATEWAY_DECLINED, "invalid_token", "decline", GATEWAY_STATE_DECLINED},
    {"tok_ok ", GATEWAY_DECLINED, "invalid_token", "decline", GATEWAY_STATE_DECLINED},
    {"TOK_OK", GATEWAY_DECLINED, "invalid_token", "decline", GATEWAY_STATE_DECLINED},
    {"", GATEWAY_DECLINED, "invalid_token", "decline", GATEWAY_STATE_DECLINED},
};

START_TEST(each_token_has_its_answer_and_its_line)
{
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, tokens[_i].token), tokens[_i].result);
    ck_assert_str_eq(desk_code(), tokens[_i].code);
    ck_assert_int_eq(desk_lines(), *tokens[_i].event ? 1 : 0);
    ck_assert_int_eq(desk_count(tokens[_i].event, REF_A), *tokens[_i].event ? 1 : 0);
    ck_assert_int_eq(desk_status(gateway, REF_A), tokens[_i].state);
    gateway_close(gateway);
}
END_TEST

START_TEST(other_tokens_are_approved_when_told_so)
{
    struct gateway *gateway = desk_open((struct simulated_options){.approve_others = 1});
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "visa-4242"), GATEWAY_DONE);
    ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_declined"), GATEWAY_DECLINED);
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_failed_call_leaves_the_reference_free)
{
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_error"), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

START_TEST(declines_at_random_as_often_as_told)
{
    static const struct {
        int per_cent, least, most;
    } rates[] = {{0, 0, 0}, {30, 100, 220}, {100, 500, 500}};
    struct gateway *gateway =
        desk_open((struct simulated_options){.decline_per_cent = rates[_i].per_cent});
    int declined = 0;
    for (int i = 0; i < 500; i++) {
        char uid[UID_SIZE];
        random_uid(uid);
        enum gateway_result result = desk_authorise(gateway, uid, "tok_ok");
        ck_assert_str_eq(desk_code(), result == GATEWAY_DECLINED ? "card_declined" : "");
        declined += result == GATEWAY_DECLINED;
    }
    ck_assert_int_ge(declined, rates[_i].least);
    ck_assert_int_le(declined, rates[_i].most);
    gateway_close(gateway);
}
END_TEST

/* An answer is about what was done, as the ledger has it. */
START_TEST(an_answer_says_what_it_is_about)
{
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    ck_assert_str_eq(desk_answer()->reference, REF_A);
    ck_assert_str_eq(desk_answer()->currency, "EUR");
    ck_assert_int_eq(desk_answer()->amount_minor, 2590);
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    ck_assert_str_eq(desk_answer()->reference, REF_A);
    ck_assert_int_eq(desk_answer()->amount_minor, 2590);
    ck_assert_int_eq(desk_void(gateway, REF_B), GATEWAY_DONE);
    ck_assert_str_eq(desk_answer()->reference, REF_B);
    ck_assert_str_eq(desk_answer()->currency, "");
    ck_assert_int_eq(desk_status(gateway, REF_B), GATEWAY_STATE_VOIDED);
    ck_assert_str_eq(desk_answer()->reference, REF_B);
    ck_assert_int_eq(desk_authorise(gateway, REF_B, "tok_error"), GATEWAY_UNAVAILABLE);
    ck_assert_str_eq(desk_answer()->reference, "");
    gateway_close(gateway);
}
END_TEST

START_TEST(captures_and_voids_fail_as_often_as_told_and_then_without_effect)
{
    struct gateway *gateway = desk_open((struct simulated_options){.settle_error_per_cent = 100});
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_void(gateway, REF_B), GATEWAY_UNAVAILABLE);
    ck_assert_int_eq(desk_status(gateway, REF_A), GATEWAY_STATE_AUTHORISED);
    ck_assert_int_eq(desk_lines(), 1);
    gateway_close(gateway);
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_capture(gateway, REF_A), GATEWAY_DONE);
    ck_assert_int_eq(desk_void(gateway, REF_B), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

/* Also where the token asks for garbage and the options too: twice wrong must not be right. */
START_TEST(garbage_is_never_true)
{
    static const char *const asked[] = {"tok_garbage", "tok_ok"};
    struct gateway *gateway = desk_open((struct simulated_options){.garbage_per_cent = 100});
    for (int i = 0; i < 400; i++) {
        char uid[UID_SIZE];
        random_uid(uid);
        enum gateway_result result = desk_authorise(gateway, uid, asked[i % 2]);
        const struct gateway_answer *answer = desk_answer();
        ck_assert(result != GATEWAY_DONE || memcmp(answer->reference, uid, UID_SIZE) ||
                  answer->amount_minor != 2590);
        ck_assert_int_eq(desk_count("authorise", uid), 1);
    }
    gateway_close(gateway);
}
END_TEST

START_TEST(no_payment_token_reaches_the_ledger)
{
    struct gateway *gateway = desk_open((struct simulated_options){.approve_others = 1});
    desk_authorise(gateway, REF_A, "tok_ok");
    desk_authorise(gateway, REF_B, "secret-4242");
    ck_assert_int_eq(desk_lines(), 2);
    ck_assert_ptr_null(strstr(desk_read(), "tok_"));
    ck_assert_ptr_null(strstr(desk_read(), "4242"));
    gateway_close(gateway);
}
END_TEST

/* ---- what cannot be charged ---- */

static const struct gateway_charge malformed[] = {
    {.reference = "", .amount_minor = 1, .currency = "EUR"},
    {.reference = "a b", .amount_minor = 1, .currency = "EUR"},
    {.reference = "a\nb", .amount_minor = 1, .currency = "EUR"},
    {.reference = "a=b", .amount_minor = 1, .currency = "EUR"},
    {.reference = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .amount_minor = 1,
        .currency = "EUR"},
    {.reference = REF_A, .amount_minor = -1, .currency = "EUR"},
    {.reference = REF_A, .amount_minor = 1, .currency = ""},
    {.reference = REF_A, .amount_minor = 1, .currency = "EU"},
    {.reference = REF_A, .amount_minor = 1, .currency = "EURO"},
    {.reference = REF_A, .amount_minor = 1, .currency = "eur"},
    {.reference = REF_A, .amount_minor = 1, .currency = "E\nR"},
};

START_TEST(malformed_charges_are_refused_and_forgotten)
{
    struct gateway *gateway = desk_open_plain();
    struct gateway_charge charge = malformed[_i];
    struct gateway_answer answer = {.amount_minor = 0};
    charge.payment_token = "tok_ok";
    ck_assert_int_eq(
        gateway->ops->authorise(gateway, &charge, desk_soon(), &answer), GATEWAY_REFUSED);
    ck_assert_int_eq(
        gateway->ops->capture(gateway, &charge, desk_soon(), &answer), GATEWAY_REFUSED);
    ck_assert_str_eq(desk_read(), "");
    gateway_close(gateway);
}
END_TEST

START_TEST(malformed_references_are_refused)
{
    struct gateway *gateway = desk_open_plain();
    struct gateway_answer answer = {.amount_minor = 0};
    ck_assert_int_eq(desk_void(gateway, "a b"), GATEWAY_REFUSED);
    ck_assert_int_eq(gateway->ops->status(gateway, "a b", desk_soon(), &answer), GATEWAY_REFUSED);
    ck_assert_str_eq(desk_read(), "");
    gateway_close(gateway);
}
END_TEST

/* ---- each call after each other ---- */

enum step {
    STEP_END,
    APPROVE,
    DECLINE,
    DOOM, /* approved, the capture will be refused */
    CAPTURE,
    VOID,
};

static enum gateway_result take_step(struct gateway *gateway, enum step step)
{
    switch (step) {
    case APPROVE:
        return desk_authorise(gateway, REF_A, "tok_ok");
    case DECLINE:
        return desk_authorise(gateway, REF_A, "tok_declined");
    case DOOM:
        return desk_authorise(gateway, REF_A, "tok_capture_fails");
    case CAPTURE:
        return desk_capture(gateway, REF_A);
    default:
        return desk_void(gateway, REF_A);
    }
}

static const struct {
    enum step before[3];
    enum step step;
    enum gateway_result result;
    int lines; /* that the step adds */
    enum gateway_state state;
} sequences[] = {
    {{STEP_END}, CAPTURE, GATEWAY_REFUSED, 0, GATEWAY_STATE_UNKNOWN},
    {{STEP_END}, VOID, GATEWAY_DONE, 1, GATEWAY_STATE_VOIDED},
    {{APPROVE}, APPROVE, GATEWAY_DONE, 0, GATEWAY_STATE_AUTHORISED},
    {{APPROVE}, DECLINE, GATEWAY_DONE, 0, GATEWAY_STATE_AUTHORISED},
    {{APPROVE}, DOOM, GATEWAY_DONE, 0, GATEWAY_STATE_AUTHORISED},
    {{APPROVE}, CAPTURE, GATEWAY_DONE, 1, GATEWAY_STATE_CAPTURED},
    {{APPROVE}, VOID, GATEWAY_DONE, 1, GATEWAY_STATE_VOIDED},
    {{DECLINE}, APPROVE, GATEWAY_DECLINED, 0, GATEWAY_STATE_DECLINED},
    {{DECLINE}, DECLINE, GATEWAY_DECLINED, 0, GATEWAY_STATE_DECLINED},
    {{DECLINE}, CAPTURE, GATEWAY_REFUSED, 0, GATEWAY_STATE_DECLINED},
    {{DECLINE}, VOID, GATEWAY_DONE, 0, GATEWAY_STATE_DECLINED},
    {{APPROVE, CAPTURE}, APPROVE, GATEWAY_DONE, 0, GATEWAY_STATE_CAPTURED},
    {{APPROVE, CAPTURE}, DECLINE, GATEWAY_DONE, 0, GATEWAY_STATE_CAPTURED},
    {{APPROVE, CAPTURE}, CAPTURE, GATEWAY_DONE, 0, GATEWAY_STATE_CAPTURED},
    {{APPROVE, CAPTURE}, VOID, GATEWAY_CONFLICT, 0, GATEWAY_STATE_CAPTURED},
    {{APPROVE, VOID}, APPROVE, GATEWAY_REFUSED, 0, GATEWAY_STATE_VOIDED},
    {{APPROVE, VOID}, CAPTURE, GATEWAY_REFUSED, 0, GATEWAY_STATE_VOIDED},
    {{APPROVE, VOID}, VOID, GATEWAY_DONE, 0, GATEWAY_STATE_VOIDED},
    {{VOID}, APPROVE, GATEWAY_REFUSED, 0, GATEWAY_STATE_VOIDED},
    {{VOID}, DECLINE, GATEWAY_REFUSED, 0, GATEWAY_STATE_VOIDED},
    {{VOID}, CAPTURE, GATEWAY_REFUSED, 0, GATEWAY_STATE_VOIDED},
    {{VOID}, VOID, GATEWAY_DONE, 0, GATEWAY_STATE_VOIDED},
    {{DOOM}, DOOM, GATEWAY_DONE, 0, GATEWAY_STATE_AUTHORISED},
    {{DOOM}, CAPTURE, GATEWAY_REFUSED, 1, GATEWAY_STATE_AUTHORISED},
    {{DOOM, CAPTURE}, CAPTURE, GATEWAY_REFUSED, 0, GATEWAY_STATE_AUTHORISED},
    {{DOOM, CAPTURE}, APPROVE, GATEWAY_DONE, 0, GATEWAY_STATE_AUTHORISED},
    {{DOOM, CAPTURE}, VOID, GATEWAY_DONE, 1, GATEWAY_STATE_VOIDED},
    {{DOOM, CAPTURE, VOID}, CAPTURE, GATEWAY_REFUSED, 0, GATEWAY_STATE_VOIDED},
    {{DOOM, CAPTURE, VOID}, VOID, GATEWAY_DONE, 0, GATEWAY_STATE_VOIDED},
};
#define SEQUENCES ((int)(sizeof sequences / sizeof *sequences))

/* Every sequence runs twice: in one gateway, and with a restart before the last step. */
START_TEST(each_call_after_each_other)
{
    int number = _i % SEQUENCES;
    struct gateway *gateway = desk_open_plain();
    for (int i = 0; i < 3 && sequences[number].before[i]; i++)
        take_step(gateway, sequences[number].before[i]);
    if (_i >= SEQUENCES) {
        gateway_close(gateway);
        gateway = desk_open_plain();
    }
    int lines = desk_lines();
    ck_assert_int_eq(take_step(gateway, sequences[number].step), sequences[number].result);
    ck_assert_int_eq(desk_lines() - lines, sequences[number].lines);
    ck_assert_int_eq(desk_status(gateway, REF_A), sequences[number].state);
    gateway_close(gateway);
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_status(gateway, REF_A), sequences[number].state);
    gateway_close(gateway);
}
END_TEST

START_TEST(a_decline_keeps_its_code)
{
    struct gateway *gateway = desk_open_plain();
    desk_authorise(gateway, REF_A, "tok_insufficient_funds");
    gateway_close(gateway);
    gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DECLINED);
    ck_assert_str_eq(desk_code(), "insufficient_funds");
    gateway_close(gateway);
}
END_TEST

static const struct gateway_charge otherwise[] = {
    {.reference = REF_A, .amount_minor = 2591, .currency = "EUR", .payment_token = "tok_ok"},
    {.reference = REF_A, .amount_minor = 0, .currency = "EUR", .payment_token = "tok_ok"},
    {.reference = REF_A, .amount_minor = 2590, .currency = "USD", .payment_token = "tok_ok"},
    {.reference = REF_A, .amount_minor = 2590, .currency = "USD", .payment_token = "tok_declined"},
};

START_TEST(a_reference_known_with_another_charge_is_refused)
{
    static const char *const first[] = {"tok_ok", "tok_declined"};
    const struct gateway_charge *charge = &otherwise[_i % 4];
    struct gateway *gateway = desk_open_plain();
    struct gateway_answer answer = {.amount_minor = 0};
    desk_authorise(gateway, REF_A, first[_i / 4]);
    ck_assert_int_eq(
        gateway->ops->authorise(gateway, charge, desk_soon(), &answer), GATEWAY_REFUSED);
    ck_assert_str_eq(answer.decline_code, "");
    ck_assert_int_eq(gateway->ops->capture(gateway, charge, desk_soon(), &answer), GATEWAY_REFUSED);
    ck_assert_int_eq(desk_lines(), 1);
    if (_i < 4)
        desk_capture(gateway, REF_A);
    ck_assert_int_eq(
        gateway->ops->authorise(gateway, charge, desk_soon(), &answer), GATEWAY_REFUSED);
    ck_assert_int_eq(gateway->ops->capture(gateway, charge, desk_soon(), &answer), GATEWAY_REFUSED);
    gateway_close(gateway);
}
END_TEST

START_TEST(nothing_and_the_largest_amount_can_be_charged)
{
    static const int64_t amounts[] = {0, INT64_MAX};
    struct gateway *gateway = desk_open_plain();
    struct gateway_charge charge = {.reference = REF_A,
        .amount_minor = amounts[_i],
        .currency = "JPY",
        .payment_token = "tok_ok"};
    struct gateway_answer answer = {.amount_minor = 0};
    ck_assert_int_eq(gateway->ops->authorise(gateway, &charge, desk_soon(), &answer), GATEWAY_DONE);
    gateway_close(gateway);
    gateway = desk_open_plain();
    ck_assert_int_eq(gateway->ops->capture(gateway, &charge, desk_soon(), &answer), GATEWAY_DONE);
    gateway_close(gateway);
}
END_TEST

START_TEST(many_references_are_told_apart)
{
    enum {
        COUNT = 3000
    };
    static char uid[COUNT][UID_SIZE];
    struct gateway *gateway = desk_open_plain();
    for (int i = 0; i < COUNT; i++) {
        random_uid(uid[i]);
        ck_assert_int_eq(desk_authorise(gateway, uid[i], i % 3 ? "tok_ok" : "tok_declined"),
            i % 3 ? GATEWAY_DONE : GATEWAY_DECLINED);
    }
    gateway_close(gateway);
    gateway = desk_open_plain();
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(desk_status(gateway, uid[i]),
            i % 3 ? GATEWAY_STATE_AUTHORISED : GATEWAY_STATE_DECLINED);
    gateway_close(gateway);
}
END_TEST

/* Two names with one hash: only the lines tell them apart. */
START_TEST(references_with_the_same_hash_are_told_apart)
{
    ck_assert_uint_eq(index_hash("order142"), index_hash("order16413"));
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_authorise(gateway, "order142", "tok_ok"), GATEWAY_DONE);
    ck_assert_int_eq(desk_authorise(gateway, "order16413", "tok_declined"), GATEWAY_DECLINED);
    ck_assert_int_eq(desk_capture(gateway, "order142"), GATEWAY_DONE);
    ck_assert_int_eq(desk_status(gateway, "order142"), GATEWAY_STATE_CAPTURED);
    ck_assert_int_eq(desk_status(gateway, "order16413"), GATEWAY_STATE_DECLINED);
    gateway_close(gateway);
}
END_TEST

START_TEST(results_and_states_have_names)
{
    ck_assert_str_eq(gateway_result_name(GATEWAY_UNAVAILABLE), "unavailable");
    ck_assert_str_eq(gateway_result_name(GATEWAY_CONFLICT), "conflict");
    ck_assert_str_eq(gateway_state_name(GATEWAY_STATE_UNKNOWN), "unknown");
    ck_assert_str_eq(gateway_state_name(GATEWAY_STATE_VOIDED), "voided");
    gateway_close(NULL);
}
END_TEST

static void add_calls(TCase *calls)
{
    tcase_add_loop_test(calls, malformed_charges_are_refused_and_forgotten, 0,
        (int)(sizeof malformed / sizeof *malformed));
    tcase_add_test(calls, malformed_references_are_refused);
    tcase_add_loop_test(
        calls, each_token_has_its_answer_and_its_line, 0, (int)(sizeof tokens / sizeof *tokens));
    tcase_add_test(calls, other_tokens_are_approved_when_told_so);
    tcase_add_test(calls, a_failed_call_leaves_the_reference_free);
    tcase_add_loop_test(calls, declines_at_random_as_often_as_told, 0, 3);
    tcase_add_test(calls, an_answer_says_what_it_is_about);
    tcase_add_test(calls, captures_and_voids_fail_as_often_as_told_and_then_without_effect);
    tcase_add_test(calls, garbage_is_never_true);
    tcase_add_test(calls, no_payment_token_reaches_the_ledger);
    tcase_add_loop_test(calls, each_call_after_each_other, 0, 2 * SEQUENCES);
    tcase_add_test(calls, a_decline_keeps_its_code);
    tcase_add_loop_test(calls, a_reference_known_with_another_charge_is_refused, 0, 8);
    tcase_add_loop_test(calls, nothing_and_the_largest_amount_can_be_charged, 0, 2);
    tcase_add_test(calls, many_references_are_told_apart);
    tcase_add_test(calls, references_with_the_same_hash_are_told_apart);
    tcase_add_test(calls, results_and_states_have_names);
}

int main(void)
{
    Suite *suite = suite_create("gateway");
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, desk_begin, NULL);
    add_calls(calls);
    suite_add_tcase(suite, calls);
    return unit_run(suite);
}
