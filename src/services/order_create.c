/* The order transaction. See order.h for its steps; the numbers here are those.
 *
 * Special difficulty: what failed may have happened. A unit whose outcome is not known may be on
 * disk, a gateway that did not answer may have approved. So after step 1 nothing is ever dropped:
 * either step 3 is durable, or step 3' is, or 3' is on settle's list. And both 3 and 3' begin with
 * the same compare-and-set on the attempt, so that they can never both happen. */
#include "services/order.h"

#include <string.h>

#include "core/clock.h"
#include "core/digest.h"
#include "core/fault_point.h"
#include "core/metrics.h"
#include "core/random.h"
#include "db/idempotency.h"
#include "db/outbox.h"
#include "spool/record.h"

#include "services/action.h"

#define KEY_RETRY_S 1

/* One create, from its attempt to its answer. */
struct creation {
    const struct order_service *service;
    struct context *ctx;
    const struct order_create *in;
    struct order_created *out;
    int64_t total_minor;
    int64_t now;
    char attempt_uid[UID_SIZE];
    char outbox_uid[UID_SIZE];
    struct idempotency_key key;       /* .key NULL: none was sent */
    struct idempotency_entry claimed; /* who has the key, when it is not us */
    bool is_lost;                     /* the key is another's */
    struct buffer answer;
    int64_t order_id;
};

static int64_t store_deadline(const struct creation *c)
{
    return clock_mono_ms() + c->service->store_timeout_ms;
}

/* Fields are bounded so that 10^15 cannot be passed (100 items of 10,000 at 1,000,000,000). */
static int64_t total_of(const struct order_new *order)
{
    int64_t total = 0;
    for (size_t i = 0; i < order->item_count; i++)
        total += order->items[i].quantity * order->items[i].unit_price_minor;
    return total;
}

static void begin(struct creation *c)
{
    c->now = clock_now();
    c->total_minor = total_of(c->in->order);
    random_uid(c->attempt_uid);
    random_uid(c->outbox_uid);
    if (!c->in->idempotency_key)
        return;
    c->key.user_id = c->ctx->user_id;
    c->key.key = c->in->idempotency_key;
    digest_sha256(c->key.fingerprint, c->in->body, c->in->body_len);
}

/* What a create gets whose key somebody has already: the first answer again, or why not. */
static enum err answer_from_claim(struct creation *c)
{
    const struct idempotency_entry *claim = &c->claimed;
    struct fault *fault = &c->ctx->fault;
    if (memcmp(claim->fingerprint, c->key.fingerprint, FINGERPRINT_SIZE) != 0)
        return fail(fault, ERR_KEY_REUSED, NULL, "%s", err_info(ERR_KEY_REUSED)->text);
    if (!claim->is_done) {
        fault->retry_after_s = KEY_RETRY_S;
        return fail(fault, ERR_KEY_IN_PROGRESS, NULL, "%s", err_info(ERR_KEY_IN_PROGRESS)->text);
    }
    *c->out = (struct order_created){
        .order_id = claim->order_id,
        .answer = claim->answer,
        .answer_len = claim->answer_len,
        .is_replay = true,
    };
    return ERR_NONE;
}

static enum err find_claim(struct db *db, void *arg)
{
    struct creation *c = arg;
    return idempotency_find(db, c->ctx->arena, c->key.user_id, c->key.key, &c->claimed);
}

/* By a read, so that a replay works on a full disk. ERR_NOT_FOUND: the key is free, or none was
 * sent. */
static enum err answer_known_key(struct creation *c)
{
    if (!c->key.key)
        return ERR_NOT_FOUND;
    enum err e = store_read(c->service->store, c->ctx->worker, find_claim, c, store_deadline(c));
    return e ? e : answer_from_claim(c);
}

/* Step 1. */
static enum err start_unit(struct db *db, void *arg)
{
    struct creation *c = arg;
    struct attempt_new attempt = {
        .uid = c->attempt_uid,
        .user_id = c->ctx->user_id,
        .amount_minor = c->total_minor,
        .currency = c->in->order->currency,
        .request_id = c->ctx->request_id,
        .started_at = c->now,
    };
    c->is_lost = false;
    enum err e = attempts_start(db, &attempt);
    FAULT_POINT(order_attempt_written);
    if (e || !c->key.key)
        return e;
    e = idempotency_claim(db, c->ctx->arena, &c->key, c->attempt_uid, c->now, &c->claimed);
    c->is_lost = e == ERR_REFUSED;
    return e;
}

static enum err read_order(struct db *db, void *arg)
{
    struct creation *c = arg;
    struct order order;
    enum err e = orders_get_by_attempt(db, c->ctx->arena, c->attempt_uid, &order);
    if (e)
        return e;
    order.payment_status = PAYMENT_AUTHORIZED; /* as it was in the first 201, whatever came since */
    c->order_id = order.id;
    buffer_begin(&c->answer, c->ctx->arena, 1024);
    c->in->render(&order, &c->answer);
    return ERR_NONE;
}

static enum err confirmed(struct creation *c)
{
    FAULT_POINT(order_committed);
    *c->out = (struct order_created){
        .order_id = c->order_id, .answer = c->answer.data, .answer_len = c->answer.len};
    metrics_add(METRIC_orders_total, 1);
    settle_wake(c->service->settle);
    relay_wake(c->service->relay);
    return ERR_NONE;
}

static const char *reason_of(const struct creation *c, enum err cause)
{
    const char *decline_code = c->ctx->fault.decline_code;
    return cause == ERR_PAYMENT_FAILED && decline_code ? decline_code : err_info(cause)->name;
}

/* Step 3'. What the client is told: the cause, once the end is durable; else only that it is not
 * known. */
static enum err give_up(struct creation *c, enum err cause)
{
    struct attempt_end end = {
        .uid = c->attempt_uid,
        .user_id = c->ctx->user_id,
        .key = c->key.key,
        .to = cause == ERR_PAYMENT_FAILED ? ATTEMPT_DECLINED : ATTEMPT_VOIDING,
        .reason = reason_of(c, cause),
    };
    enum attempt_state state = ATTEMPT_NONE;
    enum err e = settle_end_attempt(c->service->settle, &end, &state);
    if (!e && state == ATTEMPT_ORDERED) {
        /* Step 3 was durable after all: the order stands. */
        e = store_read(c->service->store, c->ctx->worker, read_order, c, store_deadline(c));
        if (!e) {
            fault_clear(&c->ctx->fault);
            return confirmed(c);
        }
    }
    if (e) {
        fault_clear(&c->ctx->fault);
        return fail(&c->ctx->fault, ERR_UNAVAILABLE, NULL,
            "after %s, its end is not written yet: %s", err_info(cause)->name, err_info(e)->name);
    }
    return cause;
}

/* Step 1. On failure nothing is begun, or it has been ended. */
static enum err start_attempt(struct creation *c)
{
    enum err e = store_write(c->service->store, STORE_BEGIN, start_unit, c, store_deadline(c));
    if (e == ERR_REFUSED && c->is_lost)
        return answer_from_claim(c);
    if (e == ERR_UNKNOWN)
        return give_up(c, e);
    return e;
}

static void describe(const struct creation *c, struct order *order)
{
    const struct order_new *new = c->in->order;
    *order = (struct order){
        .user_id = c->ctx->user_id,
        .status = "confirmed",
        .currency = new->currency,
        .total_minor = c->total_minor,
        .reference = new->reference,
        .items = new->items,
        .item_count = new->item_count,
        .attempt_uid = c->attempt_uid,
        .payment_status = PAYMENT_AUTHORIZED,
        .created_at = c->now,
    };
}

static enum err add_payment(struct db *db, const struct creation *c, const struct order *order)
{
    struct payment_new payment = {
        .order_id = order->id,
        .amount_minor = order->total_minor,
        .currency = order->currency,
        .authorized_at = c->now,
    };
    enum err e = payments_add(db, &payment);
    return e ? e : order_events_add(db, order->id, "created", NULL, c->now);
}

/* The notification, with the recipient as of now. */
static enum err add_notification(struct db *db, const struct creation *c, const struct order *order)
{
    struct user user;
    enum err e = users_get(db, c->ctx->arena, order->user_id, &user);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_BROKEN : e;
    struct record_item items[ORDER_ITEMS_MAX];
    for (size_t i = 0; i < order->item_count; i++)
        items[i] = (struct record_item){
            .sku = order->items[i].sku,
            .name = order->items[i].name,
            .quantity = order->items[i].quantity,
            .unit_price_minor = order->items[i].unit_price_minor,
        };
    struct record record = {
        .kind = "order_confirmed",
        .uid = c->outbox_uid,
        .request_id = c->ctx->request_id,
        .recipient = user.email,
        .username = user.username,
        .order_id = order->id,
        .created_at = order->created_at,
        .reference = order->reference,
        .currency = order->currency,
        .total_minor = order->total_minor,
        .items = items,
        .item_count = order->item_count,
    };
    struct buffer message;
    buffer_begin(&message, c->ctx->arena, 1024);
    record_encode(&record, &message);
    return outbox_add(db, &(struct outbox_row){
                              .uid = c->outbox_uid,
                              .kind = record.kind,
                              .order_id = order->id,
                              .message = message.data,
                              .message_len = message.len,
                              .created_at = c->now,
                          });
}

/* Step 3. The compare-and-set comes first: without it nothing else may be written. */
static enum err confirm_unit(struct db *db, void *arg)
{
    struct creation *c = arg;
    struct order order;
    enum attempt_state state;
    enum err e = attempts_end(db, c->attempt_uid, ATTEMPT_ORDERED, NULL, c->now, &state);
    if (e == ERR_REFUSED && state == ATTEMPT_ORDERED)
        return read_order(db, c); /* an earlier run of this unit was durable */
    if (e)
        return e;
    FAULT_POINT(order_attempt_ordered);
    describe(c, &order);
    e = orders_add(db, &order, &order.id);
    if (!e && order.id == 0)
        return ERR_BROKEN;
    if (!e)
        e = add_payment(db, c, &order);
    if (!e)
        e = add_notification(db, c, &order);
    if (e)
        return e;
    FAULT_POINT(order_notification_written);
    c->order_id = order.id;
    buffer_begin(&c->answer, c->ctx->arena, 1024);
    c->in->render(&order, &c->answer);
    if (!c->key.key)
        return ERR_NONE;
    return idempotency_finish(
        db, &c->key, c->attempt_uid, c->order_id, c->answer.data, c->answer.len, c->now);
}

static enum err confirm(struct creation *c)
{
    enum err e = store_write(c->service->store, STORE_FINISH, confirm_unit, c, store_deadline(c));
    if (!e)
        return confirmed(c);
    fail(&c->ctx->fault, e, NULL, "the order could not be written: %s", err_info(e)->name);
    return give_up(c, e);
}

static enum err authorise(struct creation *c)
{
    struct gateway_charge charge = {
        .reference = c->attempt_uid,
        .amount_minor = c->total_minor,
        .currency = c->in->order->currency,
        .payment_token = c->in->order->payment_token,
    };
    return payment_authorise(c->service->payment, c->ctx, &charge);
}

static enum err create(struct context *ctx, void *arg)
{
    struct creation *c = arg;
    const struct order_service *service = c->service;
    enum err e = answer_known_key(c);
    if (e != ERR_NOT_FOUND)
        return e;
    if (settle_is_held(service->settle))
        return fail(&ctx->fault, ERR_UNAVAILABLE, NULL,
            "the database was restored: orderctl reconcile --restored lets it go");
    if (settle_is_backlogged(service->settle))
        return fail(
            &ctx->fault, ERR_UNAVAILABLE, NULL, "too many failed creates are not ended yet");
    e = payment_permit(service->payment, ctx);
    if (e)
        return e;
    e = start_attempt(c);
    if (e || c->out->is_replay) {
        payment_permit_return(service->payment);
        return e;
    }
    FAULT_POINT(order_attempt_committed);
    e = authorise(c); /* step 2 */
    FAULT_POINT(order_payment_asked);
    payment_permit_return(service->payment);
    return e ? give_up(c, e) : confirm(c);
}

enum err order_create(const struct order_service *service, struct context *ctx,
    const struct order_create *in, struct order_created *out)
{
    struct creation c = {.service = service, .ctx = ctx, .in = in, .out = out};
    *out = (struct order_created){.order_id = 0};
    begin(&c);
    ctx->subject = c.attempt_uid;
    enum err e = action_run(ctx, "order.create", create, &c);
    ctx->subject = NULL;
    return e;
}
