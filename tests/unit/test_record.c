/* The record and its seal: one spelling, and nothing else is taken. */
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/text.h"
#include "spool/record.h"
#include "spool/seal.h"

#include "unit.h"

#define UID "00112233445566778899aabbccddeeff"

static const struct record_item items[] = {
    {.sku = "TEA-250", .name = "Green tea, 250 g", .quantity = 2, .unit_price_minor = 1295},
    {.sku = "name", .quantity = 10000, .unit_price_minor = 0},
    {.sku = "茶", .name = "Grüner Tee – 綠茶 🍵", .quantity = 1, .unit_price_minor = 1000000000},
};

static const struct record sample = {
    .kind = "order_confirmed",
    .uid = UID,
    .request_id = "6f0c",
    .recipient = "alice@example.com",
    .username = "alice",
    .order_id = 17,
    .created_at = 1764000000,
    .reference = "WEB 2026: 17",
    .currency = "EUR",
    .total_minor = 2 * 1295 + 1000000000,
    .items = items,
    .item_count = 3,
};

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 4096);
}

static void end(void)
{
    arena_fini(&arena);
}

static struct buffer encode(const struct record *record)
{
    struct buffer out;
    buffer_begin(&out, &arena, 64);
    record_encode(record, &out);
    return out;
}

/* From memory of exactly that size, so that a sanitizer sees every byte read past it. */
static enum err decode(const char *bytes, size_t len, struct record *out, struct fault *fault)
{
    char *exact = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, len);
    fault_begin(fault, &arena);
    enum err e = record_decode(&arena, exact, len, out, fault);
    memset(exact, 'x', len);
    free(exact);
    return e;
}

static void assert_text_eq(const char *a, const char *b)
{
    if (a && b)
        ck_assert_str_eq(a, b);
    else
        ck_assert_ptr_eq(a, b);
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_text_eq(a->kind, b->kind);
    assert_text_eq(a->uid, b->uid);
    assert_text_eq(a->request_id, b->request_id);
    assert_text_eq(a->recipient, b->recipient);
    assert_text_eq(a->username, b->username);
    ck_assert_int_eq(a->order_id, b->order_id);
    ck_assert_int_eq(a->created_at, b->created_at);
    assert_text_eq(a->reference, b->reference);
    assert_text_eq(a->currency, b->currency);
    ck_assert_int_eq(a->total_minor, b->total_minor);
    ck_assert_uint_eq(a->item_count, b->item_count);
    for (size_t i = 0; i < a->item_count; i++) {
        assert_text_eq(a->items[i].sku, b->items[i].sku);
        assert_text_eq(a->items[i].name, b->items[i].name);
        ck_assert_int_eq(a->items[i].quantity, b->items[i].quantity);
        ck_assert_int_eq(a->items[i].unit_price_minor, b->items[i].unit_price_minor);
    }
}

static void assert_round_trip(const struct record *record)
{
    struct buffer bytes = encode(record);
    struct record out;
    struct fault fault;
    enum err e = decode(bytes.data, bytes.len, &out, &fault);
    ck_assert_msg(!e, "%s", fault.text);
    assert_same(record, &out);
}

/* Accepted or not: what is accepted encodes to the same bytes again, and the refusal says where. */
static void assert_canonical(const char *bytes, size_t len)
{
    struct record out;
    struct fault fault;
    enum err e = decode(bytes, len, &out, &fault);
    if (e) {
        ck_assert_int_eq(e, ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(fault.text, "record"));
        return;
    }
    struct buffer again = encode(&out);
    ck_assert_uint_eq(again.len, len);
    ck_assert(!memcmp(again.data, bytes, len));
}

static void assert_refused(const struct record *record, const char *key)
{
    struct buffer bytes = encode(record);
    struct record out;
    struct fault fault;
    ck_assert_msg(decode(bytes.data, bytes.len, &out, &fault) == ERR_CORRUPT, "%s", key);
    ck_assert_msg(strstr(fault.text, key) != NULL, "%s: %s", key, fault.text);
}

START_TEST(a_record_survives_the_round_trip)
{
    assert_round_trip(&sample);
}
END_TEST

START_TEST(optional_values_may_be_left_out)
{
    struct record record = sample;
    record.reference = NULL;
    record.item_count = 1;
    record.total_minor = 2590;
    assert_round_trip(&record);
}
END_TEST

static const char *repeat(const char *what, size_t count)
{
    struct buffer out;
    buffer_begin(&out, &arena, 16);
    for (size_t i = 0; i < count; i++)
        buffer_text(&out, what);
    return out.data;
}

START_TEST(the_largest_record_is_taken)
{
    struct record_item many[100];
    for (size_t i = 0; i < 100; i++)
        many[i] = (struct record_item){
            repeat("\U0001F375", 64), repeat("\U0001F375", 200), 10000, 1000000000};
    struct record record = sample;
    record.items = many;
    record.item_count = 100;
    record.total_minor = 1000000000000000;
    record.order_id = INT64_MAX;
    record.created_at = 253402300799;
    record.reference = repeat("\U0001F375", 64);
    record.recipient = arena_printf(&arena, "%s@example.com", repeat("a", 242));
    assert_round_trip(&record);
    ck_assert_uint_lt(encode(&record).len, RECORD_MAX / 4);
}
END_TEST

START_TEST(a_record_past_the_bound_is_refused_unread)
{
    struct buffer bytes = encode(&sample);
    size_t len = RECORD_MAX + 1;
    char *large = arena_alloc(&arena, len);
    memcpy(large, bytes.data, bytes.len);
    struct record out;
    struct fault fault;
    ck_assert_int_eq(decode(large, len, &out, &fault), ERR_CORRUPT);
}
END_TEST

START_TEST(a_record_cut_anywhere_is_refused)
{
    struct buffer bytes = encode(&sample);
    for (size_t len = 0; len < bytes.len; len++) {
        struct record out;
        struct fault fault;
        ck_assert_int_eq(decode(bytes.data, len, &out, &fault), ERR_CORRUPT);
    }
}
END_TEST

START_TEST(a_record_with_more_at_its_end_is_refused)
{
    struct buffer bytes = encode(&sample);
    buffer_char(&bytes, '\n');
    struct record out;
    struct fault fault;
    ck_assert_int_eq(decode(bytes.data, bytes.len, &out, &fault), ERR_CORRUPT);
}
END_TEST

START_TEST(any_changed_byte_is_refused_or_is_another_record)
{
    struct buffer bytes = encode(&sample);
    for (size_t i = 0; i < bytes.len; i++) {
        char kept = bytes.data[i];
        for (unsigned value = 0; value < 256; value++) {
            bytes.data[i] = (char)value;
            assert_canonical(bytes.data, bytes.len);
        }
        bytes.data[i] = kept;
        arena_reset(&arena);
        bytes = encode(&sample);
    }
}
END_TEST

START_TEST(a_line_left_out_or_doubled_or_moved_is_refused)
{
    struct record record = sample;
    record.reference = NULL;
    struct record_item nameless = items[1];
    record.items = &nameless;
    record.item_count = 1;
    record.total_minor = 0;
    assert_round_trip(&record);
    struct buffer bytes = encode(&record);
    for (const char *at = bytes.data; *at;) {
        const char *next = strchr(at, '\n') + 1;
        size_t head = (size_t)(at - bytes.data);
        struct buffer without;
        struct buffer doubled;
        buffer_begin(&without, &arena, bytes.len);
        buffer_begin(&doubled, &arena, bytes.len);
        buffer_bytes(&without, bytes.data, head);
        buffer_text(&without, next);
        buffer_bytes(&doubled, bytes.data, (size_t)(next - bytes.data));
        buffer_text(&doubled, at);
        struct record out;
        struct fault fault;
        ck_assert_int_eq(decode(without.data, without.len, &out, &fault), ERR_CORRUPT);
        ck_assert_int_eq(decode(doubled.data, doubled.len, &out, &fault), ERR_CORRUPT);
        buffer_bytes(&without, at, (size_t)(next - at)); /* now at the end */
        if (*next)
            ck_assert_int_eq(decode(without.data, without.len, &out, &fault), ERR_CORRUPT);
        at = next;
    }
}
END_TEST

/* What no text may hold, in every text of the record. */
static const char *const bad_texts[] = {"a\nb", "a\rb", "a\tb", "a\x01", "\x7F", "\xC0\xAF",
    "\xED\xA0\x80", "\xFF", "a\xC3", "", "\nX-Injected: 1", "a\r\nBcc: b@example.com"};

START_TEST(bad_text_is_refused_everywhere)
{
    const char *bad = bad_texts[_i];
    struct record_item item = items[0];
    struct record record = sample;
    record.items = &item;
    record.item_count = 1;
    record.total_minor = 2590;
    const char **const texts[] = {&record.kind, &record.uid, &record.request_id, &record.recipient,
        &record.username, &record.reference, &record.currency, &item.sku, &item.name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *kept = *texts[i];
        *texts[i] = bad;
        struct buffer bytes = encode(&record);
        struct record out;
        struct fault fault;
        ck_assert_msg(
            decode(bytes.data, bytes.len, &out, &fault) == ERR_CORRUPT, "text %zu: %s", i, bad);
        *texts[i] = kept;
    }
}
END_TEST

START_TEST(a_forged_value_cannot_replace_the_lines_after_it)
{
    struct record record = sample;
    record.reference = "x\ncurrency EUR\ntotal 0\nitems 1\nsku x\nquantity 1\nunit_price 0";
    struct buffer bytes = encode(&record);
    struct record out;
    struct fault fault;
    ck_assert_int_eq(decode(bytes.data, bytes.len, &out, &fault), ERR_CORRUPT);
}
END_TEST

START_TEST(a_zero_byte_in_a_value_is_refused)
{
    struct buffer bytes = encode(&sample);
    char *at = strstr(bytes.data, "Green tea");
    *at = '\0';
    struct record out;
    struct fault fault;
    ck_assert_int_eq(decode(bytes.data, bytes.len, &out, &fault), ERR_CORRUPT);
}
END_TEST

#define REFUSE(field, value, key)                                                                  \
    do {                                                                                           \
        struct record bad = sample;                                                                \
        bad.field = (value);                                                                       \
        assert_refused(&bad, key);                                                                 \
    } while (0)

START_TEST(values_past_their_bounds_are_refused)
{
    REFUSE(kind, "Order", "kind");
    REFUSE(uid, "00112233445566778899AABBCCDDEEFF", "uid");
    REFUSE(uid, "00112233445566778899aabbccddeef", "uid");
    REFUSE(uid, "00112233445566778899aabbccddeeff0", "uid");
    REFUSE(uid, "../2233445566778899aabbccddeeff00", "uid");
    REFUSE(request_id, "a b", "request_id");
    REFUSE(request_id, "ä", "request_id");
    REFUSE(request_id, repeat("a", 129), "request_id");
    REFUSE(username, "al", "username");
    REFUSE(username, repeat("a", 65), "username");
    REFUSE(username, "alice bob", "username");
    REFUSE(username, "älice", "username");
    REFUSE(order_id, 0, "order_id");
    REFUSE(order_id, -1, "order_id");
    REFUSE(created_at, -1, "created_at");
    REFUSE(created_at, 253402300800, "created_at");
    REFUSE(reference, repeat("ä", 65), "reference");
    REFUSE(currency, "EU", "currency");
    REFUSE(currency, "EURO", "currency");
    REFUSE(currency, "eur", "currency");
    REFUSE(total_minor, -1, "total");
    REFUSE(total_minor, 1000000000000001, "total");
    REFUSE(total_minor, sample.total_minor + 1, "sum of the items");
    REFUSE(item_count, 0, "items");
    REFUSE(item_count, 2, "sum of the items");
}
END_TEST

START_TEST(addresses_that_the_api_refuses_are_refused)
{
    REFUSE(recipient, "alice", "recipient");
    REFUSE(recipient, "@example.com", "recipient");
    REFUSE(recipient, "alice@localhost", "recipient");
    REFUSE(recipient, "a@b@example.com", "recipient");
    REFUSE(recipient, "a b@example.com", "recipient");
    REFUSE(recipient, arena_printf(&arena, "%s@example.com", repeat("a", 243)), "recipient");
    REFUSE(recipient, arena_printf(&arena, "%s@example.com", repeat("ä", 122)), "recipient");
}
END_TEST

#define REFUSE_ITEM(field, value, key)                                                             \
    do {                                                                                           \
        struct record_item item = {"s", "n", 1, 1};                                                \
        item.field = (value);                                                                      \
        struct record bad = sample;                                                                \
        bad.items = &item;                                                                         \
        bad.item_count = 1;                                                                        \
        bad.total_minor = item.quantity * item.unit_price_minor;                                   \
        if (bad.total_minor < 0)                                                                   \
            bad.total_minor = 0;                                                                   \
        assert_refused(&bad, key);                                                                 \
    } while (0)

START_TEST(items_past_their_bounds_are_refused)
{
    REFUSE_ITEM(sku, "", "sku");
    REFUSE_ITEM(sku, repeat("a", 65), "sku");
    REFUSE_ITEM(name, "", "name");
    REFUSE_ITEM(name, repeat("ä", 201), "name");
    REFUSE_ITEM(quantity, 0, "quantity");
    REFUSE_ITEM(quantity, -1, "quantity");
    REFUSE_ITEM(quantity, 10001, "quantity");
    REFUSE_ITEM(unit_price_minor, -1, "unit_price");
    REFUSE_ITEM(unit_price_minor, 1000000001, "unit_price");
}
END_TEST

START_TEST(more_than_a_hundred_items_are_refused)
{
    struct record_item many[101];
    for (size_t i = 0; i < 101; i++)
        many[i] = (struct record_item){"s", NULL, 1, 0};
    struct record record = sample;
    record.items = many;
    record.total_minor = 0;
    record.item_count = 100;
    assert_round_trip(&record);
    record.item_count = 101;
    assert_refused(&record, "items");
}
END_TEST

static const char *const bad_numbers[] = {"017", "+17", "-0", " 17", "17 ", "1e1", "0x11", "",
    "17.0", "9223372036854775808", "99999999999999999999999"};

START_TEST(numbers_have_one_spelling)
{
    struct buffer bytes = encode(&sample);
    const char *line = strstr(bytes.data, "order_id 17\n");
    struct buffer bad;
    buffer_begin(&bad, &arena, bytes.len);
    buffer_bytes(&bad, bytes.data, (size_t)(line - bytes.data));
    buffer_text(&bad, "order_id ");
    buffer_text(&bad, bad_numbers[_i]);
    buffer_text(&bad, line + strlen("order_id 17"));
    struct record out;
    struct fault fault;
    ck_assert_int_eq(decode(bad.data, bad.len, &out, &fault), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(fault.text, "line 7: order_id"));
}
END_TEST

START_TEST(another_format_is_refused)
{
    struct buffer bytes = encode(&sample);
    ck_assert(!strncmp(bytes.data, "record 1\n", 9));
    bytes.data[7] = '2';
    struct record out;
    struct fault fault;
    ck_assert_int_eq(decode(bytes.data, bytes.len, &out, &fault), ERR_CORRUPT);
}
END_TEST

static bool sealed(const char *bytes, size_t len)
{
    char *exact = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, len);
    size_t content_len;
    bool is_whole = seal_check(exact, len, &content_len);
    free(exact);
    return is_whole;
}

START_TEST(a_seal_breaks_with_any_bit_and_any_cut)
{
    char file[7 + SEAL_SIZE] = "content";
    size_t content_len = 0;
    seal_make(file + 7, file, 7);
    ck_assert(seal_check(file, sizeof file, &content_len));
    ck_assert_uint_eq(content_len, 7);
    for (size_t i = 0; i < sizeof file; i++) {
        for (int bit = 0; bit < 8; bit++) {
            file[i] = (char)(file[i] ^ 1 << bit);
            ck_assert(!sealed(file, sizeof file));
            file[i] = (char)(file[i] ^ 1 << bit);
        }
        ck_assert(!sealed(file, i));
        ck_assert(!sealed(file + i + 1, sizeof file - i - 1));
    }
    ck_assert(sealed(file, sizeof file));
}
END_TEST

START_TEST(nothing_has_no_seal)
{
    char file[SEAL_SIZE];
    seal_make(file, "", 0);
    ck_assert(!sealed(file, sizeof file));
}
END_TEST

static Suite *record_suite(void)
{
    Suite *suite = suite_create("record");
    TCase *tc = tcase_create("record");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(
        tc, bad_text_is_refused_everywhere, 0, sizeof bad_texts / sizeof *bad_texts);
    tcase_add_test(tc, a_forged_value_cannot_replace_the_lines_after_it);
    tcase_add_test(tc, a_zero_byte_in_a_value_is_refused);
    tcase_add_test(tc, values_past_their_bounds_are_refused);
    tcase_add_test(tc, addresses_that_the_api_refuses_are_refused);
    tcase_add_test(tc, items_past_their_bounds_are_refused);
    tcase_add_test(tc, more_than_a_hundred_items_are_refused);
    tcase_add_loop_test(tc, numbers_have_one_spelling, 0, sizeof bad_numbers / sizeof *bad_numbers);
    tcase_add_test(tc, another_format_is_refused);
    tcase_add_test(tc, a_record_past_the_bound_is_refused_unread);
    tcase_add_test(tc, a_record_cut_anywhere_is_refused);
    tcase_add_test(tc, a_record_with_more_at_its_end_is_refused);
    tcase_add_test(tc, a_line_left_out_or_doubled_or_moved_is_refused);
    tcase_add_test(tc, any_changed_byte_is_refused_or_is_another_record);
    tcase_add_test(tc, a_seal_breaks_with_any_bit_and_any_cut);
    tcase_add_test(tc, nothing_has_no_seal);
    tcase_add_test(tc, a_record_survives_the_round_trip);
    tcase_add_test(tc, optional_values_may_be_left_out);
    tcase_add_test(tc, the_largest_record_is_taken);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return unit_run(record_suite());
}
