/* See order_json.h. */
#include "api/order_json.h"

static void put_item(struct json_writer *json, const struct order_item *item)
{
    json_begin_object(json);
    json_key(json, "sku");
    json_put_text(json, item->sku);
    json_key(json, "name");
    json_put_text(json, item->name);
    json_key(json, "quantity");
    json_put_int(json, item->quantity);
    json_key(json, "unit_price");
    json_put_int(json, item->unit_price_minor);
    json_key(json, "line_total");
    json_put_int(json, item->quantity * item->unit_price_minor);
    json_end_object(json);
}

static void put_payment(struct json_writer *json, const struct order *order)
{
    struct buffer id;
    buffer_begin(&id, json->out->arena, 64);
    buffer_text(&id, "pay_");
    buffer_text(&id, order->attempt_uid);
    json_begin_object(json);
    json_key(json, "id");
    json_put_text(json, id.data);
    json_key(json, "status");
    json_put_text(json, payment_status_name(order->payment_status));
    json_end_object(json);
}

void order_json(struct json_writer *json, const struct order *order)
{
    json_begin_object(json);
    json_key(json, "id");
    json_put_int(json, order->id);
    json_key(json, "user_id");
    json_put_int(json, order->user_id);
    json_key(json, "status");
    json_put_text(json, order->status);
    json_key(json, "currency");
    json_put_text(json, order->currency);
    json_key(json, "total");
    json_put_int(json, order->total_minor);
    json_key(json, "reference");
    json_put_text(json, order->reference);
    json_key(json, "items");
    json_begin_array(json);
    for (size_t i = 0; i < order->item_count; i++)
        put_item(json, &order->items[i]);
    json_end_array(json);
    json_key(json, "payment");
    put_payment(json, order);
    json_key(json, "created_at");
    json_put_time(json, order->created_at);
    json_end_object(json);
}

void order_json_created(const struct order *order, struct buffer *out)
{
    struct json_writer json;
    json_begin(&json, out);
    json_begin_object(&json);
    json_key(&json, "status");
    json_put_text(&json, "success");
    json_key(&json, "order_id");
    json_put_int(&json, order->id);
    json_key(&json, "order");
    order_json(&json, order);
    json_end_object(&json);
}
