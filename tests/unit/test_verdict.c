/* ctl/verdict: which of our states may stand beside which of the gateway's, and for how long. */
#include <string.h>

#include "ctl/verdict.h"

#include "unit.h"

#define NOW 100000

static const struct verdict_times times = {.now = NOW, .start_s = 70, .settle_s = 100};

static struct account account;

/* An attempt that has just come to that state. */
static struct books_row attempt(enum attempt_state state)
{
    return (struct books_row){
        .uid = "u", .state = state, .amount_minor = 2590, .currency = "EUR", .since = NOW};
}

static struct books_row payment(enum payment_status status)
{
    struct books_row row = attempt(ATTEMPT_ORDERED);
    row.order_id = 17;
    row.order_total_minor = row.authorized_minor = 2590;
    row.order_currency = row.payment_currency = "EUR";
    row.has_payment = true;
    row.payment_status = status;
    row.captured_minor = status == PAYMENT_CAPTURED ? 2590 : 0;
    return row;
}

static const struct account *ledger(enum event_kind kind)
{
    account = (struct account){.kind = kind, .amount_minor = 2590, .currency = "EUR"};
    account.capture_count = kind == EVENT_CAPTURE;
    return kind == EVENT_NONE ? NULL : &account;
}

static void expect(const struct books_row *row, enum event_kind kind, enum verdict expected)
{
    enum verdict verdict = verdict_of(row, ledger(kind), &times);
    ck_assert_msg(verdict == expected, "%s here, %s there: %s, not %s", verdict_our_state(row),
        verdict_their_state(ledger(kind)), verdict_word(verdict), verdict_word(expected));
}

/* ---- what must never pass */

START_TEST(money_that_was_taken_belongs_to_an_order)
{
    static const enum attempt_state states[] = {ATTEMPT_STARTED, ATTEMPT_DECLINED, ATTEMPT_VOIDED};
    struct books_row row = attempt(states[_i]);
    expect(&row, EVENT_CAPTURE, VERDICT_CAPTURED_WITHOUT_ORDER);
}
END_TEST

START_TEST(money_is_held_only_for_what_is_under_way)
{
    static const enum attempt_state states[] = {ATTEMPT_DECLINED, ATTEMPT_VOIDED};
    struct books_row row = attempt(states[_i]);
    expect(&row, EVENT_AUTHORISE, VERDICT_HELD_WITHOUT_ORDER);
    expect(&row, EVENT_CAPTURE_REFUSED, VERDICT_HELD_WITHOUT_ORDER);
}
END_TEST

START_TEST(a_void_must_be_known_at_the_gateway)
{
    struct books_row row = attempt(ATTEMPT_VOIDED);
    expect(&row, EVENT_NONE, VERDICT_VOID_UNKNOWN);
}
END_TEST

START_TEST(a_captured_payment_is_captured_there_too)
{
    static const enum event_kind kinds[] = {
        EVENT_NONE, EVENT_AUTHORISE, EVENT_DECLINE, EVENT_CAPTURE_REFUSED, EVENT_VOID};
    struct books_row row = payment(PAYMENT_CAPTURED);
    expect(&row, kinds[_i], VERDICT_NOT_CAPTURED);
}
END_TEST

START_TEST(an_order_to_be_captured_is_authorised_there)
{
    static const enum event_kind kinds[] = {EVENT_NONE, EVENT_DECLINE, EVENT_VOID};
    struct books_row row = payment(PAYMENT_AUTHORIZED);
    expect(&row, kinds[_i], VERDICT_NOT_AUTHORISED);
}
END_TEST

START_TEST(what_is_an_administrator_s_is_told_whatever_the_gateway_says)
{
    struct books_row rows[] = {
        attempt(ATTEMPT_VOID_FAILED), attempt(ATTEMPT_CONFLICT), payment(PAYMENT_CAPTURE_FAILED)};
    static const enum verdict verdicts[] = {
        VERDICT_VOID_FAILED, VERDICT_CONFLICT, VERDICT_CAPTURE_FAILED};
    for (int kind = EVENT_NONE; kind < EVENT__COUNT; kind++) {
        expect(&rows[_i], (enum event_kind)kind, verdicts[_i]);
        rows[_i].is_written_off = true;
        expect(&rows[_i], (enum event_kind)kind, VERDICT_FINE);
        rows[_i].is_written_off = false;
    }
}
END_TEST

START_TEST(what_nobody_here_knows_must_hold_no_money)
{
    ck_assert_int_eq(verdict_of_stranger(ledger(EVENT_AUTHORISE)), VERDICT_HELD_WITHOUT_ORDER);
    ck_assert_int_eq(
        verdict_of_stranger(ledger(EVENT_CAPTURE_REFUSED)), VERDICT_HELD_WITHOUT_ORDER);
    ck_assert_int_eq(verdict_of_stranger(ledger(EVENT_CAPTURE)), VERDICT_CAPTURED_WITHOUT_ORDER);
    ck_assert_int_eq(verdict_of_stranger(ledger(EVENT_DECLINE)), VERDICT_FINE);
    ck_assert_int_eq(verdict_of_stranger(ledger(EVENT_VOID)), VERDICT_FINE);
}
END_TEST

/* ---- amounts */

static void expect_amounts_differ(const struct books_row *row, const struct account *theirs)
{
    ck_assert_int_eq(verdict_of(row, theirs, &times), VERDICT_AMOUNTS_DIFFER);
}

START_TEST(amounts_and_currencies_agree_everywhere)
{
    struct books_row row = payment(PAYMENT_CAPTURED);
    (void)ledger(EVENT_CAPTURE);
    account.amount_minor++;
    expect_amounts_differ(&row, &account);
    (void)ledger(EVENT_CAPTURE);
    memcpy(account.currency, "USD", 4);
    expect_amounts_differ(&row, &account);
    (void)ledger(EVENT_CAPTURE);
    ck_assert_int_eq(verdict_of(&row, &account, &times), VERDICT_FINE);
    for (int what = 0; what < 5; what++) {
        row = payment(PAYMENT_CAPTURED);
        row.order_total_minor += what == 0;
        row.authorized_minor += what == 1;
        row.captured_minor += what == 2;
        row.order_currency = what == 3 ? "USD" : "EUR";
        row.payment_currency = what == 4 ? "USD" : "EUR";
        expect_amounts_differ(&row, &account);
    }
    row = payment(PAYMENT_AUTHORIZED);
    row.captured_minor = 1;
    expect_amounts_differ(&row, ledger(EVENT_AUTHORISE));
    row = attempt(ATTEMPT_STARTED);
    row.amount_minor = 1;
    expect_amounts_differ(&row, ledger(EVENT_AUTHORISE));
}
END_TEST

START_TEST(a_void_of_what_was_never_seen_has_no_amount)
{
    struct books_row row = attempt(ATTEMPT_VOIDED);
    (void)ledger(EVENT_VOID);
    account.amount_minor = 0;
    account.currency[0] = '\0';
    ck_assert_int_eq(verdict_of(&row, &account, &times), VERDICT_FINE);
}
END_TEST

START_TEST(two_captures_of_one_payment_are_told)
{
    struct books_row row = payment(PAYMENT_CAPTURED);
    (void)ledger(EVENT_CAPTURE);
    account.capture_count = 2;
    ck_assert_int_eq(verdict_of(&row, &account, &times), VERDICT_CAPTURED_TWICE);
}
END_TEST

START_TEST(what_was_ordered_has_an_order_and_a_payment_and_nothing_else_has)
{
    struct books_row row = payment(PAYMENT_CAPTURED);
    row.order_id = 0;
    expect(&row, EVENT_CAPTURE, VERDICT_INCOMPLETE);
    row = payment(PAYMENT_CAPTURED);
    row.has_payment = false;
    expect(&row, EVENT_CAPTURE, VERDICT_INCOMPLETE);
    row = payment(PAYMENT_AUTHORIZED);
    row.state = ATTEMPT_VOIDED;
    expect(&row, EVENT_VOID, VERDICT_INCOMPLETE);
}
END_TEST

/* ---- what is under way */

START_TEST(what_is_under_way_is_fine_while_it_is_young)
{
    static const enum event_kind any[] = {
        EVENT_NONE, EVENT_AUTHORISE, EVENT_DECLINE, EVENT_CAPTURE_REFUSED, EVENT_VOID};
    struct books_row started = attempt(ATTEMPT_STARTED);
    struct books_row voiding = attempt(ATTEMPT_VOIDING);
    struct books_row authorised = payment(PAYMENT_AUTHORIZED);
    for (int i = 0; i < 5; i++) {
        expect(&started, any[i], VERDICT_FINE);
        expect(&voiding, any[i], VERDICT_FINE);
    }
    expect(&voiding, EVENT_CAPTURE, VERDICT_FINE); /* on its way to a conflict */
    expect(&authorised, EVENT_AUTHORISE, VERDICT_FINE);
    expect(&authorised, EVENT_CAPTURE, VERDICT_FINE); /* to be recorded */
    expect(&authorised, EVENT_CAPTURE_REFUSED, VERDICT_FINE);
}
END_TEST

static void expect_age(struct books_row row, enum event_kind kind, int64_t age_s, enum verdict last)
{
    row.since = NOW - age_s;
    expect(&row, kind, VERDICT_FINE);
    row.since--;
    expect(&row, kind, last);
    row.try_at = NOW - age_s; /* somebody tries, again and again */
    expect(&row, kind, VERDICT_FINE);
    row.since = NOW + 1000000; /* the clock has jumped */
    expect(&row, kind, VERDICT_FINE);
}

START_TEST(what_is_older_than_anything_under_way_is_told)
{
    expect_age(attempt(ATTEMPT_STARTED), EVENT_AUTHORISE, 70, VERDICT_START_OVERDUE);
    expect_age(attempt(ATTEMPT_VOIDING), EVENT_AUTHORISE, 100, VERDICT_VOID_OVERDUE);
    expect_age(payment(PAYMENT_AUTHORIZED), EVENT_AUTHORISE, 100, VERDICT_CAPTURE_OVERDUE);
}
END_TEST

/* However young it is, and however soon the next try. */
START_TEST(what_fails_again_and_again_is_told_while_it_is_tried)
{
    struct books_row rows[] = {attempt(ATTEMPT_VOIDING), payment(PAYMENT_AUTHORIZED)};
    static const enum verdict verdicts[] = {VERDICT_VOID_FAILING, VERDICT_CAPTURE_FAILING};
    rows[_i].try_at = NOW + 500;
    rows[_i].tries = 2;
    expect(&rows[_i], EVENT_AUTHORISE, VERDICT_FINE);
    rows[_i].tries = 3;
    expect(&rows[_i], EVENT_AUTHORISE, verdicts[_i]);
    rows[_i].tries = 1000000;
    expect(&rows[_i], EVENT_AUTHORISE, verdicts[_i]);
}
END_TEST

START_TEST(what_was_settled_in_the_end_may_have_failed_before)
{
    struct books_row rows[] = {attempt(ATTEMPT_VOIDED), payment(PAYMENT_CAPTURED)};
    static const enum event_kind kinds[] = {EVENT_VOID, EVENT_CAPTURE};
    rows[_i].tries = 9;
    expect(&rows[_i], kinds[_i], VERDICT_FINE);
}
END_TEST

START_TEST(what_is_done_may_be_of_any_age)
{
    struct books_row rows[] = {
        attempt(ATTEMPT_DECLINED), attempt(ATTEMPT_VOIDED), payment(PAYMENT_CAPTURED)};
    static const enum event_kind kinds[] = {EVENT_DECLINE, EVENT_VOID, EVENT_CAPTURE};
    rows[_i].since = 1;
    expect(&rows[_i], kinds[_i], VERDICT_FINE);
}
END_TEST

/* ---- a restored database that is held */

static void expect_held(const struct books_row *row, enum event_kind kind, enum verdict expected)
{
    const struct verdict_times held = {.now = NOW, .is_held = true};
    enum verdict verdict = verdict_of(row, ledger(kind), &held);
    ck_assert_msg(verdict == expected, "%s here, %s there: %s, not %s", verdict_our_state(row),
        verdict_their_state(ledger(kind)), verdict_word(verdict), verdict_word(expected));
}

START_TEST(what_was_open_in_a_backup_is_told_if_the_gateway_has_money_for_it)
{
    struct books_row started = attempt(ATTEMPT_STARTED);
    struct books_row voiding = attempt(ATTEMPT_VOIDING);
    started.since = voiding.since = 1;
    expect_held(&started, EVENT_AUTHORISE, VERDICT_VOID_AT_RELEASE);
    expect_held(&started, EVENT_CAPTURE_REFUSED, VERDICT_VOID_AT_RELEASE);
    expect_held(&started, EVENT_CAPTURE, VERDICT_CAPTURED_WITHOUT_ORDER);
    expect_held(&voiding, EVENT_CAPTURE, VERDICT_CAPTURED_WITHOUT_ORDER);
    static const enum event_kind harmless[] = {EVENT_NONE, EVENT_DECLINE, EVENT_VOID};
    for (int i = 0; i < 3; i++) {
        expect_held(&started, harmless[i], VERDICT_FINE);
        expect_held(&voiding, harmless[i], VERDICT_FINE);
    }
    expect_held(&voiding, EVENT_AUTHORISE, VERDICT_FINE); /* to be voided, then as now */
}
END_TEST

START_TEST(while_it_is_held_nothing_is_overdue_and_the_rest_holds)
{
    struct books_row authorised = payment(PAYMENT_AUTHORIZED);
    authorised.since = 1;
    authorised.tries = 9;
    expect_held(&authorised, EVENT_AUTHORISE, VERDICT_FINE);
    expect_held(&authorised, EVENT_CAPTURE, VERDICT_FINE);
    expect_held(&authorised, EVENT_VOID, VERDICT_NOT_AUTHORISED);
    struct books_row failed = payment(PAYMENT_CAPTURE_FAILED);
    expect_held(&failed, EVENT_CAPTURE, VERDICT_CAPTURE_FAILED);
}
END_TEST

START_TEST(every_verdict_has_a_word_and_a_hint_of_its_own)
{
    for (int a = VERDICT_FINE + 1; a < VERDICT__COUNT; a++) {
        ck_assert_uint_gt(strlen(verdict_hint((enum verdict)a)), 0);
        for (int b = VERDICT_FINE; b < a; b++)
            ck_assert_str_ne(verdict_word((enum verdict)a), verdict_word((enum verdict)b));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verdict");
    TCase *tc = tcase_create("verdict");
    tcase_add_loop_test(tc, money_that_was_taken_belongs_to_an_order, 0, 3);
    tcase_add_loop_test(tc, money_is_held_only_for_what_is_under_way, 0, 2);
    tcase_add_test(tc, a_void_must_be_known_at_the_gateway);
    tcase_add_loop_test(tc, a_captured_payment_is_captured_there_too, 0, 5);
    tcase_add_loop_test(tc, an_order_to_be_captured_is_authorised_there, 0, 3);
    tcase_add_loop_test(tc, what_is_an_administrator_s_is_told_whatever_the_gateway_says, 0, 3);
    tcase_add_test(tc, what_nobody_here_knows_must_hold_no_money);
    tcase_add_test(tc, amounts_and_currencies_agree_everywhere);
    tcase_add_test(tc, a_void_of_what_was_never_seen_has_no_amount);
    tcase_add_test(tc, two_captures_of_one_payment_are_told);
    tcase_add_test(tc, what_was_ordered_has_an_order_and_a_payment_and_nothing_else_has);
    tcase_add_test(tc, what_is_under_way_is_fine_while_it_is_young);
    tcase_add_test(tc, what_is_older_than_anything_under_way_is_told);
    tcase_add_loop_test(tc, what_fails_again_and_again_is_told_while_it_is_tried, 0, 2);
    tcase_add_loop_test(tc, what_was_settled_in_the_end_may_have_failed_before, 0, 2);
    tcase_add_loop_test(tc, what_is_done_may_be_of_any_age, 0, 3);
    tcase_add_test(tc, what_was_open_in_a_backup_is_told_if_the_gateway_has_money_for_it);
    tcase_add_test(tc, while_it_is_held_nothing_is_overdue_and_the_rest_holds);
    tcase_add_test(tc, every_verdict_has_a_word_and_a_hint_of_its_own);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
