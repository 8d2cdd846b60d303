/* One value against one row. The messages must help without ever repeating what was sent.
 *
 * Owns the rules of lengths and ranges, and the ready-made ones of fields.h. Never reads JSON or
 * queries. */
#include "http/field_rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/text.h"

#define SHOWN_MAX 64

static void *slot_of(const struct field_place *place)
{
    return (char *)place->out + place->field->offset;
}

enum err field_fail(const struct field_place *place, const char *fmt, ...)
{
    if (!place->fault)
        return ERR_VALIDATION;
    va_list args;
    va_start(args, fmt);
    const char *message = arena_vprintf(place->arena, fmt, args);
    va_end(args);
    const char *name = arena_printf(place->arena, "%s%s", place->prefix, place->field->name);
    return fail(place->fault, ERR_VALIDATION, name, "%s", message);
}

enum err field_fail_count(const struct field_place *place, const char *what)
{
    int64_t min = place->field->min;
    int64_t max = place->field->max;
    if (min == max)
        return field_fail(place, "must have exactly %" PRId64 " %s", min, what);
    if (min <= 0)
        return field_fail(place, "must have at most %" PRId64 " %s", max, what);
    return field_fail(place, "must have %" PRId64 " to %" PRId64 " %s", min, max, what);
}

/* How long, in what the row counts in. */
static bool has_length(const struct field *field, const char *text, size_t len)
{
    size_t count = field->type == FIELD_BYTES ? len : text_count(text, len);
    return (int64_t)count >= field->min && (int64_t)count <= field->max;
}

enum err field_put_text(const struct field_place *place, const char *text, size_t len)
{
    const struct field *field = place->field;
    if (!has_length(field, text, len))
        return field_fail_count(place, field->type == FIELD_BYTES ? "bytes" : "characters");
    if (memchr(text, '\0', len))
        return field_fail(place, "must not hold U+0000");
    if (field->is_valid && !field->is_valid(text, len))
        return field_fail(
            place, "%s", field->message ? field->message : "has a form that is not allowed");
    *(const char **)slot_of(place) = arena_copy(place->arena, text, len);
    return ERR_NONE;
}

enum err field_fail_int(const struct field_place *place)
{
    return field_fail(place, "must be an integer from %" PRId64 " to %" PRId64, place->field->min,
        place->field->max);
}

enum err field_put_int(const struct field_place *place, int64_t number)
{
    if (number < place->field->min || number > place->field->max)
        return field_fail_int(place);
    *(int64_t *)slot_of(place) = number;
    return ERR_NONE;
}

enum err field_leave_out(const struct field_place *place)
{
    if (!place->field->is_optional)
        return field_fail(place, "is required");
    if (place->field->type == FIELD_INT)
        *(int64_t *)slot_of(place) = place->field->default_int;
    return ERR_NONE;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

const char *field_name_shown(struct arena *arena, const char *name, size_t len)
{
    size_t cut = len < SHOWN_MAX ? len : SHOWN_MAX;
    while (cut > 0 && cut < len && ((unsigned char)name[cut] & 0xC0) == 0x80)
        cut--;
    char *shown = arena_copy(arena, name, cut);
    for (size_t i = 0; i < cut; i++)
        if (is_control(shown[i]))
            shown[i] = '?';
    return shown;
}

bool field_is_plain(const char *text, size_t len)
{
    return !text_has_control(text, len);
}

bool field_is_visible(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7E)
            return false;
    return true;
}

bool field_is_currency(const char *text, size_t len)
{
    if (len != 3)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 'A' || text[i] > 'Z')
            return false;
    return true;
}
