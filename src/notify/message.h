/* The mail that a record becomes: RFC 5322, MIME, UTF-8; lines end with LF. The same record always
 * gives the same mail, so a repeated delivery is one that a reader can recognise (Message-ID). */
#ifndef ORDERD_NOTIFY_MESSAGE_H
#define ORDERD_NOTIFY_MESSAGE_H

#include <stddef.h>

#include "core/error.h"

struct arena;
struct record;

struct message_options {
    const char *from;
    const char *from_name; /* "": none */
    const char *domain;    /* right-hand side of the Message-ID */
};

/* Once a program, before and after all others here. */
void message_init(void);
void message_fini(void);

/* ERR_CONFIG: no mail could be made with these. */
enum err message_check(const struct message_options *, struct fault *);

/* *bytes is in the arena, with a NUL that *len does not count. ERR_REFUSED: this record will never
 * be a mail (unknown kind, a recipient that no mail can be addressed to). */
enum err message_render(const struct message_options *, const struct record *, struct arena *,
    const char **bytes, size_t *len, struct fault *);

#endif
