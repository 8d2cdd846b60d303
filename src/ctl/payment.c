/* orderctl payment: what an administrator does to payments that ended badly, beside a running
 * orderd. Whether a payment may be moved is decided by the statement that moves it; why it may not
 * be is read afterwards, for the message. */
#include "ctl/subjects.h"

#include <string.h>

#include "core/clock.h"
#include "core/text.h"
#include "db/orders.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

struct move {
    struct arena *arena;
    int64_t order_id; /* which payment: of that order, or, if 0, of the attempt uid */
    const char *uid;
    enum err (*of_payment)(struct db *, const struct move *);
    enum err (*of_attempt)(struct db *, const struct move *);
    struct write_off write_off; /* by and at are of a retry, too */

    /* As it came out. */
    struct attempt attempt;
    struct payment_row payment; /* order_id 0: there is none */
};

/* 17, 6f5e..., or pay_6f5e... */
static enum err parse_operand(struct ctl *ctl, struct move *move)
{
    static const char prefix[] = "pay_";
    const char *text = ctl->operand;
    move->uid = strncmp(text, prefix, sizeof prefix - 1) ? text : text + sizeof prefix - 1;
    if (text_is_uid(move->uid))
        return ERR_NONE;
    if (text_parse_uint(text, strlen(text), INT64_MAX, &move->order_id) && move->order_id)
        return ERR_NONE;
    return fail(&ctl->fault, ERR_BAD_REQUEST, NULL,
        "ID must be the number of an order, or the 32 digits of a payment");
}

static enum err find_uid(struct db *db, struct move *move)
{
    struct order order;
    if (!move->order_id)
        return ERR_NONE;
    enum err e = orders_get(db, move->arena, move->order_id, &order);
    if (!e)
        move->uid = order.attempt_uid;
    return e;
}

static enum err read_outcome(struct db *db, struct move *move)
{
    move->payment.order_id = 0;
    enum err e = attempts_get(db, move->arena, move->uid, &move->attempt);
    if (e || move->attempt.state != ATTEMPT_ORDERED)
        return e;
    return payments_get(db, move->arena, move->uid, &move->payment);
}

static enum err move_unit(struct db *db, void *arg)
{
    struct move *move = arg;
    enum err e = find_uid(db, move);
    if (!e)
        e = read_outcome(db, move); /* whether it has a payment never changes */
    if (e)
        return e;
    enum err moved =
        move->payment.order_id ? move->of_payment(db, move) : move->of_attempt(db, move);
    e = read_outcome(db, move);
    return e ? e : moved;
}

static const struct write_off *write_off_of(const struct move *move)
{
    return move->payment.order_id ? &move->payment.write_off : &move->attempt.write_off;
}

static const char *state_of(const struct move *move)
{
    return move->payment.order_id ? move->payment.status : attempt_state_name(move->attempt.state);
}

static enum err explain(struct ctl *ctl, const struct move *move, enum err e, const char *allowed)
{
    const struct write_off *write_off = write_off_of(move);
    if (ctl->fault.text)
        return e;
    if (e == ERR_NOT_FOUND)
        return fail(
            &ctl->fault, e, NULL, "there is no such %s", move->order_id ? "order" : "payment");
    if (e == ERR_REFUSED && write_off->at) {
        char time[CLOCK_TEXT_SIZE];
        clock_text(time, write_off->at);
        return fail(&ctl->fault, e, NULL, "it was written off by %s at %s: %s",
            output_plain(&ctl->arena, write_off->by), time,
            output_plain(&ctl->arena, write_off->reason));
    }
    if (e == ERR_REFUSED)
        return fail(&ctl->fault, e, NULL, "its state is %s, not %s", state_of(move), allowed);
    return e;
}

static enum err write_move(struct ctl *ctl, const struct move *move)
{
    static const struct output_column columns[] = {{"uid", OUTPUT_TEXT}, {"order_id", OUTPUT_INT},
        {"state", OUTPUT_TEXT}, {"amount", OUTPUT_INT}, {"currency", OUTPUT_TEXT},
        {"written_off_at", OUTPUT_TIME}, {"written_off_by", OUTPUT_TEXT},
        {"written_off_reason", OUTPUT_TEXT}};
    const struct write_off *write_off = write_off_of(move);
    struct output o;
    output_begin(&o, &ctl->arena, "payments", columns, sizeof columns / sizeof *columns);
    output_row(&o, (struct output_value[]){
                       {.text = move->uid},
                       {.number = move->payment.order_id, .is_absent = !move->payment.order_id},
                       {.text = state_of(move)},
                       {.number = move->attempt.amount_minor},
                       {.text = move->attempt.currency},
                       {.number = write_off->at, .is_absent = !write_off->at},
                       {.text = write_off->by},
                       {.text = write_off->reason},
                   });
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}

static enum err run(struct ctl *ctl, struct move *move, const char *allowed)
{
    enum err e = parse_operand(ctl, move);
    if (e)
        return e;
    move->arena = &ctl->arena;
    move->write_off.at = clock_now();
    move->write_off.by = ctl->caller;
    struct admin_options options = ctl_database(ctl);
    e = admin_write(&options, move_unit, move, &ctl->fault);
    return e ? explain(ctl, move, e, allowed) : write_move(ctl, move);
}

/* ---- payment retry */

static enum err reopen_payment(struct db *db, const struct move *move)
{
    return payments_reopen(db, move->uid, move->write_off.by, move->write_off.at);
}

static enum err reopen_attempt(struct db *db, const struct move *move)
{
    return attempts_reopen(db, move->uid, move->write_off.at);
}

enum err payment_retry(struct ctl *ctl)
{
    struct move move = {.of_payment = reopen_payment, .of_attempt = reopen_attempt};
    return run(ctl, &move, "capture_failed or void_failed");
}

/* ---- payment write-off */

static enum err write_off_payment(struct db *db, const struct move *move)
{
    return payments_write_off(db, move->arena, move->uid, &move->write_off);
}

static enum err write_off_attempt(struct db *db, const struct move *move)
{
    return attempts_write_off(db, move->uid, &move->write_off);
}

static enum err check_reason(struct ctl *ctl, const char *reason)
{
    size_t len = strlen(reason);
    bool is_text = text_is_utf8(reason, len) && !text_has_control(reason, len);
    size_t count = is_text ? text_count(reason, len) : 0;
    if (count >= 1 && count <= WRITE_OFF_REASON_MAX)
        return ERR_NONE;
    return fail(&ctl->fault, ERR_VALIDATION, NULL,
        "the reason must have 1 to %d characters of UTF-8, in one line", WRITE_OFF_REASON_MAX);
}

enum err payment_write_off(struct ctl *ctl)
{
    struct move move = {.of_payment = write_off_payment, .of_attempt = write_off_attempt};
    move.write_off.reason = ctl_value(ctl, "reason");
    enum err e = check_reason(ctl, move.write_off.reason);
    return e ? e : run(ctl, &move, "capture_failed, void_failed or conflict");
}
