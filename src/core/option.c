/* The table is the only list of options: what is not a row does not exist, and what a row says of
 * its range is what is checked, said in messages and printed. */
#include "core/option.h"

#include <string.h>

#include "core/arena.h"
#include "core/text.h"

const struct option_row option_rows[OPT__COUNT] = {
#define OPTION(section, name, type, value, min, max, unit, sentence)                               \
    [OPT_##section##_##name] = {#section, #name, OPTION_##type, value, min, max, unit, sentence},
#include "core/options.def"
#undef OPTION
};

bool option_find(const char *section, const char *name, enum config_option *option)
{
    for (int i = 0; i < OPT__COUNT; i++) {
        if (strcmp(option_rows[i].section, section) || strcmp(option_rows[i].name, name))
            continue;
        *option = (enum config_option)i;
        return true;
    }
    return false;
}

bool option_is_section(const char *name)
{
    for (int i = 0; i < OPT__COUNT; i++)
        if (!strcmp(option_rows[i].section, name))
            return true;
    return false;
}

static bool is_octal(const struct option_row *row)
{
    return !strcmp(row->unit, "octal");
}

/* The number whose octal digits are the decimal ones of digits: 660 is 0660. */
static int64_t from_octal(int64_t digits)
{
    int64_t number = 0;
    for (int64_t place = 1; digits; digits /= 10, place *= 8)
        number += digits % 10 * place;
    return number;
}

/* "0660" is as good as "660": that is how modes are mostly written. */
static bool check_octal(const struct option_row *row, const char *value, int64_t *number)
{
    int64_t digits;
    if (value[0] == '0' && value[1])
        value++;
    size_t len = strlen(value);
    if (strspn(value, "01234567") != len || !text_parse_uint(value, len, row->max, &digits))
        return false;
    *number = from_octal(digits);
    return digits >= row->min;
}

static bool check_int(const struct option_row *row, const char *value, int64_t *number)
{
    return text_parse_uint(value, strlen(value), row->max, number) && *number >= row->min;
}

static bool check_bool(const char *value, int64_t *number)
{
    *number = !strcmp(value, "yes");
    return *number || !strcmp(value, "no");
}

static bool check_text(const struct option_row *row, const char *value)
{
    size_t len = strlen(value);
    return (int64_t)len >= row->min && (int64_t)len <= row->max && text_is_utf8(value, len) &&
           !text_has_control(value, len);
}

static bool check_choice(const struct option_row *row, const char *value, int64_t *number)
{
    size_t len = strlen(value);
    const char *word = row->unit;
    for (*number = 0; *word; ++*number) {
        size_t word_len = strcspn(word, " ");
        if (word_len == len && !memcmp(word, value, len))
            return true;
        word += word_len + (word[word_len] == ' ');
    }
    return false;
}

bool option_check(const struct option_row *row, const char *value, int64_t *number)
{
    *number = 0;
    switch (row->type) {
    case OPTION_INT:
        return is_octal(row) ? check_octal(row, value, number) : check_int(row, value, number);
    case OPTION_BOOL:
        return check_bool(value, number);
    case OPTION_CHOICE:
        return check_choice(row, value, number);
    case OPTION_TEXT:
    case OPTION_PATH:
        return check_text(row, value);
    }
    return false;
}

const char *option_range(const struct option_row *row, struct arena *arena)
{
    long long min = row->min;
    long long max = row->max;
    switch (row->type) {
    case OPTION_INT:
        if (is_octal(row))
            return arena_printf(arena, "an octal number from %lld to %lld", min, max);
        return arena_printf(arena, "a whole number of %s from %lld to %lld", row->unit, min, max);
    case OPTION_BOOL:
        return "yes or no";
    case OPTION_CHOICE:
        return arena_printf(arena, "one of the words: %s", row->unit);
    case OPTION_TEXT:
    case OPTION_PATH:
        break;
    }
    return arena_printf(
        arena, "a %s of %lld to %lld bytes", row->type == OPTION_PATH ? "path" : "text", min, max);
}
