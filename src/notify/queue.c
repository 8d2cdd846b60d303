/* A batch goes through three steps, so that the transport can share its syncs: each message is made
 * a mail, all mails are handed over, each message is put where it belongs. A message that fails at
 * one step has its outcome then, and the others go on.
 *
 * Wraps every delivery in its log line; those of a batch are written at once, before any message of
 * it leaves. Never touches files: spool/take does.
 */
#include "notify/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "spool/record.h"

#define ARENA_FIRST_SIZE ((size_t)512 * 1024)
#define LINE_SIZE        ((size_t)512) /* of a usual log line */

enum verdict {
    VERDICT_SEND,    /* has a mail; the transport's outcome counts */
    VERDICT_WAIT,    /* cannot be tried now */
    VERDICT_FAIL,    /* will never be a mail */
    VERDICT_CORRUPT, /* is no message */
};

/* What becomes of a message. */
enum end {
    END_SENT,
    END_DEFERRED,
    END_FAILED,
    END_CORRUPT, /* logged by spool/take */
};

static const char *const end_names[] = {
    [END_SENT] = "sent",
    [END_DEFERRED] = "deferred",
    [END_FAILED] = "failed",
};

/* One message of the batch. */
struct delivery {
    const struct taken *taken;
    struct record record;       /* zeroed until it could be read */
    struct transport_mail mail; /* its fault is the delivery's */
    enum verdict verdict;
    enum end end;
    int64_t next_at; /* deferred: when it is tried again */
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

static bool is_over(const struct queue *queue, const struct delivery *delivery)
{
    int64_t tries = delivery->taken->name.tries;
    return tries >= NAME_TRIES_MAX || backoff_is_over(&queue->options.backoff, tries);
}

static void decide(const struct queue *queue, struct delivery *delivery)
{
    bool was_handed_over = delivery->verdict == VERDICT_SEND;
    enum transport_outcome outcome = delivery->mail.outcome;
    if (delivery->verdict == VERDICT_CORRUPT) {
        delivery->end = END_CORRUPT;
    } else if (was_handed_over && outcome == TRANSPORT_SENT) {
        delivery->end = END_SENT;
    } else if (delivery->verdict == VERDICT_FAIL ||
               (was_handed_over && outcome == TRANSPORT_PERMANENT) || is_over(queue, delivery)) {
        delivery->end = END_FAILED;
    } else {
        delivery->end = END_DEFERRED;
        delivery->next_at =
            clock_now() + backoff_wait_s(&queue->options.backoff, delivery->taken->name.tries);
    }
}

static void log_delivery(
    const struct queue *queue, const struct delivery *delivery, struct buffer *lines, bool is_last)
{
    const struct record *record = &delivery->record; /* zeroed if it could not be read */
    struct log_pair extra[7] = {
        LOG_TEXT("result", end_names[delivery->end]),
        LOG_TEXT("uid", delivery->taken->name.uid),
        LOG_INT("tries", delivery->taken->name.tries),
        LOG_TEXT("transport", queue->transport->ops->name),
    };
    size_t count = 4; /* the rest is zeroed, which ends the list */
    if (record->order_id)
        extra[count++] = LOG_INT("order_id", record->order_id);
    if (delivery->end == END_DEFERRED)
        extra[count++] = LOG_INT("next_at", delivery->next_at);
    const struct fault *fault = &delivery->mail.fault;
    log_outcome(&(struct log_outcome){
        .kind = "delivery",
        .name = "notify.deliver",
        .request_id = record->request_id,
        .duration_us = clock_mono_us() - delivery->begun_us,
        .outcome = fault->code,
        .fault = fault,
        .extra = extra,
        .lines = lines,
        .is_last = is_last,
    });
}

static void log_all(struct queue *queue, size_t count)
{
    struct buffer lines;
    while (count && queue->deliveries[count - 1].end == END_CORRUPT)
        count--;
    buffer_begin(&lines, &queue->arena, count * LINE_SIZE);
    for (size_t i = 0; i < count; i++)
        if (queue->deliveries[i].end != END_CORRUPT)
            log_delivery(queue, &queue->deliveries[i], &lines, i == count - 1);
}

static void put_away(struct queue *queue, const struct delivery *delivery)
{
    struct fault fault;
    const struct taken *taken = delivery->taken;
    const char *reason = delivery->mail.fault.text ? delivery->mail.fault.text : "unknown";
    enum err e = ERR_NONE;
    fault_begin(&fault, &queue->arena);
    switch (delivery->end) {
    case END_SENT:
        e = take_done(queue->take, taken, &fault);
        break;
    case END_DEFERRED:
        e = take_defer(queue->take, taken, delivery->next_at, &fault);
        break;
    case END_FAILED:
        e = take_give_up(queue->take, taken, reason, &fault);
        break;
    case END_CORRUPT:
        take_reject(queue->take, taken, reason);
        break;
    }
    if (e) /* the delivery's own fault is about the mail */
        LOG_ERROR("spool file not put away, taken up again later", LOG_TEXT("uid", taken->name.uid),
            LOG_TEXT("cause", fault.text));
}

static void run_deliveries(struct queue *queue, size_t count)
{
    for (size_t i = 0; i < count; i++)
        begin(queue, i);
    FAULT_POINT(queue_mails_made);
    send_all(queue, count);
    FAULT_POINT(queue_mails_delivered);
    for (size_t i = 0; i < count; i++)
        decide(queue, &queue->deliveries[i]);
    log_all(queue, count);
    for (size_t i = 0; i < count; i++)
        put_away(queue, &queue->deliveries[i]);
}

static enum err run_batch(struct queue *queue, size_t *count, struct fault *fault)
{
    enum err e = take_next(queue->take, &queue->arena, clock_now(), queue->taken, count, fault);
    if (!e)
        run_deliveries(queue, *count);
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
