/* Queries against shapes: every way a parameter can be wrong. */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"
#include "http/fields.h"

struct list {
    int64_t limit;
    const char *cursor;
    const char *reference;
};

static const struct field list_fields[] = {
    {.name = "limit",
        .type = FIELD_INT,
        .min = 1,
        .max = 200,
        .is_optional = true,
        .default_int = 50,
        .offset = offsetof(struct list, limit)},
    {.name = "cursor",
        .type = FIELD_BYTES,
        .min = 1,
        .max = 64,
        .is_optional = true,
        .is_valid = field_is_visible,
        .message = "is not a cursor",
        .offset = offsetof(struct list, cursor)},
    {.name = "reference",
        .type = FIELD_TEXT,
        .min = 1,
        .max = 4,
        .is_optional = true,
        .offset = offsetof(struct list, reference)},
};
static const struct shape list_shape = SHAPE(list_fields, struct list);

static struct arena arena;
static struct fault fault;
static struct list list;

static void set_up(void)
{
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
    memset(&list, 0xAA, sizeof list);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

static enum err query(const char *text)
{
    fault_clear(&fault);
    return fields_query(&list_shape, &arena, text, &list, &fault);
}

/* "field: message; field: message". */
static const char *told(void)
{
    struct buffer out;
    buffer_begin(&out, &arena, 256);
    for (size_t i = 0; i < fault.field_count; i++) {
        buffer_text(&out, i ? "; " : "");
        buffer_text(&out, fault.fields[i].field);
        buffer_text(&out, ": ");
        buffer_text(&out, fault.fields[i].message);
    }
    return out.data;
}

struct row {
    const char *text;
    const char *told;
};

static const struct row bad_queries[] = {
    {"x=1", "x: is not known"},
    {"Limit=1", "Limit: is not known"},
    {"limit=1&limit=1", "limit: must be given once"},
    {"limit=1&limit=", "limit: must be given once"},
    {"l%69mit=1&limit=2", "limit: must be given once"},
    {"limit=", "limit: must not be empty"},
    {"limit", "limit: must not be empty"},
    {"cursor=&reference=", "cursor: must not be empty; reference: must not be empty"},
    {"limit=0", "limit: must be an integer from 1 to 200"},
    {"limit=201", "limit: must be an integer from 1 to 200"},
    {"limit=05", "limit: must be an integer from 1 to 200"},
    {"limit=%2B5", "limit: must be an integer from 1 to 200"},
    {"limit=+5", "limit: must be an integer from 1 to 200"},
    {"limit=-5", "limit: must be an integer from 1 to 200"},
    {"limit=5.0", "limit: must be an integer from 1 to 200"},
    {"limit=5a", "limit: must be an integer from 1 to 200"},
    {"limit=9223372036854775808", "limit: must be an integer from 1 to 200"},
    {"limit=1=2", "limit: must be an integer from 1 to 200"},
    {"reference=%", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%4", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%4&limit=1", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%4G", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%G4", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%%41", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%00", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%0A", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%7F", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%FF", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%C0%AF", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=%ED%A0%80", "reference: must be percent-encoded UTF-8 without control characters"},
    {"reference=abcde", "reference: must have 1 to 4 characters"},
    {"cursor=a+b", "cursor: is not a cursor"},
    {"%=1", ": holds a parameter whose name is not percent-encoded UTF-8"},
    {"%00=1", ": holds a parameter whose name is not percent-encoded UTF-8"},
    {"=1", ": holds a parameter without a name"},
    {"&", ": holds a parameter without a name; : holds a parameter without a name"},
    {"limit=1&", ": holds a parameter without a name"},
    {"limit=x&cursor=%&y=1",
        "limit: must be an integer from 1 to 200; "
        "cursor: must be percent-encoded UTF-8 without control characters; y: is not known"},
};

START_TEST(test_tells_what_is_wrong_with_a_query)
{
    const struct row *row = &bad_queries[_i];
    enum err e = query(row->text);
    ck_assert_msg(e == ERR_VALIDATION, "%s: %d", row->text, e);
    ck_assert_str_eq(told(), row->told);
}
END_TEST

START_TEST(test_no_query_leaves_the_defaults)
{
    static const char *const none[] = {NULL, ""};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(query(none[i]), ERR_NONE);
        ck_assert_int_eq(list.limit, 50);
        ck_assert_ptr_null(list.cursor);
        ck_assert_ptr_null(list.reference);
    }
}
END_TEST

START_TEST(test_decodes_a_query)
{
    ck_assert_int_eq(query("reference=%c3%A9+%26=&li%6Dit=200&cursor=A-._~*/?"), ERR_NONE);
    ck_assert_int_eq(list.limit, 200);
    ck_assert_str_eq(list.reference, "\xC3\xA9 &=");
    ck_assert_str_eq(list.cursor, "A-._~*/?");
}
END_TEST

START_TEST(test_a_route_without_parameters_refuses_any)
{
    ck_assert_int_eq(fields_query(NULL, &arena, NULL, NULL, &fault), ERR_NONE);
    ck_assert_int_eq(fields_query(NULL, &arena, "", NULL, &fault), ERR_NONE);
    ck_assert_int_eq(fields_query(NULL, &arena, "limit=1", NULL, &fault), ERR_VALIDATION);
    ck_assert_str_eq(told(), "limit: is not known");
}
END_TEST

START_TEST(test_a_required_parameter_is_missed)
{
    static const struct field needed[] = {
        {.name = "id", .type = FIELD_INT, .min = 1, .max = 9, .offset = 0}};
    static const struct shape shape = {needed, 1, sizeof(int64_t)};
    int64_t id;
    ck_assert_int_eq(fields_query(&shape, &arena, "", &id, &fault), ERR_VALIDATION);
    ck_assert_str_eq(told(), "id: is required");
    ck_assert_int_eq(id, 0);
}
END_TEST

START_TEST(test_what_is_encoded_decodes_to_the_same)
{
    struct buffer out;
    buffer_begin(&out, &arena, 64);
    buffer_text(&out, "reference=");
    fields_encode(&out, "\xC3\xA9 +%");
    ck_assert_str_eq(out.data, "reference=%C3%A9%20%2B%25");
    ck_assert_int_eq(query(out.data), ERR_NONE);
    ck_assert_str_eq(list.reference, "\xC3\xA9 +%");
    buffer_begin(&out, &arena, 64);
    fields_encode(&out, "AZaz09-._~&=/");
    ck_assert_str_eq(out.data, "AZaz09-._~%26%3D%2F");
}
END_TEST

START_TEST(test_works_without_anybody_to_tell)
{
    ck_assert_int_eq(fields_query(&list_shape, &arena, "x=1", &list, NULL), ERR_VALIDATION);
}
END_TEST

START_TEST(test_an_array_in_a_query_is_a_bug)
{
    static const struct field arrays[] = {
        {.name = "parts", .type = FIELD_ARRAY, .is_optional = true}};
    static const struct shape shape = {arrays, 1, sizeof(struct list)};
    ck_assert_int_eq(fields_query(&shape, &arena, "parts=1", &list, &fault), ERR_NONE);
}
END_TEST

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    return tcase;
}

static TCase *query_case(void)
{
    TCase *tcase = case_of("query");
    tcase_add_loop_test(
        tcase, test_tells_what_is_wrong_with_a_query, 0, sizeof bad_queries / sizeof *bad_queries);
    tcase_add_test(tcase, test_no_query_leaves_the_defaults);
    tcase_add_test(tcase, test_decodes_a_query);
    tcase_add_test(tcase, test_a_route_without_parameters_refuses_any);
    tcase_add_test(tcase, test_a_required_parameter_is_missed);
    tcase_add_test(tcase, test_what_is_encoded_decodes_to_the_same);
    tcase_add_test(tcase, test_works_without_anybody_to_tell);
    tcase_add_test_raise_signal(tcase, test_an_array_in_a_query_is_a_bug, SIGABRT);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("fields_query");
    suite_add_tcase(suite, query_case());
    return unit_run(suite);
}
