/* The table is the whole of it: our state down, the ledger's across. What is still moving is fine
 * with whatever can be true while it moves, and is looked at by its age instead. */
#include "ctl/verdict.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Fewer failures than that are the ordinary hiccups of a network. */
#define FAILING_TRIES 3

/* An attempt, or the payment of one that was ordered. */
enum position {
    POSITION_STARTED,
    POSITION_DECLINED,
    POSITION_VOIDING,
    POSITION_VOIDED,
    POSITION_VOID_FAILED,
    POSITION_CONFLICT,
    POSITION_AUTHORISED,
    POSITION_CAPTURED,
    POSITION_CAPTURE_FAILED,
    POSITION__COUNT
};

static const struct {
    const char *word;
    const char *hint;
} texts[VERDICT__COUNT] = {
    [VERDICT_FINE] = {"fine", ""},
#define VERDICT(code, word, hint) [VERDICT_##code] = {word, hint},
#include "ctl/verdict.def"
#undef VERDICT
};

/* In the order of enum event_kind: nothing, authorise, decline, capture, capture_refused, void. */
#define ROW(none, authorise, decline, capture, capture_refused, void_)                             \
    {                                                                                              \
        [EVENT_NONE] = VERDICT_##none, [EVENT_AUTHORISE] = VERDICT_##authorise,                    \
        [EVENT_DECLINE] = VERDICT_##decline, [EVENT_CAPTURE] = VERDICT_##capture,                  \
        [EVENT_CAPTURE_REFUSED] = VERDICT_##capture_refused, [EVENT_VOID] = VERDICT_##void_        \
    }
#define ALWAYS(verdict) ROW(verdict, verdict, verdict, verdict, verdict, verdict)

static const enum verdict verdicts[POSITION__COUNT][EVENT__COUNT] = {
    [POSITION_STARTED] = ROW(FINE, FINE, FINE, CAPTURED_WITHOUT_ORDER, FINE, FINE),
    [POSITION_DECLINED] =
        ROW(FINE, HELD_WITHOUT_ORDER, FINE, CAPTURED_WITHOUT_ORDER, HELD_WITHOUT_ORDER, FINE),
    [POSITION_VOIDING] = ALWAYS(FINE),
    [POSITION_VOIDED] = ROW(
        VOID_UNKNOWN, HELD_WITHOUT_ORDER, FINE, CAPTURED_WITHOUT_ORDER, HELD_WITHOUT_ORDER, FINE),
    [POSITION_VOID_FAILED] = ALWAYS(VOID_FAILED),
    [POSITION_CONFLICT] = ALWAYS(CONFLICT),
    [POSITION_AUTHORISED] = ROW(NOT_AUTHORISED, FINE, NOT_AUTHORISED, FINE, FINE, NOT_AUTHORISED),
    [POSITION_CAPTURED] =
        ROW(NOT_CAPTURED, NOT_CAPTURED, NOT_CAPTURED, FINE, NOT_CAPTURED, NOT_CAPTURED),
    [POSITION_CAPTURE_FAILED] = ALWAYS(CAPTURE_FAILED),
};

static enum position position_of(const struct books_row *row)
{
    static const enum position of_attempt[] = {
        [ATTEMPT_STARTED] = POSITION_STARTED,
        [ATTEMPT_DECLINED] = POSITION_DECLINED,
        [ATTEMPT_VOIDING] = POSITION_VOIDING,
        [ATTEMPT_VOIDED] = POSITION_VOIDED,
        [ATTEMPT_VOID_FAILED] = POSITION_VOID_FAILED,
        [ATTEMPT_CONFLICT] = POSITION_CONFLICT,
    };
    static const enum position of_payment[] = {
        [PAYMENT_AUTHORIZED] = POSITION_AUTHORISED,
        [PAYMENT_CAPTURED] = POSITION_CAPTURED,
        [PAYMENT_CAPTURE_FAILED] = POSITION_CAPTURE_FAILED,
    };
    if (row->state == ATTEMPT_ORDERED)
        return of_payment[row->payment_status];
    return of_attempt[row->state];
}

/* What was ordered has an order and a payment, and nothing else has. */
static bool is_complete(const struct books_row *row)
{
    bool is_ordered = row->state == ATTEMPT_ORDERED;
    return is_ordered == (row->order_id != 0) && is_ordered == row->has_payment;
}

static bool is_sum(int64_t amount_minor, const char *currency, const struct books_row *row)
{
    return amount_minor == row->amount_minor && !strcmp(currency, row->currency);
}

static bool do_amounts_agree(const struct books_row *row, const struct account *account)
{
    if (account && *account->currency && !is_sum(account->amount_minor, account->currency, row))
        return false;
    if (row->state != ATTEMPT_ORDERED)
        return true;
    bool is_captured = row->payment_status == PAYMENT_CAPTURED;
    return is_sum(row->order_total_minor, row->order_currency, row) &&
           is_sum(row->authorized_minor, row->payment_currency, row) &&
           row->captured_minor == (is_captured ? row->amount_minor : 0);
}

/* What was open in the backup may have got any end since. */
static enum verdict while_held(enum position position, enum event_kind kind)
{
    if (position == POSITION_STARTED && (kind == EVENT_AUTHORISE || kind == EVENT_CAPTURE_REFUSED))
        return VERDICT_VOID_AT_RELEASE;
    if (position == POSITION_VOIDING && kind == EVENT_CAPTURE)
        return VERDICT_CAPTURED_WITHOUT_ORDER;
    return VERDICT_FINE;
}

static enum verdict delayed(
    const struct books_row *row, enum position position, const struct verdict_times *times)
{
    int64_t since = row->since > row->try_at ? row->since : row->try_at;
    int64_t age_s = times->now - since;
    if (position == POSITION_STARTED && age_s > times->start_s)
        return VERDICT_START_OVERDUE;
    if (position == POSITION_VOIDING && age_s > times->settle_s)
        return VERDICT_VOID_OVERDUE;
    if (position == POSITION_AUTHORISED && age_s > times->settle_s)
        return VERDICT_CAPTURE_OVERDUE;
    if (position == POSITION_VOIDING && row->tries >= FAILING_TRIES)
        return VERDICT_VOID_FAILING;
    if (position == POSITION_AUTHORISED && row->tries >= FAILING_TRIES)
        return VERDICT_CAPTURE_FAILING;
    return VERDICT_FINE;
}

enum verdict verdict_of(
    const struct books_row *row, const struct account *account, const struct verdict_times *times)
{
    if (row->is_written_off)
        return VERDICT_FINE;
    if (!is_complete(row))
        return VERDICT_INCOMPLETE;
    enum position position = position_of(row);
    enum event_kind kind = account ? account->kind : EVENT_NONE;
    enum verdict verdict = verdicts[position][kind];
    if (!verdict && times->is_held)
        verdict = while_held(position, kind);
    if (verdict)
        return verdict;
    if (account && account->capture_count > 1)
        return VERDICT_CAPTURED_TWICE;
    if (!do_amounts_agree(row, account))
        return VERDICT_AMOUNTS_DIFFER;
    return times->is_held ? VERDICT_FINE : delayed(row, position, times);
}

enum verdict verdict_of_stranger(const struct account *account)
{
    static const enum verdict of_kind[EVENT__COUNT] = {
        [EVENT_AUTHORISE] = VERDICT_HELD_WITHOUT_ORDER,
        [EVENT_CAPTURE_REFUSED] = VERDICT_HELD_WITHOUT_ORDER,
        [EVENT_CAPTURE] = VERDICT_CAPTURED_WITHOUT_ORDER,
    };
    return of_kind[account->kind];
}

const char *verdict_word(enum verdict verdict)
{
    assert(verdict < VERDICT__COUNT);
    return texts[verdict].word;
}

const char *verdict_hint(enum verdict verdict)
{
    assert(verdict < VERDICT__COUNT);
    return texts[verdict].hint;
}

const char *verdict_our_state(const struct books_row *row)
{
    return row->has_payment ? payment_status_name(row->payment_status)
                            : attempt_state_name(row->state);
}

const char *verdict_their_state(const struct account *account)
{
    static const char *const words[EVENT__COUNT] = {
        [EVENT_NONE] = "unknown",
        [EVENT_AUTHORISE] = "authorized",
        [EVENT_DECLINE] = "declined",
        [EVENT_CAPTURE] = "captured",
        [EVENT_CAPTURE_REFUSED] = "authorized, its capture refused",
        [EVENT_VOID] = "voided",
    };
    return words[account ? account->kind : EVENT_NONE];
}
