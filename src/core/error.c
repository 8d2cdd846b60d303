/* The first cause wins: a fault is written once, where something is known, and what fails after it
 * (a clean-up, a roll-back) must not hide it. The exception are offending fields, which are
 * collected.
 *
 * Owns the table of codes. Never decides what a client sees: http/problem does, by the table. */
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"

static const struct err_info infos[ERR__COUNT] = {
    [ERR_NONE] = {"ok", "", 200, "", ""},
#define ERROR(code, name, problem, status, title, text)                                            \
    [ERR_##code] = {name, problem, status, title, text},
#include "core/error.def"
#undef ERROR
};

const struct err_info *err_info(enum err code)
{
    if ((unsigned)code >= ERR__COUNT)
        code = ERR_INTERNAL;
    return &infos[code];
}

void fault_begin(struct fault *fault, struct arena *arena)
{
    *fault = (struct fault){.arena = arena};
}

void fault_clear(struct fault *fault)
{
    fault_begin(fault, fault->arena);
}

static bool is_power_of_two(size_t n)
{
    return (n & (n - 1)) == 0;
}

/* The list doubles at each power of two, so its capacity need not be stored. */
static void add_field(struct fault *fault, const char *field, const char *message)
{
    size_t count = fault->field_count;
    if (count == FAULT_FIELDS_MAX)
        return;
    if (is_power_of_two(count)) {
        struct fault_field *more =
            arena_array(fault->arena, count ? 2 * count : 1, sizeof *fault->fields);
        if (count)
            memcpy(more, fault->fields, count * sizeof *more);
        fault->fields = more;
    }
    fault->fields[fault->field_count++] =
        (struct fault_field){.field = arena_text(fault->arena, field), .message = message};
}

/* Without an arena: into the fault itself, cut to its size. */
__attribute__((format(printf, 3, 0))) static void keep_spare(
    struct fault *fault, const char *field, const char *fmt, va_list args)
{
    int used = 0;
    if (field && *field)
        used = snprintf(fault->spare, sizeof fault->spare, "%s: ", field);
    if (used >= 0 && (size_t)used < sizeof fault->spare)
        (void)vsnprintf(fault->spare + used, sizeof fault->spare - (size_t)used, fmt, args);
    fault->text = fault->spare;
}

__attribute__((format(printf, 4, 0))) static void record(
    struct fault *fault, enum err code, const char *field, const char *fmt, va_list args)
{
    bool is_first = fault->code == ERR_NONE;
    bool is_more = field && fault->arena && fault->code == code;
    if (!is_first && !is_more)
        return;
    fault->code = code;
    if (!fault->arena)
        keep_spare(fault, field, fmt, args);
    else if (field)
        add_field(fault, field, arena_vprintf(fault->arena, fmt, args));
    else
        fault->text = arena_vprintf(fault->arena, fmt, args);
}

enum err fail(struct fault *fault, enum err code, const char *field, const char *fmt, ...)
{
    if (!fault)
        return code;
    va_list args;
    va_start(args, fmt);
    record(fault, code, field, fmt, args);
    va_end(args);
    return code;
}

enum err fail_errno(struct fault *fault, enum err code, const char *fmt, ...)
{
    int cause = errno;
    if (code == ERR_IO && (cause == ENOSPC || cause == EDQUOT))
        code = ERR_FULL;
    if (!fault)
        return code;
    char what[sizeof fault->spare];
    char words[128];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return fail(fault, code, NULL, "%s: %s", what, strerror_r(cause, words, sizeof words));
}
