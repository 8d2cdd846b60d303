/* Queries against the shapes of the lists. What is accepted keeps each field's bounds, and reads
 * the same when it is written again, percent-encoded, as the server writes its "next". */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "api/order_routes.h"
#include "core/buffer.h"
#include "core/text.h"

const char fuzz_name[] = "query";

static int64_t int_at(const void *out, const struct field *field)
{
    int64_t number;
    memcpy(&number, (const char *)out + field->offset, sizeof number);
    return number;
}

static const char *text_at(const void *out, const struct field *field)
{
    const char *text;
    memcpy(&text, (const char *)out + field->offset, sizeof text);
    return text;
}

static void check_field(const struct field *field, const void *out)
{
    if (field->type == FIELD_INT) {
        int64_t number = int_at(out, field);
        assert(number == field->default_int || (number >= field->min && number <= field->max));
        return;
    }
    const char *text = text_at(out, field);
    if (!text)
        return;
    int64_t count = (int64_t)text_count(text, strlen(text));
    assert(text_is_utf8(text, strlen(text)) && !text_has_control(text, strlen(text)));
    assert(count >= field->min && count <= field->max);
}

static void put_field(struct buffer *query, const struct field *field, const void *out)
{
    if (field->type == FIELD_INT ? !int_at(out, field) : !text_at(out, field))
        return;
    buffer_text(query, query->len ? "&" : "");
    fields_encode(query, field->name);
    buffer_char(query, '=');
    if (field->type == FIELD_INT)
        buffer_int(query, int_at(out, field));
    else
        fields_encode(query, text_at(out, field));
}

static void check_same(const struct field *field, const void *out, const void *again)
{
    if (field->type == FIELD_INT) {
        assert(int_at(out, field) == int_at(again, field));
        return;
    }
    const char *a = text_at(out, field), *b = text_at(again, field);
    assert(a ? b && !strcmp(a, b) : !b);
}

static void check_accepted(const struct shape *shape, struct arena *arena, const void *out)
{
    struct buffer query;
    void *again = arena_alloc(arena, shape->size);
    buffer_begin(&query, arena, 256);
    for (size_t i = 0; i < shape->count; i++) {
        check_field(&shape->fields[i], out);
        put_field(&query, &shape->fields[i], out);
    }
    assert(!fields_query(shape, arena, query.data, again, NULL));
    for (size_t i = 0; i < shape->count; i++)
        check_same(&shape->fields[i], out, again);
}

static bool check_query(const struct shape *shape, struct arena *arena, const char *query)
{
    struct fault fault;
    void *out = shape ? arena_alloc(arena, shape->size) : NULL;
    fault_begin(&fault, arena);
    enum err e = fields_query(shape, arena, query, out, &fault);
    assert(!e || e == ERR_VALIDATION);
    if (e)
        fuzz_check_fault(&fault, e);
    else if (shape)
        check_accepted(shape, arena, out);
    return !e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    char *query = fuzz_text(data, size);
    arena_init(&arena, 4096);
    fuzz_accepted = check_query(&list_shape, &arena, query);
    bool is_own = check_query(&own_list_shape, &arena, query);
    assert(!is_own || fuzz_accepted); /* the own list takes one parameter less */
    assert(check_query(NULL, &arena, query) == !*query);
    arena_fini(&arena);
    free(query);
    return 0;
}
