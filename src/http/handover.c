/* First in, first out, but for a lane that has its share of workers: it lets the other pass. It
 * must say no at once: a quick worker never waits for room.
 *
 * Owns the rings. Never touches a connection. */
#include "http/handover.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "core/arena.h"

struct handover_entry {
    struct connection *connection;
    uint64_t ticket; /* in the order of all that came */
};

void handover_init(struct handover *handover, size_t size, int long_max)
{
    *handover = (struct handover){.size = size};
    for (int i = 0; i < HANDOVER__COUNT; i++)
        handover->lanes[i] = (struct lane){
            .ring = xarray(size, sizeof(struct handover_entry)), .running_max = INT_MAX};
    handover->lanes[HANDOVER_LONG].running_max = long_max;
    pthread_mutex_init(&handover->lock, NULL);
    pthread_cond_init(&handover->filled, NULL);
}

void handover_fini(struct handover *handover)
{
    for (int i = 0; i < HANDOVER__COUNT; i++) {
        assert(!handover->lanes[i].count);
        free(handover->lanes[i].ring);
    }
    pthread_cond_destroy(&handover->filled);
    pthread_mutex_destroy(&handover->lock);
}

bool handover_put(
    struct handover *handover, enum handover_lane number, struct connection *connection)
{
    pthread_mutex_lock(&handover->lock);
    struct lane *lane = &handover->lanes[number];
    bool has_room = lane->count < handover->size;
    if (has_room) {
        lane->ring[(lane->first + lane->count) % handover->size] =
            (struct handover_entry){connection, handover->next_ticket++};
        lane->count++;
    }
    pthread_mutex_unlock(&handover->lock);
    if (has_room)
        pthread_cond_signal(&handover->filled); /* who wakes finds the lock free */
    return has_room;
}

static bool can_be_taken(const struct lane *lane)
{
    return lane->count && lane->running < lane->running_max;
}

/* The lane whose first came first, of those that may be taken from; NULL: there is none. */
static struct lane *next_lane(struct handover *handover)
{
    struct lane *next = NULL;
    for (int i = 0; i < HANDOVER__COUNT; i++) {
        struct lane *lane = &handover->lanes[i];
        if (can_be_taken(lane) &&
            (!next || lane->ring[lane->first].ticket < next->ring[next->first].ticket))
            next = lane;
    }
    return next;
}

/* A long lane that is not empty is emptied before the end: whoever is done wakes the next. */
static bool is_over(const struct handover *handover)
{
    return handover->is_closed && !handover->lanes[HANDOVER_SHORT].count &&
           !handover->lanes[HANDOVER_LONG].count;
}

struct connection *handover_take(struct handover *handover, enum handover_lane *number)
{
    struct connection *taken = NULL;
    struct lane *lane;
    pthread_mutex_lock(&handover->lock);
    while (!(lane = next_lane(handover)) && !is_over(handover))
        pthread_cond_wait(&handover->filled, &handover->lock);
    if (lane) {
        taken = lane->ring[lane->first].connection;
        lane->first = (lane->first + 1) % handover->size;
        lane->count--;
        lane->running++;
        *number = (enum handover_lane)(lane - handover->lanes);
    }
    if (is_over(handover))
        pthread_cond_broadcast(&handover->filled);
    pthread_mutex_unlock(&handover->lock);
    return taken;
}

void handover_done(struct handover *handover, enum handover_lane number)
{
    pthread_mutex_lock(&handover->lock);
    handover->lanes[number].running--;
    bool can_go_on = can_be_taken(&handover->lanes[number]);
    pthread_mutex_unlock(&handover->lock);
    if (can_go_on)
        pthread_cond_signal(&handover->filled);
}

void handover_close(struct handover *handover)
{
    pthread_mutex_lock(&handover->lock);
    handover->is_closed = true;
    pthread_cond_broadcast(&handover->filled);
    pthread_mutex_unlock(&handover->lock);
}
