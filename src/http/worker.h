/* The threads: quick workers run the loop and answer what they can, slow ones answer the rest. */
#ifndef ORDERD_HTTP_WORKER_H
#define ORDERD_HTTP_WORKER_H

#include <pthread.h>

#include "http/connection.h"
#include "http/fastcgi.h"
#include "http/handover.h"
#include "http/listener.h"

struct worker {
    struct fastcgi *fastcgi;
    int number; /* of a quick one; -1 of a slow one */
    pthread_t thread;
};

struct fastcgi {
    struct fastcgi_options options;
    struct fastcgi_handlers handlers;
    int epoll_fd;
    int stop_fd; /* an eventfd; readable: the quick workers end */
    struct connections connections;
    struct listener listener;
    struct handover handover;
    struct worker *workers; /* the quick ones first */
    size_t worker_count;    /* started */
};

/* For pthread_create(3); arg is the struct worker. */
void *worker_quick(void *arg);
void *worker_slow(void *arg);

#endif
