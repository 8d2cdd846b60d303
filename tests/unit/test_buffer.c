#include "unit.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"

static struct arena arena;
static struct buffer buffer;

static void begin(void)
{
    arena_init(&arena, 64);
    buffer_begin(&buffer, &arena, 0);
}

static void end(void)
{
    arena_fini(&arena);
}

START_TEST(a_new_buffer_is_an_empty_text)
{
    ck_assert_uint_eq(buffer.len, 0);
    ck_assert_str_eq(buffer.data, "");
}
END_TEST

START_TEST(growing_keeps_every_byte_and_the_nul)
{
    for (int i = 0; i < 5000; i++) {
        buffer_char(&buffer, (char)('a' + i % 26));
        ck_assert_int_eq(buffer.data[buffer.len], '\0');
    }
    ck_assert_uint_eq(buffer.len, 5000);
    for (int i = 0; i < 5000; i++)
        ck_assert_int_eq(buffer.data[i], 'a' + i % 26);
}
END_TEST

START_TEST(bytes_may_hold_nuls)
{
    buffer_bytes(&buffer, "a\0b", 3);
    buffer_bytes(&buffer, NULL, 0);
    buffer_text(&buffer, "");
    buffer_text(&buffer, "c");
    ck_assert_uint_eq(buffer.len, 4);
    ck_assert_mem_eq(buffer.data, "a\0bc", 5);
}
END_TEST

START_TEST(one_large_part_fits_exactly)
{
    char part[1000];
    memset(part, 'x', sizeof part);
    buffer_begin(&buffer, &arena, sizeof part);
    const char *before = buffer.data;
    buffer_bytes(&buffer, part, sizeof part);
    ck_assert_ptr_eq(buffer.data, before);
    ck_assert_mem_eq(buffer.data, part, sizeof part);
    ck_assert_int_eq(buffer.data[sizeof part], '\0');
}
END_TEST

START_TEST(integers_are_decimal_up_to_both_ends)
{
    static const int64_t numbers[] = {0, -1, 10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        buffer_int(&buffer, numbers[i]);
        buffer_char(&buffer, ' ');
    }
    ck_assert_str_eq(buffer.data, "0 -1 10 9223372036854775807 -9223372036854775808 ");
}
END_TEST

START_TEST(a_length_that_overflows_aborts)
{
    volatile size_t endless = SIZE_MAX; /* else the compiler sees it, and warns */
    buffer_char(&buffer, 'x');
    buffer_bytes(&buffer, "x", endless);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tcase = tcase_create("buffer");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test_raise_signal(tcase, a_length_that_overflows_aborts, SIGABRT);
    tcase_add_test(tcase, a_new_buffer_is_an_empty_text);
    tcase_add_test(tcase, growing_keeps_every_byte_and_the_nul);
    tcase_add_test(tcase, bytes_may_hold_nuls);
    tcase_add_test(tcase, one_large_part_fits_exactly);
    tcase_add_test(tcase, integers_are_decimal_up_to_both_ends);
    return unit_run(suite);
}
