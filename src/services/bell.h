/* A bell: how others wake a background thread, and end it. */
#ifndef ORDERD_SERVICES_BELL_H
#define ORDERD_SERVICES_BELL_H

#include <pthread.h>
#include <stdbool.h>

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_rung;
    bool is_over;
};

/* It is rung at first, so that the thread begins with a look around. */
void bell_init(struct bell *);
void bell_fini(struct bell *);

void bell_ring(struct bell *);
void bell_end(struct bell *); /* for good */
bool bell_is_over(struct bell *);

/* Waits until it is rung, or for timeout_ms; rings that came meanwhile count. Deaf: only time
 * passes, and the ring is kept. False: it is over. */
bool bell_wait(struct bell *, int timeout_ms);
bool bell_wait_deaf(struct bell *, int timeout_ms);

#endif
