/* The listening socket in the epoll set: connections come in here, one an event. */
#ifndef ORDERD_HTTP_LISTENER_H
#define ORDERD_HTTP_LISTENER_H

#include <pthread.h>
#include <stdbool.h>

#include "core/error.h"
#include "http/connection.h"

struct listener {
    struct connections *connections;
    int epoll_fd;
    int timeout_ms; /* of one read or write on a connection */
    int fd;         /* the caller's; never shut down: a successor may share it */
    int timer_fd;   /* ends the pause after an accept that failed */
    int spare_fd;   /* becomes the next connection's second descriptor; -1: none at hand */
    bool is_tcp;
    pthread_mutex_t lock; /* of what follows, of spare_fd, and of accept(2) */
    bool is_paused;
    bool is_stopped;
    bool is_failing; /* and that has been logged */
};

void listener_init(struct listener *, struct connections *, int epoll_fd, int timeout_ms);
void listener_fini(struct listener *);

/* Events carry the listener for the socket, and &listener->timer_fd for the timer. */
enum err listener_open(struct listener *, int fd, struct fault *);

/* On an event of the socket: takes one connection, and arms the socket again unless there is no
 * room for more, or no descriptor. */
void listener_accept(struct listener *);
/* When a connection has ended, and on an event of the timer: there may be room again. */
void listener_resume(struct listener *);
/* Has somebody connected who was not taken yet? */
bool listener_has_waiting(const struct listener *);
/* No further connection is taken once this has returned. */
void listener_stop(struct listener *);

#endif
