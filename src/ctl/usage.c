/* See usage.h. */
#include "ctl/usage.h"

#include <string.h>

#include "core/buffer.h"

#include "ctl/subcommand.h"

/* Column where the sentences begin. */
#define USAGE_INDENT 26

static void pad(struct buffer *out, size_t used)
{
    buffer_text(out, "  ");
    for (used += 2; used < USAGE_INDENT; used++)
        buffer_char(out, ' ');
}

static void name_of(struct buffer *out, const struct subcommand *command)
{
    buffer_text(out, command->subject);
    if (command->verb) {
        buffer_char(out, ' ');
        buffer_text(out, command->verb);
    }
}

static void option_words(struct buffer *out, const struct subcommand_option *option)
{
    buffer_text(out, "--");
    buffer_text(out, option->name);
    if (option->value) {
        buffer_char(out, ' ');
        buffer_text(out, option->value);
    }
}

static void options_table(struct buffer *out, const struct subcommand_option *options)
{
    for (; options && options->name; options++) {
        size_t begin = out->len;
        if (options->letter) {
            buffer_text(out, "  -");
            buffer_char(out, options->letter);
            buffer_text(out, ", ");
        } else {
            buffer_text(out, "      ");
        }
        option_words(out, options);
        pad(out, out->len - begin);
        buffer_text(out, options->sentence);
        buffer_char(out, '\n');
    }
}

/* "user add [--role user|admin] --email ADDR NAME" */
static void synopsis(struct buffer *out, const struct subcommand *command)
{
    buffer_text(out, "orderctl ");
    name_of(out, command);
    for (const struct subcommand_option *o = command->options; o && o->name; o++) {
        buffer_text(out, o->is_required ? " " : " [");
        option_words(out, o);
        buffer_text(out, o->is_required ? "" : "]");
    }
    if (command->operand) {
        buffer_char(out, ' ');
        buffer_text(out, command->operand);
    }
    buffer_char(out, '\n');
}

/* subject NULL: the commands of all. */
static void commands_table(struct buffer *out, const char *subject)
{
    const struct subcommand *command;
    for (size_t n = 0; (command = subcommand_at(n)); n++) {
        if (subject && strcmp(subject, command->subject) != 0)
            continue;
        size_t begin = out->len;
        buffer_text(out, "  ");
        name_of(out, command);
        pad(out, out->len - begin);
        buffer_text(out, command->sentence);
        buffer_char(out, '\n');
    }
}

void usage_all(struct buffer *out)
{
    buffer_text(out, "usage: orderctl [--config FILE] [--json] COMMAND ...\n\ncommands:\n");
    commands_table(out, NULL);
    buffer_text(out, "\noptions, anywhere:\n");
    options_table(out, subcommand_global_options);
    buffer_text(out, "\norderctl COMMAND --help tells more about one. See orderctl(8).\n");
}

void usage_subject(struct buffer *out, const char *subject)
{
    buffer_text(out, "usage: orderctl ");
    buffer_text(out, subject);
    buffer_text(out, " COMMAND ...\n\ncommands:\n");
    commands_table(out, subject);
}

void usage_command(struct buffer *out, const struct subcommand *command)
{
    buffer_text(out, "usage: ");
    synopsis(out, command);
    buffer_char(out, '\n');
    buffer_text(out, command->sentence);
    buffer_text(out, ".\n");
    if (command->options) {
        buffer_text(out, "\noptions:\n");
        options_table(out, command->options);
    }
    buffer_text(out, "\noptions, anywhere:\n");
    options_table(out, subcommand_global_options);
}
