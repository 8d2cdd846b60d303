/* Bodies: a JSON value against a shape, all offences at once. Its special difficulty is a hostile
 * body with thousands of wrong members: it stops looking when the list of offences is full.
 *
 * Owns nothing: what is filled is the arena's. Never repeats a value. */
#include "http/fields.h"

#include <assert.h>
#include <string.h>

#include "http/field_rules.h"
#include "http/json.h"

struct reader {
    struct arena *arena;
    struct fault *fault;
};

static enum err read_object(const struct reader *, const struct shape *, const char *prefix,
    const struct json *, void *out);

/* "items[0]." without its dot; "" is the body. */
static const char *name_of(const struct reader *reader, const char *prefix)
{
    size_t len = strlen(prefix);
    return arena_copy(reader->arena, prefix, len ? len - 1 : 0);
}

static bool is_list_full(const struct reader *reader)
{
    return reader->fault && reader->fault->field_count == FAULT_FIELDS_MAX;
}

/* "items[3]." It is made for each element, and wanted only for the one that is wrong, so not by
 * printf, which takes ten times as long. */
static const char *prefix_of(const struct field_place *place, size_t i)
{
    struct buffer prefix;
    buffer_begin(&prefix, place->arena, 64);
    buffer_text(&prefix, place->prefix);
    buffer_text(&prefix, place->field->name);
    buffer_char(&prefix, '[');
    buffer_int(&prefix, (int64_t)i);
    buffer_text(&prefix, "].");
    return prefix.data;
}

static enum err read_array(
    const struct reader *reader, const struct field_place *place, const struct json *value)
{
    const struct field *field = place->field;
    if (json_type(value) != JSON_ARRAY)
        return field_fail(place, "must be an array");
    size_t count = json_count(value);
    if ((int64_t)count < field->min || (int64_t)count > field->max)
        return field_fail_count(place, "elements");
    char *elements = arena_array(place->arena, count, field->shape->size);
    enum err result = ERR_NONE;
    for (size_t i = 0; i < count; i++) {
        enum err e = read_object(reader, field->shape, prefix_of(place, i), json_element(value, i),
            elements + i * field->shape->size);
        result = e ? e : result;
    }
    *(void **)((char *)place->out + field->offset) = elements;
    *(size_t *)((char *)place->out + field->count_offset) = count;
    return result;
}

static enum err read_text(const struct field_place *place, const struct json *value)
{
    if (json_type(value) != JSON_TEXT)
        return field_fail(place, "must be a string");
    size_t len;
    const char *text = json_text(value, &len);
    return field_put_text(place, text, len);
}

static enum err read_int(const struct field_place *place, const struct json *value)
{
    if (json_type(value) != JSON_INTEGER)
        return field_fail_int(place);
    bool fits;
    int64_t number = json_int(value, &fits);
    return fits ? field_put_int(place, number) : field_fail_int(place);
}

static enum err read_value(
    const struct reader *reader, const struct field_place *place, const struct json *value)
{
    if (json_type(value) == JSON_NULL && place->field->is_optional)
        return field_leave_out(place);
    if (json_type(value) == JSON_NULL)
        return field_fail(place, "must not be null");
    switch (place->field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
        return read_text(place, value);
    case FIELD_INT:
        return read_int(place, value);
    case FIELD_ARRAY:
        return read_array(reader, place, value);
    }
    assert(!"a type that fields.h knows");
    return ERR_INTERNAL;
}

static const struct json *find_member(const struct json *object, const char *wanted)
{
    size_t wanted_len = strlen(wanted);
    for (size_t i = 0; i < json_count(object); i++) {
        const char *name;
        size_t len;
        const struct json *value = json_member(object, i, &name, &len);
        if (len == wanted_len && memcmp(name, wanted, len) == 0)
            return value;
    }
    return NULL;
}

static bool knows(const struct shape *shape, const char *name, size_t len)
{
    for (size_t i = 0; i < shape->count; i++)
        if (strlen(shape->fields[i].name) == len && memcmp(shape->fields[i].name, name, len) == 0)
            return true;
    return false;
}

static enum err refuse_name(
    const struct reader *reader, const char *prefix, const char *name, size_t len)
{
    if (!len)
        return fail(reader->fault, ERR_VALIDATION, name_of(reader, prefix),
            "holds a member without a name");
    const char *shown = field_name_shown(reader->arena, name, len);
    return fail(reader->fault, ERR_VALIDATION, arena_printf(reader->arena, "%s%s", prefix, shown),
        "is not known");
}

static enum err refuse_unknown(const struct reader *reader, const struct shape *shape,
    const char *prefix, const struct json *object)
{
    enum err result = ERR_NONE;
    for (size_t i = 0; i < json_count(object) && !is_list_full(reader); i++) {
        const char *name;
        size_t len;
        (void)json_member(object, i, &name, &len);
        if (knows(shape, name, len))
            continue;
        result = refuse_name(reader, prefix, name, len);
    }
    return result;
}

static enum err read_object(const struct reader *reader, const struct shape *shape,
    const char *prefix, const struct json *value, void *out)
{
    if (json_type(value) != JSON_OBJECT)
        return fail(reader->fault, ERR_VALIDATION, name_of(reader, prefix), "must be an object");
    enum err result = ERR_NONE;
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        const struct json *member = find_member(value, field->name);
        struct field_place place = {
            .field = field,
            .prefix = prefix,
            .out = out,
            .arena = reader->arena,
            .fault = reader->fault,
        };
        enum err e = member ? read_value(reader, &place, member) : field_leave_out(&place);
        result = e ? e : result;
    }
    enum err e = refuse_unknown(reader, shape, prefix, value);
    return e ? e : result;
}

enum err fields_body(const struct shape *shape, struct arena *arena, const char *body, size_t len,
    void *out, struct fault *fault)
{
    memset(out, 0, shape->size);
    struct json_document *document;
    enum err e = json_open(&document, arena, body, len, fault);
    if (e)
        return e;
    const struct reader reader = {arena, fault};
    e = read_object(&reader, shape, "", json_root(document), out);
    json_close(document);
    return e;
}
