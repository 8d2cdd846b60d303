/* The answer's head, as a CGI response has it. */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "http/request.h"

static struct arena arena;
static struct request request;
static struct buffer head;

static void set_up(void)
{
    arena_init(&arena, 4096);
    request_begin(&request, &arena, "id-1");
    buffer_begin(&head, &arena, 16);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

static void answer(int status, const char *content_type, const char *body)
{
    request.status = status;
    request.content_type = content_type;
    buffer_text(&request.out, body);
}

START_TEST(test_a_request_begins_empty)
{
    ck_assert_str_eq(request.method, "");
    ck_assert_str_eq(request.path, "");
    ck_assert_ptr_null(request.query);
    ck_assert_str_eq(request.body, "");
    ck_assert_str_eq(request.ctx.request_id, "id-1");
    ck_assert_str_eq(request.ctx.client, "");
    ck_assert_int_eq(request.ctx.worker, -1);
    ck_assert_uint_eq(request.out.len, 0);
    for (int i = 0; i < HEADER__COUNT; i++)
        ck_assert(!request.header[i] && !request.header_count[i]);
}
END_TEST

START_TEST(test_the_head_has_each_field_once)
{
    answer(201, "application/json; charset=utf-8", "{}");
    request_header(&request, "Location", "/orders/17");
    request_head(&request, &head);
    ck_assert_str_eq(head.data, "Status: 201 Created\r\n"
                                "Content-Type: application/json; charset=utf-8\r\n"
                                "Content-Length: 2\r\n"
                                "X-Request-Id: id-1\r\n"
                                "Cache-Control: no-store\r\n"
                                "Location: /orders/17\r\n"
                                "\r\n");
    ck_assert(request_sends_body(&request));
}
END_TEST

START_TEST(test_head_keeps_the_length_and_has_no_body)
{
    request.method = "HEAD";
    answer(200, "text/plain", "0123456789");
    request_head(&request, &head);
    ck_assert_ptr_nonnull(strstr(head.data, "Content-Length: 10\r\n"));
    ck_assert(!request_sends_body(&request));
}
END_TEST

START_TEST(test_a_204_has_neither_type_nor_length)
{
    answer(204, NULL, "");
    request_head(&request, &head);
    ck_assert_str_eq(head.data, "Status: 204 No Content\r\n"
                                "X-Request-Id: id-1\r\n"
                                "Cache-Control: no-store\r\n"
                                "\r\n");
    ck_assert(!request_sends_body(&request));
}
END_TEST

START_TEST(test_any_other_empty_answer_says_how_long_it_is)
{
    answer(200, NULL, "");
    request_head(&request, &head);
    ck_assert_ptr_nonnull(strstr(head.data, "Content-Length: 0\r\n"));
    ck_assert_ptr_null(strstr(head.data, "Content-Type"));
}
END_TEST

START_TEST(test_a_status_without_words_of_its_own_has_some)
{
    answer(299, NULL, "");
    request_head(&request, &head);
    ck_assert_ptr_nonnull(strstr(head.data, "Status: 299 Other\r\n"));
}
END_TEST

START_TEST(test_a_header_with_a_line_break_is_a_bug)
{
    request_header(&request, "Location", "/\r\nSet-Cookie: a=b");
}
END_TEST

START_TEST(test_a_header_too_many_is_a_bug)
{
    for (int i = 0; i <= RESPONSE_HEADERS_MAX; i++)
        request_header(&request, "Link", "x");
}
END_TEST

START_TEST(test_no_answer_at_all_is_a_bug)
{
    request_head(&request, &head);
}
END_TEST

START_TEST(test_a_body_without_a_type_is_a_bug)
{
    answer(200, NULL, "x");
    request_head(&request, &head);
}
END_TEST

START_TEST(test_a_body_in_a_204_is_a_bug)
{
    answer(204, "text/plain", "x");
    request_head(&request, &head);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("head");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_a_request_begins_empty);
    tcase_add_test(tcase, test_the_head_has_each_field_once);
    tcase_add_test(tcase, test_head_keeps_the_length_and_has_no_body);
    tcase_add_test(tcase, test_a_204_has_neither_type_nor_length);
    tcase_add_test(tcase, test_any_other_empty_answer_says_how_long_it_is);
    tcase_add_test(tcase, test_a_status_without_words_of_its_own_has_some);
    tcase_add_test_raise_signal(tcase, test_a_header_with_a_line_break_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_a_header_too_many_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_no_answer_at_all_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_a_body_without_a_type_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_a_body_in_a_204_is_a_bug, SIGABRT);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
