/* What the tests of the store share: jobs that wait in threads of their own, a gate that holds the
 * committer up until enough of them wait, and a few units. */
#ifndef ORDERD_TESTS_STORE_RIG_H
#define ORDERD_TESTS_STORE_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/store.h"

/* Writes the setting kN, then does what it was told. */
struct put {
    int n;
    size_t len;     /* of the value; 0: 8 bytes */
    enum err own;   /* what it returns */
    bool is_broken; /* breaks a constraint after that, and hides it */
    bool
        is_too_big; /* lets the database grow by a little only, and then needs more, and hides it */
    atomic_int runs;
};
enum err put_unit(struct db *, void *arg); /* arg: a struct put */
/* How many of the settings kN are there, and is that one? Seen from outside. */
int64_t put_count(void);
bool put_is_there(int n);

struct job {
    struct store *store;
    enum store_class class;
    store_unit *apply;
    void *arg;
    int64_t deadline_ms;
    enum err result;
    pthread_t thread;
};
/* A STORE_BEGIN with rig_soon() */
struct job job_of(struct store *, store_unit *, void *arg);
void job_start(struct job *); /* and waits until it is queued behind those that were before */
enum err job_join(struct job *);

/* Holds orders.write, as a tool would: what is started before it is opened waits, and is one group
 * then. */
struct gate {
    int fd;
};
void gate_shut(struct gate *);
void gate_open(struct gate *);

/* Runs them as one group, and joins them. */
void jobs_run(struct job *, int count);

void wait_until_waiting(int64_t count);
void wait_until_degraded(struct store *, bool is_degraded);

/* The number of the committer's thread, from /proc. */
int committer_thread(void);

#endif
