/* plain SOCKET THREADS: libfcgi as its manual has it, a thread for each kept connection, which
 * does nothing. A connection that finds no thread is never answered, so there must be more threads
 * than clients. */
#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "nothing.h"

static int listen_fd;

static void *serve(void *arg)
{
    (void)arg;
    FCGX_Request request;
    if (FCGX_InitRequest(&request, listen_fd, 0) != 0)
        errx(EXIT_FAILURE, "FCGX_InitRequest");
    while (FCGX_Accept_r(&request) == 0) {
        nothing_answer(&request);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(EXIT_FAILURE, "usage: plain SOCKET THREADS");
    int threads = nothing_count(argv[2]);
    if (FCGX_Init() != 0)
        errx(EXIT_FAILURE, "FCGX_Init");
    listen_fd = nothing_listen(argv[1]);
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL) != 0)
            errx(EXIT_FAILURE, "pthread_create");
    }
    for (;;)
        pause();
}
