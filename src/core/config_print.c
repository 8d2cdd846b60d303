/* What is printed is what the file said, not what became of it: relative paths stay relative, so
 * that the sample works in any folder. */
#include "core/config.h"

#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/config_values.h"
#include "core/option.h"

#define WIDTH 78

static const char preface[] =
    "; Configuration of orderd, orderd-notifier and orderctl.\n"
    ";\n"
    "; An option that is left out has its default; an unknown one is an error. A line that\n"
    "; begins with ';' or '#' is a comment, and so is what follows a ';' behind a space.\n"
    "; Relative paths are taken from the folder of this file.\n";

/* Words, as comment lines of at most WIDTH bytes (a longer word has a line of its own). */
static void print_comment(struct buffer *out, const char *words)
{
    size_t column = 0;
    while (*words) {
        size_t len = strcspn(words, " ");
        if (column && column + 1 + len > WIDTH) {
            buffer_char(out, '\n');
            column = 0;
        }
        buffer_text(out, column ? " " : "; ");
        buffer_bytes(out, words, len);
        column += len + (column ? 1 : 2);
        words += len;
        words += strspn(words, " ");
    }
    buffer_char(out, '\n');
}

static void print_comments(struct buffer *out, const struct option_row *row)
{
    struct arena arena;
    arena_init(&arena, 1024);
    const char *range = option_range(row, &arena);
    const char *standard = *row->value ? row->value : "empty";
    print_comment(out, row->sentence);
    print_comment(out, arena_printf(&arena, "(%s; default: %s)", range, standard));
    arena_fini(&arena);
}

static void print_value(struct buffer *out, const char *name, const char *raw)
{
    buffer_text(out, name);
    buffer_text(out, *raw ? " = " : " =");
    buffer_text(out, raw);
    buffer_char(out, '\n');
}

static void print_section(struct buffer *out, const char *name)
{
    if (out->len)
        buffer_char(out, '\n');
    buffer_char(out, '[');
    buffer_text(out, name);
    buffer_text(out, "]\n");
}

void config_print(const struct config *config, struct buffer *out, bool with_comments)
{
    const char *section = "";
    if (with_comments)
        buffer_text(out, preface);
    for (int i = 0; i < OPT__COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (strcmp(section, row->section))
            print_section(out, row->section);
        else if (with_comments)
            buffer_char(out, '\n');
        section = row->section;
        if (with_comments)
            print_comments(out, row);
        print_value(out, row->name, config->values[i].raw);
    }
}
