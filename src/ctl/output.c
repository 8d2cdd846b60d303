/* See output.h.
 *
 * The difficulty: a table is aligned by code points, so all rows are kept until the last one is
 * known; and a path or an address may hold any byte, so each form has an escape of its own. */
#include "ctl/output.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/text.h"

void output_begin(struct output *o, struct arena *arena, const char *list,
    const struct output_column *columns, size_t column_count)
{
    *o = (struct output){
        .arena = arena, .list = list, .columns = columns, .column_count = column_count};
}

void output_row(struct output *o, const struct output_value *values)
{
    if (o->row_count == o->row_cap) {
        size_t cap = o->row_cap ? o->row_cap * 2 : 16;
        struct output_value *grown = arena_array(o->arena, cap, o->column_count * sizeof *grown);
        if (o->row_count)
            memcpy(grown, o->values, o->row_count * o->column_count * sizeof *grown);
        o->values = grown;
        o->row_cap = cap;
    }
    memcpy(o->values + o->row_count * o->column_count, values, o->column_count * sizeof *values);
    o->row_count++;
}

/* ---- JSON */

static void json_text(struct buffer *out, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    bool is_utf8 = text_is_utf8(text, strlen(text));
    buffer_char(out, '"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            buffer_text(out, "\\u00");
            buffer_char(out, hex[*c >> 4]);
            buffer_char(out, hex[*c & 15]);
        } else if (*c >= 0x80 && !is_utf8) {
            buffer_text(out, "\\ufffd");
        } else {
            if (*c == '"' || *c == '\\')
                buffer_char(out, '\\');
            buffer_char(out, (char)*c);
        }
    }
    buffer_char(out, '"');
}

static void json_value(struct buffer *out, enum output_type type, const struct output_value *value)
{
    char time[CLOCK_TEXT_SIZE];
    if (value->is_absent)
        type = OUTPUT_TEXT;
    switch (type) {
    case OUTPUT_INT:
        buffer_int(out, value->number);
        return;
    case OUTPUT_TIME:
        clock_text(time, value->number);
        json_text(out, time);
        return;
    case OUTPUT_TEXT:
        if (value->text)
            json_text(out, value->text);
        else
            buffer_text(out, "null");
        return;
    }
    assert(!"an output type without a form");
}

/* The members of a row, without the braces. */
static void json_members(const struct output *o, size_t row, struct buffer *out)
{
    const struct output_value *values = o->values + row * o->column_count;
    for (size_t n = 0; n < o->column_count; n++) {
        buffer_text(out, n ? ", " : "");
        json_text(out, o->columns[n].name);
        buffer_text(out, ": ");
        json_value(out, o->columns[n].type, &values[n]);
    }
}

static void json_row(const struct output *o, size_t row, struct buffer *out)
{
    buffer_char(out, '{');
    json_members(o, row, out);
    buffer_char(out, '}');
}

static void json_rows(const struct output *o, struct buffer *out)
{
    buffer_char(out, '[');
    for (size_t row = 0; row < o->row_count; row++) {
        buffer_text(out, row ? ",\n" : "\n");
        json_row(o, row, out);
    }
    buffer_text(out, o->row_count ? "\n]" : "]");
}

static void json_list(const struct output *o, struct buffer *out)
{
    buffer_char(out, '{');
    json_text(out, o->list);
    buffer_text(out, ": ");
    json_rows(o, out);
    buffer_text(out, "}\n");
}

static void json_part(const struct output_part *part, struct buffer *out)
{
    buffer_text(out, ",\n");
    json_text(out, part->name);
    buffer_text(out, ": ");
    if (!part->output)
        buffer_text(out, "null");
    else if (part->is_list)
        json_rows(part->output, out);
    else
        json_row(part->output, 0, out);
}

static void json_document(
    const struct output *o, const struct output_part *parts, size_t part_count, struct buffer *out)
{
    buffer_char(out, '{');
    json_members(o, 0, out);
    for (size_t n = 0; n < part_count; n++)
        json_part(&parts[n], out);
    buffer_text(out, "}\n");
}

/* ---- for people */

/* Anything that a terminal would obey becomes '?': C0, DEL, C1 (U+0080 to U+009F), bytes that are
 * no UTF-8. */
const char *output_plain(struct arena *arena, const char *text)
{
    size_t len = strlen(text);
    bool is_utf8 = text_is_utf8(text, len);
    char *out = arena_alloc(arena, len + 1);
    size_t used = 0;
    for (size_t n = 0; n < len; n++) {
        unsigned char c = (unsigned char)text[n];
        bool is_c1 = is_utf8 && c == 0xc2 && (unsigned char)text[n + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || is_c1 || (c >= 0x80 && !is_utf8)) {
            out[used++] = '?';
            n += is_c1;
        } else {
            out[used++] = (char)c;
        }
    }
    out[used] = '\0';
    return out;
}

static const char *cell(const struct output *o, size_t row, size_t column)
{
    const struct output_value *value = &o->values[row * o->column_count + column];
    if (value->is_absent)
        return "-";
    switch (o->columns[column].type) {
    case OUTPUT_INT:
        return arena_printf(o->arena, "%lld", (long long)value->number);
    case OUTPUT_TIME: {
        char time[CLOCK_TEXT_SIZE];
        clock_text(time, value->number);
        return arena_text(o->arena, time);
    }
    case OUTPUT_TEXT:
        return value->text ? output_plain(o->arena, value->text) : "-";
    }
    assert(!"an output type without a form");
}

static const char *heading(const struct output *o, size_t column)
{
    char *out = arena_text(o->arena, o->columns[column].name);
    for (char *c = out; *c; c++)
        *c = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
    return out;
}

static size_t width_of(const char *text)
{
    return text_count(text, strlen(text));
}

static void put_padded(struct buffer *out, const char *text, size_t width)
{
    buffer_text(out, text);
    for (size_t used = width_of(text); used < width; used++)
        buffer_char(out, ' ');
}

/* One line of cells; the last is not padded. */
static void put_line(
    const struct output *o, const char *const *cells, const size_t *widths, struct buffer *out)
{
    for (size_t n = 0; n < o->column_count; n++) {
        put_padded(out, cells[n], n + 1 < o->column_count ? widths[n] : 0);
        buffer_text(out, n + 1 < o->column_count ? "  " : "\n");
    }
}

static void table(const struct output *o, struct buffer *out)
{
    size_t lines = o->row_count + 1;
    const char **cells = arena_array(o->arena, lines * o->column_count, sizeof *cells);
    size_t *widths = arena_array(o->arena, o->column_count, sizeof *widths);
    for (size_t line = 0; line < lines; line++) {
        for (size_t n = 0; n < o->column_count; n++) {
            const char *text = line ? cell(o, line - 1, n) : heading(o, n);
            cells[line * o->column_count + n] = text;
            if (width_of(text) > widths[n])
                widths[n] = width_of(text);
        }
    }
    for (size_t line = 0; line < lines; line++)
        put_line(o, cells + line * o->column_count, widths, out);
}

/* A line for each column of the one row. */
static void record(const struct output *o, struct buffer *out)
{
    size_t width = 0;
    for (size_t n = 0; n < o->column_count; n++)
        if (width_of(o->columns[n].name) > width)
            width = width_of(o->columns[n].name);
    for (size_t n = 0; n < o->column_count; n++) {
        put_padded(out, o->columns[n].name, width + 2);
        buffer_text(out, cell(o, 0, n));
        buffer_char(out, '\n');
    }
}

static void paragraph(const struct output_part *part, struct buffer *out)
{
    buffer_char(out, '\n');
    buffer_text(out, part->name);
    buffer_text(out, part->output ? ":\n" : ": -\n");
    if (part->output && part->is_list)
        table(part->output, out);
    else if (part->output)
        record(part->output, out);
}

/* ---- */

void output_render_list(const struct output *o, bool is_json, struct buffer *out)
{
    if (is_json)
        json_list(o, out);
    else
        table(o, out);
}

void output_render_document(const struct output *o, const struct output_part *parts,
    size_t part_count, bool is_json, struct buffer *out)
{
    assert(o->row_count == 1);
    if (is_json) {
        json_document(o, parts, part_count, out);
        return;
    }
    record(o, out);
    for (size_t n = 0; n < part_count; n++)
        paragraph(&parts[n], out);
}

void output_render_record(const struct output *o, bool is_json, struct buffer *out)
{
    output_render_document(o, NULL, 0, is_json, out);
}

enum err output_write(const struct buffer *out, struct fault *fault)
{
    return file_write_all(STDOUT_FILENO, out->data, out->len, fault);
}

enum err output_write_list(const struct output *o, bool is_json, struct fault *fault)
{
    struct buffer out;
    buffer_begin(&out, o->arena, 4096);
    output_render_list(o, is_json, &out);
    return output_write(&out, fault);
}

enum err output_write_record(const struct output *o, bool is_json, struct fault *fault)
{
    struct buffer out;
    buffer_begin(&out, o->arena, 1024);
    output_render_record(o, is_json, &out);
    return output_write(&out, fault);
}
