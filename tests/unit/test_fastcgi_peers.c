/* Peers that are slow, silent, wrong or gone: nothing of theirs is served, and the others do not
 * notice. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void expect_nothing_served(int fd)
{
    peer_expect_end(fd);
    close(fd);
    ck_assert_int_eq(atomic_load(&service.dispatched), 0);
}

static void expect_still_serving(void)
{
    int fd = peer_connect(service.path);
    peer_expect(fd, wire_get("/echo?a"), 200, "GET|/echo|a||quick||0|-|0|-|0|-|0|-|0|");
    close(fd);
}

START_TEST(test_a_request_cut_at_any_byte_is_not_served)
{
    service_start(&service);
    struct wire wire = wire_post("/echo", "{\"a\":1}", 7);
    for (size_t len = 0; len < wire.len; len++) {
        int fd = peer_connect(service.path);
        ck_assert(peer_send(fd, wire.data, len));
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        expect_nothing_served(fd);
    }
    wire_free(&wire);
    expect_still_serving();
}
END_TEST

struct length_row {
    const char *announced;
    const char *sent;
};

static const struct length_row lengths[] = {
    {"8", "1234567"},
    {"6", "1234567"},
    {"", "1"},
    {"0", "1"},
    {"7x", "1234567"},
    {"-1", "1"},
    {"+7", "1234567"},
    {"99999999999999999999", "1234567"},
    {"100000", "1234567"},
};

START_TEST(test_a_body_of_another_length_than_announced_is_not_served)
{
    const struct length_row *row = &lengths[_i];
    int fd = start_and_connect();
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_params(&wire, (const char *const[]){"REQUEST_METHOD", "POST", "REQUEST_URI", "/echo",
                           "CONTENT_LENGTH", row->announced, NULL});
    wire_body(&wire, row->sent, strlen(row->sent));
    ck_assert(peer_send_wire(fd, &wire));
    expect_nothing_served(fd);
    expect_still_serving();
}
END_TEST

START_TEST(test_a_peer_that_stalls_is_let_go)
{
    service.options.read_timeout_ms = 50;
    int fd = start_and_connect();
    struct wire wire = wire_get("/echo");
    ck_assert(peer_send(fd, wire.data, wire.len - 20));
    wire_free(&wire);
    expect_nothing_served(fd);
    expect_still_serving();
}
END_TEST

struct dripping {
    int fd;
    struct wire wire;
    size_t sent;
};

/* One byte a call, and the watchdog each time. */
static int drip(void *arg)
{
    struct dripping *dripping = arg;
    fastcgi_watch(service.fastcgi);
    ck_assert_uint_lt(dripping->sent, dripping->wire.len - 1);
    return !peer_send(dripping->fd, dripping->wire.data + dripping->sent++, 1);
}

START_TEST(test_a_peer_that_drips_is_cut_off)
{
    service.options.request_timeout_ms = 100;
    char *body = calloc(1, 4096);
    ck_assert_ptr_nonnull(body);
    int fd = start_and_connect();
    struct dripping dripping = {.fd = fd, .wire = wire_post("/echo", body, 4096)};
    unit_wait(drip, &dripping, "the watchdog");
    wire_free(&dripping.wire);
    free(body);
    expect_nothing_served(fd);
    expect_still_serving();
}
END_TEST

static int is_late(void *arg)
{
    int *rounds = arg;
    fastcgi_watch(service.fastcgi);
    return ++*rounds == 20;
}

START_TEST(test_the_watchdog_leaves_alone_what_waits_or_is_being_answered)
{
    service.options.request_timeout_ms = 1;
    int idle = start_and_connect();
    peer_expect(idle, wire_get("/none"), 204, "");
    int busy = peer_connect(service.path);
    int waiting = peer_connect(service.path);
    struct wire hold = wire_get("/hold"), wait = wire_get("/wait");
    ck_assert(peer_send_wire(busy, &hold) && peer_send_wire(waiting, &wait));
    service_await_held(&service, 2);
    int rounds = 0;
    unit_wait(is_late, &rounds, "the watchdog");
    service_release(&service);
    struct answer answer;
    ck_assert(peer_receive(busy, &answer) && answer.status == 200);
    answer_free(&answer);
    ck_assert(peer_receive(waiting, &answer) && answer.status == 200);
    answer_free(&answer);
    peer_expect(idle, wire_get("/none"), 204, "");
    peer_expect(busy, wire_get("/none"), 204, "");
    close(idle);
    close(busy);
    close(waiting);
}
END_TEST

static void send_and_expect_end(const void *bytes, size_t len)
{
    int fd = peer_connect(service.path);
    ck_assert(peer_send(fd, bytes, len));
    expect_nothing_served(fd);
}

START_TEST(test_what_is_no_fastcgi_is_let_go)
{
    service.options.read_timeout_ms = 50; /* libfcgi skips a stray record and waits for another */
    service_start(&service);
    send_and_expect_end("GET / HTTP/1.1\r\n\r\n", 18);
    send_and_expect_end("\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16); /* version 2 */
    send_and_expect_end("\1\1\0\1\0\4\4\0\0\1\0\0\0\0\0\0", 16);  /* a short beginning */
    send_and_expect_end("\1\5\0\1\0\0\0\0", 8);                   /* no beginning */
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_record(&wire, PEER_PARAMS, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8); /* huge lengths */
    wire_record(&wire, PEER_PARAMS, NULL, 0);
    send_and_expect_end(wire.data, wire.len);
    wire_free(&wire);
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_record(&wire, PEER_STDIN, "early", 5);
    send_and_expect_end(wire.data, wire.len);
    wire_free(&wire);
    expect_still_serving();
}
END_TEST

START_TEST(test_another_role_than_the_responders_is_let_go)
{
    service_start(&service);
    struct wire wire = {0};
    wire_begin(&wire, PEER_AUTHORIZER, PEER_KEEPS);
    wire_params(&wire, (const char *const[]){"REQUEST_URI", "/echo", NULL});
    wire_body(&wire, NULL, 0);
    send_and_expect_end(wire.data, wire.len);
    wire_free(&wire);
}
END_TEST

START_TEST(test_a_peer_that_leaves_before_its_answer_harms_nobody)
{
    service_start(&service);
    for (int i = 0; i < 2; i++) {
        int fd = peer_connect(service.path);
        struct wire wire = wire_get("/wait");
        ck_assert(peer_send_wire(fd, &wire));
        service_await_held(&service, i + 1);
        close(fd);
    }
    service_release(&service);
    service_await_connections(0);
    expect_still_serving();
}
END_TEST

START_TEST(test_a_peer_that_does_not_read_is_let_go)
{
    service.options.read_timeout_ms = 1000; /* for so long we see that it is there */
    int fd = start_and_connect();
    struct wire wire = wire_get("/size?2000000");
    ck_assert(peer_send_wire(fd, &wire));
    service_await_connections(1);
    service_await_connections(0);
    close(fd);
    expect_still_serving();
}
END_TEST

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    return tcase;
}

static TCase *bad_peer_case(void)
{
    TCase *tcase = case_of("bad peers");
    tcase_add_test(tcase, test_a_request_cut_at_any_byte_is_not_served);
    tcase_add_loop_test(tcase, test_a_body_of_another_length_than_announced_is_not_served, 0,
        sizeof lengths / sizeof *lengths);
    tcase_add_test(tcase, test_a_peer_that_stalls_is_let_go);
    tcase_add_test(tcase, test_a_peer_that_drips_is_cut_off);
    tcase_add_test(tcase, test_the_watchdog_leaves_alone_what_waits_or_is_being_answered);
    tcase_add_test(tcase, test_what_is_no_fastcgi_is_let_go);
    tcase_add_test(tcase, test_another_role_than_the_responders_is_let_go);
    tcase_add_test(tcase, test_a_peer_that_leaves_before_its_answer_harms_nobody);
    tcase_add_test(tcase, test_a_peer_that_does_not_read_is_let_go);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("fastcgi_peers");
    suite_add_tcase(suite, bad_peer_case());
    return unit_run(suite);
}
