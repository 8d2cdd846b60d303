/* The gate row by row, then what values and the writer make of it. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

struct row {
    const char *rule;
    const char *text;
    size_t len;
};

#define ROW(rule, text)                                                                            \
    {                                                                                              \
        (rule), (text), sizeof(text) - 1                                                           \
    }

static const struct row refused[] = {
    /* What json-c 0.16 takes, strict or not. */
    ROW("single quotes around a name", "{'a':1}"),
    ROW("a raw newline in a string", "[\"a\nb\"]"),
    ROW("a raw tab in a string", "[\"a\tb\"]"),
    ROW("NaN", "[NaN]"),
    ROW("Infinity", "[Infinity]"),
    ROW("-Infinity", "[-Infinity]"),
    ROW("a minus and a leading zero", "[-01]"),
    ROW("a minus and a leading zero, longer", "[-012]"),
    ROW("a minus and no whole part", "[-.123]"),
    ROW("no digit after the point", "[2.]"),
    ROW("no digit after the point, negative", "[-2.]"),
    ROW("no digit between point and exponent", "[2.e3]"),
    ROW("no digit between point and e+", "[2.e+3]"),
    ROW("no digit between point and e-", "[2.e-3]"),
    ROW("no digit between 0. and exponent", "[0.e1]"),
    ROW("text after the value", "[1]x"),
    /* Structure. */
    ROW("nothing", ""),
    ROW("space alone", " \t\r\n"),
    ROW("two values", "1 2"),
    ROW("a second array", "[][]"),
    ROW("a closing bracket too many", "[1]]"),
    ROW("a comment", "[1/*x*/]"),
    ROW("a comment to the line's end", "[1//x\n]"),
    ROW("a trailing comma in an array", "[1,]"),
    ROW("a trailing comma in an object", "{\"a\":1,}"),
    ROW("a leading comma", "[,1]"),
    ROW("two commas", "[1,,2]"),
    ROW("a comma in an empty array", "[,]"),
    ROW("a comma in an empty object", "{,}"),
    ROW("no comma", "[1 2]"),
    ROW("a colon in an array", "[1:2]"),
    ROW("an array that does not end", "[1"),
    ROW("an array that does not begin", "1]"),
    ROW("an object that does not end", "{\"a\":1"),
    ROW("an object closed as an array", "{\"a\":1]"),
    ROW("an array closed as an object", "[1}"),
    ROW("a name without a value", "{\"a\"}"),
    ROW("a colon without a value", "{\"a\":}"),
    ROW("no colon", "{\"a\" 1}"),
    ROW("two colons", "{\"a\"::1}"),
    ROW("an equals sign for a colon", "{\"a\"=1}"),
    ROW("a value without a name", "{1}"),
    ROW("a name without quotation marks", "{a:1}"),
    ROW("a number as a name", "{1:1}"),
    ROW("null as a name", "{null:1}"),
    ROW("no comma between members", "{\"a\":1 \"b\":2}"),
    /* Words. */
    ROW("True", "[True]"),
    ROW("TRUE", "[TRUE]"),
    ROW("tru", "[tru]"),
    ROW("truex", "[truex]"),
    ROW("nul", "nul"),
    ROW("fals", "[fals]"),
    ROW("undefined", "[undefined]"),
    /* Numbers. */
    ROW("a leading zero", "[01]"),
    ROW("two zeros", "[00]"),
    ROW("a leading zero before a fraction", "[00.5]"),
    ROW("a plus", "[+1]"),
    ROW("a minus alone", "[-]"),
    ROW("a minus and a space", "[- 1]"),
    ROW("two minuses", "[--1]"),
    ROW("no whole part", "[.5]"),
    ROW("a point alone", "[.]"),
    ROW("two points", "[1.2.3]"),
    ROW("no digit in the exponent", "[1e]"),
    ROW("no digit in the exponent after a plus", "[1e+]"),
    ROW("no digit in the exponent after a minus", "[1E-]"),
    ROW("a fraction in the exponent", "[1e1.5]"),
    ROW("two exponents", "[1e1e1]"),
    ROW("hexadecimal", "[0x1F]"),
    ROW("a letter in a number", "[1a]"),
    ROW("a digit separator", "[1_000]"),
    ROW("full-width digits", "[\xEF\xBC\x91]"),
    /* Strings. */
    ROW("a string that does not end", "[\"a]"),
    ROW("a quotation mark alone", "\""),
    ROW("a backslash at the end", "\"\\"),
    ROW("an escaped quotation mark at the end", "[\"\\\"]"),
    ROW("an unknown escape", "[\"\\a\"]"),
    ROW("an escaped single quote", "[\"\\'\"]"),
    ROW("an escaped zero", "[\"\\0\"]"),
    ROW("a hexadecimal escape", "[\"\\x41\"]"),
    ROW("an escaped capital U", "[\"\\U0041\"]"),
    ROW("three digits in an escape", "[\"\\u004\"]"),
    ROW("an escape cut by the end", "\"\\u00"),
    ROW("no hexadecimal digits in an escape", "[\"\\u00G0\"]"),
    ROW("U+0000 raw in a string", "[\"\0\"]"),
    ROW("U+001F raw in a string", "[\"\x1F\"]"),
    ROW("single quotes around a string", "['a']"),
    ROW("a string without quotation marks", "[abc]"),
    ROW("a lone high surrogate", "[\"\\uD834\"]"),
    ROW("a lone high surrogate before text", "[\"\\uD834x\"]"),
    ROW("a lone high surrogate before an escape", "[\"\\uD834\\n\"]"),
    ROW("a lone low surrogate", "[\"\\uDD1E\"]"),
    ROW("two high surrogates", "[\"\\uD834\\uD834\"]"),
    ROW("a high surrogate before a plain unit", "[\"\\uD834\\u0041\"]"),
    ROW("a high surrogate before a bad escape", "[\"\\uD834\\uDD1\"]"),
    ROW("a pair the wrong way round", "[\"\\uDD1E\\uD834\"]"),
    ROW("a lone surrogate in a name", "{\"\\uD834\":1}"),
    /* Encoding. */
    ROW("a byte order mark", "\xEF\xBB\xBF[]"),
    ROW("a byte order mark alone", "\xEF\xBB\xBF"),
    ROW("UTF-16", "\xFF\xFE[\0]\0"),
    ROW("a lone continuation byte", "[\"\x80\"]"),
    ROW("an overlong slash", "[\"\xC0\xAF\"]"),
    ROW("an overlong NUL", "[\"\xC0\x80\"]"),
    ROW("an overlong NUL in a name", "{\"\xC0\x80\xC0\x80\xC0\x80\":1}"),
    ROW("an overlong three-byte form", "[\"\xE0\x80\xAF\"]"),
    ROW("a surrogate in UTF-8", "[\"\xED\xA0\x80\"]"),
    ROW("past U+10FFFF", "[\"\xF4\x90\x80\x80\"]"),
    ROW("a sequence cut by the quotation mark", "[\"\xE2\x82\"]"),
    ROW("a sequence cut by the end", "\"\xE2"),
    ROW("Latin-1", "[\"\xE9\"]"),
    ROW("a bad byte outside strings", "[\xFF]"),
    /* Space. */
    ROW("a form feed", "[\f]"),
    ROW("a vertical tab", "[\v1]"),
    ROW("a no-break space", "[\xC2\xA0]"),
    ROW("U+2060 as space", "[\xE2\x81\xA0]"),
    ROW("NUL after the value", "[]\0"),
    ROW("NUL between values", "[1\0]"),
    ROW("NUL alone", "\0"),
    /* Names. */
    ROW("two members of one name", "{\"a\":1,\"a\":2}"),
    ROW("the same value twice", "{\"a\":1,\"a\":1}"),
    ROW("the same name, once escaped", "{\"ab\":1,\"\\u0061b\":2}"),
    ROW("the same name, escaped in two ways", "{\"\\/\":1,\"/\":2}"),
    ROW("the same name in a deeper object", "[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]"),
    ROW("the empty name twice", "{\"\":1,\"\":2}"),
    ROW("the same astral name", "{\"\\uD834\\uDD1E\":1,\"\xF0\x9D\x84\x9E\":2}"),
    ROW("the same name with U+0000", "{\"a\\u0000b\":1,\"a\\u0000b\":2}"),
};

START_TEST(test_refuses)
{
    const struct row *row = &refused[_i];
    enum err e = parse_bytes(row->text, row->len);
    ck_assert_msg(e == ERR_MALFORMED_JSON, "%s: %d", row->rule, e);
    ck_assert_ptr_null(document);
    ck_assert_int_eq(fault.code, ERR_MALFORMED_JSON);
    ck_assert_uint_eq(fault.field_count, 0);
}
END_TEST

static const struct row taken[] = {
    ROW("an empty array", "[]"),
    ROW("an empty object", "{}"),
    ROW("a string at the top", "\"a\""),
    ROW("the empty string", "\"\""),
    ROW("a number at the top", "42"),
    ROW("one digit at the top", "7"),
    ROW("a word at the top", "true"),
    ROW("null at the top", "null"),
    ROW("space everywhere", " \r\n\t{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n"),
    ROW("zero", "[0]"),
    ROW("minus zero", "[-0]"),
    ROW("a zero and a fraction", "[0.5]"),
    ROW("a fraction of zeros", "[1.000]"),
    ROW("exponents", "[1e1,1E1,1e+1,1E-1,0e0,1.5e10,-1.5E-10]"),
    ROW("an exponent with leading zeros", "[1e0001]"),
    ROW("a number that no double holds", "[1e400,-1e400,1e-400]"),
    ROW("a hundred digits",
        "[1234567890123456789012345678901234567890123456789012345678901234567890"
        "123456789012345678901234567890]"),
    ROW("all escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u00E9\"]"),
    ROW("U+0000 escaped in a value", "[\"\\u0000\"]"),
    ROW("U+0000 escaped in a name", "{\"\\u0000\":1}"),
    ROW("U+007F raw", "[\"\x7F\"]"),
    ROW("a pair of surrogates", "[\"\\uD834\\uDd1e\"]"),
    ROW("the last code point", "[\"\\uDBFF\\uDFFF\",\"\xF4\x8F\xBF\xBF\"]"),
    ROW("noncharacters", "[\"\\uFFFF\",\"\xEF\xBF\xBF\"]"),
    ROW("a byte order mark in a string", "[\"\xEF\xBB\xBF\"]"),
    ROW("two, three and four bytes", "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\"]"),
    ROW("the empty name", "{\"\":0}"),
    ROW("names that differ in case", "{\"a\":1,\"A\":2}"),
    ROW("one name in two objects", "[{\"a\":1},{\"a\":2},{\"b\":{\"a\":3},\"a\":4}]"),
    ROW("names alike up to U+0000", "{\"a\":1,\"a\\u0000\":2,\"a\\u0000b\":3,\"\\u0000\":4}"),
    ROW("names alike but in normal form", "{\"\xC3\xA9\":1,\"e\xCC\x81\":2}"),
    ROW("the same value twice", "[1,1]"),
};

START_TEST(test_takes)
{
    const struct row *row = &taken[_i];
    enum err e = parse_bytes(row->text, row->len);
    ck_assert_msg(e == ERR_NONE, "%s: %s", row->rule, fault.text);
}
END_TEST

/* Every beginning of a text that holds all there is. */
START_TEST(test_refuses_each_text_cut_short)
{
    static const char text[] = "{\"a\":[true,false,null,\"\\u00e9\\uD834\\uDD1E\\n\",{\"b\":{}}],"
                               "\"\xE2\x82\xAC\":-1.5e-3}";
    for (size_t len = 0; len < sizeof text - 1; len++)
        ck_assert_msg(parse_bytes(text, len) == ERR_MALFORMED_JSON, "%zu bytes", len);
    ck_assert_int_eq(parse(text), ERR_NONE);
}
END_TEST

static void nest(char *text, int depth, const char *open, const char *inner, const char *close)
{
    *text = '\0';
    for (int i = 0; i < depth; i++)
        strcat(text, open);
    strcat(text, inner);
    for (int i = 0; i < depth; i++)
        strcat(text, close);
}

START_TEST(test_nests_to_the_limit_and_not_one_deeper)
{
    char text[512];
    nest(text, JSON_DEPTH_MAX, "[", "", "]");
    ck_assert_int_eq(parse(text), ERR_NONE);
    nest(text, JSON_DEPTH_MAX, "[", "1", "]");
    ck_assert_int_eq(parse(text), ERR_NONE);
    nest(text, JSON_DEPTH_MAX, "{\"a\":", "null", "}");
    ck_assert_int_eq(parse(text), ERR_NONE);
    nest(text, JSON_DEPTH_MAX + 1, "[", "", "]");
    ck_assert_int_eq(parse(text), ERR_MALFORMED_JSON);
    nest(text, JSON_DEPTH_MAX + 1, "{\"a\":", "null", "}");
    ck_assert_int_eq(parse(text), ERR_MALFORMED_JSON);
}
END_TEST

START_TEST(test_counts_depth_not_width)
{
    char text[8192] = "[";
    for (int i = 0; i < 1000; i++)
        strcat(text, "[[]],");
    strcat(text, "0]");
    ck_assert_int_eq(parse(text), ERR_NONE);
}
END_TEST

START_TEST(test_refuses_a_megabyte_of_brackets)
{
    size_t len = 1 << 20;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, '[', len);
    ck_assert_int_eq(parse_bytes(text, len), ERR_MALFORMED_JSON);
    free(text);
}
END_TEST

/* As many names as 64 KiB hold: all different, all the same, and the first one again at the end. */
static enum err parse_names(size_t count, bool are_same, bool repeats_first)
{
    struct buffer text;
    buffer_begin(&text, &arena, 1 << 17);
    buffer_char(&text, '{');
    for (size_t i = 0; i < count; i++) {
        buffer_text(&text, i ? ",\"" : "\"");
        buffer_int(&text, are_same || (repeats_first && i == count - 1) ? 0 : (int64_t)i);
        buffer_text(&text, "\":1");
    }
    buffer_char(&text, '}');
    return parse_bytes(text.data, text.len);
}

START_TEST(test_finds_one_double_among_16000_names)
{
    ck_assert_int_eq(parse_names(16000, false, false), ERR_NONE);
    ck_assert_uint_eq(json_count(json_root(document)), 16000);
    ck_assert_int_eq(parse_names(16000, false, true), ERR_MALFORMED_JSON);
    ck_assert_int_eq(parse_names(16000, true, false), ERR_MALFORMED_JSON);
}
END_TEST

START_TEST(test_tells_the_place_but_no_value)
{
    ck_assert_int_eq(parse("[1,\"secret\" 2]"), ERR_MALFORMED_JSON);
    ck_assert_ptr_nonnull(strstr(fault.text, "byte 12"));
    ck_assert_ptr_null(strstr(fault.text, "secret"));
}
END_TEST

START_TEST(test_tells_what_an_editor_may_have_added)
{
    ck_assert_int_eq(parse("\xEF\xBB\xBF[]"), ERR_MALFORMED_JSON);
    ck_assert_ptr_nonnull(strstr(fault.text, "byte order mark"));
}
END_TEST

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
    static const struct row names[] = {ROW("", "z"), ROW("", ""), ROW("", "a\0"), ROW("", "a"),
        ROW("", "\0\0b"), ROW("", "\xC3\xA9")};
    const struct json *root =
        parsed("{\"z\":0,\"\":1,\"a\\u0000\":2,\"a\":3,\"\\u0000\\u0000\\u0062\":4,\"\\u00e9\":5}");
    ck_assert_uint_eq(json_count(root), 6);
    for (size_t i = 0; i < 6; i++) {
        const char *name;
        size_t len;
        bool fits;
        const struct json *value = json_member(root, i, &name, &len);
        ck_assert_uint_eq(len, names[i].len);
        ck_assert_mem_eq(name, names[i].text, len);
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

static TCase *gate_case(void)
{
    TCase *tcase = case_of("gate", set_up);
    tcase_add_loop_test(tcase, test_refuses, 0, sizeof refused / sizeof *refused);
    tcase_add_loop_test(tcase, test_takes, 0, sizeof taken / sizeof *taken);
    tcase_add_test(tcase, test_refuses_each_text_cut_short);
    tcase_add_test(tcase, test_nests_to_the_limit_and_not_one_deeper);
    tcase_add_test(tcase, test_counts_depth_not_width);
    tcase_add_test(tcase, test_refuses_a_megabyte_of_brackets);
    tcase_add_test(tcase, test_finds_one_double_among_16000_names);
    tcase_add_test(tcase, test_tells_the_place_but_no_value);
    tcase_add_test(tcase, test_tells_what_an_editor_may_have_added);
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
    suite_add_tcase(suite, gate_case());
    suite_add_tcase(suite, value_case());
    suite_add_tcase(suite, writer_case());
    return unit_run(suite);
}
