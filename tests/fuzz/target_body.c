/* Bodies against the shapes of the API, and on: an order that is accepted can be a notification,
 * whose reader has bounds of its own (they are the contract's, written down a second time). */
#include "fuzz.h"

#include <string.h>

#include "api/auth_routes.h"
#include "api/order_routes.h"
#include "core/buffer.h"
#include "core/text.h"
#include "services/auth.h"
#include "services/order.h"
#include "spool/record.h"

const char fuzz_name[] = "body";

static enum err read_body(
    const struct shape *shape, struct arena *arena, const uint8_t *data, size_t size, void *out)
{
    struct fault fault;
    fault_begin(&fault, arena);
    enum err e = fields_body(shape, arena, (const char *)data, size, out, &fault);
    assert(!e || e == ERR_MALFORMED_JSON || e == ERR_VALIDATION);
    if (e)
        fuzz_check_fault(&fault, e);
    return e;
}

static void check_record(struct arena *arena, struct record *record)
{
    struct buffer bytes;
    struct record read;
    struct fault fault;
    record->kind = "order_confirmed";
    record->uid = "0123456789abcdef0123456789abcdef";
    record->request_id = "x";
    record->order_id = 1;
    fault_begin(&fault, arena);
    buffer_begin(&bytes, arena, 1024);
    record_encode(record, &bytes);
    assert(!record_decode(arena, bytes.data, bytes.len, &read, &fault));
}

static void check_order(struct arena *arena, const struct order_new *order)
{
    struct record record = {.recipient = "a@b.example",
        .username = "alice",
        .currency = order->currency,
        .reference = order->reference,
        .item_count = order->item_count};
    struct record_item *items = arena_array(arena, order->item_count, sizeof *items);
    for (size_t i = 0; i < order->item_count; i++) {
        const struct order_item *item = &order->items[i];
        items[i] =
            (struct record_item){item->sku, item->name, item->quantity, item->unit_price_minor};
        record.total_minor += item->quantity * item->unit_price_minor;
    }
    record.items = items;
    check_record(arena, &record);
    size_t len = strlen(order->payment_token);
    assert(len >= 1 && len <= 255);
    for (size_t i = 0; i < len; i++)
        assert(order->payment_token[i] > 0x20 && order->payment_token[i] < 0x7F);
}

static void check_registration(struct arena *arena, const struct registration *registration)
{
    static const struct record_item item = {.sku = "x", .quantity = 1};
    struct record record = {.recipient = registration->email,
        .username = registration->username,
        .currency = "EUR",
        .items = &item,
        .item_count = 1};
    check_record(arena, &record);
    size_t count = text_count(registration->password, strlen(registration->password));
    assert(count >= 8 && count <= 128);
    assert(!registration->role || role_parse(registration->role) != ROLE_NONE);
}

/* Those whose structs are private: that they fill, or refuse as they must. */
static bool check_private(
    const struct shape *shape, struct arena *arena, const uint8_t *data, size_t size)
{
    return !read_body(shape, arena, data, size, arena_alloc(arena, shape->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct order_new order;
    struct registration registration;
    arena_init(&arena, 4096);
    bool is_order = !read_body(&order_new_shape, &arena, data, size, &order);
    bool is_registration = !read_body(&registration_shape, &arena, data, size, &registration);
    bool is_login = check_private(&login_shape, &arena, data, size);
    bool is_change = check_private(&password_change_shape, &arena, data, size);
    assert(is_order + is_registration + is_login + is_change <= 1);
    if (is_order)
        check_order(&arena, &order);
    if (is_registration)
        check_registration(&arena, &registration);
    fuzz_accepted = is_order || is_registration || is_login || is_change;
    arena_fini(&arena);
    return 0;
}
