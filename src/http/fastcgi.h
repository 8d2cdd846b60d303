/* HTTP over FastCGI: connections, workers, and libfcgi behind one epoll set.
 *
 * A worker only gets a connection that has something to read, so an idle kept connection holds no
 * thread and no client starves. Quick workers read every request to its end and answer what they
 * can; what waits for something else is handed over, whole, to a slow worker through a bounded
 * queue. Whoever answered finishes the request and arms the connection again.
 *
 * The parts: listener (accepts), connection (what each is doing), exchange (libfcgi: the requests
 * and answers of one connection), worker (the threads), handover (the queues between them). */
#ifndef ORDERD_HTTP_FASTCGI_H
#define ORDERD_HTTP_FASTCGI_H

#include <stdint.h>

#include "core/error.h"
#include "http/request.h"

enum fastcgi_next {
    FASTCGI_ANSWERED, /* the response is complete */
    FASTCGI_SLOW,     /* wants a slow worker */
    FASTCGI_LONG,     /* the same, and may hold it for long: at most long_workers at once do */
};

struct fastcgi_handlers {
    enum fastcgi_next (*quick)(void *arg, struct request *);
    void (*slow)(void *arg, struct request *);     /* must answer */
    void (*overload)(void *arg, struct request *); /* no room for a slow request: answers 503 */
    void *arg;
};

struct fastcgi_options {
    int listen_fd; /* owned by the caller, listening */
    /* Path of a socket that is ours alone: removed at the stop, so that what has connected by then
     * is all that will come. NULL: a successor shares the socket, and takes the rest. */
    const char *path;
    int quick_workers;
    int slow_workers;
    int long_workers; /* of them; 0: all but one. One is left to the others, if there are two */
    int queue_max;    /* that wait for a slow worker, of either kind */
    int connections_max;
    size_t body_max;
    int read_timeout_ms;    /* one read */
    int request_timeout_ms; /* a whole request, until it has arrived */
};

struct fastcgi;

/* Starts the workers. All signals must be blocked already. */
enum err fastcgi_open(struct fastcgi **, const struct fastcgi_options *,
    const struct fastcgi_handlers *, struct fault *);

/* Once a second, from main: ends requests that take too long to arrive. */
void fastcgi_watch(struct fastcgi *);

/* Orderly: takes no new connection (see path), answers what the web server has sent, waits up to
 * timeout_ms for it to let go of its connections, then shuts the rest for reading, answers what is
 * still readable, joins all threads and frees. */
void fastcgi_close(struct fastcgi *, int timeout_ms);

/* A listening UNIX socket: binds path (a stale one is replaced, a live one is ERR_BUSY), mode,
 * group ("" keeps). */
enum err fastcgi_listen(
    const char *path, int mode, const char *group, int backlog, int *fd, struct fault *);
/* Was one handed over? Descriptor 0 being a listening socket (spawn-fcgi, lighttpd), or LISTEN_PID
 * and LISTEN_FDS=1 (systemd, sd_listen_fds(3)). -1: no. Unsets the variables. */
int fastcgi_inherited(void);

#endif
