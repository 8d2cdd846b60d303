/* An orderly stop: what the peers have sent is answered, and what holds it up is cut off. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static int has_dispatched(void *arg)
{
    return atomic_load(&service.dispatched) == *(int *)arg;
}

static void await_dispatched(int count)
{
    unit_wait(has_dispatched, &count, "requests that a handler saw");
}

static void *close_patiently(void *arg)
{
    (void)arg;
    fastcgi_close(service.fastcgi, NEVER_MS);
    return NULL;
}

static int is_stopping(void *arg)
{
    struct listener *listener = arg;
    ck_assert_int_eq(pthread_mutex_lock(&listener->lock), 0);
    bool is_stopped = listener->is_stopped;
    ck_assert_int_eq(pthread_mutex_unlock(&listener->lock), 0);
    return is_stopped;
}

static pthread_t begin_stop(void)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, close_patiently, NULL), 0);
    unit_wait(is_stopping, &service.fastcgi->listener, "the stop");
    return thread;
}

static void await_stop(pthread_t thread)
{
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    service.fastcgi = NULL;
    ck_assert_int_eq(metrics_get(METRIC_connections), 0);
}

START_TEST(test_a_stop_serves_kept_connections_until_the_peer_lets_go)
{
    int first = start_and_connect(), second = peer_connect(service.path);
    peer_expect(first, wire_get("/none"), 204, "");
    peer_expect(second, wire_get("/none"), 204, "");
    pthread_t stopping = begin_stop();
    for (int i = 0; i < 5; i++) {
        peer_expect(first, wire_get("/slow"), 200, "slow");
        peer_expect(second, wire_get("/none"), 204, "");
    }
    close(first);
    peer_expect(second, wire_get("/none"), 204, "");
    close(second);
    await_stop(stopping);
}
END_TEST

START_TEST(test_a_stop_takes_no_new_connection_and_leaves_it_to_a_successor)
{
    int old = start_and_connect();
    peer_expect(old, wire_get("/none"), 204, "");
    pthread_t stopping = begin_stop();
    int new = peer_connect(service.path);
    send_get(new, "/none");
    peer_expect(old, wire_get("/none"), 204, "");
    ck_assert_int_eq(metrics_get(METRIC_connections), 1);
    close(old);
    await_stop(stopping);
    service_start(&service);
    expect(new, 204, "");
    close(new);
}
END_TEST

static int is_gone(void *path)
{
    return access(path, F_OK) != 0;
}

/* Both quick workers are busy, so nobody accepts while the stop begins. */
START_TEST(test_a_stop_takes_what_has_connected_to_a_socket_of_its_own)
{
    char path[108];
    snprintf(path, sizeof path, "%s", service.path);
    service.options.path = path;
    int busy[2] = {start_and_connect(), peer_connect(service.path)}, waiting[FEW];
    for (int i = 0; i < 2; i++)
        send_get(busy[i], "/hold");
    service_await_held(&service, 2);
    for (int i = 0; i < FEW; i++) {
        waiting[i] = peer_connect(service.path);
        send_get(waiting[i], "/none");
    }
    pthread_t stopping;
    ck_assert_int_eq(pthread_create(&stopping, NULL, close_patiently, NULL), 0);
    unit_wait(is_gone, path, "the socket to be removed");
    service_release(&service);
    for (int i = 0; i < FEW; i++) {
        expect(waiting[i], 204, "");
        close(waiting[i]);
    }
    for (int i = 0; i < 2; i++) {
        expect(busy[i], 200, NULL);
        close(busy[i]);
    }
    await_stop(stopping);
}
END_TEST

START_TEST(test_a_stop_without_patience_ends_idle_connections)
{
    int fds[FEW];
    service_start(&service);
    for (int i = 0; i < FEW; i++) {
        fds[i] = peer_connect(service.path);
        peer_expect(fds[i], wire_get("/none"), 204, "");
    }
    service_stop(&service, 0);
    for (int i = 0; i < FEW; i++) {
        peer_expect_end(fds[i]);
        close(fds[i]);
    }
}
END_TEST

static void *close_at_once(void *arg)
{
    (void)arg;
    fastcgi_close(service.fastcgi, 0);
    return NULL;
}

static int is_cut(void *arg)
{
    return atomic_load((atomic_bool *)arg);
}

/* Both quick workers are busy, so what the peers sent lies unread when the deadline comes. */
START_TEST(test_a_stop_without_patience_answers_what_was_sent)
{
    int busy[2], waiting[FEW], unread[FEW];
    service.options.queue_max = 4 * FEW;
    service_start(&service);
    for (int i = 0; i < FEW; i++) {
        unread[i] = peer_connect(service.path);
        peer_expect(unread[i], wire_get("/none"), 204, "");
        waiting[i] = peer_connect(service.path);
        send_get(waiting[i], "/wait");
    }
    service_await_held(&service, 2);
    await_dispatched(2 * FEW);
    for (int i = 0; i < 2; i++) {
        busy[i] = peer_connect(service.path);
        send_get(busy[i], "/hold");
    }
    service_await_held(&service, 4);
    for (int i = 0; i < FEW; i++)
        send_get(unread[i], i % 2 ? "/slow" : "/none");
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, close_at_once, NULL), 0);
    unit_wait(is_cut, &service.fastcgi->connections.is_cut, "the cut");
    service_release(&service);
    for (int i = 0; i < FEW; i++) {
        expect(unread[i], i % 2 ? 200 : 204, NULL);
        peer_expect_end(unread[i]);
        close(unread[i]);
        expect(waiting[i], 200, "slow");
        peer_expect_end(waiting[i]);
        close(waiting[i]);
    }
    for (int i = 0; i < 2; i++) {
        expect(busy[i], 200, NULL);
        peer_expect_end(busy[i]);
        close(busy[i]);
    }
    await_stop(thread);
    ck_assert_int_eq(atomic_load(&service.dispatched), 3 * FEW + 2);
}
END_TEST

START_TEST(test_a_stop_does_not_wait_for_half_a_request)
{
    service.options.read_timeout_ms = service.options.request_timeout_ms = NEVER_MS;
    int fd = start_and_connect();
    struct wire wire = wire_get("/none");
    ck_assert(peer_send(fd, wire.data, wire.len - 1));
    service_await_connections(1);
    service_stop(&service, 0);
    ck_assert_int_eq(atomic_load(&service.dispatched), 0);
    wire_free(&wire);
    peer_expect_end(fd);
    close(fd);
}
END_TEST

START_TEST(test_a_stop_cuts_off_who_drips_meanwhile)
{
    service.options.read_timeout_ms = NEVER_MS;
    service.options.request_timeout_ms = 1;
    int fd = start_and_connect();
    struct wire wire = wire_get("/none");
    ck_assert(peer_send(fd, wire.data, wire.len - 1));
    service_await_connections(1);
    pthread_t stopping = begin_stop();
    peer_expect_end(fd); /* by the watchdog, long before a read times out or the stop does */
    await_stop(stopping);
    wire_free(&wire);
    close(fd);
}
END_TEST

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    return tcase;
}

static TCase *stop_case(void)
{
    TCase *tcase = case_of("stop");
    tcase_add_test(tcase, test_a_stop_serves_kept_connections_until_the_peer_lets_go);
    tcase_add_test(tcase, test_a_stop_takes_no_new_connection_and_leaves_it_to_a_successor);
    tcase_add_test(tcase, test_a_stop_takes_what_has_connected_to_a_socket_of_its_own);
    tcase_add_test(tcase, test_a_stop_without_patience_ends_idle_connections);
    tcase_add_test(tcase, test_a_stop_without_patience_answers_what_was_sent);
    tcase_add_test(tcase, test_a_stop_does_not_wait_for_half_a_request);
    tcase_add_test(tcase, test_a_stop_cuts_off_who_drips_meanwhile);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("fastcgi_stop");
    suite_add_tcase(suite, stop_case());
    return unit_run(suite);
}
