/* Many connections and few threads: nobody starves, nobody waits for room, nothing spins, and a
 * stop loses nothing. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "http/worker.h"

#include "peer.h"
#include "service.h"

static struct service service;

static void set_up(void)
{
    service_init(&service);
}

static void tear_down(void)
{
    service_fini(&service);
}

static int start_and_connect(void)
{
    service_start(&service);
    return peer_connect(service.path);
}

static void send_get(int fd, const char *uri)
{
    struct wire wire = wire_get(uri);
    ck_assert(peer_send_wire(fd, &wire));
}

static void expect(int fd, int status, const char *body)
{
    struct answer answer;
    ck_assert_msg(peer_receive(fd, &answer), "closed without an answer");
    ck_assert(answer.is_complete);
    ck_assert_int_eq(answer.status, status);
    if (body)
        ck_assert_str_eq(answer.body, body);
    answer_free(&answer);
}

#define FEW      8
#define MANY     64
#define NEVER_MS 120000 /* long after the test has failed */

/* Starvation. */

START_TEST(test_two_workers_serve_many_kept_connections)
{
    int fds[MANY];
    service.options.queue_max = MANY;
    service_start(&service);
    for (int i = 0; i < MANY; i++)
        fds[i] = peer_connect(service.path);
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < MANY; i++)
            peer_expect(fds[i], wire_get("/none"), 204, "");
    ck_assert_int_eq(metrics_get(METRIC_connections), MANY);
    for (int i = 0; i < MANY; i++)
        send_get(fds[i], i % 2 ? "/slow" : "/none");
    for (int i = 0; i < MANY; i++)
        expect(fds[i], i % 2 ? 200 : 204, NULL);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    service_await_connections(0);
}
END_TEST

START_TEST(test_slow_requests_do_not_hold_up_quick_ones)
{
    int waiting[FEW];
    service_start(&service);
    for (int i = 0; i < FEW; i++) {
        waiting[i] = peer_connect(service.path);
        send_get(waiting[i], "/wait");
    }
    service_await_held(&service, 2); /* both slow workers; the others queue */
    int fd = peer_connect(service.path);
    for (int i = 0; i < 10; i++)
        peer_expect(fd, wire_get("/none"), 204, "");
    service_release(&service);
    for (int i = 0; i < FEW; i++) {
        expect(waiting[i], 200, "slow");
        peer_expect(waiting[i], wire_get("/none"), 204, "");
        close(waiting[i]);
    }
    close(fd);
}
END_TEST

static int has_queued(void *arg)
{
    struct handover *handover = &service.fastcgi->handover;
    ck_assert_int_eq(pthread_mutex_lock(&handover->lock), 0);
    size_t count = handover->lanes[HANDOVER_SHORT].count;
    ck_assert_int_eq(pthread_mutex_unlock(&handover->lock), 0);
    return count == *(size_t *)arg;
}

START_TEST(test_a_full_queue_is_answered_at_once)
{
    service.options.slow_workers = 1;
    service.options.queue_max = 2;
    size_t queued = 2;
    int64_t overloads = metrics_get(METRIC_overload_total);
    int first = start_and_connect(), second = peer_connect(service.path);
    int third = peer_connect(service.path);
    send_get(first, "/wait");
    service_await_held(&service, 1);
    send_get(second, "/wait");
    send_get(third, "/wait");
    unit_wait(has_queued, &queued, "the queue to fill");
    for (int i = 0; i < FEW; i++) {
        int fd = peer_connect(service.path);
        struct answer answer;
        send_get(fd, "/wait");
        ck_assert(peer_receive(fd, &answer));
        ck_assert_int_eq(answer.status, 503);
        ck_assert_ptr_nonnull(strstr(answer.head, "Retry-After: 1\r\n"));
        answer_free(&answer);
        peer_expect(fd, wire_get("/none"), 204, ""); /* the connection lives */
        close(fd);
    }
    service_release(&service);
    expect(first, 200, "slow");
    expect(second, 200, "slow");
    expect(third, 200, "slow");
    ck_assert_int_eq(atomic_load(&service.overloads), FEW);
    ck_assert_int_eq(metrics_get(METRIC_overload_total) - overloads, FEW);
    close(first);
    close(second);
    close(third);
}
END_TEST

struct client {
    pthread_t thread;
    int number;
    int failed;
};

/* Without Check, whose assertions are not for threads. */
static bool ask(int fd, const char *uri, int flags, int status)
{
    struct wire wire = {0};
    struct answer answer;
    wire_begin(&wire, PEER_RESPONDER, flags);
    wire_params(&wire, (const char *const[]){"REQUEST_METHOD", "GET", "REQUEST_URI", uri, NULL});
    wire_body(&wire, NULL, 0);
    bool is_right = peer_send_wire(fd, &wire) && peer_receive(fd, &answer) && answer.is_complete &&
                    answer.status == status;
    answer_free(&answer);
    return is_right;
}

static void *run_client(void *arg)
{
    struct client *client = arg;
    int fd = -1;
    for (int i = 0; i < 200; i++) {
        int flags = (i + client->number) % 10 ? PEER_KEEPS : PEER_CLOSES;
        bool is_slow = (i * 7 + client->number) % 3 == 0;
        if (fd < 0)
            fd = peer_connect(service.path);
        client->failed += !ask(fd, is_slow ? "/slow" : "/none", flags, is_slow ? 200 : 204);
        if (flags == PEER_CLOSES) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void run_clients(struct client *clients, int count)
{
    for (int i = 0; i < count; i++) {
        clients[i] = (struct client){.number = i};
        ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
}

static void join_clients(struct client *clients, int count)
{
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_join(clients[i].thread, NULL), 0);
        ck_assert_int_eq(clients[i].failed, 0);
    }
}

START_TEST(test_every_request_of_many_clients_is_answered)
{
    struct client clients[FEW];
    service.options.queue_max = 64;
    service_start(&service);
    run_clients(clients, FEW);
    join_clients(clients, FEW);
    ck_assert_int_eq(atomic_load(&service.dispatched), FEW * 200);
    service_await_connections(0);
}
END_TEST

/* Room for connections. */

static int64_t cpu_ms(void)
{
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static int is_past(void *arg)
{
    return clock_mono_ms() > *(int64_t *)arg;
}

/* Waits, and wants next to nothing to happen meanwhile. */
static void expect_no_spin(void)
{
    int64_t begun_ms = cpu_ms(), until_ms = clock_mono_ms() + 400;
    unit_wait(is_past, &until_ms, "time");
    ck_assert_int_lt(cpu_ms() - begun_ms, 200);
}

START_TEST(test_past_the_limit_a_connection_waits_for_another_to_end)
{
    service.options.connections_max = 2;
    int first = start_and_connect(), second = peer_connect(service.path);
    peer_expect(first, wire_get("/none"), 204, "");
    peer_expect(second, wire_get("/none"), 204, "");
    int third = peer_connect(service.path);
    send_get(third, "/none");
    for (int i = 0; i < 10; i++)
        peer_expect(first, wire_get("/none"), 204, "");
    expect_no_spin();
    ck_assert_int_eq(metrics_get(METRIC_connections), 2);
    ck_assert_int_eq(atomic_load(&service.dispatched), 12);
    close(second);
    expect(third, 204, "");
    close(first);
    close(third);
}
END_TEST

static int taken[256];
static int taken_count;

static void set_descriptor_limit(rlim_t limit)
{
    struct rlimit limits;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limits), 0);
    ck_assert_uint_ge(limits.rlim_max, limit);
    limits.rlim_cur = limit;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limits), 0);
}

/* Takes all descriptors there are but so many. */
static void leave_descriptors(int count)
{
    set_descriptor_limit(sizeof taken / sizeof *taken);
    int fd;
    taken_count = 0;
    while ((fd = dup(STDERR_FILENO)) >= 0)
        taken[taken_count++] = fd;
    ck_assert_int_eq(errno, EMFILE);
    ck_assert_int_ge(taken_count, count);
    while (count--)
        close(taken[--taken_count]);
}

static void close_taken(void)
{
    while (taken_count)
        close(taken[--taken_count]);
}

/* Valgrind has a limit of its own, and closes what accept(2) gave it past that. */
static bool is_on_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}

/* The rows: none for a connection's second descriptor, or just none for the first. */
START_TEST(test_without_descriptors_it_waits_and_does_not_spin)
{
    if (is_on_valgrind())
        return;
    service_start(&service);
    leave_descriptors(1 + _i);
    int fd = peer_connect(service.path); /* takes one */
    send_get(fd, "/none");
    expect_no_spin();
    ck_assert_int_eq(atomic_load(&service.dispatched), 0);
    close_taken();
    expect(fd, 204, "");
    close(fd);
}
END_TEST

/* Starting. */

START_TEST(test_what_does_not_listen_is_refused)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const struct fastcgi_handlers handlers = {0};
    int bad[] = {pair[0], -1, STDERR_FILENO};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fastcgi_options options = service.options;
        options.listen_fd = bad[i];
        struct fastcgi *fastcgi;
        struct fault fault;
        fault_begin(&fault, NULL);
        ck_assert_int_eq(fastcgi_open(&fastcgi, &options, &handlers, &fault), ERR_CONFIG);
        ck_assert_ptr_null(fastcgi);
        ck_assert_ptr_nonnull(strstr(fault.text, "not a listening socket"));
    }
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(test_without_descriptors_it_does_not_start)
{
    if (is_on_valgrind())
        return;
    const struct rlimit limit = {256, 256}; /* also the hard one, else it would raise the other */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int left = 0; left < 3; left++) {
        leave_descriptors(left);
        const struct fastcgi_handlers handlers = {0};
        struct fastcgi *fastcgi;
        ck_assert_int_eq(fastcgi_open(&fastcgi, &service.options, &handlers, NULL), ERR_IO);
        close_taken();
    }
}
END_TEST

START_TEST(test_raises_the_limit_of_descriptors_to_what_its_connections_need)
{
    struct rlimit limit;
    set_descriptor_limit(100);
    service.options.connections_max = 100;
    service_start(&service);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_ge(limit.rlim_cur, 200);
}
END_TEST

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    return tcase;
}

static TCase *load_case(void)
{
    TCase *tcase = case_of("load");
    tcase_add_test(tcase, test_two_workers_serve_many_kept_connections);
    tcase_add_test(tcase, test_slow_requests_do_not_hold_up_quick_ones);
    tcase_add_test(tcase, test_a_full_queue_is_answered_at_once);
    tcase_add_test(tcase, test_every_request_of_many_clients_is_answered);
    tcase_add_test(tcase, test_past_the_limit_a_connection_waits_for_another_to_end);
    tcase_add_loop_test(tcase, test_without_descriptors_it_waits_and_does_not_spin, 0, 2);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("fastcgi_load");
    suite_add_tcase(suite, load_case());
    TCase *tcase = case_of("start");
    tcase_add_test(tcase, test_what_does_not_listen_is_refused);
    tcase_add_test(tcase, test_without_descriptors_it_does_not_start);
    tcase_add_test(tcase, test_raises_the_limit_of_descriptors_to_what_its_connections_need);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
