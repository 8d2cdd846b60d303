/* See findings.h.
 *
 * The owner of the state looks (root has become that user), so what cannot be read here cannot be
 * read by the service either, and is itself a finding. */
#include "ctl/findings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/owner.h"

static const struct output_column columns[] = {
    {"area", OUTPUT_TEXT},
    {"path", OUTPUT_TEXT},
    {"problem", OUTPUT_TEXT},
    {"hint", OUTPUT_TEXT},
};

#define COLUMN_COUNT (sizeof columns / sizeof *columns)

void findings_begin(struct findings *f, struct arena *arena)
{
    f->arena = arena;
    output_begin(&f->output, arena, "findings", columns, COLUMN_COUNT);
}

void findings_add(
    struct findings *f, const char *area, const char *path, const char *hint, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *problem = arena_vprintf(f->arena, fmt, args);
    va_end(args);
    const struct output_value values[COLUMN_COUNT] = {
        {.text = area},
        {.text = arena_text(f->arena, path)},
        {.text = problem},
        {.text = arena_text(f->arena, hint)},
    };
    output_row(&f->output, values);
}

size_t findings_count(const struct findings *f)
{
    return f->output.row_count;
}

void findings_render(const struct findings *f, bool is_json, struct buffer *out)
{
    static const char *const behind[COLUMN_COUNT] = {": ", ": ", "; ", "\n"};
    if (is_json) {
        output_render_list(&f->output, true, out);
        return;
    }
    for (size_t n = 0; n < f->output.row_count * COLUMN_COUNT; n++) {
        buffer_text(out, output_plain(f->arena, f->output.values[n].text));
        buffer_text(out, behind[n % COLUMN_COUNT]);
    }
}

/* ---- files */

static void expect_owner(struct findings *f, const char *area, const char *path, uid_t uid,
    const struct expected *expected)
{
    bool is_fine = uid == geteuid() || expected->owner == OWNER_ANYBODY ||
                   (uid == 0 && expected->owner == OWNER_OURS_OR_ROOT);
    if (is_fine)
        return;
    char is[OWNER_NAME_SIZE], should[OWNER_NAME_SIZE];
    owner_name(is, uid);
    owner_name(should, geteuid());
    findings_add(f, area, path, arena_printf(f->arena, "chown %s %s", should, path),
        "belongs to %s, not to %s", is, should);
}

static void expect_mode(struct findings *f, const char *area, const char *path, mode_t mode,
    const struct expected *expected)
{
    mode &= 07777;
    if (!(mode & expected->forbidden))
        return;
    findings_add(f, area, path,
        arena_printf(f->arena, "chmod %04o %s", (unsigned)(mode & ~expected->forbidden), path),
        "its mode %04o gives too much to others", (unsigned)mode);
}

static void expect_access(
    struct findings *f, const char *area, const char *path, const struct expected *expected)
{
    static const struct {
        int wish;
        const char *word;
        const char *bit;
    } wishes[] = {{R_OK, "read", "r"}, {W_OK, "write", "w"}, {X_OK, "pass through", "x"}};
    char name[OWNER_NAME_SIZE];
    owner_name(name, geteuid());
    for (size_t n = 0; n < sizeof wishes / sizeof *wishes; n++) {
        if (!(expected->access & wishes[n].wish) ||
            faccessat(AT_FDCWD, path, wishes[n].wish, AT_EACCESS) == 0)
            continue;
        findings_add(f, area, path, arena_printf(f->arena, "chmod u+%s %s", wishes[n].bit, path),
            "%s cannot %s it: %s", name, wishes[n].word, strerror(errno));
    }
}

bool findings_expect(
    struct findings *f, const char *area, const char *path, const struct expected *expected)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT || !expected->may_be_missing)
            findings_add(
                f, area, path, "see that it exists and can be reached", "%s", strerror(errno));
        return false;
    }
    if (expected->is_folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
        findings_add(f, area, path, "move it away",
            expected->is_folder ? "is no folder" : "is no regular file");
        return false;
    }
    expect_owner(f, area, path, st.st_uid, expected);
    expect_mode(f, area, path, st.st_mode, expected);
    expect_access(f, area, path, expected);
    return true;
}
