/* A small service behind http/fastcgi for the tests: what it answers is told by the path.
 *
 *   /echo   quick: what arrived, as text
 *   /hold   quick, but only after service_release()
 *   /slow   handed to a slow worker, answered at once
 *   /wait   handed to a slow worker, answered after service_release()
 *   /size   quick: an answer of as many bytes as the query says, head and all
 *   /none   quick: 204 */
#ifndef ORDERD_TESTS_SERVICE_H
#define ORDERD_TESTS_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "http/fastcgi.h"

struct service {
    const char *path; /* of the socket */
    struct fastcgi_options options;
    struct fastcgi *fastcgi; /* NULL: not running */
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool is_released;
    atomic_int dispatched; /* requests that a handler saw */
    atomic_int held;       /* those of them that wait for the release */
    atomic_int overloads;
};

/* Blocks all signals, makes a socket in a fresh folder, and sensible options to be changed. */
void service_init(struct service *);
void service_start(struct service *);
void service_release(struct service *);
void service_stop(struct service *, int timeout_ms); /* harmless when it does not run */
void service_fini(struct service *);

/* Wait for it. */
void service_await_held(struct service *, int count);
void service_await_connections(int count);

#endif
