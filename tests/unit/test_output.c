/* ctl/output: both forms from the same rows, and nothing that a row holds can break out of either.
 */
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"

#include "ctl/output.h"

#include "unit.h"

static struct arena arena;
static struct output output;
static struct buffer out;

static const struct output_column columns[] = {
    {"id", OUTPUT_INT},
    {"full_name", OUTPUT_TEXT},
    {"created_at", OUTPUT_TIME},
};

static void begin(void)
{
    arena_init(&arena, 1024);
    output_begin(&output, &arena, "things", columns, 3);
    buffer_begin(&out, &arena, 16);
}

static void end(void)
{
    arena_fini(&arena);
}

static void add(int64_t id, const char *name, int64_t at)
{
    output_row(&output, (struct output_value[]){{.number = id}, {.text = name}, {.number = at}});
}

START_TEST(an_empty_list_is_an_empty_json_array)
{
    output_render_list(&output, true, &out);
    ck_assert_str_eq(out.data, "{\"things\": []}\n");
}
END_TEST

START_TEST(an_empty_table_has_its_headings)
{
    output_render_list(&output, false, &out);
    ck_assert_str_eq(out.data, "ID  FULL NAME  CREATED AT\n");
}
END_TEST

START_TEST(a_json_list_holds_every_row_with_its_types)
{
    add(1, "a", 0);
    add(-2, NULL, 1795532645);
    output_render_list(&output, true, &out);
    ck_assert_str_eq(out.data,
        "{\"things\": [\n"
        "{\"id\": 1, \"full_name\": \"a\", \"created_at\": \"1970-01-01T00:00:00Z\"},\n"
        "{\"id\": -2, \"full_name\": null, \"created_at\": \"2026-11-24T15:04:05Z\"}\n"
        "]}\n");
}
END_TEST

START_TEST(a_table_is_aligned_by_characters_not_bytes)
{
    add(1, "J\xc3\xbcrgen", 0);
    add(1000, "a somewhat longer name", 0);
    output_render_list(&output, false, &out);
    ck_assert_str_eq(out.data, "ID    FULL NAME               CREATED AT\n"
                               "1     J\xc3\xbcrgen                  1970-01-01T00:00:00Z\n"
                               "1000  a somewhat longer name  1970-01-01T00:00:00Z\n");
}
END_TEST

START_TEST(more_rows_than_fit_at_first_keep_their_order)
{
    for (int n = 0; n < 100; n++)
        add(n, "x", 0);
    ck_assert_uint_eq(output.row_count, 100);
    for (int n = 0; n < 100; n++)
        ck_assert_int_eq(output.values[3 * n].number, n);
}
END_TEST

static const struct {
    const char *text;
    const char *json;  /* without the quotes */
    const char *plain; /* in a table */
} hostile[] = {
    {"\"quoted\\\"", "\\\"quoted\\\\\\\"", "\"quoted\\\""},
    {"line\nfeed\ttab", "line\\u000afeed\\u0009tab", "line?feed?tab"},
    {"\x1b[31mred\x7f", "\\u001b[31mred\\u007f", "?[31mred?"},
    {"c1 \xc2\x9b, not \xc2\xa9", "c1 \xc2\x9b, not \xc2\xa9", "c1 ?, not \xc2\xa9"},
    {"not utf-8 \xff\xc3\xbc", "not utf-8 \\ufffd\\ufffd\\ufffd", "not utf-8 ???"},
    {"cut \xc2", "cut \\ufffd", "cut ?"},
    {"", "", ""},
};

START_TEST(hostile_text_stays_inside_its_json_string)
{
    add(7, hostile[_i].text, 0);
    output_render_record(&output, true, &out);
    ck_assert_str_eq(out.data,
        arena_printf(&arena,
            "{\"id\": 7, \"full_name\": \"%s\", \"created_at\": \"1970-01-01T00:00:00Z\"}\n",
            hostile[_i].json));
}
END_TEST

START_TEST(hostile_text_does_not_steer_a_terminal)
{
    add(7, hostile[_i].text, 0);
    output_render_record(&output, false, &out);
    ck_assert_str_eq(out.data, arena_printf(&arena,
                                   "id          7\n"
                                   "full_name   %s\n"
                                   "created_at  1970-01-01T00:00:00Z\n",
                                   hostile[_i].plain));
}
END_TEST

START_TEST(absent_text_is_a_dash_for_people)
{
    add(7, NULL, 0);
    output_render_record(&output, false, &out);
    ck_assert_ptr_nonnull(strstr(out.data, "full_name   -\n"));
}
END_TEST

START_TEST(absent_numbers_and_times_are_dashes_and_nulls)
{
    output_row(&output, (struct output_value[]){
                            {.number = 7, .is_absent = true}, {.text = "x"}, {.is_absent = true}});
    output_render_list(&output, true, &out);
    output_render_list(&output, false, &out);
    ck_assert_str_eq(out.data, "{\"things\": [\n"
                               "{\"id\": null, \"full_name\": \"x\", \"created_at\": null}\n"
                               "]}\n"
                               "ID  FULL NAME  CREATED AT\n"
                               "-   x          -\n");
}
END_TEST

static const struct output_column part_columns[] = {{"kind", OUTPUT_TEXT}, {"n", OUTPUT_INT}};

/* The list has as many rows as asked for, the record one. */
static void render_document(int rows, bool is_json)
{
    static struct output list, record;
    output_begin(&list, &arena, "unused", part_columns, 2);
    output_begin(&record, &arena, "unused", part_columns, 2);
    for (int n = 0; n < rows; n++)
        output_row(&list, (struct output_value[]){{.text = "a\n"}, {.number = n}});
    output_row(&record, (struct output_value[]){{.text = "r"}, {.number = 9}});
    const struct output_part parts[] = {
        {"items", &list, true}, {"payment", &record, false}, {"refund", NULL, false}};
    add(7, "x", 0);
    output_render_document(&output, parts, 3, is_json, &out);
}

START_TEST(a_document_is_one_json_object)
{
    render_document(2, true);
    ck_assert_str_eq(out.data,
        "{\"id\": 7, \"full_name\": \"x\", \"created_at\": \"1970-01-01T00:00:00Z\",\n"
        "\"items\": [\n"
        "{\"kind\": \"a\\u000a\", \"n\": 0},\n"
        "{\"kind\": \"a\\u000a\", \"n\": 1}\n"
        "],\n"
        "\"payment\": {\"kind\": \"r\", \"n\": 9},\n"
        "\"refund\": null}\n");
}
END_TEST

START_TEST(a_document_has_a_paragraph_for_each_part)
{
    render_document(1, false);
    ck_assert_str_eq(out.data, "id          7\n"
                               "full_name   x\n"
                               "created_at  1970-01-01T00:00:00Z\n"
                               "\n"
                               "items:\n"
                               "KIND  N\n"
                               "a?    0\n"
                               "\n"
                               "payment:\n"
                               "kind  r\n"
                               "n     9\n"
                               "\n"
                               "refund: -\n");
}
END_TEST

START_TEST(an_empty_list_in_a_document_is_empty)
{
    render_document(0, true);
    ck_assert_ptr_nonnull(strstr(out.data, "\"items\": [],\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tcase = tcase_create("output");
    int hostile_count = sizeof hostile / sizeof *hostile;
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, hostile_text_stays_inside_its_json_string, 0, hostile_count);
    tcase_add_loop_test(tcase, hostile_text_does_not_steer_a_terminal, 0, hostile_count);
    tcase_add_test(tcase, absent_text_is_a_dash_for_people);
    tcase_add_test(tcase, absent_numbers_and_times_are_dashes_and_nulls);
    tcase_add_test(tcase, a_document_is_one_json_object);
    tcase_add_test(tcase, a_document_has_a_paragraph_for_each_part);
    tcase_add_test(tcase, an_empty_list_in_a_document_is_empty);
    tcase_add_test(tcase, an_empty_list_is_an_empty_json_array);
    tcase_add_test(tcase, an_empty_table_has_its_headings);
    tcase_add_test(tcase, a_json_list_holds_every_row_with_its_types);
    tcase_add_test(tcase, a_table_is_aligned_by_characters_not_bytes);
    tcase_add_test(tcase, more_rows_than_fit_at_first_keep_their_order);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
