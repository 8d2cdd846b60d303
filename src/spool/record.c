/* A record is read by another program than the one that wrote it, perhaps of another version, from
 * a disk: there is one spelling of each record and the decoder takes no other, so that a decoded
 * record encodes to the very bytes it came from. A control character in a value would look like the
 * end of a line; whatever such a value tries to say, the lines after it are then too many.
 *
 * The bounds are those of the HTTP contract. Never guesses, never mends.
 */
#include "spool/record.h"

#include <stdbool.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/random.h"
#include "core/text.h"

#define FORMAT      1
#define ITEMS_MAX   100
#define YEAR_10000  INT64_C(253402300800) /* unix seconds */
#define TOTAL_MAX   INT64_C(1000000000000000)
#define ADDRESS_MAX 254

static void put_text(struct buffer *out, const char *key, const char *value)
{
    buffer_text(out, key);
    buffer_char(out, ' ');
    buffer_text(out, value);
    buffer_char(out, '\n');
}

static void put_int(struct buffer *out, const char *key, int64_t value)
{
    buffer_text(out, key);
    buffer_char(out, ' ');
    buffer_int(out, value);
    buffer_char(out, '\n');
}

static void put_item(struct buffer *out, const struct record_item *item)
{
    put_text(out, "sku", item->sku);
    if (item->name)
        put_text(out, "name", item->name);
    put_int(out, "quantity", item->quantity);
    put_int(out, "unit_price", item->unit_price_minor);
}

void record_encode(const struct record *record, struct buffer *out)
{
    put_int(out, "record", FORMAT);
    put_text(out, "kind", record->kind);
    put_text(out, "uid", record->uid);
    put_text(out, "request_id", record->request_id);
    put_text(out, "recipient", record->recipient);
    put_text(out, "username", record->username);
    put_int(out, "order_id", record->order_id);
    put_int(out, "created_at", record->created_at);
    if (record->reference)
        put_text(out, "reference", record->reference);
    put_text(out, "currency", record->currency);
    put_int(out, "total", record->total_minor);
    put_int(out, "items", (int64_t)record->item_count);
    for (size_t i = 0; i < record->item_count; i++)
        put_item(out, &record->items[i]);
}

/* Reads line after line; after the first mistake every further read gives nothing. */
struct reader {
    struct arena *arena;
    struct fault *fault;
    const char *at;
    const char *end;
    int line; /* the one that is looked at, from 1 */
    enum err e;
};

struct span {
    const char *at;
    size_t len;
};

static void refuse(struct reader *reader, const char *key, const char *what)
{
    if (!reader->e)
        reader->e = fail(
            reader->fault, ERR_CORRUPT, NULL, "record, line %d: %s %s", reader->line, key, what);
}

static bool next_is(const struct reader *reader, const char *key)
{
    size_t len = strlen(key);
    return (size_t)(reader->end - reader->at) > len && !memcmp(reader->at, key, len) &&
           reader->at[len] == ' ';
}

/* The value of the line that has to begin with key; {NULL, 0} after a mistake. */
static struct span take(struct reader *reader, const char *key)
{
    if (reader->e)
        return (struct span){NULL, 0};
    reader->line++;
    if (!next_is(reader, key)) {
        refuse(reader, key, "is missing");
        return (struct span){NULL, 0};
    }
    const char *value = reader->at + strlen(key) + 1;
    const char *end = memchr(value, '\n', (size_t)(reader->end - value));
    if (!end) {
        refuse(reader, key, "is cut off");
        return (struct span){NULL, 0};
    }
    reader->at = end + 1;
    return (struct span){value, (size_t)(end - value)};
}

static const char *take_text(
    struct reader *reader, const char *key, size_t min, size_t max, bool is_good(struct span))
{
    struct span value = take(reader, key);
    if (reader->e)
        return NULL;
    if (!text_is_utf8(value.at, value.len) || text_has_control(value.at, value.len)) {
        refuse(reader, key, "is not plain text");
        return NULL;
    }
    size_t count = text_count(value.at, value.len);
    if (count < min || count > max || (is_good && !is_good(value))) {
        refuse(reader, key, "is not one");
        return NULL;
    }
    return arena_copy(reader->arena, value.at, value.len);
}

static const char *take_optional(struct reader *reader, const char *key, size_t min, size_t max)
{
    return next_is(reader, key) ? take_text(reader, key, min, max, NULL) : NULL;
}

static int64_t take_int(struct reader *reader, const char *key, int64_t min, int64_t max)
{
    struct span value = take(reader, key);
    int64_t number = 0;
    if (reader->e)
        return 0;
    if (!text_parse_uint(value.at, value.len, max, &number) || number < min) {
        refuse(reader, key, "is not a number within its bounds");
        return 0;
    }
    return number;
}

static bool is_made_of(struct span text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(allowed, text.at[i]))
            return false;
    return true;
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_kind(struct span text)
{
    return is_made_of(text, LOWER "_");
}

static bool is_uid(struct span text)
{
    return text.len == UID_SIZE - 1 && is_made_of(text, DIGITS "abcdef");
}

static bool is_username(struct span text)
{
    return is_made_of(text, UPPER LOWER DIGITS "._-");
}

static bool is_currency(struct span text)
{
    return is_made_of(text, UPPER);
}

static bool is_visible_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= 0x20 || text.at[i] >= 0x7F)
            return false;
    return true;
}

/* As the contract has it: one '@', something on both sides, a dot in the domain, no space. */
static bool is_address(struct span text)
{
    const char *at = memchr(text.at, '@', text.len);
    if (!at || at == text.at || text.len > ADDRESS_MAX || memchr(text.at, ' ', text.len))
        return false;
    size_t domain_len = text.len - (size_t)(at + 1 - text.at);
    return !memchr(at + 1, '@', domain_len) && memchr(at + 1, '.', domain_len);
}

static void take_item(struct reader *reader, struct record_item *item)
{
    item->sku = take_text(reader, "sku", 1, 64, NULL);
    item->name = take_optional(reader, "name", 1, 200);
    item->quantity = take_int(reader, "quantity", 1, 10000);
    item->unit_price_minor = take_int(reader, "unit_price", 0, 1000000000);
}

static void take_items(struct reader *reader, struct record *record)
{
    size_t count = (size_t)take_int(reader, "items", 1, ITEMS_MAX);
    struct record_item *items = arena_array(reader->arena, count, sizeof *items);
    int64_t total = 0; /* cannot overflow: 100 items of 10^13 at most */
    for (size_t i = 0; i < count; i++) {
        take_item(reader, &items[i]);
        total += items[i].quantity * items[i].unit_price_minor;
    }
    record->items = items;
    record->item_count = count;
    if (total != record->total_minor)
        refuse(reader, "total", "is not the sum of the items");
}

static void take_head(struct reader *reader, struct record *record)
{
    (void)take_int(reader, "record", FORMAT, FORMAT);
    record->kind = take_text(reader, "kind", 1, 64, is_kind);
    record->uid = take_text(reader, "uid", 32, 32, is_uid);
    record->request_id = take_text(reader, "request_id", 1, 128, is_visible_ascii);
    record->recipient = take_text(reader, "recipient", 5, ADDRESS_MAX, is_address);
    record->username = take_text(reader, "username", 3, 64, is_username);
    record->order_id = take_int(reader, "order_id", 1, INT64_MAX);
    record->created_at = take_int(reader, "created_at", 0, YEAR_10000 - 1);
    record->reference = take_optional(reader, "reference", 1, 64);
    record->currency = take_text(reader, "currency", 3, 3, is_currency);
    record->total_minor = take_int(reader, "total", 0, TOTAL_MAX);
}

enum err record_decode(
    struct arena *arena, const char *bytes, size_t len, struct record *out, struct fault *fault)
{
    struct reader reader = {.arena = arena, .fault = fault, .at = bytes, .end = bytes + len};
    *out = (struct record){0};
    if (len > RECORD_MAX)
        return fail(fault, ERR_CORRUPT, NULL, "record: longer than %d bytes", RECORD_MAX);
    take_head(&reader, out);
    take_items(&reader, out);
    if (!reader.e && reader.at != reader.end)
        refuse(&reader, "the end", "is missing");
    return reader.e;
}
