/* The grammar, row by row: what is refused, and what is not. */
#include "unit.h"

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

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    return tcase;
}

static TCase *gate_case(void)
{
    TCase *tcase = case_of("gate");
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

int main(void)
{
    Suite *suite = suite_create("json_gate");
    suite_add_tcase(suite, gate_case());
    return unit_run(suite);
}
