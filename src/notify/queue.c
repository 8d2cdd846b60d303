/* A batch goes through three steps, so that the transport can share its syncs: each message is made
 * a mail, all mails are handed over, each message is put where it belongs. A message that fails at
 * one step has its outcome then, and the others go on.
 *
 * Wraps every delivery in its log line. Never touches files: spool/take does.
 */
#include "notify/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "spool/record.h"

#define ARENA_FIRST_SIZE ((size_t)512 * 1024)

enum verdict {
    VERDICT_SEND,    /* has a mail; the transport's outcome counts */
    VERDICT_WAIT,    /* cannot be tried now */
    VERDICT_FAIL,    /* will never be a mail */
    VERDICT_CORRUPT, /* is no message */
};

/* One message of the batch. */
struct delivery {
    const struct taken *taken;
    struct record record;       /* zeroed until it could be read */
    struct transport_mail mail; /* its fault is the delivery's */
    enum verdict verdict;
    int64_t begun_us;
};

struct queue {
    struct take *take;
    const struct transport *transport;
    struct queue_options options;
    struct arena arena; /* of one batch */
    struct taken taken[TAKE_BATCH_MAX];
    struct delivery deliveries[TAKE_BATCH_MAX];
};

struct queue *queue_new(
    struct take *take, const struct transport *transport, const struct queue_options *options)
{
    struct queue *queue = xalloc(sizeof *queue);
    queue->take = take;
    queue->transport = transport;
    queue->options = *options;
    arena_init(&queue->arena, ARENA_FIRST_SIZE);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    arena_fini(&queue->arena);
    free(queue);
}

/* The record of a message, which has to be the one that its name says. */
static enum err read_record(struct queue *queue, struct delivery *delivery)
{
    const struct taken *taken = delivery->taken;
    struct record record;
    struct fault *fault = &delivery->mail.fault;
    enum err e = record_decode(&queue->arena, taken->bytes, taken->len, &record, fault);
    if (e)
        return e;
    if (strcmp(record.uid, taken->name.uid) != 0)
        return fail(fault, ERR_CORRUPT, NULL, "holds the message %s", record.uid);
    delivery->record = record;
    return ERR_NONE;
}

static enum err make_mail(struct queue *queue, struct delivery *delivery)
{
    struct transport_mail *mail = &delivery->mail;
    mail->uid = delivery->record.uid;
    mail->sender = queue->options.message.from;
    mail->recipient = delivery->record.recipient;
    mail->created_at = delivery->record.created_at;
    return message_render(&queue->options.message, &delivery->record, &queue->arena, &mail->bytes,
        &mail->len, &mail->fault);
}

static enum verdict judge(struct queue *queue, struct delivery *delivery)
{
    const struct taken *taken = delivery->taken;
    if (!taken->bytes) {
        delivery->mail.fault = taken->fault;
        return VERDICT_WAIT;
    }
    if (read_record(queue, delivery))
        return VERDICT_CORRUPT;
    if (taken->was_cut_off && taken->name.tries > QUEUE_CUT_OFF_MAX) {
        (void)fail(&delivery->mail.fault, ERR_UNKNOWN, NULL, "earlier attempts were cut off");
        return VERDICT_WAIT;
    }
    return make_mail(queue, delivery) ? VERDICT_FAIL : VERDICT_SEND;
}

static void begin(struct queue *queue, size_t i)
{
    struct delivery *delivery = &queue->deliveries[i];
    *delivery = (struct delivery){.taken = &queue->taken[i], .begun_us = clock_mono_us()};
    fault_begin(&delivery->mail.fault, &queue->arena);
    delivery->verdict = judge(queue, delivery);
}

static void send_all(struct queue *queue, size_t count)
{
    struct transport_mail *mails[TAKE_BATCH_MAX];
    size_t mail_count = 0;
    for (size_t i = 0; i < count; i++)
        if (queue->deliveries[i].verdict == VERDICT_SEND)
            mails[mail_count++] = &queue->deliveries[i].mail;
    if (mail_count)
        queue->transport->ops->deliver(queue->transport->self, mails, mail_count);
}

static void log_delivery(
    const struct queue *queue, const struct delivery *delivery, const char *result, int64_t next_at)
{
    const struct record *record = &delivery->record; /* zeroed if it could not be read */
    struct log_pair extra[7] = {
        LOG_TEXT("result", result),
        LOG_TEXT("uid", delivery->taken->name.uid),
        LOG_INT("tries", delivery->taken->name.tries),
        LOG_TEXT("transport", queue->transport->ops->name),
    };
    size_t count = 4; /* the rest is zeroed, which ends the list */
    if (record->order_id)
        extra[count++] = LOG_INT("order_id", record->order_id);
    if (next_at)
        extra[count++] = LOG_INT("next_at", next_at);
    const struct fault *fault = &delivery->mail.fault;
    log_outcome(&(struct log_outcome){
        .kind = "delivery",
        .name = "notify.deliver",
        .request_id = record->request_id,
        .duration_us = clock_mono_us() - delivery->begun_us,
        .outcome = fault->code,
        .fault = fault,
        .extra = extra,
    });
}

/* The delivery's fault is about the mail; this one is about putting its message away. */
static void log_misplaced(const struct delivery *delivery, const struct fault *fault)
{
    LOG_ERROR("spool file not put away, taken up again later",
        LOG_TEXT("uid", delivery->taken->name.uid), LOG_TEXT("cause", fault->text));
}

static void give_up(struct queue *queue, const struct delivery *delivery, struct fault *fault)
{
    const char *reason = delivery->mail.fault.text;
    log_delivery(queue, delivery, "failed", 0);
    if (take_give_up(queue->take, delivery->taken, reason ? reason : "unknown", fault))
        log_misplaced(delivery, fault);
}

static void try_later(struct queue *queue, const struct delivery *delivery, struct fault *fault)
{
    int64_t tries = delivery->taken->name.tries;
    if (tries >= NAME_TRIES_MAX || backoff_is_over(&queue->options.backoff, tries)) {
        give_up(queue, delivery, fault);
        return;
    }
    int64_t next_at = clock_now() + backoff_wait_s(&queue->options.backoff, tries);
    log_delivery(queue, delivery, "deferred", next_at);
    if (take_defer(queue->take, delivery->taken, next_at, fault))
        log_misplaced(delivery, fault);
}

static void finish(struct queue *queue, const struct delivery *delivery, struct fault *fault)
{
    log_delivery(queue, delivery, "sent", 0);
    if (take_done(queue->take, delivery->taken, fault))
        log_misplaced(delivery, fault);
}

static void end_sent(struct queue *queue, const struct delivery *delivery, struct fault *fault)
{
    switch (delivery->mail.outcome) {
    case TRANSPORT_SENT:
        finish(queue, delivery, fault);
        break;
    case TRANSPORT_PERMANENT:
        give_up(queue, delivery, fault);
        break;
    case TRANSPORT_TEMPORARY:
        try_later(queue, delivery, fault);
        break;
    }
}

static void end(struct queue *queue, const struct delivery *delivery)
{
    struct fault fault;
    fault_begin(&fault, &queue->arena);
    switch (delivery->verdict) {
    case VERDICT_SEND:
        end_sent(queue, delivery, &fault);
        break;
    case VERDICT_WAIT:
        try_later(queue, delivery, &fault);
        break;
    case VERDICT_FAIL:
        give_up(queue, delivery, &fault);
        break;
    case VERDICT_CORRUPT:
        take_reject(queue->take, delivery->taken, delivery->mail.fault.text);
        break;
    }
}

static enum err run_batch(struct queue *queue, size_t *count, struct fault *fault)
{
    enum err e = take_next(queue->take, &queue->arena, clock_now(), queue->taken, count, fault);
    for (size_t i = 0; !e && i < *count; i++)
        begin(queue, i);
    FAULT_POINT(queue_mails_made);
    if (!e)
        send_all(queue, *count);
    FAULT_POINT(queue_mails_delivered);
    for (size_t i = 0; !e && i < *count; i++)
        end(queue, &queue->deliveries[i]);
    arena_reset(&queue->arena);
    return e;
}

enum err queue_run(
    struct queue *queue, bool everything, bool (*may_go_on)(void *), void *arg, struct fault *fault)
{
    take_begin(queue->take, everything);
    size_t count = 1;
    while (count && may_go_on(arg)) {
        enum err e = run_batch(queue, &count, fault);
        if (e)
            return e;
    }
    return ERR_NONE;
}
