/* Queries: application/x-www-form-urlencoded, strictly (WHATWG URL, section 5, takes anything; here
 * what does not decode is an offence).
 *
 * Owns the decoding of percent escapes. Never decodes a path. */
#include "http/fields.h"

#include <assert.h>
#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "http/field_rules.h"

struct parameter {
    const char *name; /* decoded; NULL: does not decode */
    size_t name_len;
    const char *value; /* decoded; NULL: does not decode */
    size_t value_len;
};

/* NULL: a bad escape, or no well-formed text without control characters. */
static const char *decode(struct arena *arena, const char *text, size_t len, size_t *out_len)
{
    char *out = arena_alloc(arena, len + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int high = i + 2 < len ? text_hex_digit(text[i + 1]) : -1;
            int low = i + 2 < len ? text_hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[used++] = c;
    }
    *out_len = used;
    bool is_text = text_is_utf8(out, used) && !text_has_control(out, used);
    return is_text ? out : NULL;
}

/* Takes the next one off the query. */
static struct parameter next_parameter(struct arena *arena, const char **query)
{
    size_t len = strcspn(*query, "&");
    size_t name_len = strcspn(*query, "&=");
    const char *value = *query + name_len + (name_len < len);
    struct parameter next = {0};
    next.name = decode(arena, *query, name_len, &next.name_len);
    next.value = decode(arena, value, (size_t)(*query + len - value), &next.value_len);
    *query += len;
    if (**query == '&')
        (*query)++;
    else
        *query = NULL;
    return next;
}

static enum err put_value(const struct field_place *place, const struct parameter *parameter)
{
    if (!parameter->value)
        return field_fail(place, "must be percent-encoded UTF-8 without control characters");
    if (!parameter->value_len)
        return field_fail(place, "must not be empty");
    if (place->field->type != FIELD_INT)
        return field_put_text(place, parameter->value, parameter->value_len);
    int64_t number;
    if (!text_parse_uint(parameter->value, parameter->value_len, INT64_MAX, &number))
        return field_fail_int(place);
    return field_put_int(place, number);
}

/* What is read into, and which fields came. */
struct reader {
    const struct shape *shape;
    struct arena *arena;
    void *out;
    struct fault *fault;
    bool *seen;
};

static struct field_place place_of(const struct reader *reader, size_t i)
{
    const struct field *field = &reader->shape->fields[i];
    assert(field->type != FIELD_ARRAY);
    return (struct field_place){
        .field = field,
        .prefix = "",
        .out = reader->out,
        .arena = reader->arena,
        .fault = reader->fault,
    };
}

static enum err refuse_unknown(const struct reader *reader, const struct parameter *parameter)
{
    if (!parameter->name)
        return fail(reader->fault, ERR_VALIDATION, "",
            "holds a parameter whose name is not percent-encoded UTF-8");
    if (!parameter->name_len)
        return fail(reader->fault, ERR_VALIDATION, "", "holds a parameter without a name");
    return fail(reader->fault, ERR_VALIDATION,
        field_name_shown(reader->arena, parameter->name, parameter->name_len), "is not known");
}

static enum err read_parameter(const struct reader *reader, const struct parameter *parameter)
{
    size_t count = reader->shape ? reader->shape->count : 0;
    for (size_t i = 0; i < count; i++) {
        struct field_place place = place_of(reader, i);
        if (!parameter->name || strcmp(parameter->name, place.field->name) != 0)
            continue;
        if (reader->seen[i])
            return field_fail(&place, "must be given once");
        reader->seen[i] = true;
        return put_value(&place, parameter);
    }
    return refuse_unknown(reader, parameter);
}

static enum err read_missing(const struct reader *reader)
{
    enum err result = ERR_NONE;
    for (size_t i = 0; i < reader->shape->count; i++) {
        if (reader->seen[i])
            continue;
        struct field_place place = place_of(reader, i);
        enum err e = field_leave_out(&place);
        result = e ? e : result;
    }
    return result;
}

enum err fields_query(const struct shape *shape, struct arena *arena, const char *query, void *out,
    struct fault *fault)
{
    struct reader reader = {shape, arena, out, fault, NULL};
    if (shape) {
        memset(out, 0, shape->size);
        reader.seen = arena_array(arena, shape->count, sizeof *reader.seen);
    }
    enum err result = ERR_NONE;
    const char *rest = query && *query ? query : NULL;
    while (rest) {
        struct parameter parameter = next_parameter(arena, &rest);
        enum err e = read_parameter(&reader, &parameter);
        result = e ? e : result;
    }
    if (!shape)
        return result;
    enum err e = read_missing(&reader);
    return e ? e : result;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void fields_encode(struct buffer *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        const char escape[] = {'%', digits[c >> 4], digits[c & 15]};
        if (is_unreserved(*text))
            buffer_char(out, *text);
        else
            buffer_bytes(out, escape, sizeof escape);
    }
}
