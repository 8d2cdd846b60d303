/* What a client is told of an error, and what it is not. */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "core/arena.h"
#include "http/json.h"
#include "http/problem.h"

static struct arena arena;
static struct request request;
static struct json_document *document;

static void set_up(void)
{
    arena_init(&arena, 4096);
    request_begin(&request, &arena, "id-1");
}

static void tear_down(void)
{
    json_close(document);
    arena_fini(&arena);
}

static const struct json *member(const struct json *object, const char *wanted)
{
    for (size_t i = 0; i < json_count(object); i++) {
        const char *name;
        size_t len;
        const struct json *value = json_member(object, i, &name, &len);
        if (len == strlen(wanted) && memcmp(name, wanted, len) == 0)
            return value;
    }
    return NULL;
}

static const char *text(const struct json *object, const char *name)
{
    size_t len;
    const struct json *value = member(object, name);
    ck_assert_msg(value != NULL, "no member %s", name);
    return json_text(value, &len);
}

static const struct json *answer(enum err code)
{
    problem_answer(&request, code);
    json_close(document);
    enum err e = json_open(&document, &arena, request.out.data, request.out.len, NULL);
    ck_assert_int_eq(e, ERR_NONE);
    return json_root(document);
}

static const char *header(const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < request.header_used; i++) {
        if (strcmp(request.headers[i].name, name) != 0)
            continue;
        ck_assert_msg(!found, "%s twice", name);
        found = request.headers[i].value;
    }
    return found;
}

START_TEST(test_every_error_has_the_members_of_the_contract)
{
    const struct err_info *info = err_info((enum err)_i);
    const struct json *root = answer((enum err)_i);
    bool fits;
    ck_assert_int_eq(request.status, info->status);
    ck_assert_str_eq(request.content_type, "application/problem+json");
    ck_assert_int_eq(strncmp(text(root, "type"), "urn:orderd:problem:", 19), 0);
    ck_assert_str_eq(text(root, "type") + 19, info->problem);
    ck_assert_str_eq(text(root, "title"), info->title);
    ck_assert_int_eq(json_int(member(root, "status"), &fits), info->status);
    ck_assert_str_eq(text(root, "detail"), info->text);
    ck_assert_str_eq(text(root, "request_id"), "id-1");
    ck_assert_ptr_null(member(root, "errors"));
    ck_assert_ptr_null(member(root, "decline_code"));
}
END_TEST

START_TEST(test_every_401_and_403_has_a_challenge)
{
    answer((enum err)_i);
    bool is_due = request.status == 401 || request.status == 403;
    const char *challenge = header("WWW-Authenticate");
    ck_assert(is_due == (challenge != NULL));
    if (is_due)
        ck_assert_int_eq(strncmp(challenge, "Bearer realm=\"orderd\"", 21), 0);
}
END_TEST

START_TEST(test_every_503_and_429_says_when_to_try_again)
{
    answer((enum err)_i);
    bool is_due = request.status == 503 || request.status == 429 || _i == ERR_KEY_IN_PROGRESS;
    const char *wait = header("Retry-After");
    ck_assert(is_due == (wait != NULL));
    if (is_due)
        ck_assert_str_eq(wait, "1");
}
END_TEST

START_TEST(test_the_challenge_tells_a_missing_token_from_a_bad_one)
{
    answer(ERR_UNAUTHORIZED);
    ck_assert_str_eq(header("WWW-Authenticate"), "Bearer realm=\"orderd\"");
    answer(ERR_INVALID_CREDENTIALS);
    ck_assert_str_eq(header("WWW-Authenticate"), "Bearer realm=\"orderd\"");
    answer(ERR_INVALID_TOKEN);
    ck_assert_str_eq(
        header("WWW-Authenticate"), "Bearer realm=\"orderd\", error=\"invalid_token\"");
    answer(ERR_FORBIDDEN);
    ck_assert_str_eq(
        header("WWW-Authenticate"), "Bearer realm=\"orderd\", error=\"insufficient_scope\"");
}
END_TEST

START_TEST(test_the_fault_says_how_long_to_wait)
{
    request.ctx.fault.retry_after_s = 42;
    answer(ERR_TOO_MANY_REQUESTS);
    ck_assert_str_eq(header("Retry-After"), "42");
}
END_TEST

START_TEST(test_a_cause_is_told_below_500_only)
{
    fail(&request.ctx.fault, ERR_CONFLICT, NULL, "the name is taken");
    ck_assert_str_eq(text(answer(ERR_CONFLICT), "detail"), "the name is taken");
    fault_clear(&request.ctx.fault);
    fail(&request.ctx.fault, ERR_IO, NULL, "open /secret/path failed");
    ck_assert_str_eq(text(answer(ERR_IO), "detail"), err_info(ERR_IO)->text);
    ck_assert_ptr_null(strstr(request.out.data, "secret"));
}
END_TEST

START_TEST(test_a_cause_of_another_error_is_not_told)
{
    fail(&request.ctx.fault, ERR_IO, NULL, "open /secret/path failed");
    ck_assert_str_eq(text(answer(ERR_NOT_FOUND), "detail"), err_info(ERR_NOT_FOUND)->text);
    fault_clear(&request.ctx.fault);
    fail(&request.ctx.fault, ERR_VALIDATION, "a", "is required");
    ck_assert_ptr_null(member(answer(ERR_UNAVAILABLE), "errors"));
    ck_assert_ptr_null(member(answer(ERR_MALFORMED_JSON), "errors"));
}
END_TEST

START_TEST(test_every_offending_field_is_named)
{
    fail(&request.ctx.fault, ERR_VALIDATION, "items[0].quantity", "must be \"%d\" to %d", 1, 2);
    fail(&request.ctx.fault, ERR_VALIDATION, "", "must be an object");
    const struct json *errors = member(answer(ERR_VALIDATION), "errors");
    ck_assert_uint_eq(json_count(errors), 2);
    ck_assert_str_eq(text(json_element(errors, 0), "field"), "items[0].quantity");
    ck_assert_str_eq(text(json_element(errors, 0), "message"), "must be \"1\" to 2");
    ck_assert_str_eq(text(json_element(errors, 1), "field"), "");
    ck_assert_uint_eq(json_count(json_element(errors, 1)), 2);
}
END_TEST

START_TEST(test_a_decline_has_its_code)
{
    fail(&request.ctx.fault, ERR_PAYMENT_FAILED, NULL, "Payment failed");
    request.ctx.fault.decline_code = "insufficient_funds";
    const struct json *root = answer(ERR_PAYMENT_FAILED);
    ck_assert_str_eq(text(root, "decline_code"), "insufficient_funds");
    ck_assert_str_eq(text(root, "detail"), "Payment failed");
}
END_TEST

START_TEST(test_what_was_answered_before_is_dropped_but_allow)
{
    request.status = 201;
    request.content_type = "text/plain";
    buffer_text(&request.out, "half an answer");
    request_header(&request, "Location", "/orders/1");
    request_header(&request, "Allow", "GET, HEAD");
    request_header(&request, "Link", "x");
    answer(ERR_METHOD_NOT_ALLOWED);
    ck_assert_int_eq(request.status, 405);
    ck_assert_uint_eq(request.header_used, 1);
    ck_assert_str_eq(header("Allow"), "GET, HEAD");
}
END_TEST

START_TEST(test_a_full_list_of_headers_leaves_room)
{
    while (request.header_used < RESPONSE_HEADERS_MAX)
        request_header(&request, "Link", "x");
    answer(ERR_INVALID_TOKEN);
    ck_assert_uint_eq(request.header_used, 1);
}
END_TEST

START_TEST(test_a_problem_without_an_error_is_a_bug)
{
    problem_answer(&request, ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("problem");
    TCase *tcase = tcase_create("problem");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_every_error_has_the_members_of_the_contract, 1, ERR__COUNT);
    tcase_add_loop_test(tcase, test_every_401_and_403_has_a_challenge, 1, ERR__COUNT);
    tcase_add_loop_test(tcase, test_every_503_and_429_says_when_to_try_again, 1, ERR__COUNT);
    tcase_add_test(tcase, test_the_challenge_tells_a_missing_token_from_a_bad_one);
    tcase_add_test(tcase, test_the_fault_says_how_long_to_wait);
    tcase_add_test(tcase, test_a_cause_is_told_below_500_only);
    tcase_add_test(tcase, test_a_cause_of_another_error_is_not_told);
    tcase_add_test(tcase, test_every_offending_field_is_named);
    tcase_add_test(tcase, test_a_decline_has_its_code);
    tcase_add_test(tcase, test_what_was_answered_before_is_dropped_but_allow);
    tcase_add_test(tcase, test_a_full_list_of_headers_leaves_room);
    tcase_add_test_raise_signal(tcase, test_a_problem_without_an_error_is_a_bug, SIGABRT);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
