/* Values as they come out, and the writer. What is taken and refused is test_json_gate.c's. */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "http/json.h"

static struct arena arena;
static struct fault fault;
static struct json_document *document;

static void set_up(void)
{
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
}

static void tear_down(void)
{
    json_close(document);
    document = NULL;
    arena_fini(&arena);
}

static enum err parse_bytes(const char *text, size_t len)
{
    json_close(document);
    return json_open(&document, &arena, text, len, &fault);
}

static enum err parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static const struct json *parsed(const char *text)
{
    enum err e = parse(text);
    ck_assert_msg(e == ERR_NONE, "%s: %s", text, fault.text);
    return json_root(document);
}

START_TEST(test_knows_the_kinds_of_values)
{
    static const enum json_type types[] = {JSON_NULL, JSON_BOOL, JSON_BOOL, JSON_INTEGER,
        JSON_INTEGER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER,
        JSON_TEXT, JSON_ARRAY, JSON_OBJECT};
    const struct json *root =
        parsed("[null,true,false,0,-1,-0,1.0,1e3,1E0,-0.0,1e400,\"1\",[],{}]");
    ck_assert_int_eq(json_type(root), JSON_ARRAY);
    ck_assert_uint_eq(json_count(root), sizeof types / sizeof *types);
    for (size_t i = 0; i < json_count(root); i++)
        ck_assert_msg(json_type(json_element(root, i)) == types[i], "element %zu", i);
}
END_TEST

struct integer {
    const char *text;
    bool fits;
    int64_t value;
};

static const struct integer integers[] = {
    {"0", true, 0},
    {"-1", true, -1},
    {"999999999999999999", true, 999999999999999999},
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"-9223372036854775808", true, INT64_MIN},
    {"-9223372036854775809", false, 0},
    {"9999999999999999999", false, 0},
    {"18446744073709551615", false, 0},
    {"18446744073709551617", false, 0},
    {"-18446744073709551617", false, 0},
    {"100000000000000000000000000000000", false, 0},
};

START_TEST(test_knows_which_integers_fit)
{
    const struct integer *row = &integers[_i];
    const struct json *root = parsed(row->text);
    ck_assert_int_eq(json_type(root), JSON_INTEGER);
    bool fits;
    int64_t value = json_int(root, &fits);
    ck_assert_msg(fits == row->fits, "%s", row->text);
    if (fits)
        ck_assert_int_eq(value, row->value);
}
END_TEST

START_TEST(test_unescapes_texts)
{
    static const char expected[] = "\"\\/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\0after";
    const struct json *root =
        parsed("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\xE2\x82\xAC\\uD834\\uDD1E\\u0000after\"");
    size_t len;
    const char *text = json_text(root, &len);
    ck_assert_uint_eq(len, sizeof expected - 1);
    ck_assert_mem_eq(text, expected, len);
}
END_TEST

START_TEST(test_keeps_members_in_the_order_sent)
{
    static const char names[][3] = {"z", "", "a\0", "a", "\0\0b", "\xC3\xA9"};
    static const size_t lens[] = {1, 0, 2, 1, 3, 2};
    const struct json *root =
        parsed("{\"z\":0,\"\":1,\"a\\u0000\":2,\"a\":3,\"\\u0000\\u0000\\u0062\":4,\"\\u00e9\":5}");
    ck_assert_uint_eq(json_count(root), 6);
    for (size_t i = 0; i < 6; i++) {
        const char *name;
        size_t len;
        bool fits;
        const struct json *value = json_member(root, i, &name, &len);
        ck_assert_uint_eq(len, lens[i]);
        ck_assert_mem_eq(name, names[i], len);
        ck_assert_int_eq(json_int(value, &fits), (int64_t)i);
    }
}
END_TEST

START_TEST(test_reads_nested_values_in_their_places)
{
    const struct json *root = parsed("[[1,[2]],{\"a\":{\"b\":[3,4]}},5]");
    const char *name;
    size_t len;
    bool fits;
    const struct json *one = json_element(json_element(root, 0), 0);
    const struct json *two = json_element(json_element(json_element(root, 0), 1), 0);
    const struct json *a = json_member(json_element(root, 1), 0, &name, &len);
    const struct json *four = json_element(json_member(a, 0, &name, &len), 1);
    ck_assert_int_eq(json_int(one, &fits), 1);
    ck_assert_int_eq(json_int(two, &fits), 2);
    ck_assert_int_eq(json_int(four, &fits), 4);
    ck_assert_str_eq(name, "b");
    ck_assert_int_eq(json_int(json_element(root, 2), &fits), 5);
}
END_TEST

START_TEST(test_reads_only_so_many_bytes_as_it_is_given)
{
    ck_assert_int_eq(parse_bytes("[1]]]]", 3), ERR_NONE);
    ck_assert_int_eq(parse_bytes("1234", 2), ERR_NONE);
    bool fits;
    ck_assert_int_eq(json_int(json_root(document), &fits), 12);
}
END_TEST

START_TEST(test_closing_nothing_is_harmless)
{
    json_close(NULL);
}
END_TEST

START_TEST(test_asking_a_value_for_another_kind_is_a_bug)
{
    bool fits;
    json_int(parsed("1.0"), &fits);
}
END_TEST

START_TEST(test_asking_past_the_end_is_a_bug)
{
    json_element(parsed("[1]"), 1);
}
END_TEST

/* The writer. */

static struct buffer out;
static struct json_writer writer;

static void set_up_writer(void)
{
    set_up();
    buffer_begin(&out, &arena, 64);
    json_begin(&writer, &out);
}

START_TEST(test_writes_every_kind_of_value)
{
    json_begin_object(&writer);
    json_key(&writer, "list");
    json_begin_array(&writer);
    json_put_int(&writer, INT64_MIN);
    json_put_bool(&writer, true);
    json_put_bool(&writer, false);
    json_put_null(&writer);
    json_put_text(&writer, NULL);
    json_begin_array(&writer);
    json_end_array(&writer);
    json_begin_object(&writer);
    json_end_object(&writer);
    json_end_array(&writer);
    json_key(&writer, "at");
    json_put_time(&writer, 1795532645);
    json_key(&writer, "");
    json_put_text(&writer, "");
    json_end_object(&writer);
    ck_assert_str_eq(out.data, "{\"list\":[-9223372036854775808,true,false,null,null,[],{}],"
                               "\"at\":\"2026-11-24T15:04:05Z\",\"\":\"\"}");
}
END_TEST

START_TEST(test_escapes_what_must_be)
{
    json_put_text(&writer, "\"\\/\b\f\n\r\t\x01\x1F\x7F\xC3\xA9<>&'");
    ck_assert_str_eq(out.data, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\xC3\xA9<>&'\"");
}
END_TEST

START_TEST(test_what_is_written_reads_back_the_same)
{
    char text[256];
    for (int i = 0; i < 127; i++)
        text[i] = (char)(i + 1);
    memcpy(text + 127, "\xC3\xA9\xF0\x9D\x84\x9E", 7);
    json_put_text(&writer, text);
    ck_assert_int_eq(parse_bytes(out.data, out.len), ERR_NONE);
    size_t len;
    const char *read = json_text(json_root(document), &len);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_mem_eq(read, text, len);
}
END_TEST

START_TEST(test_a_second_value_at_the_top_is_a_bug)
{
    json_put_int(&writer, 1);
    json_put_int(&writer, 2);
}
END_TEST

START_TEST(test_closing_what_is_not_open_is_a_bug)
{
    json_end_object(&writer);
}
END_TEST

START_TEST(test_a_name_outside_of_an_object_is_a_bug)
{
    json_key(&writer, "a");
}
END_TEST

START_TEST(test_writing_bytes_that_are_no_text_is_a_bug)
{
    json_put_text(&writer, "\xFF");
}
END_TEST

static TCase *case_of(const char *name, void (*begin)(void))
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, tear_down);
    return tcase;
}

static TCase *value_case(void)
{
    TCase *tcase = case_of("values", set_up);
    tcase_add_test(tcase, test_knows_the_kinds_of_values);
    tcase_add_loop_test(
        tcase, test_knows_which_integers_fit, 0, sizeof integers / sizeof *integers);
    tcase_add_test(tcase, test_unescapes_texts);
    tcase_add_test(tcase, test_keeps_members_in_the_order_sent);
    tcase_add_test(tcase, test_reads_nested_values_in_their_places);
    tcase_add_test(tcase, test_reads_only_so_many_bytes_as_it_is_given);
    tcase_add_test(tcase, test_closing_nothing_is_harmless);
    tcase_add_test_raise_signal(tcase, test_asking_a_value_for_another_kind_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_asking_past_the_end_is_a_bug, SIGABRT);
    return tcase;
}

static TCase *writer_case(void)
{
    TCase *tcase = case_of("writer", set_up_writer);
    tcase_add_test(tcase, test_writes_every_kind_of_value);
    tcase_add_test(tcase, test_escapes_what_must_be);
    tcase_add_test(tcase, test_what_is_written_reads_back_the_same);
    tcase_add_test_raise_signal(tcase, test_a_second_value_at_the_top_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_closing_what_is_not_open_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_a_name_outside_of_an_object_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_writing_bytes_that_are_no_text_is_a_bug, SIGABRT);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("json");
    suite_add_tcase(suite, value_case());
    suite_add_tcase(suite, writer_case());
    return unit_run(suite);
}
