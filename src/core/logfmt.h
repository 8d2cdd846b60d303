/* One line of logfmt, key=value pairs with a newline at the end: log lines and the gateway's
 * ledger.
 *
 * A value is quoted where it holds anything but plain characters; in quotes, '"', '\', control
 * characters, line and direction marks, and bytes that are not UTF-8 are escaped (\n, \t, \", \\,
 * \xNN). So whatever the value is, it can neither end the line nor begin a pair. A line that would
 * grow past its size is cut between two characters of a value, which still gets its quote, and ends
 * with cut=true. */
#ifndef ORDERD_CORE_LOGFMT_H
#define ORDERD_CORE_LOGFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LOGFMT_SIZE 8192

struct logfmt {
    size_t len;
    bool is_cut;
    char data[LOGFMT_SIZE];
};

void logfmt_begin(struct logfmt *);

/* The pairs. key: [a-z_]+, not checked. */
void logfmt_put_text(struct logfmt *, const char *key, size_t key_len, const char *value);
void logfmt_put_int(struct logfmt *, const char *key, size_t key_len, int64_t value);

/* A key is a constant nearly everywhere, and measured by the compiler. */
static inline void logfmt_text(struct logfmt *line, const char *key, const char *value)
{
    logfmt_put_text(line, key, strlen(key), value);
}

static inline void logfmt_int(struct logfmt *line, const char *key, int64_t value)
{
    logfmt_put_int(line, key, strlen(key), value);
}

/* Adds the newline; data and len are then one whole line, without a NUL. */
void logfmt_end(struct logfmt *);

#endif
