/* The gateway's index: what was put into it is found, however often it has grown. */
#include "gateway/index.h"

#include "unit.h"

#define HASH_MAX ((1U << (64 - INDEX_OFFSET_BITS)) - 1)

/* Any hash twice, and the largest often: its slots go on at the table's beginning. */
static uint32_t hash_of(int i)
{
    return i % 100 == 99 ? HASH_MAX : (uint32_t)(i / 2) * 2654435761U & HASH_MAX;
}

static int64_t offset_of(int i)
{
    return INDEX_OFFSET_MAX - i;
}

static bool is_found(const struct index *index, uint32_t hash, int64_t wanted)
{
    size_t slot = index_first(index, hash);
    for (; index_offset(index, slot) != INDEX_NOWHERE; slot = index_next(index, hash, slot))
        if (index_offset(index, slot) == wanted)
            return true;
    return false;
}

static void check(const struct index *index, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert(is_found(index, hash_of(i), offset_of(i)));
    ck_assert(!is_found(index, hash_of(0), offset_of(count)));
}

START_TEST(an_empty_index_has_nothing)
{
    struct index index = {0};
    ck_assert(!is_found(&index, index_hash("a"), 0));
    index_fini(&index);
    index_fini(&index);
}
END_TEST

START_TEST(what_was_added_is_found)
{
    struct index index = {0};
    int count = 0;
    for (; count < 100000; count++) {
        index_add(&index, hash_of(count), offset_of(count));
        if (count < 3000 && count % 100 == 0)
            check(&index, count + 1);
    }
    check(&index, count);
    ck_assert_uint_le(index.slot_count, 2 * (size_t)count + 2048);
    index_fini(&index);
}
END_TEST

START_TEST(room_that_was_made_is_enough)
{
    struct index index = {0};
    index_add(&index, hash_of(0), offset_of(0));
    index_reserve(&index, 50000);
    size_t slot_count = index.slot_count;
    for (int i = 1; i < 50000; i++)
        index_add(&index, hash_of(i), offset_of(i));
    ck_assert_uint_eq(index.slot_count, slot_count);
    index_reserve(&index, 10);
    ck_assert_uint_eq(index.slot_count, slot_count);
    check(&index, 50000);
    index_fini(&index);
}
END_TEST

START_TEST(what_was_moved_is_found_there_alone)
{
    struct index index = {0};
    uint32_t hash = index_hash("a");
    index_add(&index, hash, 0);
    index_move(&index, index_first(&index, hash), INDEX_OFFSET_MAX);
    ck_assert(is_found(&index, hash, INDEX_OFFSET_MAX));
    ck_assert(!is_found(&index, hash, 0));
    index_fini(&index);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index");
    TCase *tc = tcase_create("index");
    tcase_add_test(tc, an_empty_index_has_nothing);
    tcase_add_test(tc, what_was_added_is_found);
    tcase_add_test(tc, room_that_was_made_is_enough);
    tcase_add_test(tc, what_was_moved_is_found_there_alone);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
