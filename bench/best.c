/* best SOCKET THREADS: libfcgi behind one epoll set, with a few threads, which does nothing. What
 * orderd's own loop could be at its best: each connection armed for one event, a batch of one. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nothing.h"

static int listen_fd;
static int epoll_fd;

static void arm(int operation, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = tag};
    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0)
        nothing_fail("epoll_ctl");
}

static void accept_one(void)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    arm(EPOLL_CTL_MOD, listen_fd, NULL);
    if (fd < 0 && errno == ECONNABORTED)
        return;
    FCGX_Request *request = malloc(sizeof *request);
    if (fd < 0 || !request || FCGX_InitRequest(request, -1, 0) != 0)
        nothing_fail("accept");
    request->ipcFd = fd;
    request->keepConnection = 1; /* or FCGX_Accept_r begins by closing it */
    arm(EPOLL_CTL_ADD, fd, request);
}

static void serve(FCGX_Request *request)
{
    if (FCGX_Accept_r(request) == 0) {
        nothing_answer(request);
        FCGX_Finish_r(request);
        if (request->ipcFd >= 0) {
            arm(EPOLL_CTL_MOD, request->ipcFd, request);
            return;
        }
    }
    FCGX_Free(request, 1);
    free(request);
}

static void *loop(void *arg)
{
    struct epoll_event event;
    for (;;) {
        int count = epoll_wait(epoll_fd, &event, 1, -1);
        if (count < 0 && errno != EINTR)
            nothing_fail("epoll_wait");
        if (count == 1 && event.data.ptr)
            serve(event.data.ptr);
        else if (count == 1)
            accept_one();
    }
    return arg;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(EXIT_FAILURE, "usage: best SOCKET THREADS");
    int threads = nothing_count(argv[2]);
    if (FCGX_Init() != 0)
        errx(EXIT_FAILURE, "FCGX_Init");
    listen_fd = nothing_listen(argv[1]);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        nothing_fail("epoll_create1");
    arm(EPOLL_CTL_ADD, listen_fd, NULL);
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, loop, NULL) != 0)
            errx(EXIT_FAILURE, "pthread_create");
    }
    (void)loop(NULL);
}
