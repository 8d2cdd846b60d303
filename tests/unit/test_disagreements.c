/* ctl/disagreements: what two looks have in common, and how it is written. */
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"

#include "ctl/disagreements.h"

#include "unit.h"

static struct arena arena;
static struct disagreements first, second;

static void begin(void)
{
    arena_init(&arena, 1024);
    disagreements_begin(&first, &arena);
    disagreements_begin(&second, &arena);
}

static void end(void)
{
    arena_fini(&arena);
}

static void add(struct disagreements *d, const char *kind, int64_t order_id, const char *uid)
{
    disagreements_add(d, &(struct disagreement){"payment", kind, order_id, uid, "wrong", "mend"});
}

static const char *lines(const struct disagreements *d)
{
    struct buffer out;
    buffer_begin(&out, &arena, 64);
    disagreements_render(d, &out);
    return out.data;
}

START_TEST(what_only_one_look_found_was_moving)
{
    add(&first, "a", 1, "u1");
    add(&second, "a", 2, "u2");
    disagreements_keep_lasting(&second, &first);
    ck_assert_uint_eq(second.count, 0);
    ck_assert_str_eq(lines(&second), "");
}
END_TEST

START_TEST(another_kind_of_the_same_is_not_the_same)
{
    add(&first, "a", 1, "u1");
    add(&first, "b", 1, "u2");
    add(&first, "b", 2, "u1");
    add(&first, "b", 1, NULL);
    add(&second, "b", 1, "u1");
    disagreements_keep_lasting(&second, &first);
    ck_assert_uint_eq(second.count, 0);
}
END_TEST

START_TEST(nothing_lasts_when_a_look_found_nothing)
{
    disagreements_keep_lasting(&second, &first);
    ck_assert_uint_eq(second.count, 0);
    add(&second, "a", 1, "u1");
    disagreements_keep_lasting(&second, &first);
    ck_assert_uint_eq(second.count, 0);
}
END_TEST

START_TEST(what_both_found_stays_in_order)
{
    for (int n = 0; n < 100; n++)
        add(&first, n % 2 ? "a" : "b", n, NULL);
    for (int n = 99; n >= 0; n--)
        add(&second, "a", n, NULL);
    disagreements_keep_lasting(&second, &first);
    ck_assert_uint_eq(second.count, 50);
    for (int n = 0; n < 50; n++)
        ck_assert_int_eq(second.list[n].order_id, 2 * n + 1);
}
END_TEST

START_TEST(a_line_names_what_there_is)
{
    add(&first, "a", 17, "u1");
    add(&first, "a", 17, NULL);
    add(&first, "a", 0, "u\x1b[31m\n");
    add(&first, "a", 0, NULL);
    ck_assert_str_eq(lines(&first), "payment: order 17, u1: wrong; mend\n"
                                    "payment: order 17: wrong; mend\n"
                                    "payment: u?[31m?: wrong; mend\n"
                                    "payment: wrong; mend\n");
}
END_TEST

START_TEST(json_has_nulls_for_what_there_is_not)
{
    struct output output;
    struct buffer out;
    buffer_begin(&out, &arena, 64);
    add(&first, "a", 0, NULL);
    disagreements_list(&first, &output);
    output_render_list(&output, true, &out);
    ck_assert_str_eq(out.data, "{\"disagreements\": [\n"
                               "{\"area\": \"payment\", \"kind\": \"a\", \"order_id\": null, "
                               "\"uid\": null, \"problem\": \"wrong\", \"hint\": \"mend\"}\n"
                               "]}\n");
}
END_TEST

START_TEST(texts_are_copied)
{
    char uid[] = "u1", problem[] = "wrong";
    disagreements_add(&first, &(struct disagreement){"mail", "a", 0, uid, problem, "mend"});
    memset(uid, 'x', sizeof uid - 1);
    memset(problem, 'x', sizeof problem - 1);
    ck_assert_str_eq(lines(&first), "mail: u1: wrong; mend\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disagreements");
    TCase *tc = tcase_create("disagreements");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_only_one_look_found_was_moving);
    tcase_add_test(tc, another_kind_of_the_same_is_not_the_same);
    tcase_add_test(tc, nothing_lasts_when_a_look_found_nothing);
    tcase_add_test(tc, what_both_found_stays_in_order);
    tcase_add_test(tc, a_line_names_what_there_is);
    tcase_add_test(tc, json_has_nulls_for_what_there_is_not);
    tcase_add_test(tc, texts_are_copied);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
