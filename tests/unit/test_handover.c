/* http/handover: who comes to a slow worker next, and that those who wait for somebody outside
 * leave workers to the others. */
#include <stdatomic.h>

#include "http/handover.h"

#include "unit.h"

enum {
    SIZE = 4,
    LONG_MAX_AT_ONCE = 2,
};

static struct handover handover;
static char connections[16]; /* told apart by their addresses, never looked into */

static struct connection *connection(int n)
{
    return (struct connection *)&connections[n];
}

static void open_it(void)
{
    handover_init(&handover, SIZE, LONG_MAX_AT_ONCE);
}

static void put(enum handover_lane lane, int n)
{
    ck_assert(handover_put(&handover, lane, connection(n)));
}

/* Must not have to wait. */
static void expect(enum handover_lane wanted, int n)
{
    enum handover_lane lane;
    ck_assert_ptr_eq(handover_take(&handover, &lane), connection(n));
    ck_assert_int_eq(lane, wanted);
}

static void expect_the_end(void)
{
    enum handover_lane lane;
    handover_close(&handover);
    ck_assert_ptr_null(handover_take(&handover, &lane));
    handover_fini(&handover);
}

START_TEST(a_full_lane_says_no_and_the_other_has_room_all_the_same)
{
    for (int n = 0; n < SIZE; n++)
        put(HANDOVER_LONG, n);
    ck_assert(!handover_put(&handover, HANDOVER_LONG, connection(SIZE)));
    put(HANDOVER_SHORT, SIZE);
    expect(HANDOVER_LONG, 0);
    put(HANDOVER_LONG, SIZE + 1);
    ck_assert(!handover_put(&handover, HANDOVER_LONG, connection(SIZE + 2)));
}
END_TEST

START_TEST(who_came_first_is_first_whatever_the_lane)
{
    put(HANDOVER_LONG, 0);
    put(HANDOVER_SHORT, 1);
    put(HANDOVER_SHORT, 2);
    put(HANDOVER_LONG, 3);
    expect(HANDOVER_LONG, 0);
    expect(HANDOVER_SHORT, 1);
    expect(HANDOVER_SHORT, 2);
    expect(HANDOVER_LONG, 3);
    expect_the_end();
}
END_TEST

START_TEST(a_lane_with_its_share_of_workers_lets_the_other_pass)
{
    for (int n = 0; n < 4; n++)
        put(HANDOVER_LONG, n);
    put(HANDOVER_SHORT, 4);
    put(HANDOVER_SHORT, 5);
    expect(HANDOVER_LONG, 0);
    expect(HANDOVER_LONG, 1);
    expect(HANDOVER_SHORT, 4);
    handover_done(&handover, HANDOVER_SHORT); /* makes room for no other */
    expect(HANDOVER_SHORT, 5);
    handover_done(&handover, HANDOVER_LONG);
    expect(HANDOVER_LONG, 2);
    handover_done(&handover, HANDOVER_LONG);
    expect(HANDOVER_LONG, 3);
    expect_the_end();
}
END_TEST

/* Threads as the slow workers are. */

static atomic_int running, most_running, done;

static void *work(void *arg)
{
    enum handover_lane lane;
    (void)arg;
    while (handover_take(&handover, &lane)) {
        int now = atomic_fetch_add(&running, lane == HANDOVER_LONG) + (lane == HANDOVER_LONG);
        if (now > atomic_load(&most_running))
            atomic_store(&most_running, now);
        atomic_fetch_sub(&running, lane == HANDOVER_LONG);
        atomic_fetch_add(&done, 1);
        handover_done(&handover, lane);
    }
    return NULL;
}

/* Whoever waits while its lane has its share is woken by whoever is done, and after the close, too.
 */
START_TEST(everything_is_taken_before_the_end)
{
    pthread_t threads[4];
    int count = 0;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int i = 0; i < 20000; i++)
        count += handover_put(&handover, i % 3 ? HANDOVER_LONG : HANDOVER_SHORT, connection(0));
    handover_close(&handover);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(atomic_load(&done), count);
    ck_assert_int_gt(count, SIZE);
    ck_assert_int_le(atomic_load(&most_running), LONG_MAX_AT_ONCE);
    handover_fini(&handover);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handover");
    TCase *tests = tcase_create("handover");
    tcase_add_checked_fixture(tests, open_it, NULL);
    tcase_add_test(tests, a_full_lane_says_no_and_the_other_has_room_all_the_same);
    tcase_add_test(tests, who_came_first_is_first_whatever_the_lane);
    tcase_add_test(tests, a_lane_with_its_share_of_workers_lets_the_other_pass);
    tcase_add_test(tests, everything_is_taken_before_the_end);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
