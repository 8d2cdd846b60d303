/* The wiping is looked at where it happens: at free(), which the linker hands to us (--wrap=free).
 */
#include "unit.h"

#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

#define ALIGNMENT _Alignof(max_align_t)

void __real_free(void *);
void __wrap_free(void *);
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

/* So that a malloc that cannot be satisfied returns NULL as it does without a sanitizer. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static const char secret[] = "correct horse battery staple";
static int is_watching; /* Check frees too */
static int frees;
static int secrets_freed;

__attribute__((no_sanitize("address"))) static int holds_secret(const char *at, size_t len)
{
    for (size_t i = 0; i + sizeof secret <= len; i++) {
        size_t same = 0;
        while (same < sizeof secret - 1 && at[i + same] == secret[same])
            same++;
        if (same == sizeof secret - 1)
            return 1;
    }
    return 0;
}

void __wrap_free(void *memory)
{
    if (memory && is_watching) {
        frees++;
        secrets_freed += holds_secret(memory, malloc_usable_size(memory));
    }
    __real_free(memory);
}

/* Runs reset or fini, and counts what it frees. */
static void watch(void (*call)(struct arena *), struct arena *arena)
{
    frees = 0;
    secrets_freed = 0;
    is_watching = 1;
    call(arena);
    is_watching = 0;
}

static void assert_zero(const void *memory, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ck_assert_int_eq(((const char *)memory)[i], 0);
}

START_TEST(memory_is_zeroed_aligned_and_ones_own)
{
    static const size_t sizes[] = {0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 200, 4096, 1};
    enum {
        COUNT = sizeof sizes / sizeof *sizes
    };
    unsigned char *got[COUNT];
    struct arena arena;
    arena_init(&arena, 64);
    for (int i = 0; i < COUNT; i++) {
        got[i] = arena_alloc(&arena, sizes[i]);
        ck_assert_uint_eq((uintptr_t)got[i] % ALIGNMENT, 0);
        assert_zero(got[i], sizes[i]);
        memset(got[i], i + 1, sizes[i]);
    }
    for (int i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            ck_assert_int_eq(got[i][k], i + 1);
    arena_fini(&arena);
}
END_TEST

START_TEST(allocations_of_no_bytes_differ)
{
    struct arena arena;
    arena_init(&arena, 0);
    void *one = arena_alloc(&arena, 0);
    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_ne(one, arena_alloc(&arena, 0));
    arena_fini(&arena);
}
END_TEST

START_TEST(reset_wipes_the_block_it_keeps)
{
    struct arena arena;
    arena_init(&arena, 256);
    char *kept = arena_text(&arena, secret);
    watch(arena_reset, &arena);
    ck_assert(!holds_secret(kept, sizeof secret));
    ck_assert_int_eq(frees, 0);
    ck_assert_ptr_eq(arena_alloc(&arena, sizeof secret), kept);
    assert_zero(kept, sizeof secret);
    watch(arena_fini, &arena);
}
END_TEST

START_TEST(reset_wipes_the_blocks_it_frees)
{
    struct arena arena;
    arena_init(&arena, 64);
    for (int i = 0; i < 20; i++)
        arena_text(&arena, secret);
    watch(arena_reset, &arena);
    ck_assert_int_gt(frees, 5);
    ck_assert_int_eq(secrets_freed, 0);
    watch(arena_fini, &arena);
}
END_TEST

START_TEST(fini_wipes_and_frees_all_and_is_harmless_twice)
{
    struct arena arena;
    arena_init(&arena, 1024);
    arena_text(&arena, secret);
    watch(arena_fini, &arena);
    ck_assert_int_eq(frees, 1);
    ck_assert_int_eq(secrets_freed, 0);
    watch(arena_fini, &arena);
    ck_assert_int_eq(frees, 0);
}
END_TEST

/* Else a busy connection would allocate anew for each large request. */
START_TEST(the_first_block_is_kept_even_when_the_first_allocation_is_large)
{
    struct arena arena;
    arena_init(&arena, 1000);
    arena_alloc(&arena, 100000);
    watch(arena_reset, &arena);
    ck_assert_int_eq(frees, 1);
    arena_alloc(&arena, 1000);
    watch(arena_reset, &arena);
    ck_assert_int_eq(frees, 0);
    watch(arena_fini, &arena);
    ck_assert_int_eq(frees, 1);
}
END_TEST

START_TEST(an_arena_can_be_used_again_after_its_end)
{
    struct arena arena;
    arena_init(&arena, 32);
    arena_fini(&arena);
    ck_assert_str_eq(arena_text(&arena, "again"), "again");
    arena_fini(&arena);
}
END_TEST

START_TEST(an_unused_arena_can_be_reset)
{
    struct arena arena;
    arena_init(&arena, 32);
    watch(arena_reset, &arena);
    watch(arena_fini, &arena);
    ck_assert_int_eq(frees, 0);
}
END_TEST

START_TEST(copies_end_with_a_nul_and_keep_those_inside)
{
    struct arena arena;
    arena_init(&arena, 32);
    ck_assert_ptr_null(arena_text(&arena, NULL));
    ck_assert_str_eq(arena_text(&arena, ""), "");
    ck_assert_str_eq(arena_copy(&arena, "abcdef", 3), "abc");
    ck_assert_str_eq(arena_copy(&arena, NULL, 0), "");
    ck_assert_mem_eq(arena_copy(&arena, "a\0b", 3), "a\0b", 4);
    arena_fini(&arena);
}
END_TEST

START_TEST(printed_texts_may_be_of_any_length)
{
    struct arena arena;
    arena_init(&arena, 32);
    ck_assert_str_eq(arena_printf(&arena, "%s-%d", "a", 5), "a-5");
    ck_assert_uint_eq(strlen(arena_printf(&arena, "%5000d", 1)), 5000);
    arena_fini(&arena);
}
END_TEST

START_TEST(an_array_that_overflows_aborts)
{
    struct arena arena;
    arena_init(&arena, 32);
    arena_array(&arena, SIZE_MAX / 8, 16);
}
END_TEST

START_TEST(a_size_whose_rounding_overflows_aborts)
{
    struct arena arena;
    arena_init(&arena, 32);
    arena_alloc(&arena, SIZE_MAX - 2);
}
END_TEST

START_TEST(an_endless_copy_aborts)
{
    struct arena arena;
    arena_init(&arena, 32);
    arena_copy(&arena, "x", SIZE_MAX);
}
END_TEST

START_TEST(no_memory_aborts)
{
    struct arena arena;
    arena_init(&arena, 32);
    arena_alloc(&arena, PTRDIFF_MAX - 4096);
}
END_TEST

START_TEST(xarray_that_overflows_aborts)
{
    xarray(SIZE_MAX / 2, 3);
}
END_TEST

START_TEST(xrealloc_without_memory_aborts)
{
    xrealloc(NULL, PTRDIFF_MAX - 4096);
}
END_TEST

START_TEST(the_wrappers_never_give_null)
{
    char *memory = xalloc(0);
    ck_assert_ptr_nonnull(memory);
    memory = xrealloc(memory, 0);
    ck_assert_ptr_nonnull(memory);
    memory = xrealloc(memory, 100);
    free(memory);
    memory = xarray(10, 10);
    assert_zero(memory, 100);
    free(memory);
    memory = xstrdup("text");
    ck_assert_str_eq(memory, "text");
    free(memory);
}
END_TEST

static void add_aborting(TCase *tcase)
{
    tcase_add_test_raise_signal(tcase, an_array_that_overflows_aborts, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_size_whose_rounding_overflows_aborts, SIGABRT);
    tcase_add_test_raise_signal(tcase, an_endless_copy_aborts, SIGABRT);
    tcase_add_test_raise_signal(tcase, no_memory_aborts, SIGABRT);
    tcase_add_test_raise_signal(tcase, xarray_that_overflows_aborts, SIGABRT);
    tcase_add_test_raise_signal(tcase, xrealloc_without_memory_aborts, SIGABRT);
}

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");
    suite_add_tcase(suite, tcase);
    add_aborting(tcase);
    tcase_add_test(tcase, memory_is_zeroed_aligned_and_ones_own);
    tcase_add_test(tcase, allocations_of_no_bytes_differ);
    tcase_add_test(tcase, reset_wipes_the_block_it_keeps);
    tcase_add_test(tcase, reset_wipes_the_blocks_it_frees);
    tcase_add_test(tcase, fini_wipes_and_frees_all_and_is_harmless_twice);
    tcase_add_test(tcase, the_first_block_is_kept_even_when_the_first_allocation_is_large);
    tcase_add_test(tcase, an_arena_can_be_used_again_after_its_end);
    tcase_add_test(tcase, an_unused_arena_can_be_reset);
    tcase_add_test(tcase, copies_end_with_a_nul_and_keep_those_inside);
    tcase_add_test(tcase, printed_texts_may_be_of_any_length);
    tcase_add_test(tcase, the_wrappers_never_give_null);
    return unit_run(suite);
}
