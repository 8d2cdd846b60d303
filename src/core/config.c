/* The parser (inih) is lenient: it cuts long lines and long section names, takes an indented line
 * for more of the value above, reports no line numbers and only the first error. So each line is
 * looked at here before the parser gets it: what it would cut is refused, indentation is taken off,
 * and a line that led to no call of the handler is an error.
 *
 * Owns the values. Never ends the process: the caller prints the problems. */
#include "core/config.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/config_values.h"
#include "core/file.h"
#include "core/option.h"
#include "core/text.h"

#define FILE_MAX  1048576
#define LINE_SIZE 4352 /* the longest path, its name and a comment */

struct reading {
    struct config *config;
    const char *path;
    const char *folder;
    const char *at;
    size_t left;
    int line;
    bool expects_pair; /* the parser has the line, and has to call the handler */
    bool is_section_seen;
    bool is_section_known; /* of an unknown one only its first line is reported */
    size_t problem_count;
    struct buffer *problems;
    struct fault *fault;
};

/* line 0: no line is at fault. */
__attribute__((format(printf, 3, 4))) static void add_problem(
    struct reading *r, int line, const char *fmt, ...)
{
    struct arena *arena = &r->config->arena;
    va_list args;
    va_start(args, fmt);
    const char *text = arena_vprintf(arena, fmt, args);
    va_end(args);
    const char *where = line ? arena_printf(arena, ":%d", line) : "";
    text = arena_printf(arena, "%s%s: %s", r->path, where, text);
    r->problem_count++;
    if (!r->problems) {
        (void)fail(r->fault, ERR_CONFIG, NULL, "%s", text); /* the first is better than none */
        return;
    }
    buffer_text(r->problems, text);
    buffer_char(r->problems, '\n');
}

static void set_value(struct reading *r, enum config_option option, const char *text)
{
    const struct option_row *row = &option_rows[option];
    struct config_value *value = &r->config->values[option];
    if (value->line) {
        add_problem(
            r, r->line, "%s.%s is already set in line %d", row->section, row->name, value->line);
        return;
    }
    value->line = r->line;
    if (option_check(row, text, &value->number))
        value->raw = arena_text(&r->config->arena, text);
    else
        add_problem(r, r->line, "%s.%s must be %s", row->section, row->name,
            option_range(row, &r->config->arena));
}

/* The parser's handler. Its result would only tell the parser what add_problem() has noted. */
static int take_pair(void *user, const char *section, const char *name, const char *text)
{
    struct reading *r = user;
    enum config_option option;
    r->expects_pair = !*name;
    if (!*name)
        return 1;
    if (!*section && !r->is_section_seen)
        add_problem(r, r->line, "%s stands before the first [section]", name);
    else if (r->is_section_known && option_find(section, name, &option))
        set_value(r, option, text);
    else if (r->is_section_known)
        add_problem(r, r->line, "there is no option %s in [%s]", name, section);
    return 1;
}

/* "[name]", and behind it nothing but a comment. */
static void look_at_section(struct reading *r, const char *line)
{
    size_t len = strcspn(line + 1, "]");
    const char *name = arena_copy(&r->config->arena, line + 1, len);
    const char *rest = line + 1 + len;
    bool is_closed = *rest == ']';
    rest += is_closed;
    rest += strspn(rest, " \t");
    r->is_section_seen = true;
    r->is_section_known = is_closed && option_is_section(name);
    if (!is_closed)
        add_problem(r, r->line, "the section's ] is missing");
    else if (!r->is_section_known)
        add_problem(r, r->line, "there is no section [%s]", name);
    else if (*rest && !strchr(";#", *rest))
        add_problem(r, r->line, "only a comment may follow [%s]", name);
}

/* False: the parser must not see the line. */
static bool look_at_line(struct reading *r, const char *line, size_t len, size_t size)
{
    bool is_clean = text_is_utf8(line, len);
    for (size_t i = 0; i < len; i++)
        if (line[i] != '\t' && text_has_control(line + i, 1))
            is_clean = false;
    if (!is_clean)
        add_problem(r, r->line, "the line holds bytes that are not text in UTF-8");
    else if (len >= size)
        add_problem(r, r->line, "the line is longer than %zu bytes", size - 1);
    return is_clean && len < size;
}

static void check_expected(struct reading *r)
{
    if (r->expects_pair)
        add_problem(
            r, r->line, "the line is neither \"name = value\" nor a [section] nor a comment");
    r->expects_pair = false;
}

static bool is_space(char c) /* NUL is none, as it would be for strchr() */
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next line off the text, without its end and the space around it. */
static const char *cut_line(struct reading *r, size_t *len)
{
    const char *line = r->at;
    const char *newline = memchr(line, '\n', r->left);
    *len = newline ? (size_t)(newline - line) : r->left;
    r->at += *len + (newline != NULL);
    r->left -= *len + (newline != NULL);
    r->line++;
    while (*len && is_space(line[*len - 1]))
        --*len;
    for (; *len && is_space(*line); --*len)
        line++;
    return line;
}

/* The parser's fgets(). */
static char *next_line(char *out, int size, void *stream)
{
    struct reading *r = stream;
    check_expected(r);
    if (!r->left)
        return NULL;
    size_t len;
    const char *line = cut_line(r, &len);
    if (!look_at_line(r, line, len, (size_t)size))
        len = 0;
    memcpy(out, line, len);
    out[len] = '\0';
    if (*out == '[')
        look_at_section(r, out);
    else
        r->expects_pair = *out && !strchr(";#", *out);
    return out;
}

static void parse(struct reading *r)
{
    /* The library's default is 200 bytes. A variable of its own, always set to the same. */
    ini_max_line = LINE_SIZE;
    int result = ini_parse_stream(next_line, r, take_pair, r);
    if (result && !r->problem_count)
        add_problem(r, result > 0 ? result : 0, "the file cannot be parsed");
}

/* Relative paths are taken from the file's folder, whatever the working folder is. */
static void resolve(struct reading *r, enum config_option option)
{
    const struct option_row *row = &option_rows[option];
    struct config_value *value = &r->config->values[option];
    value->text = value->raw;
    if (row->type != OPTION_PATH || !r->folder || !*value->raw || *value->raw == '/')
        return;
    const char *slash = strcmp(r->folder, "/") ? "/" : "";
    value->text = arena_printf(&r->config->arena, "%s%s%s", r->folder, slash, value->raw);
    if (strlen(value->text) > (size_t)row->max)
        add_problem(r, value->line, "%s.%s is too long with the file's folder before it: %s",
            row->section, row->name, value->text);
}

static void fill_in(struct reading *r)
{
    for (int i = 0; i < OPT__COUNT; i++) {
        struct config_value *value = &r->config->values[i];
        if (!value->raw) {
            value->raw = option_rows[i].value;
            bool is_good = option_check(&option_rows[i], value->raw, &value->number);
            assert(is_good);
        }
        resolve(r, (enum config_option)i);
    }
}

/* False: it is gone. */
static bool find_folder(struct reading *r)
{
    struct arena *arena = &r->config->arena;
    const char *slash = strrchr(r->path, '/');
    const char *name = !slash ? "." : arena_copy(arena, r->path, (size_t)(slash - r->path));
    char real[PATH_MAX];
    if (!realpath(*name ? name : "/", real)) {
        add_problem(r, 0, "cannot find its folder");
        return false;
    }
    r->folder = arena_text(arena, real);
    return true;
}

static void skip_bom(struct reading *r)
{
    if (r->left < 3 || memcmp(r->at, "\xEF\xBB\xBF", 3))
        return;
    r->at += 3;
    r->left -= 3;
}

static void read_file(struct reading *r)
{
    char *text;
    struct fault cause;
    fault_begin(&cause, &r->config->arena);
    if (file_read(&r->config->arena, r->path, FILE_MAX, &text, &r->left, &cause)) {
        add_problem(r, 0, "%s", cause.text);
        return;
    }
    if (!find_folder(r))
        return;
    r->at = text;
    skip_bom(r);
    parse(r);
}

enum err config_open(
    struct config **out, const char *path, struct buffer *problems, struct fault *fault)
{
    struct config *config = xalloc(sizeof *config);
    arena_init(&config->arena, 16384);
    struct reading r = {.config = config, .path = path, .problems = problems, .fault = fault};
    if (path)
        read_file(&r);
    fill_in(&r);
    if (r.problem_count) {
        config_close(config);
        return fail(fault, ERR_CONFIG, NULL, "%s: %zu problem%s", path, r.problem_count,
            r.problem_count == 1 ? "" : "s");
    }
    *out = config;
    return ERR_NONE;
}

void config_close(struct config *config)
{
    if (!config)
        return;
    arena_fini(&config->arena);
    free(config);
}

static const struct config_value *value_of(
    const struct config *config, enum config_option option, unsigned types)
{
    assert(option < OPT__COUNT && types & 1U << option_rows[option].type);
    return &config->values[option];
}

int64_t config_int(const struct config *config, enum config_option option)
{
    return value_of(config, option, 1U << OPTION_INT)->number;
}

bool config_bool(const struct config *config, enum config_option option)
{
    return value_of(config, option, 1U << OPTION_BOOL)->number;
}

const char *config_text(const struct config *config, enum config_option option)
{
    return value_of(config, option, 1U << OPTION_TEXT | 1U << OPTION_PATH | 1U << OPTION_CHOICE)
        ->text;
}

int config_choice(const struct config *config, enum config_option option)
{
    return (int)value_of(config, option, 1U << OPTION_CHOICE)->number;
}
