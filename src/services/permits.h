/* So many at once, and the others in the order in which they came. */
#ifndef ORDERD_SERVICES_PERMITS_H
#define ORDERD_SERVICES_PERMITS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct permit_waiter;

struct permits {
    pthread_mutex_t lock;
    int free; /* 0 while anybody waits */
    TAILQ_HEAD(, permit_waiter) waiters;
};

void permits_init(struct permits *, int count);
void permits_fini(struct permits *); /* all are back, and nobody waits */

/* Takes one, if need be after all who wait already; false: deadline_ms (monotonic) has passed. */
bool permits_take(struct permits *, int64_t deadline_ms);
/* Hands it to whoever has waited longest. */
void permits_return(struct permits *);

#endif
