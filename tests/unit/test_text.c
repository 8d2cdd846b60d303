#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "core/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static const struct {
    const char *bytes;
    size_t len;
    size_t points; /* 0: not UTF-8 */
} utf8_rows[] = {
    {"a", 1, 1}, {"a\0b", 3, 3}, {"\x7F", 1, 1}, {"\xC2\x80", 2, 1}, {"\xDF\xBF", 2, 1},
    {"\xE0\xA0\x80", 3, 1}, {"\xED\x9F\xBF", 3, 1}, {"\xEE\x80\x80", 3, 1}, {"\xEF\xBF\xBF", 3, 1},
    {"\xF0\x90\x80\x80", 4, 1}, {"\xF4\x8F\xBF\xBF", 4, 1}, {"na\xC3\xAFve \xE2\x82\xAC", 10, 7},
    {"\x80", 1, 0},                 /* a tail alone */
    {"\xC0\xAF", 2, 0},             /* overlong '/' */
    {"\xC1\xBF", 2, 0},             /* overlong */
    {"\xE0\x9F\xBF", 3, 0},         /* overlong */
    {"\xF0\x8F\xBF\xBF", 4, 0},     /* overlong */
    {"\xED\xA0\x80", 3, 0},         /* first surrogate */
    {"\xED\xBF\xBF", 3, 0},         /* last surrogate */
    {"\xF4\x90\x80\x80", 4, 0},     /* U+110000 */
    {"\xF5\x80\x80\x80", 4, 0},     /* beyond */
    {"\xFE", 1, 0},                 /* never in UTF-8 */
    {"\xFF", 1, 0},                 /* never in UTF-8 */
    {"\xC3", 1, 0},                 /* cut short */
    {"\xE2\x82", 2, 0},             /* cut short */
    {"\xF0\x90\x80", 3, 0},         /* cut short */
    {"\xC3(", 2, 0},                /* no tail */
    {"\xE2\x82(", 3, 0},            /* no second tail */
    {"\xF0\x90\x80(", 4, 0},        /* no third tail */
    {"good, then \xC3\x28", 13, 0}, /* late */
};

/* On the heap, so that reading past the end is seen. */
START_TEST(utf8_is_taken_strictly)
{
    size_t len = utf8_rows[_i].len;
    char *copy = malloc(len);
    memcpy(copy, utf8_rows[_i].bytes, len);
    ck_assert_int_eq(text_is_utf8(copy, len), utf8_rows[_i].points > 0);
    if (utf8_rows[_i].points)
        ck_assert_uint_eq(text_count(copy, len), utf8_rows[_i].points);
    free(copy);
}
END_TEST

/* Every row at every place of a text of every length, of which some bytes are looked at together.
 */
START_TEST(utf8_is_taken_strictly_wherever_it_stands)
{
    size_t len = utf8_rows[_i].len;
    for (size_t total = len; total < 40; total++)
        for (size_t at = 0; at + len <= total; at++) {
            char *exact = malloc(total ? total : 1);
            ck_assert_ptr_nonnull(exact);
            memset(exact, 'a', total);
            memcpy(exact + at, utf8_rows[_i].bytes, len);
            ck_assert_int_eq(text_is_utf8(exact, total), utf8_rows[_i].points > 0);
            free(exact);
        }
}
END_TEST

START_TEST(nothing_is_utf8)
{
    ck_assert(text_is_utf8("", 0));
    ck_assert_uint_eq(text_count("", 0), 0);
}
END_TEST

START_TEST(control_characters_are_c0_and_del)
{
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        ck_assert_int_eq(text_has_control(text, 3), c < 0x20 || c == 0x7F);
    }
    ck_assert(!text_has_control("\n", 0));
}
END_TEST

static const struct {
    const char *text;
    int64_t max;
    int64_t number; /* -1: refused */
} uint_rows[] = {
    {"0", 0, 0}, {"1", 1, 1}, {"65535", 65535, 65535},
    {"9223372036854775807", INT64_MAX, INT64_MAX}, {"9223372036854775808", INT64_MAX, -1},
    {"9223372036854775810", INT64_MAX, -1}, {"18446744073709551617", INT64_MAX, -1},
    {"99999999999999999999999", INT64_MAX, -1}, {"65536", 65535, -1}, {"65540", 65535, -1},
    {"2", 1, -1}, {"1", 0, -1}, {"5", 3, -1}, {"10", 3, -1}, {"", 9, -1}, {"00", 9, -1},
    {"07", 9, -1}, {"+5", 9, -1}, {"-1", 9, -1}, {"-0", 9, -1}, {" 1", 9, -1}, {"1 ", 9, -1},
    {"1x", 9, -1}, {"0x1", 9, -1}, {"1.0", 9, -1}, {"1e1", 99, -1},
    {"\xD9\xA1", 9, -1}, /* an Arabic one */
};

START_TEST(numbers_have_one_spelling)
{
    int64_t number = -77;
    const char *text = uint_rows[_i].text;
    bool taken = text_parse_uint(text, strlen(text), uint_rows[_i].max, &number);
    ck_assert_int_eq(taken, uint_rows[_i].number >= 0);
    ck_assert_int_eq(number, taken ? uint_rows[_i].number : -77);
}
END_TEST

START_TEST(all_bytes_of_a_number_count)
{
    int64_t number = -77;
    ck_assert(!text_parse_uint("1\0", 2, 9, &number));
    ck_assert(text_parse_uint("123", 2, 99, &number));
    ck_assert_int_eq(number, 12);
}
END_TEST

START_TEST(numbers_are_written_up_to_both_ends)
{
    char out[TEXT_INT_SIZE];
    ck_assert_uint_eq(text_int(out, INT64_MIN), 20);
    ck_assert_str_eq(out, "-9223372036854775808");
    ck_assert_uint_eq(text_int(out, INT64_MAX), 19);
    ck_assert_str_eq(out, "9223372036854775807");
    ck_assert_uint_eq(text_int(out, 0), 1);
    ck_assert_str_eq(out, "0");
}
END_TEST

static const char *const no_uids[] = {
    "",
    "0123456789abcdef0123456789abcde",   /* 31 */
    "0123456789abcdef0123456789abcdef0", /* 33 */
    "0123456789ABCDEF0123456789abcdef",
    "0123456789abcdeg0123456789abcdef",
    "0123456789abcdef/123456789abcdef",
    "../3456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcde\n",
    " 123456789abcdef0123456789abcdef",
    "0123456789abcde`0123456789abcdef",
    "0123456789abcde:0123456789abcdef",
};

START_TEST(only_32_lower_case_hexadecimal_digits_are_a_uid)
{
    ck_assert(text_is_uid("0123456789abcdef0123456789abcdef"));
    for (size_t i = 0; i < COUNT(no_uids); i++)
        ck_assert_msg(!text_is_uid(no_uids[i]), "%s", no_uids[i]);
}
END_TEST

START_TEST(folding_is_ascii_only_and_cut_to_size)
{
    char out[8];
    text_fold(out, sizeof out, "AZ[@az\xC3\x84");
    ck_assert_str_eq(out, "az[@az\xC3");
    text_fold(out, sizeof out, "");
    ck_assert_str_eq(out, "");
    text_fold(out, 1, "ABC");
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(secrets_are_equal_only_if_every_byte_is)
{
    ck_assert(text_equal_secret("", ""));
    ck_assert(text_equal_secret("secret", "secret"));
    ck_assert(!text_equal_secret("secret", "secreT"));
    ck_assert(!text_equal_secret("secret", "Secret"));
    ck_assert(!text_equal_secret("secret", "secret1"));
    ck_assert(!text_equal_secret("secret1", "secret"));
    ck_assert(!text_equal_secret("", "x"));
    ck_assert(!text_equal_secret("a\x80", "a\x7F"));
}
END_TEST

START_TEST(hexadecimal_is_lower_case)
{
    char out[9];
    text_hex(out, "\x00\x7f\x80\xff", 4);
    ck_assert_str_eq(out, "007f80ff");
    text_hex(out, "", 0);
    ck_assert_str_eq(out, "");
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    const char *text;
} base64_rows[] = {
    {"", 0, ""},
    {"f", 1, "Zg"},
    {"fo", 2, "Zm8"},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg"},
    {"fooba", 5, "Zm9vYmE"},
    {"foobar", 6, "Zm9vYmFy"},
    {"\xFB\xFF", 2, "-_8"},
    {"\0\0\0", 3, "AAAA"},
    {"\xFF\xFF\xFF", 3, "____"},
};

START_TEST(base64url_goes_both_ways)
{
    char text[16];
    unsigned char bytes[8];
    size_t len;
    text_base64url(text, base64_rows[_i].bytes, base64_rows[_i].len);
    ck_assert_str_eq(text, base64_rows[_i].text);
    ck_assert(text_unbase64url(bytes, base64_rows[_i].len, &len, text, strlen(text)));
    ck_assert_uint_eq(len, base64_rows[_i].len);
    if (len)
        ck_assert_mem_eq(bytes, base64_rows[_i].bytes, len);
}
END_TEST

START_TEST(base64url_goes_both_ways_for_every_length)
{
    unsigned char bytes[257];
    unsigned char back[257];
    char text[(257 + 2) / 3 * 4 + 1];
    random_bytes(bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        size_t back_len;
        text_base64url(text, bytes, len);
        ck_assert(text_unbase64url(back, len, &back_len, text, strlen(text)));
        ck_assert_uint_eq(back_len, len);
        ck_assert_int_eq(memcmp(back, bytes, len), 0);
    }
}
END_TEST

static const char *const no_base64[] = {
    "Z",
    "Zm9vY",
    "Zg==",
    "Zg=",
    "Zh",
    "Zm9",
    "Zm 9",
    "Zm9v\n",
    "+_8",
    "-/8",
    "Zm9v.",
    "Z\xC3\xA4",
    "A===",
};

START_TEST(base64url_has_one_spelling)
{
    unsigned char out[16];
    size_t len = 77;
    ck_assert_msg(!text_unbase64url(out, sizeof out, &len, no_base64[_i], strlen(no_base64[_i])),
        "%s", no_base64[_i]);
    ck_assert_uint_eq(len, 77);
}
END_TEST

START_TEST(base64url_does_not_write_past_its_size)
{
    unsigned char out[4] = {0, 0, 9, 9};
    size_t len;
    ck_assert(!text_unbase64url(out, 2, &len, "Zm9v", 4));
    ck_assert(!text_unbase64url(out, 0, &len, "Zg", 2));
    ck_assert(text_unbase64url(out, 2, &len, "Zm8", 3));
    ck_assert_mem_eq(out, "fo\x09\x09", 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, utf8_is_taken_strictly, 0, COUNT(utf8_rows));
    tcase_add_loop_test(tcase, utf8_is_taken_strictly_wherever_it_stands, 0, COUNT(utf8_rows));
    tcase_add_test(tcase, nothing_is_utf8);
    tcase_add_test(tcase, control_characters_are_c0_and_del);
    tcase_add_loop_test(tcase, numbers_have_one_spelling, 0, COUNT(uint_rows));
    tcase_add_test(tcase, all_bytes_of_a_number_count);
    tcase_add_test(tcase, numbers_are_written_up_to_both_ends);
    tcase_add_test(tcase, only_32_lower_case_hexadecimal_digits_are_a_uid);
    tcase_add_test(tcase, folding_is_ascii_only_and_cut_to_size);
    tcase_add_test(tcase, secrets_are_equal_only_if_every_byte_is);
    tcase_add_test(tcase, hexadecimal_is_lower_case);
    tcase_add_loop_test(tcase, base64url_goes_both_ways, 0, COUNT(base64_rows));
    tcase_add_test(tcase, base64url_goes_both_ways_for_every_length);
    tcase_add_loop_test(tcase, base64url_has_one_spelling, 0, COUNT(no_base64));
    tcase_add_test(tcase, base64url_does_not_write_past_its_size);
    return unit_run(suite);
}
