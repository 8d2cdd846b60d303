/* On whose behalf something runs: passed down from the request (or a background thread) to every
 * verb. */
#ifndef ORDERD_CORE_CONTEXT_H
#define ORDERD_CORE_CONTEXT_H

#include <stdint.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"

struct context {
    struct arena *arena;    /* lives as long as the request */
    struct fault fault;     /* the first cause of a failure */
    const char *request_id; /* on every log line; never NULL */
    const char *client;     /* address of the client (REMOTE_ADDR), or "" */
    const char *subject;    /* what it is about, for the log: an attempt's uid; NULL: nothing */
    int64_t user_id;        /* 0 until a token was verified */
    struct buffer *lines;   /* its log lines, written at its end; NULL: each is written at once */
    int worker; /* which reader of the store is ours: a quick worker's number, or -1 for a shared
                   one */
};

/* request_id is borrowed. */
static inline void context_begin(struct context *ctx, struct arena *arena, const char *request_id)
{
    *ctx = (struct context){.arena = arena, .request_id = request_id, .client = "", .worker = -1};
    fault_begin(&ctx->fault, arena);
}

#endif
