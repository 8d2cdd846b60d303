#include "unit.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/random.h"
#include "core/text.h"

/* 32 zero bytes in a row come once in 2^256. */
START_TEST(every_part_is_filled_and_nothing_behind_it)
{
    static unsigned char bytes[100000 + 32];
    random_bytes(bytes, 100000);
    for (size_t i = 0; i + 32 <= 100000; i += 32) {
        static const unsigned char zeroes[32];
        ck_assert_mem_ne(bytes + i, zeroes, 32);
    }
    for (size_t i = 100000; i < sizeof bytes; i++)
        ck_assert_int_eq(bytes[i], 0);
}
END_TEST

START_TEST(no_bytes_is_no_failure)
{
    unsigned char byte = 7;
    random_bytes(&byte, 0);
    ck_assert_int_eq(byte, 7);
}
END_TEST

START_TEST(numbers_stay_below_their_bound_and_reach_all_of_it)
{
    int seen[7] = {0};
    for (int i = 0; i < 1000; i++)
        seen[random_below(7)]++;
    for (int i = 0; i < 7; i++)
        ck_assert_int_gt(seen[i], 0);
    ck_assert_uint_eq(random_below(1), 0);
}
END_TEST

/* A plain remainder would put half of the numbers into the lowest third. 12 standard deviations are
 * allowed. */
START_TEST(a_bound_that_does_not_divide_is_not_biased)
{
    int low = 0;
    for (int i = 0; i < 10000; i++)
        low += random_below(3U << 30) < 1U << 30;
    ck_assert_int_gt(low, 2767);
    ck_assert_int_lt(low, 3900);
}
END_TEST

START_TEST(a_bound_of_zero_aborts)
{
    random_below(0);
}
END_TEST

START_TEST(uids_are_well_formed_and_differ)
{
    char one[UID_SIZE + 1] = {0};
    char other[UID_SIZE];
    one[UID_SIZE] = '#';
    random_uid(one);
    random_uid(other);
    ck_assert(text_is_uid(one));
    ck_assert(text_is_uid(other));
    ck_assert_str_ne(one, other);
    ck_assert_int_eq(one[UID_SIZE], '#');
}
END_TEST

/* RFC 9562, section 5.7: the time, then version 7, then the variant. */
START_TEST(uids_begin_with_their_time)
{
    char uid[UID_SIZE];
    int64_t before = clock_now_ms();
    random_uid(uid);
    int64_t after = clock_now_ms();
    char time[13] = {0};
    memcpy(time, uid, 12);
    int64_t at = strtoll(time, NULL, 16);
    ck_assert_int_le(before, at);
    ck_assert_int_le(at, after);
    ck_assert_int_eq(uid[12], '7');
    ck_assert_ptr_nonnull(strchr("89ab", uid[16]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("random");
    suite_add_tcase(suite, tcase);
    tcase_add_test_raise_signal(tcase, a_bound_of_zero_aborts, SIGABRT);
    tcase_add_test(tcase, every_part_is_filled_and_nothing_behind_it);
    tcase_add_test(tcase, no_bytes_is_no_failure);
    tcase_add_test(tcase, numbers_stay_below_their_bound_and_reach_all_of_it);
    tcase_add_test(tcase, a_bound_that_does_not_divide_is_not_biased);
    tcase_add_test(tcase, uids_are_well_formed_and_differ);
    tcase_add_test(tcase, uids_begin_with_their_time);
    return unit_run(suite);
}
