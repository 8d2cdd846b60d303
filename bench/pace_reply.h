/* An HTTP/1.1 answer as it comes in: only where it ends, and its status, matter. */
#ifndef ORDERD_BENCH_PACE_REPLY_H
#define ORDERD_BENCH_PACE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum reply_state {
    REPLY_MORE,
    REPLY_DONE,
    REPLY_BROKEN, /* no answer that ends where its Content-Length says */
};

struct reply {
    char head[8192];
    size_t head_len;
    size_t body_left;
    int status;   /* 0: the head is not there yet */
    bool is_last; /* the server closes the connection */
};

void reply_begin(struct reply *);
enum reply_state reply_take(struct reply *, const char *bytes, size_t len);

#endif
