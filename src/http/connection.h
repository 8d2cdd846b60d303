/* Connections from the web server, and what each is doing. A request, with its arena, belongs to
 * its connection and travels with it from worker to worker. */
#ifndef ORDERD_HTTP_CONNECTION_H
#define ORDERD_HTTP_CONNECTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"
#include "http/exchange.h"
#include "http/request.h"

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_WAITING,   /* armed in the epoll set: no thread has it */
    CONNECTION_READING,   /* a quick worker reads; the watchdog may end it */
    CONNECTION_ANSWERING, /* a request has arrived and is on its way */
};

struct connections;

/* Used by the one thread that has it; state, fd and deadline_ms under the lock. */
struct connection {
    struct connections *pool;
    pthread_mutex_t lock;
    enum connection_state state;
    int fd; /* in the epoll set; the exchange has a duplicate */
    int64_t deadline_ms;
    struct exchange *exchange;
    struct arena arena;
    struct request request;
};

struct connections {
    int epoll_fd;
    pthread_mutex_t lock; /* of what follows; taken with no connection's lock held */
    pthread_cond_t emptied;
    struct connection **all; /* made so far, never freed before _fini */
    size_t made_count;
    size_t max;
    struct connection **idle; /* those of them that are closed */
    size_t idle_count;
    atomic_bool is_cut;
};

void connections_init(struct connections *, int epoll_fd, size_t max);
void connections_fini(struct connections *); /* all are closed */

/* A closed connection to be opened, or NULL: there are max. */
struct connection *connections_take(struct connections *);
void connections_give_back(struct connection *);

/* Ends requests that took too long to arrive, by shutting their connections for reading. */
void connections_watch(struct connections *);
/* The same to all that wait or read, and to the others when they would wait again. */
void connections_cut(struct connections *);
/* False: the deadline has passed, and some are open. */
bool connections_wait_closed(struct connections *, int64_t deadline_ms);

/* Both descriptors of one socket are its own from now on, unless this fails; then nothing is. */
enum err connection_open(struct connection *, int fd, int duplicate_fd, struct fault *);
void connection_read(struct connection *, int64_t deadline_ms);
void connection_answer(struct connection *);
/* Arms it: from now on it may be another thread's. */
void connection_wait(struct connection *);
/* The exchange must have closed its descriptor. */
void connection_close(struct connection *);

#endif
