/* Log lines: logfmt, one line an event, one write(2) a line, or all lines of a request at its end.
 *
 *     time=2026-11-24T15:04:05Z level=info event=order.create request_id=6f.. user_id=3
 * duration_us=812 outcome=ok
 *
 * Values are quoted and escaped where they hold anything but plain characters (control characters,
 * quotes, '=', space, bytes that are not UTF-8), so nothing that a client sends can begin a line or
 * forge a pair. Secrets are never given to it. Any thread may call it. To standard error, or to a
 * file that is rotated by size and count (FILE.1 is the newest old one) and opened again by
 * log_reopen() after logrotate moved it away. */
#ifndef ORDERD_CORE_LOG_H
#define ORDERD_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct buffer;

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

struct log_options {
    const char *path; /* NULL or "": standard error */
    enum log_level level;
    int64_t rotate_size;  /* bytes; 0: never */
    int64_t rotate_count; /* old files that are kept; 0: none */
};

struct log_pair {
    const char *key;  /* [a-z_]+ */
    const char *text; /* NULL: number counts */
    int64_t number;
};

/* Copies the options. Until it is called, lines go to standard error at level info. May be called
 * again while others write (SIGHUP); on failure nothing has changed. */
enum err log_open(const struct log_options *, struct fault *);
void log_close(void); /* back to standard error */

/* Opens the file anew under its name (SIGUSR1). On failure the old one is kept and the failure
 * logged. */
void log_reopen(void);
void log_set_level(enum log_level);
bool log_enabled(enum log_level);

/* event: [a-z0-9_.-]+, or plain words, which are quoted. pairs end with a NULL key. Lines are cut
 * at 8 KiB (logfmt.h). A line that cannot be written is lost, and counted. */
void log_write(enum log_level, const char *event, const struct log_pair *pairs);

static inline const char *log_text_or_dash(const char *text)
{
    return text ? text : "-";
}

/* The macros a caller uses:
 *
 *     LOG_WARN("spool full", LOG_TEXT("folder", path), LOG_INT("rows", n)); */
#define LOG_TEXT(name, value) ((struct log_pair){.key = (name), .text = log_text_or_dash(value)})
#define LOG_INT(name, value)  ((struct log_pair){.key = (name), .number = (value)})
#define LOG_END               ((struct log_pair){.key = NULL})
#define LOG_AT(level, event, ...)                                                                  \
    log_write((level), (event), (struct log_pair[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define LOG_WARN(...)  LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_INFO(...)  LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* The one emitter of the decorator: what ran, for whom, how long, how it ended. The router,
 * services/action and notify/queue call it; nobody else. kind: "request", "action" or "delivery".
 * fault: its text and decline code are added for failures; may be NULL. Level: info; warn from
 * status 500 on; error for ERR_INTERNAL and ERR_BROKEN. extra: more pairs, or NULL. */
struct log_outcome {
    const char *kind;
    const char *name;       /* "order.create" */
    const char *request_id; /* NULL: none */
    int64_t user_id;        /* 0: none */
    int64_t duration_us;
    enum err outcome;
    const struct fault *fault;
    const struct log_pair *extra;
    struct buffer *lines; /* of the request; NULL: the line is written by itself */
    bool is_last;         /* of them: they are written, in one write(2); else it waits there */
};
void log_outcome(const struct log_outcome *);

#endif
