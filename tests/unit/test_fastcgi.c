/* Requests in, answers out, over real FastCGI records. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/metrics.h"

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

static struct wire wire_with(const char *const *pairs)
{
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_params(&wire, pairs);
    wire_body(&wire, NULL, 0);
    return wire;
}

#define WITH(...) wire_with((const char *const[]){__VA_ARGS__, NULL})

#define ECHO_A "GET|/echo|a||quick||0|-|0|-|0|-|0|-|0|"

/* What arrives. */

START_TEST(test_answers_a_get)
{
    int fd = start_and_connect();
    peer_expect(fd, wire_get("/echo?a"), 200, ECHO_A);
    close(fd);
}
END_TEST

START_TEST(test_answers_a_post)
{
    int fd = start_and_connect();
    peer_expect(fd, wire_post("/echo", "{\"a\":1}", 7), 200,
        "POST|/echo|-||quick|{\"a\":1}|7|-|0|application/json|1|-|0|-|0|");
    close(fd);
}
END_TEST

START_TEST(test_the_target_is_split_but_not_decoded)
{
    int fd = start_and_connect();
    peer_expect(fd, wire_get("//a/%31/..?x=%31?y"), 200,
        "GET|//a/%31/..|x=%31?y||quick||0|-|0|-|0|-|0|-|0|");
    peer_expect(fd, wire_get("/a?"), 200, "GET|/a|||quick||0|-|0|-|0|-|0|-|0|");
    close(fd);
}
END_TEST

START_TEST(test_takes_the_headers_and_the_address)
{
    int fd = start_and_connect();
    peer_expect(fd,
        WITH("REQUEST_METHOD", "GET", "REQUEST_URI", "/echo", "REMOTE_ADDR", "192.0.2.7",
            "HTTP_AUTHORIZATION", "Bearer a=b", "HTTP_CONTENT_ENCODING", "gzip",
            "HTTP_IDEMPOTENCY_KEY", "", "HTTP_X_REQUEST_ID", "theirs", "HTTP_X_FORWARDED_FOR",
            "198.51.100.1"),
        200, "GET|/echo|-|192.0.2.7|quick||0|Bearer a=b|1|-|0|gzip|1||1|");
    close(fd);
}
END_TEST

START_TEST(test_counts_headers_sent_twice_and_takes_the_first)
{
    int fd = start_and_connect();
    peer_expect(fd,
        WITH("REQUEST_METHOD", "GET", "REQUEST_URI", "/echo", "HTTP_IDEMPOTENCY_KEY", "one",
            "HTTP_AUTHORIZATION", "a", "HTTP_IDEMPOTENCY_KEY", "two", "HTTP_IDEMPOTENCY_KEY", "3",
            "HTTP_AUTHORIZATION", "b", "HTTP_CONTENT_ENCODING", "x", "HTTP_CONTENT_ENCODING", "y"),
        200, "GET|/echo|-||quick||0|a|2|-|0|x|2|one|3|");
    close(fd);
}
END_TEST

/* nginx sends CONTENT_TYPE always, and HTTP_CONTENT_TYPE for each time the client did. */
START_TEST(test_counts_content_types)
{
    int fd = start_and_connect();
    const char *none = "GET|/echo|-||quick||0|-|0|-|0|-|0|-|0|";
    peer_expect(
        fd, WITH("REQUEST_METHOD", "GET", "REQUEST_URI", "/echo", "CONTENT_TYPE", ""), 200, none);
    peer_expect(fd, WITH("REQUEST_METHOD", "GET", "REQUEST_URI", "/echo", "CONTENT_TYPE", "a"), 200,
        "GET|/echo|-||quick||0|-|0|a|1|-|0|-|0|");
    peer_expect(fd,
        WITH("REQUEST_METHOD", "GET", "REQUEST_URI", "/echo", "CONTENT_TYPE", "a",
            "HTTP_CONTENT_TYPE", "a", "HTTP_CONTENT_TYPE", "b"),
        200, "GET|/echo|-||quick||0|-|0|a|2|-|0|-|0|");
    peer_expect(fd,
        WITH("REQUEST_METHOD", "GET", "REQUEST_URI", "/echo", "CONTENT_TYPE", "",
            "HTTP_CONTENT_TYPE", ""),
        200, "GET|/echo|-||quick||0|-|0||1|-|0|-|0|");
    close(fd);
}
END_TEST

START_TEST(test_a_request_without_parameters_is_answered)
{
    int fd = start_and_connect();
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_params(&wire, (const char *const[]){NULL});
    wire_body(&wire, NULL, 0);
    peer_expect(fd, wire, 200, "||-||quick||0|-|0|-|0|-|0|-|0|");
    close(fd);
}
END_TEST

struct id_row {
    const char *sent;
    bool is_taken;
};

static const struct id_row ids[] = {
    {"6f0123456789abcdef0123456789abcd", true},
    {"A-Za-z0-9._-", true},
    {"a", true},
    {"0123456789012345678901234567890123456789012345678901234567890123", true},
    {"01234567890123456789012345678901234567890123456789012345678901234", false},
    {"", false},
    {"a b", false},
    {"a\r\nSet-Cookie: b", false},
    {"\xC3\xA9", false},
    {NULL, false},
};

START_TEST(test_takes_the_front_servers_request_id_or_makes_one)
{
    const struct id_row *row = &ids[_i];
    int fd = start_and_connect();
    struct wire wire = row->sent ? WITH("REQUEST_URI", "/echo", "REQUEST_ID", row->sent)
                                 : WITH("REQUEST_URI", "/echo");
    struct answer answer;
    ck_assert(peer_send_wire(fd, &wire) && peer_receive(fd, &answer));
    const char *line = strstr(answer.head, "X-Request-Id: ");
    ck_assert_ptr_nonnull(line);
    char id[80];
    ck_assert_int_eq(sscanf(line, "X-Request-Id: %79[^\r]", id), 1);
    if (row->is_taken)
        ck_assert_str_eq(id, row->sent);
    else
        ck_assert(strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32);
    ck_assert_ptr_null(strstr(line + 1, "X-Request-Id"));
    ck_assert_ptr_null(strstr(answer.head, "Set-Cookie"));
    answer_free(&answer);
    close(fd);
}
END_TEST

START_TEST(test_long_parameters_arrive_whole)
{
    char uri[30000];
    memset(uri, 'u', sizeof uri);
    memcpy(uri, "/size?64&", 9);
    uri[sizeof uri - 1] = '\0';
    int fd = start_and_connect();
    struct answer answer;
    struct wire wire = wire_get(uri);
    ck_assert(peer_send_wire(fd, &wire) && peer_receive(fd, &answer));
    ck_assert_int_eq(answer.status, 200);
    answer_free(&answer);
    close(fd);
}
END_TEST

/* Bodies. */

START_TEST(test_a_body_at_the_limit_arrives_and_one_past_it_is_too_large)
{
    int fd = start_and_connect();
    char *body = calloc(1, 65537);
    ck_assert_ptr_nonnull(body);
    memset(body, 'b', 65537);
    peer_expect(fd, wire_post("/echo", body, 65536), 200,
        "POST|/echo|-||quick|long|65536|-|0|application/json|1|-|0|-|0|");
    struct answer answer;
    struct wire wire = wire_post("/echo", body, 65537);
    ck_assert(peer_send_wire(fd, &wire) && peer_receive(fd, &answer));
    ck_assert_int_eq(answer.status, 413);
    answer_free(&answer);
    free(body);
    peer_expect(fd, wire_get("/echo?a"), 200, ECHO_A);
    close(fd);
}
END_TEST

START_TEST(test_a_far_too_large_body_is_read_to_its_end)
{
    int fd = start_and_connect();
    size_t len = 3000000;
    char *body = calloc(1, len);
    ck_assert_ptr_nonnull(body);
    struct answer answer;
    struct wire wire = wire_post("/echo", body, len);
    ck_assert(peer_send_wire(fd, &wire) && peer_receive(fd, &answer));
    ck_assert_int_eq(answer.status, 413);
    answer_free(&answer);
    free(body);
    peer_expect(fd, wire_get("/echo?a"), 200, ECHO_A);
    close(fd);
}
END_TEST

START_TEST(test_a_body_nobody_asked_for_is_not_taken_for_the_next_request)
{
    int fd = start_and_connect();
    for (int i = 0; i < 3; i++) {
        struct wire wire = {0};
        wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
        wire_params(&wire, (const char *const[]){"REQUEST_METHOD", "GET", "REQUEST_URI", "/none",
                               "CONTENT_LENGTH", "4", NULL});
        wire_body(&wire, "body", 4);
        peer_expect(fd, wire, 204, "");
    }
    peer_expect(fd, wire_get("/echo?a"), 200, ECHO_A);
    close(fd);
}
END_TEST

/* Answers. */

START_TEST(test_head_has_the_length_of_get_and_no_body)
{
    int fd = start_and_connect();
    struct answer answer;
    struct wire wire = WITH("REQUEST_METHOD", "HEAD", "REQUEST_URI", "/size?1000");
    ck_assert(peer_send_wire(fd, &wire) && peer_receive(fd, &answer));
    ck_assert(answer.is_complete);
    ck_assert_uint_eq(answer.body_len, 0);
    char expected[64];
    snprintf(expected, sizeof expected, "Content-Length: %zu\r\n", 1000 - strlen(answer.head));
    ck_assert_ptr_nonnull(strstr(answer.head, expected));
    answer_free(&answer);
    peer_expect(fd, wire_get("/none"), 204, "");
    close(fd);
}
END_TEST

START_TEST(test_a_large_answer_arrives_whole)
{
    int fd = start_and_connect();
    struct answer answer;
    struct wire wire = wire_get("/size?500000");
    ck_assert(peer_send_wire(fd, &wire) && peer_receive(fd, &answer));
    ck_assert(answer.is_complete);
    ck_assert_uint_eq(answer.body_len + strlen(answer.head), 500000);
    ck_assert_uint_eq(strspn(answer.body, "x"), answer.body_len);
    answer_free(&answer);
    close(fd);
}
END_TEST

/* SOCK_SEQPACKET keeps what one write(2) wrote apart from the next. */
static int connect_in_packets(void)
{
    static char path[108];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "%sp", service.path);
    memcpy(address.sun_path, path, sizeof path);
    close(service.options.listen_fd);
    service.options.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(
        bind(service.options.listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(service.options.listen_fd, 4), 0);
    service_start(&service);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Until FCGI_END_REQUEST, which may itself be split. */
static int count_writes(int fd, const char *uri)
{
    char came[32768];
    size_t len = 0;
    int count = 0;
    struct wire wire = wire_get(uri);
    ck_assert(peer_send_wire(fd, &wire));
    do {
        ssize_t packet_len = recv(fd, came + len, sizeof came - len, 0);
        ck_assert_int_gt(packet_len, 0);
        len += (size_t)packet_len;
        count++;
    } while (len < 16 || memcmp(came + len - 16, "\1\3", 2) != 0);
    return count;
}

START_TEST(test_an_answer_of_8160_bytes_is_one_write)
{
    int fd = connect_in_packets();
    ck_assert_int_eq(count_writes(fd, "/none"), 1);
    ck_assert_int_eq(count_writes(fd, "/size?8160"), 1);
    ck_assert_int_eq(count_writes(fd, "/size?8161"), 2);
    close(fd);
}
END_TEST

START_TEST(test_a_connection_is_kept_or_not_as_the_peer_wishes)
{
    int fd = start_and_connect();
    for (int i = 0; i < 100; i++)
        peer_expect(
            fd, wire_get(i % 2 ? "/slow" : "/none"), i % 2 ? 200 : 204, i % 2 ? "slow" : "");
    ck_assert_int_eq(metrics_get(METRIC_connections), 1);
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_CLOSES);
    wire_params(&wire, (const char *const[]){"REQUEST_URI", "/none", NULL});
    wire_body(&wire, NULL, 0);
    peer_expect(fd, wire, 204, "");
    peer_expect_end(fd);
    close(fd);
    service_await_connections(0);
}
END_TEST

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    return tcase;
}

static TCase *arrival_case(void)
{
    TCase *tcase = case_of("arrival");
    tcase_add_test(tcase, test_answers_a_get);
    tcase_add_test(tcase, test_answers_a_post);
    tcase_add_test(tcase, test_the_target_is_split_but_not_decoded);
    tcase_add_test(tcase, test_takes_the_headers_and_the_address);
    tcase_add_test(tcase, test_counts_headers_sent_twice_and_takes_the_first);
    tcase_add_test(tcase, test_counts_content_types);
    tcase_add_test(tcase, test_a_request_without_parameters_is_answered);
    tcase_add_loop_test(
        tcase, test_takes_the_front_servers_request_id_or_makes_one, 0, sizeof ids / sizeof *ids);
    tcase_add_test(tcase, test_long_parameters_arrive_whole);
    tcase_add_test(tcase, test_a_body_at_the_limit_arrives_and_one_past_it_is_too_large);
    tcase_add_test(tcase, test_a_far_too_large_body_is_read_to_its_end);
    tcase_add_test(tcase, test_a_body_nobody_asked_for_is_not_taken_for_the_next_request);
    return tcase;
}

static TCase *answer_case(void)
{
    TCase *tcase = case_of("answers");
    tcase_add_test(tcase, test_head_has_the_length_of_get_and_no_body);
    tcase_add_test(tcase, test_a_large_answer_arrives_whole);
    tcase_add_test(tcase, test_an_answer_of_8160_bytes_is_one_write);
    tcase_add_test(tcase, test_a_connection_is_kept_or_not_as_the_peer_wishes);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("fastcgi");
    suite_add_tcase(suite, arrival_case());
    suite_add_tcase(suite, answer_case());
    return unit_run(suite);
}
