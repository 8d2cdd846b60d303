/* The writer. Its special difficulty is that a forgotten or doubled comma is invisible until a
 * client chokes on it, so the order of the calls is asserted.
 *
 * Owns nothing: bytes go to the caller's buffer. Never formats a float: there are none here. */
#include "http/json.h"

#include <assert.h>
#include <string.h>

#include "core/clock.h"
#include "core/text.h"

void json_begin(struct json_writer *writer, struct buffer *out)
{
    *writer = (struct json_writer){.out = out};
}

static void put_comma(struct json_writer *writer)
{
    assert(writer->depth > 0 || !writer->needs_comma); /* one value at the top */
    if (writer->needs_comma)
        buffer_char(writer->out, ',');
    writer->needs_comma = true;
}

static void put_open(struct json_writer *writer, char bracket)
{
    put_comma(writer);
    buffer_char(writer->out, bracket);
    writer->needs_comma = false;
    writer->depth++;
}

static void put_close(struct json_writer *writer, char bracket)
{
    assert(writer->depth > 0);
    buffer_char(writer->out, bracket);
    writer->needs_comma = true;
    writer->depth--;
}

void json_begin_object(struct json_writer *writer)
{
    put_open(writer, '{');
}

void json_end_object(struct json_writer *writer)
{
    put_close(writer, '}');
}

void json_begin_array(struct json_writer *writer)
{
    put_open(writer, '[');
}

void json_end_array(struct json_writer *writer)
{
    put_close(writer, ']');
}

/* RFC 8259, section 7: quotation mark, reverse solidus, and U+0000 to U+001F. */
static void put_escaped(struct buffer *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *name = strchr(named, c);
    if (c && name) {
        const char pair[] = {'\\', letters[name - named]};
        buffer_bytes(out, pair, sizeof pair);
        return;
    }
    const char code[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    buffer_bytes(out, code, sizeof code);
}

/* ASCII that stands for itself. A table, since every byte of every answer is looked up. */
static const bool is_plain[256] = {
    [' ' ... '!'] = true,
    ['#' ... '['] = true,
    [']' ... 0x7F] = true,
};

/* Bytes from the beginning that are plain. */
static size_t plain_len(const char *text)
{
    size_t len = 0;
    while (is_plain[(unsigned char)text[len]])
        len++;
    return len;
}

static void put_with_escapes(struct buffer *out, const char *text)
{
    size_t len = strlen(text);
    assert(text_is_utf8(text, len));
    buffer_char(out, '"');
    size_t plain = 0; /* where the run of bytes begins that need no escape */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80 || is_plain[c])
            continue;
        buffer_bytes(out, text + plain, i - plain);
        put_escaped(out, c);
        plain = i + 1;
    }
    buffer_bytes(out, text + plain, len - plain);
    buffer_char(out, '"');
}

/* Nearly all texts are plain, and put at once: that saves a fifth of the instructions of
 * a list (bench/instructions). */
static void put_quoted(struct buffer *out, const char *text)
{
    size_t len = plain_len(text);
    if (text[len]) {
        put_with_escapes(out, text);
        return;
    }
    char *at = buffer_extend(out, len + 2);
    at[0] = '"';
    memcpy(at + 1, text, len);
    at[len + 1] = '"';
}

char *json_begin_key(struct json_writer *writer, size_t len)
{
    assert(writer->depth > 0 && len > 0);
    size_t comma = writer->needs_comma;
    char *at = buffer_extend(writer->out, comma + len);
    *at = ','; /* or what the caller puts over it */
    writer->needs_comma = false;
    return at + comma;
}

void json_put_text(struct json_writer *writer, const char *text)
{
    if (!text) {
        json_put_null(writer);
        return;
    }
    put_comma(writer);
    put_quoted(writer->out, text);
}

void json_put_int(struct json_writer *writer, int64_t number)
{
    put_comma(writer);
    buffer_int(writer->out, number);
}

void json_put_bool(struct json_writer *writer, bool value)
{
    put_comma(writer);
    buffer_text(writer->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *writer)
{
    put_comma(writer);
    buffer_text(writer->out, "null");
}

/* The NUL behind the time is where the second quote comes. */
void json_put_time(struct json_writer *writer, int64_t at)
{
    put_comma(writer);
    char *text = buffer_extend(writer->out, CLOCK_TEXT_SIZE + 1);
    text[0] = '"';
    clock_text(text + 1, at);
    text[CLOCK_TEXT_SIZE] = '"';
}
