/* One line of the simulated gateway's ledger:
 *
 *     time=2026-11-24T15:04:05Z event=authorise reference=6f.. amount=2590 currency=EUR
 *
 * event: authorise (capture=refuse behind it where the capture will be refused), decline
 * (code=card_declined), capture, capture_refused, void. Each line says all that is known of its
 * reference, so the last one of a reference is its state. A void of an unknown reference has
 * neither amount nor currency. Payment tokens are secrets and never in it. */
#ifndef ORDERD_GATEWAY_EVENT_H
#define ORDERD_GATEWAY_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

enum event_kind {
    EVENT_NONE, /* never in the file: what is said of a reference without a line */
    EVENT_AUTHORISE,
    EVENT_DECLINE,
    EVENT_CAPTURE,
    EVENT_CAPTURE_REFUSED,
    EVENT_VOID,
    EVENT__COUNT
};

#define EVENT_REFERENCE_SIZE 64 /* [A-Za-z0-9_-]{1,63} */
#define EVENT_CODE_SIZE      64 /* [a-z_]{1,63} */
#define EVENT_LINE_MAX       512

struct event {
    enum event_kind kind;
    char reference[EVENT_REFERENCE_SIZE];
    int64_t amount_minor;
    char currency[4];           /* "": neither amount nor currency is known */
    bool capture_refused;       /* authorise: the capture will be */
    char code[EVENT_CODE_SIZE]; /* decline */
};

bool event_is_reference(const char *);
bool event_is_currency(const char *);

/* Appends the line, with its newline. at: unix seconds. */
void event_write(const struct event *, int64_t at, struct buffer *);

/* False: not a line that event_write() makes (the newline is not part of it). */
bool event_parse(const char *line, size_t len, struct event *out);

#endif
