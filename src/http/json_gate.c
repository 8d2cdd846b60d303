/* A recursive descent over the text; the recursion is bounded by JSON_DEPTH_MAX. It must refuse all
 * that RFC 8259 does not allow, since json-c behind it is lenient, and take all that it allows.
 *
 * Owns nothing. Never looks at what a value means. Each pass_ function is called with its first
 * byte at hand and leaves the byte after it; false: refused, and said why. */
#include "http/json_gate.h"

#include <string.h>

#include "core/text.h"

struct gate {
    struct json_gate *out;
    char *at; /* the text ends with a NUL, which the grammar allows nowhere */
    int depth;
    const char *trouble;
};

static bool pass_value(struct gate *);

static bool refuse(struct gate *gate, const char *trouble)
{
    gate->trouble = trouble;
    return false;
}

static void skip_space(struct gate *gate)
{
    while (*gate->at == ' ' || *gate->at == '\t' || *gate->at == '\n' || *gate->at == '\r')
        gate->at++;
}

static bool pass_char(struct gate *gate, char c, const char *trouble)
{
    skip_space(gate);
    if (*gate->at != c)
        return refuse(gate, trouble);
    gate->at++;
    return true;
}

static bool has_next(struct gate *gate)
{
    skip_space(gate);
    if (*gate->at != ',')
        return false;
    gate->at++;
    return true;
}

static size_t add_note(struct gate *gate, enum json_type type)
{
    size_t index = gate->out->note_count++;
    gate->out->notes[index].type = type;
    return index;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The four digits behind \u; -1: they are not. */
static int pass_hex(struct gate *gate)
{
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex_digit(*gate->at);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
        gate->at++;
    }
    return unit;
}

/* Behind the backslash of \uXXXX. A surrogate must be one half of a pair (RFC 8259, section 8.2,
 * leaves the others to the parser; ours refuses them). */
static bool pass_unicode(struct gate *gate, bool is_name)
{
    gate->at++;
    int unit = pass_hex(gate);
    if (unit < 0)
        return refuse(gate, "an escape without four hexadecimal digits");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return refuse(gate, "a lone surrogate");
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        if (gate->at[0] != '\\' || gate->at[1] != 'u')
            return refuse(gate, "a lone surrogate");
        gate->at += 2;
        int low = pass_hex(gate);
        if (low < 0xDC00 || low > 0xDFFF)
            return refuse(gate, "a lone surrogate");
    }
    if (!unit && is_name)
        memcpy(gate->at - strlen("\\u0000"), JSON_GATE_NUL, strlen(JSON_GATE_NUL));
    return true;
}

static bool pass_escape(struct gate *gate, bool is_name)
{
    gate->at++;
    if (*gate->at == 'u')
        return pass_unicode(gate, is_name);
    if (!*gate->at || !strchr("\"\\/bfnrt", *gate->at))
        return refuse(gate, "an unknown escape");
    gate->at++;
    return true;
}

static bool pass_string(struct gate *gate, bool is_name)
{
    gate->at++;
    while (*gate->at != '"') {
        if ((unsigned char)*gate->at < 0x20)
            return refuse(gate, "a string that does not end, or a control character in it");
        if (*gate->at != '\\')
            gate->at++;
        else if (!pass_escape(gate, is_name))
            return false;
    }
    gate->at++;
    return true;
}

static bool pass_text(struct gate *gate)
{
    add_note(gate, JSON_TEXT);
    return pass_string(gate, false);
}

static size_t pass_digits(struct gate *gate)
{
    const char *begin = gate->at;
    while (is_digit(*gate->at))
        gate->at++;
    return (size_t)(gate->at - begin);
}

/* The grammar has no leading zeros, so the length decides but for 19 digits. */
static bool fits_int64(const char *digits, size_t len, bool is_negative)
{
    const char *limit = is_negative ? "9223372036854775808" : "9223372036854775807";
    return len < 19 || (len == 19 && memcmp(digits, limit, 19) <= 0);
}

static bool pass_fraction(struct gate *gate)
{
    if (*gate->at == '.') {
        gate->at++;
        if (!pass_digits(gate))
            return refuse(gate, "a number without a digit after its point");
    }
    if (*gate->at == 'e' || *gate->at == 'E') {
        gate->at++;
        if (*gate->at == '+' || *gate->at == '-')
            gate->at++;
        if (!pass_digits(gate))
            return refuse(gate, "a number without a digit in its exponent");
    }
    return true;
}

/* -0 is no integer: as one it would lose its sign. */
static bool pass_number(struct gate *gate)
{
    bool is_negative = *gate->at == '-';
    if (is_negative)
        gate->at++;
    const char *digits = gate->at;
    size_t len = pass_digits(gate);
    if (!len || (*digits == '0' && len > 1))
        return refuse(gate, len ? "a number with a leading zero" : "a minus without a number");
    const char *whole_end = gate->at;
    if (!pass_fraction(gate))
        return false;
    bool is_integer = gate->at == whole_end && !(is_negative && *digits == '0');
    size_t note = add_note(gate, is_integer ? JSON_INTEGER : JSON_NUMBER);
    gate->out->notes[note].fits = is_integer && fits_int64(digits, len, is_negative);
    return true;
}

static bool pass_word(struct gate *gate, const char *word, enum json_type type)
{
    size_t len = strlen(word);
    if (strncmp(gate->at, word, len) != 0)
        return refuse(gate, "a word that is not true, false or null");
    add_note(gate, type);
    gate->at += len;
    return true;
}

static bool pass_member(struct gate *gate)
{
    skip_space(gate);
    if (*gate->at != '"')
        return refuse(gate, "a member without a name in quotation marks");
    return pass_string(gate, true) && pass_char(gate, ':', "a name without :") && pass_value(gate);
}

/* What is in an array or object, and its end. */
static bool pass_items(struct gate *gate, size_t note, bool (*pass_item)(struct gate *), char close)
{
    skip_space(gate);
    if (*gate->at == close) {
        gate->at++;
        return true;
    }
    do {
        if (!pass_item(gate))
            return false;
        gate->out->notes[note].count++;
    } while (has_next(gate));
    return pass_char(gate, close, "an element or member that neither , nor the end follows");
}

static bool pass_nested(
    struct gate *gate, enum json_type type, bool (*pass_item)(struct gate *), char close)
{
    if (gate->depth == JSON_DEPTH_MAX)
        return refuse(gate, "nesting that is too deep");
    gate->depth++;
    gate->at++;
    bool passed = pass_items(gate, add_note(gate, type), pass_item, close);
    gate->depth--;
    return passed;
}

static bool pass_value(struct gate *gate)
{
    skip_space(gate);
    switch (*gate->at) {
    case '{':
        return pass_nested(gate, JSON_OBJECT, pass_member, '}');
    case '[':
        return pass_nested(gate, JSON_ARRAY, pass_value, ']');
    case '"':
        return pass_text(gate);
    case 't':
        return pass_word(gate, "true", JSON_BOOL);
    case 'f':
        return pass_word(gate, "false", JSON_BOOL);
    case 'n':
        return pass_word(gate, "null", JSON_NULL);
    default:
        if (*gate->at == '-' || is_digit(*gate->at))
            return pass_number(gate);
        return refuse(gate, "a value is missing");
    }
}

static bool pass_all(struct gate *gate)
{
    if (!text_is_utf8(gate->out->text, gate->out->len))
        return refuse(gate, "no UTF-8");
    if (strncmp(gate->at, "\xEF\xBB\xBF", 3) == 0)
        return refuse(gate, "a byte order mark");
    if (!pass_value(gate))
        return false;
    skip_space(gate);
    if (gate->at != gate->out->text + gate->out->len)
        return refuse(gate, "text after the value");
    return true;
}

/* Every value but the first stands behind one of these bytes. */
static const bool begins_value[256] = {
    [','] = true,
    ['['] = true,
    ['{'] = true,
};

static size_t count_values_at_most(const char *text, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += begins_value[(unsigned char)text[i]];
    return count;
}

enum err json_gate(
    struct json_gate *out, struct arena *arena, const char *text, size_t len, struct fault *fault)
{
    *out = (struct json_gate){.text = arena_copy(arena, text, len), .len = len};
    out->notes = arena_array(arena, count_values_at_most(text, len), sizeof *out->notes);
    struct gate gate = {.out = out, .at = out->text};
    if (pass_all(&gate))
        return ERR_NONE;
    return fail(fault, ERR_MALFORMED_JSON, NULL, "The body is not valid JSON: %s (at byte %zu).",
        gate.trouble, (size_t)(gate.at - out->text));
}
