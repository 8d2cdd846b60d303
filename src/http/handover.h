/* The bounded queue from the quick workers to the slow ones, in two lanes.
 *
 * What may have to wait for long (for somebody outside) has a lane of its own, and only so many
 * workers at once: then some are always left for the others. */
#ifndef ORDERD_HTTP_HANDOVER_H
#define ORDERD_HTTP_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

enum handover_lane {
    HANDOVER_SHORT,
    HANDOVER_LONG,
    HANDOVER__COUNT
};

struct lane {
    struct handover_entry *ring;
    size_t first;
    size_t count;
    int running; /* taken, not done */
    int running_max;
};

struct handover {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    size_t size; /* of each lane */
    struct lane lanes[HANDOVER__COUNT];
    uint64_t next_ticket;
    bool is_closed;
};

/* size: connections that may wait in each lane; long_max: of the long one that may be worked on at
 * once. */
void handover_init(struct handover *, size_t size, int long_max);
void handover_fini(struct handover *); /* must be empty */

/* False: the lane is full. Otherwise the connection is the taker's. */
bool handover_put(struct handover *, enum handover_lane, struct connection *);

/* Waits. NULL: closed, and nothing is left in it. */
struct connection *handover_take(struct handover *, enum handover_lane *);

/* What was taken from that lane is answered. */
void handover_done(struct handover *, enum handover_lane);

/* Wakes all that wait. */
void handover_close(struct handover *);

#endif
