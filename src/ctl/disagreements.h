/* What reconcile found: a line each, with the ids it is about and a hint. */
#ifndef ORDERD_CTL_DISAGREEMENTS_H
#define ORDERD_CTL_DISAGREEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

#include "ctl/output.h"

struct disagreement {
    const char *area; /* "payment", "mail" */
    const char *kind; /* a word for programs: "not_captured" */
    int64_t order_id; /* 0: none */
    const char *uid;  /* of the payment or the mail; NULL: none */
    const char *problem;
    const char *hint;
};

struct disagreements {
    struct arena *arena;
    struct disagreement *list;
    size_t count;
    size_t cap;
};

void disagreements_begin(struct disagreements *, struct arena *);

/* area, kind and hint are borrowed, the others copied. */
void disagreements_add(struct disagreements *, const struct disagreement *);

/* Drops each one that an earlier look did not find, of the same kind and about the same ids. */
void disagreements_keep_lasting(struct disagreements *, const struct disagreements *earlier);

/* As rows for JSON, or "AREA: order 17, UID: problem; hint" lines. */
void disagreements_list(const struct disagreements *, struct output *);
void disagreements_render(const struct disagreements *, struct buffer *);

#endif
