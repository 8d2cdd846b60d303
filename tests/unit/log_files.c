/* See log_files.h. */
#include "log_files.h"

#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"

struct arena arena;
struct fault fault;
static const char *folder;

static void begin(void)
{
    folder = unit_folder();
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
}

static void end(void)
{
    log_close();
    arena_fini(&arena);
}

const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

void open_log(const char *name, int64_t rotate_size, int64_t rotate_count)
{
    struct log_options options = {
        .path = path_of(name),
        .level = LOG_LEVEL_DEBUG,
        .rotate_size = rotate_size,
        .rotate_count = rotate_count,
    };
    ck_assert_int_eq(log_open(&options, &fault), ERR_NONE);
}

/* The file's text; "" if there is none. */
const char *content(const char *name)
{
    char *text;
    size_t len;
    enum err e = file_read(&arena, path_of(name), 1 << 28, &text, &len, NULL);
    if (e == ERR_NOT_FOUND)
        return "";
    ck_assert_int_eq(e, ERR_NONE);
    ck_assert_uint_eq(strlen(text), len);
    return text;
}

bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

/* What follows the time in the only line. */
const char *only_line(const char *name)
{
    const char *text = content(name);
    const char *newline = strchr(text, '\n');
    ck_assert_msg(newline && !newline[1], "not one line: %s", text);
    ck_assert_int_eq(strncmp(text, "time=2", 6), 0);
    ck_assert_mem_eq(text + 24, "Z ", 2);
    return arena_copy(&arena, text + 26, (size_t)(newline - text - 26));
}

void put(const char *name, const char *text)
{
    ck_assert_int_eq(file_replace(path_of(name), text, strlen(text), 0600, &fault), ERR_NONE);
}

TCase *make_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, end);
    suite_add_tcase(suite, tcase);
    return tcase;
}
