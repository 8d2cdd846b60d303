/* The bounded queue from the quick workers to the slow ones. */
#ifndef ORDERD_HTTP_HANDOVER_H
#define ORDERD_HTTP_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct connection;

struct handover {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct connection **ring;
    size_t size;
    size_t first;
    size_t count;
    bool is_closed;
};

void handover_init(struct handover *, size_t size);
void handover_fini(struct handover *); /* must be empty */

/* False: it is full. Otherwise the connection is the taker's. */
bool handover_put(struct handover *, struct connection *);

/* Waits. NULL: closed, and nothing is left in it. */
struct connection *handover_take(struct handover *);

/* Wakes all that wait. */
void handover_close(struct handover *);

#endif
