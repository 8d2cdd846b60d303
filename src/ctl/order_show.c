/* orderctl order show: an order and all that belongs to it, read in one snapshot. */
#include "ctl/subjects.h"

#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "db/orders.h"
#include "db/users.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

static const struct output_column order_columns[] = {
    {"id", OUTPUT_INT},
    {"user_id", OUTPUT_INT},
    {"username", OUTPUT_TEXT},
    {"status", OUTPUT_TEXT},
    {"currency", OUTPUT_TEXT},
    {"total", OUTPUT_INT},
    {"reference", OUTPUT_TEXT},
    {"created_at", OUTPUT_TIME},
};

static const struct output_column item_columns[] = {
    {"sku", OUTPUT_TEXT},
    {"name", OUTPUT_TEXT},
    {"quantity", OUTPUT_INT},
    {"unit_price", OUTPUT_INT},
    {"line_total", OUTPUT_INT},
};

static const struct output_column attempt_columns[] = {
    {"uid", OUTPUT_TEXT},
    {"state", OUTPUT_TEXT},
    {"reason", OUTPUT_TEXT},
    {"request_id", OUTPUT_TEXT},
    {"started_at", OUTPUT_TIME},
    {"ended_at", OUTPUT_TIME},
};

static const struct output_column payment_columns[] = {
    {"id", OUTPUT_TEXT},
    {"status", OUTPUT_TEXT},
    {"currency", OUTPUT_TEXT},
    {"authorized", OUTPUT_INT},
    {"captured", OUTPUT_INT},
    {"refunded", OUTPUT_INT},
    {"authorized_at", OUTPUT_TIME},
    {"settled_at", OUTPUT_TIME},
    {"tries", OUTPUT_INT},
    {"next_try_at", OUTPUT_TIME},
    {"last_error", OUTPUT_TEXT},
    {"written_off_at", OUTPUT_TIME},
    {"written_off_by", OUTPUT_TEXT},
    {"written_off_reason", OUTPUT_TEXT},
};

static const struct output_column event_columns[] = {
    {"at", OUTPUT_TIME},
    {"kind", OUTPUT_TEXT},
    {"detail", OUTPUT_TEXT},
};

/* An order and all that belongs to it. */
struct sheet {
    struct arena *arena;
    int64_t id;
    struct order order;
    struct user user;
    struct attempt attempt;
    struct payment_row payment;
    struct output events;
};

/* A time that may not have come. */
static struct output_value time_value(int64_t at)
{
    return (struct output_value){.number = at, .is_absent = !at};
}

static void put_event(void *arg, const struct order_event *event)
{
    struct sheet *sheet = arg;
    output_row(&sheet->events, (struct output_value[]){
                                   {.number = event->at},
                                   {.text = arena_text(sheet->arena, event->kind)},
                                   {.text = arena_text(sheet->arena, event->detail)},
                               });
}

static enum err read_sheet(struct db *db, void *arg)
{
    struct sheet *sheet = arg;
    struct order *order = &sheet->order;
    output_begin(&sheet->events, sheet->arena, "events", event_columns, COUNT(event_columns));
    enum err e = orders_get(db, sheet->arena, sheet->id, order);
    if (!e)
        e = users_get(db, sheet->arena, order->user_id, &sheet->user);
    if (!e)
        e = attempts_get(db, sheet->arena, order->attempt_uid, &sheet->attempt);
    if (!e)
        e = payments_get(db, sheet->arena, order->attempt_uid, &sheet->payment);
    return e ? e : order_events_walk(db, sheet->id, put_event, sheet);
}

static void order_record(struct output *o, const struct sheet *sheet)
{
    const struct order *order = &sheet->order;
    output_begin(o, sheet->arena, "orders", order_columns, COUNT(order_columns));
    output_row(o, (struct output_value[]){
                      {.number = order->id},
                      {.number = order->user_id},
                      {.text = sheet->user.username},
                      {.text = order->status},
                      {.text = order->currency},
                      {.number = order->total_minor},
                      {.text = order->reference},
                      {.number = order->created_at},
                  });
}

static void item_list(struct output *o, const struct sheet *sheet)
{
    output_begin(o, sheet->arena, "items", item_columns, COUNT(item_columns));
    for (size_t n = 0; n < sheet->order.item_count; n++) {
        const struct order_item *item = &sheet->order.items[n];
        output_row(o, (struct output_value[]){
                          {.text = item->sku},
                          {.text = item->name},
                          {.number = item->quantity},
                          {.number = item->unit_price_minor},
                          {.number = item->quantity * item->unit_price_minor},
                      });
    }
}

static void attempt_record(struct output *o, const struct sheet *sheet)
{
    const struct attempt *attempt = &sheet->attempt;
    output_begin(o, sheet->arena, "attempts", attempt_columns, COUNT(attempt_columns));
    output_row(o, (struct output_value[]){
                      {.text = attempt->uid},
                      {.text = attempt_state_name(attempt->state)},
                      {.text = attempt->reason},
                      {.text = attempt->request_id},
                      {.number = attempt->started_at},
                      time_value(attempt->ended_at),
                  });
}

static void payment_record(struct output *o, const struct sheet *sheet)
{
    const struct payment_row *payment = &sheet->payment;
    output_begin(o, sheet->arena, "payments", payment_columns, COUNT(payment_columns));
    output_row(o, (struct output_value[]){
                      {.text = arena_printf(sheet->arena, "pay_%s", payment->attempt_uid)},
                      {.text = payment->status},
                      {.text = payment->currency},
                      {.number = payment->authorized_minor},
                      {.number = payment->captured_minor},
                      {.number = payment->refunded_minor},
                      {.number = payment->authorized_at},
                      time_value(payment->settled_at),
                      {.number = payment->tries},
                      time_value(payment->next_try_at),
                      {.text = payment->last_error},
                      time_value(payment->write_off.at),
                      {.text = payment->write_off.by},
                      {.text = payment->write_off.reason},
                  });
}

static enum err write_sheet(struct ctl *ctl, const struct sheet *sheet)
{
    struct output order, items, attempt, payment;
    order_record(&order, sheet);
    item_list(&items, sheet);
    attempt_record(&attempt, sheet);
    payment_record(&payment, sheet);
    const struct output_part parts[] = {
        {"items", &items, true},
        {"attempt", &attempt, false},
        {"payment", &payment, false},
        {"events", &sheet->events, true},
    };
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 4096);
    output_render_document(&order, parts, COUNT(parts), ctl->is_json, &out);
    return output_write(&out, &ctl->fault);
}

enum err order_show(struct ctl *ctl)
{
    struct sheet sheet = {.arena = &ctl->arena};
    if (!text_parse_uint(ctl->operand, strlen(ctl->operand), INT64_MAX, &sheet.id) || !sheet.id)
        return fail(&ctl->fault, ERR_BAD_REQUEST, NULL, "ID must be the number of an order");
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_read(&options, read_sheet, &sheet, &ctl->fault);
    if (e == ERR_NOT_FOUND && !ctl->fault.text)
        return fail(&ctl->fault, e, NULL, "there is no order %lld", (long long)sheet.id);
    return e ? e : write_sheet(ctl, &sheet);
}
