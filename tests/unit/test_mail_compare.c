/* ctl/mail_compare: which orders lack a mail, and which have one too many. */
#include <stdbool.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"

#include "ctl/mail_compare.h"

#include "unit.h"

static struct arena arena;
static struct mail_list mails;

static void begin(void)
{
    arena_init(&arena, 1024);
    mail_list_begin(&mails);
}

static void end(void)
{
    mail_list_end(&mails);
    arena_fini(&arena);
}

static void add(int64_t order_id, const char *uid, enum mail_place place)
{
    mail_list_add(&mails, order_id, uid, place);
}

/* "kind:order:uid " of each, for orders 2, 4 and 6. */
static const char *compare(void)
{
    static const int64_t order_ids[] = {2, 4, 6};
    struct disagreements found;
    struct buffer out;
    disagreements_begin(&found, &arena);
    mail_compare(&found, order_ids, 3, &mails);
    buffer_begin(&out, &arena, 64);
    for (size_t n = 0; n < found.count; n++)
        buffer_text(&out,
            arena_printf(&arena, "%s:%lld:%s ", found.list[n].kind,
                (long long)found.list[n].order_id, found.list[n].uid ? found.list[n].uid : ""));
    return out.data;
}

START_TEST(orders_without_any_mail_are_told)
{
    ck_assert_str_eq(compare(), "mail_missing:2: mail_missing:4: mail_missing:6: ");
    add(4, "a", MAIL_DELIVERED);
    ck_assert_str_eq(compare(), "mail_missing:2: mail_missing:6: ");
}
END_TEST

START_TEST(one_mail_each_delivered_or_on_its_way_is_fine)
{
    add(6, "c", MAIL_WAITING);
    add(4, "b", MAIL_DELIVERED);
    add(2, "a", MAIL_DELIVERED);
    ck_assert_str_eq(compare(), "");
}
END_TEST

START_TEST(the_same_message_id_again_is_the_same_mail)
{
    for (int n = 0; n < 3; n++) {
        add(2, "a", MAIL_DELIVERED);
        add(2, "a", MAIL_WAITING);
        add(4, "b", MAIL_WAITING);
        add(6, "c", MAIL_DELIVERED);
    }
    ck_assert_str_eq(compare(), "");
}
END_TEST

START_TEST(two_different_mails_of_an_order_are_told)
{
    add(2, "b", MAIL_DELIVERED);
    add(2, "a", MAIL_WAITING);
    add(2, "b", MAIL_DELIVERED);
    add(4, "c", MAIL_DELIVERED);
    add(6, "d", MAIL_DELIVERED);
    ck_assert_str_eq(compare(), "mail_twice:2:b ");
}
END_TEST

START_TEST(a_mail_that_was_given_up_is_none)
{
    add(2, "a", MAIL_GIVEN_UP);
    add(4, "b", MAIL_GIVEN_UP);
    add(4, "b", MAIL_DELIVERED); /* it was moved back, and then there */
    add(6, "c", MAIL_WAITING);
    add(6, "c", MAIL_GIVEN_UP);
    ck_assert_str_eq(compare(), "mail_given_up:2:a ");
}
END_TEST

START_TEST(mails_of_no_order_are_told_wherever_they_stand)
{
    static const int64_t strangers[] = {1, 3, 5, 7, 7, 9};
    for (int n = 0; n < 6; n++)
        add(strangers[n], n == 4 ? "y" : "x", MAIL_DELIVERED);
    add(8, "x", MAIL_GIVEN_UP);
    for (int64_t order = 2; order <= 6; order += 2)
        add(order, "x", MAIL_DELIVERED);
    ck_assert_str_eq(compare(), "mail_without_order:1:x mail_without_order:3:x "
                                "mail_without_order:5:x mail_without_order:7:y "
                                "mail_without_order:9:x ");
}
END_TEST

START_TEST(no_orders_and_no_mails_agree)
{
    struct disagreements found;
    disagreements_begin(&found, &arena);
    mail_compare(&found, NULL, 0, &mails);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

/* ---- a restored database that is held */

static const char *repeated(bool is_seen)
{
    struct disagreements found;
    struct buffer out;
    disagreements_begin(&found, &arena);
    if (is_seen)
        mail_repeat_seen(&found, &mails);
    else
        mail_repeat_possible(&found, &mails);
    buffer_begin(&out, &arena, 64);
    for (size_t n = 0; n < found.count; n++) {
        ck_assert_str_eq(found.list[n].kind, "mail_repeated");
        buffer_text(&out,
            arena_printf(&arena, "%lld:%s ", (long long)found.list[n].order_id, found.list[n].uid));
    }
    return out.data;
}

START_TEST(mails_in_the_outbox_and_elsewhere_will_be_repeated)
{
    static const enum mail_place places[] = {MAIL_DELIVERED, MAIL_WAITING, MAIL_GIVEN_UP};
    for (int n = 0; n < 3; n++) {
        char uid[] = {(char)('a' + n), '\0'};
        add(2 + n, uid, places[n]);
        add(2 + n, uid, MAIL_IN_OUTBOX);
    }
    add(6, "x", MAIL_IN_OUTBOX); /* only here */
    add(6, "y", MAIL_DELIVERED); /* only there */
    add(7, "z", MAIL_DELIVERED);
    add(7, "z", MAIL_DELIVERED);
    ck_assert_str_eq(repeated(true), "2:a 3:b 4:c ");
    ck_assert_str_eq(repeated(false), "2:a 3:b 4:c 6:x ");
}
END_TEST

START_TEST(without_mails_nothing_is_repeated)
{
    ck_assert_str_eq(repeated(true), "");
    ck_assert_str_eq(repeated(false), "");
}
END_TEST

START_TEST(the_outbox_counts_as_on_its_way)
{
    add(2, "a", MAIL_IN_OUTBOX);
    add(4, "b", MAIL_IN_OUTBOX);
    add(4, "b", MAIL_WAITING);
    add(6, "c", MAIL_IN_OUTBOX);
    ck_assert_str_eq(compare(), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail compare");
    TCase *tc = tcase_create("mail compare");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, orders_without_any_mail_are_told);
    tcase_add_test(tc, one_mail_each_delivered_or_on_its_way_is_fine);
    tcase_add_test(tc, the_same_message_id_again_is_the_same_mail);
    tcase_add_test(tc, two_different_mails_of_an_order_are_told);
    tcase_add_test(tc, a_mail_that_was_given_up_is_none);
    tcase_add_test(tc, mails_of_no_order_are_told_wherever_they_stand);
    tcase_add_test(tc, no_orders_and_no_mails_agree);
    tcase_add_test(tc, mails_in_the_outbox_and_elsewhere_will_be_repeated);
    tcase_add_test(tc, without_mails_nothing_is_repeated);
    tcase_add_test(tc, the_outbox_counts_as_on_its_way);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
