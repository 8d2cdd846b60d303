/* First in, first out. Its one difficulty is that it must say no at once: a quick worker never
 * waits for room.
 *
 * Owns the ring. Never touches a connection. */
#include "http/handover.h"

#include <assert.h>
#include <stdlib.h>

#include "core/arena.h"

void handover_init(struct handover *handover, size_t size)
{
    *handover = (struct handover){.size = size, .ring = xarray(size, sizeof *handover->ring)};
    pthread_mutex_init(&handover->lock, NULL);
    pthread_cond_init(&handover->filled, NULL);
}

void handover_fini(struct handover *handover)
{
    assert(!handover->count);
    free(handover->ring);
    pthread_cond_destroy(&handover->filled);
    pthread_mutex_destroy(&handover->lock);
}

bool handover_put(struct handover *handover, struct connection *connection)
{
    pthread_mutex_lock(&handover->lock);
    bool has_room = handover->count < handover->size;
    if (has_room) {
        handover->ring[(handover->first + handover->count) % handover->size] = connection;
        handover->count++;
        pthread_cond_signal(&handover->filled);
    }
    pthread_mutex_unlock(&handover->lock);
    return has_room;
}

struct connection *handover_take(struct handover *handover)
{
    struct connection *taken = NULL;
    pthread_mutex_lock(&handover->lock);
    while (!handover->count && !handover->is_closed)
        pthread_cond_wait(&handover->filled, &handover->lock);
    if (handover->count) {
        taken = handover->ring[handover->first];
        handover->first = (handover->first + 1) % handover->size;
        handover->count--;
    }
    pthread_mutex_unlock(&handover->lock);
    return taken;
}

void handover_close(struct handover *handover)
{
    pthread_mutex_lock(&handover->lock);
    handover->is_closed = true;
    pthread_cond_broadcast(&handover->filled);
    pthread_mutex_unlock(&handover->lock);
}
