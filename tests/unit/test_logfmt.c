#include "unit.h"

#include <stdint.h>
#include <string.h>

#include "core/logfmt.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static struct logfmt line;

/* The finished line as a text, without its newline. */
static const char *end_line(void)
{
    static char text[LOGFMT_SIZE];
    logfmt_end(&line);
    ck_assert_uint_le(line.len, LOGFMT_SIZE);
    ck_assert_int_eq(line.data[line.len - 1], '\n');
    memcpy(text, line.data, line.len - 1);
    text[line.len - 1] = '\0';
    ck_assert_uint_eq(strlen(text), line.len - 1);
    ck_assert_ptr_null(strchr(text, '\n'));
    return text;
}

static const struct {
    const char *value;
    const char *written;
} value_rows[] = {
    {"plain", "plain"},
    {"6f/..:@#;'<>-_", "6f/..:@#;'<>-_"},
    {"na\xC3\xAFve", "na\xC3\xAFve"},
    {"\xF0\x9F\x92\xB6", "\xF0\x9F\x92\xB6"},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\""},
    {"\"", "\"\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"\\", "\"\\\\\""},
    {"a\nb", "\"a\\nb\""},
    {"a\tb", "\"a\\tb\""},
    {"a\rb", "\"a\\x0db\""},
    {"\x01\x1b[31m", "\"\\x01\\x1b[31m\""},
    {"\x7F", "\"\\x7f\""},
    {"\xFF", "\"\\xff\""},
    {"\xC3(", "\"\\xc3(\""},                 /* a lead byte without its tail */
    {"\xED\xA0\x80", "\"\\xed\\xa0\\x80\""}, /* a surrogate */
    {"\xC0\x8A", "\"\\xc0\\x8a\""},          /* an overlong newline */
    {"\xC2\x85", "\"\\xc2\\x85\""},          /* next line, U+0085 */
    {"\xC2\x9B", "\"\\xc2\\x9b\""},          /* what begins an escape sequence, U+009B */
    {"\xC2\xA0", "\xC2\xA0"},                /* no control */
    {"\xE2\x80\xA8", "\"\\xe2\\x80\\xa8\""}, /* line separator */
    {"\xE2\x80\xAE", "\"\\xe2\\x80\\xae\""}, /* right-to-left override */
    {"\xE2\x80\xAF", "\xE2\x80\xAF"},        /* no mark */
    {"\xE2\x81\xA6", "\"\\xe2\\x81\\xa6\""}, /* left-to-right isolate */
    {"\xE2\x81\xA9", "\"\\xe2\\x81\\xa9\""}, /* pop directional isolate */
    {"\xE2\x81\xA5", "\xE2\x81\xA5"},        /* no mark */
    {"x\" level=error event=forged ", "\"x\\\" level=error event=forged \""},
    {"x\ntime=2026-11-24T15:04:05Z level=error", "\"x\\ntime=2026-11-24T15:04:05Z level=error\""},
};

START_TEST(a_value_neither_ends_the_line_nor_begins_a_pair)
{
    logfmt_begin(&line);
    logfmt_text(&line, "key", value_rows[_i].value);
    const char *text = end_line();
    ck_assert_int_eq(strncmp(text, "key=", 4), 0);
    ck_assert_str_eq(text + 4, value_rows[_i].written);
}
END_TEST

START_TEST(pairs_are_separated_by_one_space)
{
    logfmt_begin(&line);
    logfmt_text(&line, "a", "1");
    logfmt_int(&line, "b", INT64_MIN);
    logfmt_text(&line, "c", "x y");
    logfmt_int(&line, "d", 0);
    ck_assert_str_eq(end_line(), "a=1 b=-9223372036854775808 c=\"x y\" d=0");
}
END_TEST

START_TEST(a_line_can_be_begun_anew)
{
    static char longer[2 * LOGFMT_SIZE];
    memset(longer, 'x', sizeof longer - 1);
    logfmt_begin(&line);
    logfmt_text(&line, "a", longer);
    logfmt_begin(&line);
    logfmt_text(&line, "b", "1");
    ck_assert_str_eq(end_line(), "b=1");
}
END_TEST

/* Units of one to four written bytes, begun at every offset: the cut must fall between two of them.
 */
static const struct {
    const char *unit;
    const char *written;
    const char *before_first; /* makes the value quoted, or not */
} cut_rows[] = {
    {"x", "x", ""},
    {"x", "x", " "},
    {"\"", "\\\"", " "},
    {"\n", "\\n", " "},
    {"\x01", "\\x01", " "},
    {"\xFF", "\\xff", " "},
    {"\xC3\xA4", "\xC3\xA4", ""},
    {"\xE2\x82\xAC", "\xE2\x82\xAC", " "},
    {"\xF0\x9F\x92\xB6", "\xF0\x9F\x92\xB6", ""},
};

static void fill(char *value, size_t size, size_t offset, const char *first, const char *unit)
{
    size_t len = strlen(first);
    memcpy(value, first, len);
    while (offset--)
        value[len++] = 'o';
    while (len + strlen(unit) < size) {
        memcpy(value + len, unit, strlen(unit));
        len += strlen(unit);
    }
    value[len] = '\0';
}

START_TEST(a_long_value_is_cut_between_two_characters)
{
    static char value[LOGFMT_SIZE + 100];
    const char *unit = cut_rows[_i].written;
    for (size_t offset = 0; offset < 5; offset++) {
        fill(value, sizeof value, offset, cut_rows[_i].before_first, cut_rows[_i].unit);
        logfmt_begin(&line);
        logfmt_text(&line, "key", value);
        logfmt_text(&line, "lost", "1");
        logfmt_int(&line, "lost", 1);
        const char *text = end_line();
        size_t len = strlen(text);
        ck_assert_uint_ge(len, LOGFMT_SIZE - 12);
        const char *ending = *cut_rows[_i].before_first ? "\" cut=true" : " cut=true";
        len -= strlen(ending);
        ck_assert_str_eq(text + len, ending);
        ck_assert_ptr_null(strstr(text, "lost"));
        ck_assert_mem_eq(text + len - strlen(unit), unit, strlen(unit));
    }
}
END_TEST

START_TEST(a_value_that_just_fits_is_not_cut)
{
    static char value[LOGFMT_SIZE];
    size_t room = LOGFMT_SIZE - strlen(" cut=true\n") - 1 - strlen("k=");
    memset(value, 'x', room);
    logfmt_begin(&line);
    logfmt_text(&line, "k", value);
    ck_assert_uint_eq(strlen(end_line()), room + 2);
    value[room] = 'x';
    logfmt_begin(&line);
    logfmt_text(&line, "k", value);
    ck_assert_ptr_nonnull(strstr(end_line(), "x cut=true"));
}
END_TEST

/* Filled up so that less and less is left for the next pair. */
/* The closing quote may stand where nothing else may: then there is no room left, not less than
 * none. */
START_TEST(a_pair_behind_a_quoted_value_that_just_fits_is_left_out)
{
    static const char *const behind[] = {"", "1", "two words"};
    char value[LOGFMT_SIZE];
    size_t room = LOGFMT_SIZE - strlen(" cut=true\n") - 1 - strlen("k=\"");
    for (size_t len = room - 20; len <= room; len++) {
        memset(value, ' ', len);
        value[len] = '\0';
        logfmt_begin(&line);
        logfmt_text(&line, "k", value);
        ck_assert(!line.is_cut);
        logfmt_text(&line, "key", behind[len % COUNT(behind)]);
        logfmt_int(&line, "n", INT64_MIN);
        ck_assert(line.is_cut);
        ck_assert_ptr_nonnull(strstr(end_line(), " cut=true"));
    }
}
END_TEST

START_TEST(a_pair_that_does_not_fit_is_left_out_as_a_whole)
{
    static char value[LOGFMT_SIZE];
    for (size_t left = 0; left < 40; left++) {
        size_t len = LOGFMT_SIZE - 40 + left;
        memset(value, 'x', len);
        value[len] = '\0';
        logfmt_begin(&line);
        logfmt_text(&line, "k", value);
        if (_i)
            logfmt_int(&line, "number", 123456);
        else
            logfmt_text(&line, "number", "1 23456");
        const char *text = end_line();
        const char *behind = text + 2 + strspn(text + 2, "x");
        bool is_cut = strstr(text, " cut=true") != NULL;
        const char *pair = strstr(text, " number=");
        if (pair && _i)
            ck_assert_int_eq(strncmp(pair, " number=123456", 14), 0);
        if (pair && !is_cut)
            ck_assert_str_eq(pair, _i ? " number=123456" : " number=\"1 23456\"");
        if (!pair)
            ck_assert_str_eq(behind, " cut=true");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("logfmt");
    TCase *tcase = tcase_create("logfmt");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(
        tcase, a_value_neither_ends_the_line_nor_begins_a_pair, 0, COUNT(value_rows));
    tcase_add_test(tcase, pairs_are_separated_by_one_space);
    tcase_add_test(tcase, a_line_can_be_begun_anew);
    tcase_add_loop_test(tcase, a_long_value_is_cut_between_two_characters, 0, COUNT(cut_rows));
    tcase_add_test(tcase, a_value_that_just_fits_is_not_cut);
    tcase_add_test(tcase, a_pair_behind_a_quoted_value_that_just_fits_is_left_out);
    tcase_add_loop_test(tcase, a_pair_that_does_not_fit_is_left_out_as_a_whole, 0, 2);
    return unit_run(suite);
}
