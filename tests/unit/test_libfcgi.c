/* What http/exchange.c leans on in libfcgi, and what is not in its manual. When one of these fails
 * with a newer libfcgi, exchange.c has to be looked at before anything else. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "peer.h"

static int ours, theirs; /* of one socket pair: libfcgi has ours */
static FCGX_Request request;

static void set_up(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    struct timeval patience = {.tv_sec = 10};
    ck_assert_int_eq(setsockopt(theirs, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "1", 1), 0); /* not 2 s a test */
    ck_assert_int_eq(FCGX_Init(), 0);
    ck_assert_int_eq(FCGX_InitRequest(&request, -1, 0), 0);
    request.ipcFd = ours;
    request.keepConnection = 1;
}

static void tear_down(void)
{
    FCGX_Free(&request, request.ipcFd >= 0);
    close(theirs);
}

static void send_wire(struct wire wire)
{
    ck_assert(peer_send_wire(theirs, &wire));
}

static void expect_answer(const char *body)
{
    struct answer answer;
    ck_assert(peer_receive(theirs, &answer));
    ck_assert(answer.is_complete);
    ck_assert_str_eq(answer.body, body);
    answer_free(&answer);
}

static void read_to_the_end(void)
{
    char scratch[256];
    while (FCGX_GetStr(scratch, sizeof scratch, request.in) > 0)
        continue;
}

static void finish_with(const char *body)
{
    FCGX_PutS("Status: 200\r\n\r\n", request.out);
    FCGX_PutS(body, request.out);
    FCGX_Finish_r(&request);
}

START_TEST(test_two_fields_make_it_serve_a_descriptor_of_ours)
{
    for (int i = 0; i < 3; i++) {
        send_wire(wire_get("/a"));
        ck_assert_int_eq(FCGX_Accept_r(&request), 0);
        ck_assert_str_eq(FCGX_GetParam("REQUEST_URI", request.envp), "/a");
        read_to_the_end();
        ck_assert_int_eq(FCGX_GetError(request.in), 0);
        finish_with("one");
        expect_answer("one");
        ck_assert_int_eq(request.ipcFd, ours);
    }
}
END_TEST

START_TEST(test_without_keep_connection_it_begins_by_closing)
{
    request.keepConnection = 0;
    send_wire(wire_get("/a"));
    ck_assert_int_lt(FCGX_Accept_r(&request), 0);
    ck_assert_int_lt(request.ipcFd, 0);
    ck_assert_int_lt(fcntl(ours, F_GETFD), 0);
}
END_TEST

START_TEST(test_it_closes_when_the_peer_does_not_keep)
{
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_CLOSES);
    wire_params(&wire, (const char *const[]){NULL});
    wire_body(&wire, NULL, 0);
    send_wire(wire);
    ck_assert_int_eq(FCGX_Detach(&request), 0);
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    read_to_the_end();
    finish_with("last");
    ck_assert_int_lt(request.ipcFd, 0);
    expect_answer("last");
    peer_expect_end(theirs);
}
END_TEST

/* The parameters end between two pairs: only the error tells. */
START_TEST(test_cut_parameters_are_no_failure_of_accept)
{
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_record(&wire, PEER_PARAMS, "\1\1ab", 4);
    send_wire(wire);
    ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    ck_assert_int_ne(FCGX_GetError(request.in), 0);
}
END_TEST

START_TEST(test_a_cut_body_is_told_by_the_error_alone)
{
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_params(&wire, (const char *const[]){"a", "b", NULL});
    wire_record(&wire, PEER_STDIN, "half", 4);
    send_wire(wire);
    ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    ck_assert_int_eq(FCGX_GetError(request.in), 0);
    read_to_the_end();
    ck_assert_int_ne(FCGX_GetError(request.in), 0);
}
END_TEST

/* It would go on with the next connection, but has no listening socket. */
START_TEST(test_it_closes_and_fails_where_it_cannot_read)
{
    ck_assert(peer_send(theirs, "GET / HTTP/1.0\r\n\r\n", 18));
    ck_assert_int_eq(FCGX_Detach(&request), 0);
    ck_assert_int_eq(FCGX_Accept_r(&request), -EBADF);
    ck_assert_int_lt(request.ipcFd, 0);
    ck_assert_int_lt(fcntl(ours, F_GETFD), 0);
}
END_TEST

/* Else it shuts the socket and waits for the peer, here in vain. The duplicate would be shut too.
 */
START_TEST(test_a_detached_descriptor_is_closed_and_no_more)
{
    int duplicate = dup(ours);
    ck_assert_int_ge(duplicate, 0);
    ck_assert_int_eq(FCGX_Detach(&request), 0);
    FCGX_Free(&request, 1);
    ck_assert_int_lt(fcntl(ours, F_GETFD), 0);
    ck_assert_int_eq(send(duplicate, "x", 1, MSG_NOSIGNAL), 1);
    close(duplicate);
}
END_TEST

START_TEST(test_detaching_lasts_over_kept_requests)
{
    ck_assert_int_eq(FCGX_Detach(&request), 0);
    send_wire(wire_get("/a"));
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    read_to_the_end();
    finish_with("one");
    ck_assert_int_ne(request.detached, 0);
}
END_TEST

START_TEST(test_what_is_left_unread_is_taken_for_the_next_request)
{
    struct wire wire = wire_post("/a", "0123456789", 10);
    size_t whole = wire.len;
    wire_record(&wire, PEER_STDIN, "stray", 5); /* in a read of its own */
    ck_assert(peer_send(theirs, wire.data, whole));
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    finish_with("early");
    ck_assert(peer_send(theirs, wire.data + whole, wire.len - whole));
    wire_free(&wire);
    send_wire(wire_get("/b"));
    ck_assert_int_lt(FCGX_Accept_r(&request), 0);
}
END_TEST

static void *answer_elsewhere(void *arg)
{
    (void)arg;
    finish_with("elsewhere");
    return NULL;
}

START_TEST(test_another_thread_may_answer)
{
    send_wire(wire_get("/a"));
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    read_to_the_end();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_elsewhere, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_answer("elsewhere");
}
END_TEST

START_TEST(test_writing_to_nobody_closes)
{
    send_wire(wire_get("/a"));
    ck_assert_int_eq(FCGX_Accept_r(&request), 0);
    read_to_the_end();
    ck_assert_int_eq(shutdown(theirs, SHUT_RDWR), 0);
    finish_with("unheard");
    ck_assert_int_lt(request.ipcFd, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libfcgi");
    TCase *tcase = tcase_create("pins");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_two_fields_make_it_serve_a_descriptor_of_ours);
    tcase_add_test(tcase, test_without_keep_connection_it_begins_by_closing);
    tcase_add_test(tcase, test_it_closes_when_the_peer_does_not_keep);
    tcase_add_test(tcase, test_cut_parameters_are_no_failure_of_accept);
    tcase_add_test(tcase, test_a_cut_body_is_told_by_the_error_alone);
    tcase_add_test(tcase, test_it_closes_and_fails_where_it_cannot_read);
    tcase_add_test(tcase, test_a_detached_descriptor_is_closed_and_no_more);
    tcase_add_test(tcase, test_detaching_lasts_over_kept_requests);
    tcase_add_test(tcase, test_what_is_left_unread_is_taken_for_the_next_request);
    tcase_add_test(tcase, test_another_thread_may_answer);
    tcase_add_test(tcase, test_writing_to_nobody_closes);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
