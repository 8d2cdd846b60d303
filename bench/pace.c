/* pace PORT CONNECTIONS RATE SECONDS FILE FIRST: sends requests at a rate that does not depend on
 * the answers, so that a slow answer does not thin out the load that it is measured under. The time
 * of a request begins when it was due, also where it had to wait for a connection.
 *
 * FILE holds requests, each ended by a NUL; they are sent in turn, with their number, from FIRST
 * on, in the place of MARK. Prints JSON: the statuses that came, and times. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pace_reply.h"
#include "times.h"

#define MARK         "@@@@@@@@@@@@"
#define MARK_LEN     (sizeof MARK - 1)
#define PATIENCE_US  10000000 /* for the last answers */
#define STATUS_MAX   1000
#define CLIENTS_MAX  4096
#define REQUESTS_MAX 65536

struct text {
    char *at;
    size_t len;
    char *mark; /* NULL: no number is in it */
};

struct client {
    int fd;
    int64_t due_us;
    struct reply reply;
};

static struct {
    struct sockaddr_in server;
    int epoll_fd;
    struct text requests[REQUESTS_MAX];
    size_t request_count;
    int64_t number; /* of the next request */
    struct client *clients;
    struct client **idle;
    size_t client_count, idle_count;
    struct times times;
    int64_t statuses[STATUS_MAX];
    int64_t broken;
} pace;

static void read_requests(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        err(EXIT_FAILURE, "%s", path);
    for (;;) {
        struct text *text = &pace.requests[pace.request_count];
        size_t room = 0;
        ssize_t len = getdelim(&text->at, &room, '\0', file);
        if (len <= 1 || pace.request_count == REQUESTS_MAX - 1)
            break;
        text->len = (size_t)len - 1;
        text->mark = strstr(text->at, MARK);
        pace.request_count++;
    }
    (void)fclose(file);
    if (pace.request_count == 0)
        errx(EXIT_FAILURE, "%s: no requests", path);
}

static void open_client(struct client *client)
{
    const int yes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 ||
        connect(client->fd, (struct sockaddr *)&pace.server, sizeof pace.server) != 0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
        epoll_ctl(pace.epoll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0)
        err(EXIT_FAILURE, "a connection");
}

static void open_clients(size_t count)
{
    pace.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pace.clients = calloc(count, sizeof *pace.clients);
    pace.idle = calloc(count, sizeof *pace.idle);
    if (pace.epoll_fd < 0 || !pace.clients || !pace.idle)
        err(EXIT_FAILURE, "%zu clients", count);
    for (size_t i = 0; i < count; i++) {
        open_client(&pace.clients[i]);
        pace.idle[pace.idle_count++] = &pace.clients[i];
    }
    pace.client_count = count;
}

/* A request is far smaller than the socket's buffer, which is empty: it goes in whole, or the
 * connection is dead. */
static void ask(struct client *client, int64_t due_us)
{
    const struct text *text = &pace.requests[(size_t)pace.number % pace.request_count];
    if (text->mark) {
        char digits[MARK_LEN + 1];
        (void)snprintf(digits, sizeof digits, "%0*" PRId64, (int)MARK_LEN, pace.number);
        memcpy(text->mark, digits, MARK_LEN);
    }
    pace.number++;
    client->due_us = due_us;
    reply_begin(&client->reply);
    if (send(client->fd, text->at, text->len, MSG_NOSIGNAL) != (ssize_t)text->len)
        err(EXIT_FAILURE, "send");
}

static void end(struct client *client, bool is_broken)
{
    int status = client->reply.status;
    if (is_broken || status >= STATUS_MAX)
        pace.broken++;
    else {
        pace.statuses[status]++;
        times_add(&pace.times, times_now_us() - client->due_us);
    }
    if (is_broken || client->reply.is_last) {
        (void)close(client->fd);
        open_client(client);
    }
    pace.idle[pace.idle_count++] = client;
}

/* An idle connection that the server closes is opened anew; its next request is not lost. */
static void hear(struct client *client)
{
    char bytes[65536];
    ssize_t len = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    for (size_t i = 0; i < pace.idle_count; i++) {
        if (pace.idle[i] != client)
            continue;
        (void)close(client->fd);
        open_client(client);
        return;
    }
    enum reply_state state =
        len <= 0 ? REPLY_BROKEN : reply_take(&client->reply, bytes, (size_t)len);
    if (state != REPLY_MORE)
        end(client, state == REPLY_BROKEN);
}

static void wait_until(int64_t until_us)
{
    struct epoll_event events[256];
    int64_t left_us = until_us - times_now_us();
    left_us = left_us > 0 ? left_us : 0;
    struct timespec wait = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    int count = epoll_pwait2(pace.epoll_fd, events, 256, &wait, NULL);
    if (count < 0 && errno != EINTR)
        err(EXIT_FAILURE, "epoll_pwait2");
    for (int i = 0; i < count; i++)
        hear(events[i].data.ptr);
}

/* What was due but found no connection until the end; it has waited that long at least. */
static int64_t count_late(double rate, int64_t begun_us, int64_t asked, int64_t total)
{
    int64_t now_us = times_now_us();
    for (int64_t i = asked; i < total; i++)
        times_add(&pace.times, now_us - begun_us - (int64_t)((double)i * 1e6 / rate));
    return total - asked;
}

/* How many were late. */
static int64_t run(double rate, double seconds)
{
    int64_t begun_us = times_now_us(), end_us = begun_us + (int64_t)(seconds * 1e6);
    int64_t total = (int64_t)(rate * seconds), asked = 0;
    for (;;) {
        int64_t now_us = times_now_us();
        int64_t due_us = begun_us + (int64_t)((double)asked * 1e6 / rate);
        bool is_over = now_us >= end_us || asked == total;
        if (!is_over && pace.idle_count > 0 && due_us <= now_us) {
            ask(pace.idle[--pace.idle_count], due_us);
            asked++;
            continue;
        }
        if (is_over && (pace.idle_count == pace.client_count || now_us > end_us + PATIENCE_US))
            return count_late(rate, begun_us, asked, total);
        wait_until(is_over || pace.idle_count == 0 ? now_us + 100000 : due_us);
    }
}

static void report(int64_t late, double seconds)
{
    const char *comma = "";
    pace.broken += (int64_t)(pace.client_count - pace.idle_count);
    printf("{\"seconds\": %.3f, \"late\": %" PRId64 ", \"broken\": %" PRId64 ", \"statuses\": {",
        seconds, late, pace.broken);
    for (int i = 0; i < STATUS_MAX; i++) {
        if (!pace.statuses[i])
            continue;
        printf("%s\"%d\": %" PRId64, comma, i, pace.statuses[i]);
        comma = ", ";
    }
    printf("}, \"p50_us\": %" PRId64 ", \"p99_us\": %" PRId64 ", \"max_us\": %" PRId64 "}\n",
        times_percentile(&pace.times, 50), times_percentile(&pace.times, 99),
        times_percentile(&pace.times, 100));
}

int main(int argc, char **argv)
{
    if (argc != 7)
        errx(EXIT_FAILURE, "usage: pace PORT CONNECTIONS RATE SECONDS FILE FIRST");
    size_t count = strtoul(argv[2], NULL, 10);
    double rate = strtod(argv[3], NULL), seconds = strtod(argv[4], NULL);
    if (count < 1 || count > CLIENTS_MAX || rate <= 0 || seconds <= 0)
        errx(EXIT_FAILURE, "no load can be made of these numbers");
    pace.server = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    read_requests(argv[5]);
    pace.number = strtoll(argv[6], NULL, 10);
    open_clients(count);
    int64_t begun_us = times_now_us();
    int64_t late = run(rate, seconds);
    report(late, (double)(times_now_us() - begun_us) / 1e6);
    return EXIT_SUCCESS;
}
