/* A part is put wholly or not at all, and after the first that did not fit nothing more is: so a
 * cut never leaves half an escape, half a character or half a pair's name. Room for the end is kept
 * back. */
#include "core/logfmt.h"

#include <string.h>

#include "core/text.h"

#define ENDING     " cut=true\n"
#define ENDING_LEN (sizeof ENDING - 1)
#define ROOM       (LOGFMT_SIZE - ENDING_LEN - 1) /* 1: a closing quote, which may go past it */

void logfmt_begin(struct logfmt *line)
{
    line->len = 0;
    line->is_cut = false;
}

static void put(struct logfmt *line, const void *bytes, size_t len)
{
    if (line->is_cut || line->len + len > ROOM) {
        line->is_cut = true;
        return;
    }
    memcpy(line->data + line->len, bytes, len);
    line->len += len;
}

/* The name of a pair as one part with the beginning of its value, for which len bytes have to be
 * left. */
static bool put_key(struct logfmt *line, const char *key, size_t key_len, size_t len)
{
    size_t space = line->len > 0;
    if (line->is_cut || line->len + space + key_len + 1 + len > ROOM) {
        line->is_cut = true;
        return false;
    }
    char *at = line->data + line->len;
    *at = ' '; /* or the first byte of the key */
    memcpy(at + space, key, key_len);
    at[space + key_len] = '=';
    line->len += space + key_len + 1;
    return true;
}

/* Line and paragraph separators, and what turns the direction of the text around it. */
static bool is_turning(const unsigned char *at)
{
    if (at[0] != 0xE2)
        return false;
    return (at[1] == 0x80 && at[2] >= 0xA8 && at[2] <= 0xAE) || /* U+2028 to U+202E */
           (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);   /* U+2066 to U+2069 */
}

/* Those, and C0, DEL and C1 controls. */
static bool is_harmful(const unsigned char *at, size_t len)
{
    if (len == 1)
        return at[0] < 0x20 || at[0] == 0x7F;
    if (len == 2)
        return at[0] == 0xC2 && at[1] < 0xA0;
    return len == 3 && is_turning(at);
}

/* Printable ASCII that needs no quotes: what nearly all values are made of, so they are looked at
 * in a table, and put at once. */
static const bool needs_nothing[256] = {
    ['!'] = true,
    ['#' ... '<'] = true,
    ['>' ... '['] = true,
    [']' ... '~'] = true,
};

static size_t plain_len(const char *value)
{
    size_t len = 0;
    while (needs_nothing[(unsigned char)value[len]])
        len++;
    return len;
}

static bool is_plain(const char *value, size_t len)
{
    if (!len)
        return false;
    while (len) {
        size_t step = text_sequence(value, len);
        if (!step || is_harmful((const unsigned char *)value, step) || strchr(" =\"\\", *value))
            return false;
        value += step;
        len -= step;
    }
    return true;
}

static void put_hex(struct logfmt *line, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char part[5] = {'\\', 'x'};
        text_hex(part + 2, bytes + i, 1);
        put(line, part, 4);
    }
}

static void put_quoted(struct logfmt *line, const char *at, size_t len)
{
    if (*at == '\n')
        put(line, "\\n", 2);
    else if (*at == '\t')
        put(line, "\\t", 2);
    else if (*at == '"')
        put(line, "\\\"", 2);
    else if (*at == '\\')
        put(line, "\\\\", 2);
    else if (!len || is_harmful((const unsigned char *)at, len))
        put_hex(line, at, len ? len : 1);
    else
        put(line, at, len);
}

/* Character by character: it may need quotes and escapes, or not fit as a whole. */
static void put_value(struct logfmt *line, const char *value)
{
    size_t len = strlen(value);
    bool quoted = !is_plain(value, len);
    if (quoted)
        put(line, "\"", 1);
    while (len && !line->is_cut) {
        size_t step = text_sequence(value, len);
        put_quoted(line, value, step);
        value += step ? step : 1;
        len -= step ? step : 1;
    }
    if (quoted)
        line->data[line->len++] = '"'; /* its room was kept back */
}

void logfmt_put_text(struct logfmt *line, const char *key, size_t key_len, const char *value)
{
    if (!put_key(line, key, key_len, 1))
        return;
    size_t len = plain_len(value);
    if (!len || value[len] || line->len + len > ROOM) {
        put_value(line, value);
        return;
    }
    memcpy(line->data + line->len, value, len);
    line->len += len;
}

void logfmt_put_int(struct logfmt *line, const char *key, size_t key_len, int64_t value)
{
    char digits[TEXT_INT_SIZE];
    size_t len = text_int(digits, value);
    if (put_key(line, key, key_len, len))
        put(line, digits, len);
}

void logfmt_end(struct logfmt *line)
{
    const char *ending = line->is_cut ? ENDING : "\n";
    memcpy(line->data + line->len, ending, strlen(ending));
    line->len += strlen(ending);
}
