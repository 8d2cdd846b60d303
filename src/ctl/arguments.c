/* See arguments.h.
 *
 * The difficulty: which options exist is known only once the words before them have named the
 * command, so options of a command stand behind its words, and those of everybody anywhere. Values
 * and operands are never repeated in a message: somebody may have typed a password where it does
 * not belong. */
#include "ctl/arguments.h"

#include <assert.h>
#include <string.h>

#include "ctl/subcommand.h"
#include "ctl/ctl.h"

struct parser {
    struct ctl *ctl;
    struct arguments *out;
    char *const *argv;  /* what is still to be read; NULL behind the last */
    bool is_words_only; /* "--" was read */
    bool is_config_given;
};

#define WRONG(p, ...) fail(&(p)->ctl->fault, ERR_BAD_REQUEST, NULL, __VA_ARGS__)

static const struct subcommand_option *find_option(
    const struct subcommand_option *list, const char *name, size_t len)
{
    for (; list && list->name; list++)
        if (strlen(list->name) == len && memcmp(list->name, name, len) == 0)
            return list;
    return NULL;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; *at && len;) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, value, len) == 0)
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

/* The value of --name=value or of the next word. */
static enum err take_value(struct parser *p, const struct subcommand_option *option,
    const char *inline_value, const char **out)
{
    if (!option->value) {
        if (inline_value)
            return WRONG(p, "--%s takes no value", option->name);
        *out = "";
        return ERR_NONE;
    }
    *out = inline_value ? inline_value : *p->argv;
    if (!*out)
        return WRONG(p, "--%s wants a value", option->name);
    if (!inline_value)
        p->argv++;
    if (option->choices && !is_choice(option->choices, *out))
        return WRONG(p, "--%s must be one of: %s", option->name, option->choices);
    return ERR_NONE;
}

static enum err set_global(
    struct parser *p, const struct subcommand_option *option, const char *value)
{
    struct ctl *ctl = p->ctl;
    if (strcmp(option->name, "help") == 0) {
        p->out->wish = ARGUMENTS_HELP;
    } else if (strcmp(option->name, "version") == 0) {
        if (p->out->wish != ARGUMENTS_HELP)
            p->out->wish = ARGUMENTS_VERSION;
    } else if (strcmp(option->name, "json") == 0) {
        if (ctl->is_json)
            return WRONG(p, "--%s is given twice", option->name);
        ctl->is_json = true;
    } else {
        assert(strcmp(option->name, "config") == 0);
        if (p->is_config_given)
            return WRONG(p, "--%s is given twice", option->name);
        p->is_config_given = true;
        ctl->config_path = value;
    }
    return ERR_NONE;
}

static enum err set_own(struct parser *p, const struct subcommand_option *option, const char *value)
{
    size_t n = (size_t)(option - p->ctl->command->options);
    assert(n < CTL_OPTIONS_MAX);
    if (p->ctl->values[n])
        return WRONG(p, "--%s is given twice", option->name);
    p->ctl->values[n] = value;
    return ERR_NONE;
}

static const struct subcommand_option *find_letter(
    const struct subcommand_option *list, char letter)
{
    for (; list && list->name; list++)
        if (list->letter == letter)
            return list;
    return NULL;
}

/* -c FILE: letters are those of the options that stand anywhere, and never bundled. */
static enum err take_letter(struct parser *p, const char *word)
{
    const struct subcommand_option *option =
        word[2] ? NULL : find_letter(subcommand_global_options, word[1]);
    if (!option)
        return WRONG(p, "unknown option %.2s", word);
    const char *value = NULL;
    enum err e = take_value(p, option, NULL, &value);
    return e ? e : set_global(p, option, value);
}

static enum err take_option(struct parser *p, const char *word)
{
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const char *inline_value = name[len] ? name + len + 1 : NULL;
    const struct subcommand_option *own =
        find_option(p->ctl->command ? p->ctl->command->options : NULL, name, len);
    const struct subcommand_option *option =
        own ? own : find_option(subcommand_global_options, name, len);
    if (!option)
        return WRONG(p, "unknown option --%.*s%s", len < 32 ? (int)len : 32, name,
            p->ctl->command ? "" : " (the options of a command stand behind it)");
    const char *value = NULL;
    enum err e = take_value(p, option, inline_value, &value);
    if (e)
        return e;
    return own ? set_own(p, option, value) : set_global(p, option, value);
}

static enum err take_subject(struct parser *p, const char *word)
{
    if (!subcommand_has_subject(word))
        return WRONG(p, "unknown command %.32s", word);
    p->out->subject = word;
    p->ctl->command = subcommand_find(word, NULL);
    return ERR_NONE;
}

static enum err take_word(struct parser *p, const char *word)
{
    if (!p->out->subject)
        return take_subject(p, word);
    if (!p->ctl->command) {
        p->ctl->command = subcommand_find(p->out->subject, word);
        return p->ctl->command ? ERR_NONE
                               : WRONG(p, "unknown command %s %.32s", p->out->subject, word);
    }
    if (!p->ctl->command->operand)
        return WRONG(p, "more words than the command takes");
    if (p->ctl->operand)
        return WRONG(p, "exactly one %s is wanted", p->ctl->command->operand);
    p->ctl->operand = word;
    return ERR_NONE;
}

static enum err take(struct parser *p)
{
    const char *word = *p->argv++;
    if (p->is_words_only || word[0] != '-' || word[1] == '\0')
        return take_word(p, word);
    if (strcmp(word, "--") == 0) {
        p->is_words_only = true;
        return ERR_NONE;
    }
    return word[1] == '-' ? take_option(p, word) : take_letter(p, word);
}

/* All is read: is anything missing? */
static enum err check_complete(struct parser *p)
{
    const struct subcommand *command = p->ctl->command;
    if (!p->out->subject)
        return WRONG(p, "no command");
    if (!command)
        return WRONG(p, "%s what?", p->out->subject);
    const struct subcommand_option *options = command->options;
    for (size_t n = 0; options && options[n].name; n++)
        if (options[n].is_required && !p->ctl->values[n])
            return WRONG(p, "--%s is missing", options[n].name);
    if (command->operand && !p->ctl->operand)
        return WRONG(p, "%s is missing", command->operand);
    return ERR_NONE;
}

enum err arguments_parse(struct ctl *ctl, int argc, char *const *argv, struct arguments *out)
{
    *out = (struct arguments){.wish = ARGUMENTS_RUN};
    struct parser p = {.ctl = ctl, .out = out, .argv = argc > 0 ? argv + 1 : argv};
    while (*p.argv) {
        enum err e = take(&p);
        if (e)
            return e;
    }
    return out->wish == ARGUMENTS_RUN ? check_complete(&p) : ERR_NONE;
}
