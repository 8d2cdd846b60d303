/* The queue between those who call store_write() and the committer.
 *
 * A unit lives on its caller's stack. While it is queued its caller may still withdraw it; once it
 * is taken the committer alone decides when it comes back. First in, first out. */
#ifndef ORDERD_DB_COMMIT_QUEUE_H
#define ORDERD_DB_COMMIT_QUEUE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "db/store.h"

struct commit_unit {
    store_unit *apply;
    void *arg;
    /* Atomic for thread checkers, which do not all know sem_clockwait(). */
    _Atomic(enum err) result;
    bool is_alone; /* was in a group that came to nothing: shares no transaction any more */
    bool is_taken;
    bool is_overdue; /* its deadline passed while it was taken: it is not queued again */
    sem_t done;      /* its own, so that nobody wakes for another's unit */
    TAILQ_ENTRY(commit_unit) link;
};

struct commit_queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled; /* or closed */
    TAILQ_HEAD(, commit_unit) units;
    size_t len;
    size_t max;
    bool is_closed;
    atomic_size_t callers; /* inside commit_queue_run() */
};

void commit_queue_init(struct commit_queue *, size_t max);
/* Closed, or never used. Waits until the last caller has come back; asserts that it is empty. */
void commit_queue_fini(struct commit_queue *);

/* The caller's side: see store_write(). */
enum err commit_queue_run(
    struct commit_queue *, enum store_class, store_unit *, void *arg, int64_t deadline_ms);

/* The committer's side, by one thread only. */
enum commit_event {
    COMMIT_UNITS,
    COMMIT_TIMEOUT,
    COMMIT_CLOSED
};
/* Blocks until there are units, or until deadline_ms (0: for ever), or until it is closed and
 * empty. */
enum commit_event commit_queue_wait(struct commit_queue *, int64_t deadline_ms);
bool commit_queue_is_empty(struct commit_queue *);
/* The next unit for a group that has group_len already; NULL: none, or none that goes with them. */
struct commit_unit *commit_queue_take(struct commit_queue *, size_t group_len);
/* The caller goes on with that result; the unit is gone. */
void commit_queue_settle(struct commit_unit *, enum err result);
/* Back to the head of the queue in their order. alone: each has to run by itself. */
void commit_queue_give_back(struct commit_queue *, struct commit_unit **, size_t count, bool alone);

/* Nothing is queued any more after this; what is queued is still run. */
void commit_queue_close(struct commit_queue *);

#endif
