/* Bodies against shapes: every way a value can be wrong, and that all of it is told at once,
 * without a value that was sent. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/account.h"
#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"
#include "http/fields.h"

struct part {
    const char *sku;
    int64_t quantity;
};

struct thing {
    const char *name;
    const char *token;
    const char *note;
    const char *currency;
    int64_t amount;
    int64_t limit;
    int64_t any;
    struct part *parts;
    size_t part_count;
};

static const struct field part_fields[] = {
    {.name = "sku", .type = FIELD_TEXT, .min = 1, .max = 4, .offset = offsetof(struct part, sku)},
    {.name = "quantity",
        .type = FIELD_INT,
        .min = 1,
        .max = 10,
        .offset = offsetof(struct part, quantity)},
};
static const struct shape part_shape = SHAPE(part_fields, struct part);

static const struct field thing_fields[] = {
    {.name = "name",
        .type = FIELD_TEXT,
        .min = 2,
        .max = 5,
        .is_valid = field_is_plain,
        .message = "must hold no control characters",
        .offset = offsetof(struct thing, name)},
    {.name = "token",
        .type = FIELD_BYTES,
        .max = 6,
        .is_optional = true,
        .offset = offsetof(struct thing, token)},
    {.name = "note",
        .type = FIELD_TEXT,
        .min = 3,
        .max = 3,
        .is_optional = true,
        .offset = offsetof(struct thing, note)},
    {.name = "currency",
        .type = FIELD_TEXT,
        .min = 3,
        .max = 3,
        .is_optional = true,
        .is_valid = field_is_currency,
        .offset = offsetof(struct thing, currency)},
    {.name = "amount",
        .type = FIELD_INT,
        .min = -5,
        .max = 1000,
        .offset = offsetof(struct thing, amount)},
    {.name = "limit",
        .type = FIELD_INT,
        .min = 1,
        .max = 200,
        .is_optional = true,
        .default_int = 50,
        .offset = offsetof(struct thing, limit)},
    {.name = "any",
        .type = FIELD_INT,
        .min = INT64_MIN,
        .max = INT64_MAX,
        .is_optional = true,
        .offset = offsetof(struct thing, any)},
    {.name = "parts",
        .type = FIELD_ARRAY,
        .min = 1,
        .max = 3,
        .is_optional = true,
        .shape = &part_shape,
        .offset = offsetof(struct thing, parts),
        .count_offset = offsetof(struct thing, part_count)},
};
static const struct shape thing_shape = SHAPE(thing_fields, struct thing);

static struct arena arena;
static struct fault fault;
static struct thing thing;

static void set_up(void)
{
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
    memset(&thing, 0xAA, sizeof thing);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

static enum err body_bytes(const char *text, size_t len)
{
    fault_clear(&fault);
    return fields_body(&thing_shape, &arena, text, len, &thing, &fault);
}

static enum err body(const char *text)
{
    return body_bytes(text, strlen(text));
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

#define WITH(members) "{\"name\":\"abc\",\"amount\":1," members "}"

static const struct row bad_bodies[] = {
    {"[]", ": must be an object"},
    {"null", ": must be an object"},
    {"\"a\"", ": must be an object"},
    {"-0", ": must be an object"},
    {"{}", "name: is required; amount: is required"},
    {"{\"name\":null,\"amount\":null}", "name: must not be null; amount: must not be null"},
    {"{\"name\":1,\"amount\":\"1\"}",
        "name: must be a string; amount: must be an integer from -5 to 1000"},
    {"{\"name\":[\"abc\"],\"amount\":[1]}",
        "name: must be a string; amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"a\",\"amount\":1}", "name: must have 2 to 5 characters"},
    {"{\"name\":\"\",\"amount\":1}", "name: must have 2 to 5 characters"},
    {"{\"name\":\"abcdef\",\"amount\":1}", "name: must have 2 to 5 characters"},
    {"{\"name\":\"\xC3\xA9\",\"amount\":1}", "name: must have 2 to 5 characters"},
    {"{\"name\":\"a\\u0000b\",\"amount\":1}", "name: must not hold U+0000"},
    {"{\"name\":\"a\\nb\",\"amount\":1}", "name: must hold no control characters"},
    {"{\"name\":\"a\\u007Fb\",\"amount\":1}", "name: must hold no control characters"},
    {WITH("\"token\":\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\""), "token: must have at most 6 bytes"},
    {WITH("\"note\":\"ab\""), "note: must have exactly 3 characters"},
    {WITH("\"currency\":\"eur\""), "currency: has a form that is not allowed"},
    {"{\"name\":\"abc\",\"amount\":-6}", "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":1001}", "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":2.0}", "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":1e3}", "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":-0}", "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":true}", "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":9223372036854775808}",
        "amount: must be an integer from -5 to 1000"},
    {"{\"name\":\"abc\",\"amount\":18446744073709551617}",
        "amount: must be an integer from -5 to 1000"},
    {WITH("\"limit\":0"), "limit: must be an integer from 1 to 200"},
    {WITH("\"any\":9223372036854775808"),
        "any: must be an integer from -9223372036854775808 to 9223372036854775807"},
    {WITH("\"parts\":{}"), "parts: must be an array"},
    {WITH("\"parts\":[]"), "parts: must have 1 to 3 elements"},
    {WITH("\"parts\":[1,2,3,4]"), "parts: must have 1 to 3 elements"},
    {WITH("\"parts\":[null,[],\"a\"]"),
        "parts[0]: must be an object; parts[1]: must be an object; parts[2]: must be an object"},
    {WITH("\"parts\":[{\"sku\":\"a\",\"quantity\":1},{\"sku\":\"\",\"quantity\":11,\"x\":1}]"),
        "parts[1].sku: must have 1 to 4 characters; "
        "parts[1].quantity: must be an integer from 1 to 10; parts[1].x: is not known"},
    {WITH("\"nmae\":1"), "nmae: is not known"},
    {WITH("\"Name\":1"), "Name: is not known"},
    {WITH("\"name\\u0000\":1"), "name?: is not known"},
    {WITH("\"a\\nb\":1"), "a?b: is not known"},
    {WITH("\"\":1"), ": holds a member without a name"},
    {WITH("\"parts\":[{\"sku\":\"a\",\"quantity\":1,\"\":1}]"),
        "parts[0]: holds a member without a name"},
};

START_TEST(test_tells_what_is_wrong_with_a_body)
{
    const struct row *row = &bad_bodies[_i];
    enum err e = body(row->text);
    ck_assert_msg(e == ERR_VALIDATION, "%s: %d", row->text, e);
    ck_assert_str_eq(told(), row->told);
}
END_TEST

START_TEST(test_fills_the_struct)
{
    ck_assert_int_eq(
        body("{\"name\":\"a\xC3\xA9\",\"token\":\"\",\"note\":\"xyz\",\"currency\":\"EUR\","
             "\"amount\":-5,\"limit\":200,\"parts\":[{\"sku\":\"s1\",\"quantity\":1},"
             "{\"quantity\":10,\"sku\":\"s2\"}]}"),
        ERR_NONE);
    ck_assert_str_eq(thing.name, "a\xC3\xA9");
    ck_assert_str_eq(thing.token, "");
    ck_assert_str_eq(thing.note, "xyz");
    ck_assert_str_eq(thing.currency, "EUR");
    ck_assert_int_eq(thing.amount, -5);
    ck_assert_int_eq(thing.limit, 200);
    ck_assert_uint_eq(thing.part_count, 2);
    ck_assert_str_eq(thing.parts[0].sku, "s1");
    ck_assert_int_eq(thing.parts[0].quantity, 1);
    ck_assert_str_eq(thing.parts[1].sku, "s2");
    ck_assert_int_eq(thing.parts[1].quantity, 10);
}
END_TEST

static void check_defaults(void)
{
    ck_assert_ptr_null(thing.token);
    ck_assert_ptr_null(thing.note);
    ck_assert_int_eq(thing.limit, 50);
    ck_assert_ptr_null(thing.parts);
    ck_assert_uint_eq(thing.part_count, 0);
}

START_TEST(test_null_is_as_good_as_left_out_where_that_is_allowed)
{
    ck_assert_int_eq(body("{\"name\":\"abc\",\"amount\":1}"), ERR_NONE);
    check_defaults();
    ck_assert_int_eq(
        body(WITH("\"token\":null,\"note\":null,\"limit\":null,\"parts\":null")), ERR_NONE);
    check_defaults();
}
END_TEST

START_TEST(test_counts_characters_or_bytes)
{
    ck_assert_int_eq(
        body("{\"name\":\"\xF0\x9D\x84\x9E\xF0\x9D\x84\x9E\xC3\xA9\xC3\xA9\\u00e9\",\"amount\":1,"
             "\"token\":\"\xC3\xA9\xC3\xA9\xC3\xA9\"}"),
        ERR_NONE);
}
END_TEST

START_TEST(test_a_text_outlives_the_body)
{
    char text[] = "{\"name\":\"abc\",\"amount\":1}";
    ck_assert_int_eq(body(text), ERR_NONE);
    memset(text, 'x', sizeof text);
    ck_assert_str_eq(thing.name, "abc");
}
END_TEST

START_TEST(test_malformed_json_is_told_apart)
{
    ck_assert_int_eq(body(""), ERR_MALFORMED_JSON);
    ck_assert_int_eq(body("{\"name\":\"abc\",\"amount\":1,}"), ERR_MALFORMED_JSON);
    ck_assert_int_eq(body("{\"zzz\":1,\"zzz\":1}"), ERR_MALFORMED_JSON);
    ck_assert_int_eq(body_bytes("{}\0", 3), ERR_MALFORMED_JSON);
    ck_assert_uint_eq(fault.field_count, 0);
}
END_TEST

START_TEST(test_never_repeats_a_value)
{
    ck_assert_int_eq(body("{\"name\":\"secret-secret\",\"token\":\"secret-secret\","
                          "\"amount\":\"secret\",\"limit\":7777777,\"x\":\"secret\"}"),
        ERR_VALIDATION);
    ck_assert_uint_eq(fault.field_count, 5);
    ck_assert_ptr_null(strstr(told(), "secret"));
    ck_assert_ptr_null(strstr(told(), "7777777"));
}
END_TEST

START_TEST(test_names_at_most_a_hundred_fields)
{
    struct buffer text;
    buffer_begin(&text, &arena, 1 << 16);
    buffer_text(&text, "{\"name\":\"abc\"");
    for (int i = 0; i < 10000; i++) {
        buffer_text(&text, ",\"x");
        buffer_int(&text, i);
        buffer_text(&text, "\":1");
    }
    buffer_text(&text, "}");
    ck_assert_int_eq(body_bytes(text.data, text.len), ERR_VALIDATION);
    ck_assert_uint_eq(fault.field_count, FAULT_FIELDS_MAX);
    ck_assert_str_eq(fault.fields[0].field, "amount");
    ck_assert_str_eq(fault.fields[99].field, "x98");
}
END_TEST

/* 64 bytes, not in the middle of a character. */
START_TEST(test_cuts_long_names_between_characters)
{
    char text[256], name[128];
    memset(name, 'a', 63);
    strcpy(name + 63, "\xC3\xA9tail");
    snprintf(text, sizeof text, WITH("\"%s\":1"), name);
    ck_assert_int_eq(body(text), ERR_VALIDATION);
    ck_assert_uint_eq(strlen(fault.fields[0].field), 63);
    memmove(name, name + 1, strlen(name));
    snprintf(text, sizeof text, WITH("\"%s\":1"), name);
    ck_assert_int_eq(body(text), ERR_VALIDATION);
    ck_assert_uint_eq(strlen(fault.fields[0].field), 64);
    ck_assert_str_eq(fault.fields[0].field + 62, "\xC3\xA9");
}
END_TEST

START_TEST(test_works_without_anybody_to_tell)
{
    ck_assert_int_eq(
        fields_body(&thing_shape, &arena, "{\"x\":1}", 7, &thing, NULL), ERR_VALIDATION);
}
END_TEST

struct rule_row {
    bool (*rule)(const char *, size_t);
    const char *text;
    bool is_valid;
};

static const struct rule_row rules[] = {
    {field_is_plain, "any \xC3\xA9", true},
    {field_is_plain, "tab\t", false},
    {field_is_plain, "\x7F", false},
    {field_is_visible, "!~", true},
    {field_is_visible, "a b", false},
    {field_is_visible, "\x7F", false},
    {field_is_visible, "\xC3\xA9", false},
    {account_is_username, "Az09._-", true},
    {account_is_username, "a b", false},
    {account_is_username, "a@b", false},
    {account_is_username, "\xC3\xA9", false},
    {account_is_email, "a@b.c", true},
    {account_is_email, "a.b+c'd@sub.example.com", true},
    {account_is_email, "\xC3\xA9@\xC3\xA9.example", true},
    {account_is_email, "", false},
    {account_is_email, "@", false},
    {account_is_email, "ab.c", false},
    {account_is_email, "a@b", false},
    {account_is_email, "a.b@c", false},
    {account_is_email, "@b.c", false},
    {account_is_email, "a@", false},
    {account_is_email, "a@.", false},
    {account_is_email, "a@b.", false},
    {account_is_email, "a@.c", false},
    {account_is_email, "a@b@c.d", false},
    {account_is_email, "a@b.c@", false},
    {account_is_email, "a @b.c", false},
    {account_is_email, "a@b .c", false},
    {account_is_email, "a\n@b.c", false},
    {account_is_email, "a@b.c\x7F", false},
    {field_is_currency, "EUR", true},
    {field_is_currency, "EUr", false},
    {field_is_currency, "EU", false},
    {field_is_currency, "EURO", false},
    {field_is_currency, "E1R", false},
    {field_is_currency, "\xC3\x89U", false},
};

START_TEST(test_the_ready_made_rules)
{
    const struct rule_row *row = &rules[_i];
    ck_assert_msg(row->rule(row->text, strlen(row->text)) == row->is_valid, "%s", row->text);
}
END_TEST

static TCase *case_of(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    return tcase;
}

static TCase *body_case(void)
{
    TCase *tcase = case_of("body");
    tcase_add_loop_test(
        tcase, test_tells_what_is_wrong_with_a_body, 0, sizeof bad_bodies / sizeof *bad_bodies);
    tcase_add_test(tcase, test_fills_the_struct);
    tcase_add_test(tcase, test_null_is_as_good_as_left_out_where_that_is_allowed);
    tcase_add_test(tcase, test_counts_characters_or_bytes);
    tcase_add_test(tcase, test_a_text_outlives_the_body);
    tcase_add_test(tcase, test_malformed_json_is_told_apart);
    tcase_add_test(tcase, test_never_repeats_a_value);
    tcase_add_test(tcase, test_names_at_most_a_hundred_fields);
    tcase_add_test(tcase, test_cuts_long_names_between_characters);
    tcase_add_test(tcase, test_works_without_anybody_to_tell);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("fields");
    suite_add_tcase(suite, body_case());
    TCase *tcase = case_of("rules");
    tcase_add_loop_test(tcase, test_the_ready_made_rules, 0, sizeof rules / sizeof *rules);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
