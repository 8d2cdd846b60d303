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
    int e = pthread_mutex_init(&handover->lock, NULL);
    assert(e == 0);
    e = pthread_cond_init(&handover->filled, NULL);
    assert(e == 0);
}

void handover_fini(struct handover *handover)
{
    assert(!handover->count);
    free(handover->ring);
    pthread_cond_destroy(&handover->filled);
    pthread_mutex_destroy(&handover->lock);
}

static void lock(struct handover *handover)
{
    int e = pthread_mutex_lock(&handover->lock);
    assert(e == 0);
}

static void unlock(struct handover *handover)
{
    int e = pthread_mutex_unlock(&handover->lock);
    assert(e == 0);
}

bool handover_put(struct handover *handover, struct connection *connection)
{
    lock(handover);
    bool has_room = handover->count < handover->size;
    if (has_room) {
        handover->ring[(handover->first + handover->count) % handover->size] = connection;
        handover->count++;
        pthread_cond_signal(&handover->filled);
    }
    unlock(handover);
    return has_room;
}

struct connection *handover_take(struct handover *handover)
{
    struct connection *taken = NULL;
    lock(handover);
    while (!handover->count && !handover->is_closed)
        pthread_cond_wait(&handover->filled, &handover->lock);
    if (handover->count) {
        taken = handover->ring[handover->first];
        handover->first = (handover->first + 1) % handover->size;
        handover->count--;
    }
    unlock(handover);
    return taken;
}

void handover_close(struct handover *handover)
{
    lock(handover);
    handover->is_closed = true;
    pthread_cond_broadcast(&handover->filled);
    unlock(handover);
}
