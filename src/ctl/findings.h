/* What check found: a line each, with a hint how to mend it. */
#ifndef ORDERD_CTL_FINDINGS_H
#define ORDERD_CTL_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/arena.h"
#include "core/buffer.h"

#include "ctl/output.h"

struct findings {
    struct arena *arena;
    struct output output;
};

void findings_begin(struct findings *, struct arena *);

/* area: "keys"; path: what it is about; hint: an imperative; problem last. Strings are copied. */
void findings_add(struct findings *, const char *area, const char *path, const char *hint,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

size_t findings_count(const struct findings *);

/* {"findings": [...]}, or "AREA: PATH: problem; hint" lines. */
void findings_render(const struct findings *, bool is_json, struct buffer *);

enum expected_owner {
    OWNER_OURS,
    OWNER_OURS_OR_ROOT,
    OWNER_ANYBODY,
};

/* What a file or folder must be like. */
struct expected {
    bool is_folder;
    bool may_be_missing;
    enum expected_owner owner;
    mode_t forbidden; /* permissions that it must not give */
    int access;       /* what we must be able to do with it: R_OK, W_OK, X_OK */
};

/* Adds what is wrong with it. True: it is there and of that kind, whatever else was found. */
bool findings_expect(
    struct findings *, const char *area, const char *path, const struct expected *);

#endif
