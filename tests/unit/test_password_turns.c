/* The ration of hashes: who runs, who waits, who is told to come back. */
#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "security/password.h"

#include "unit.h"

/* Of "password". The slow one takes some hundred milliseconds whatever the hasher's own parameters
 * are. */
#define SALT_AND_HASH "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define QUICK         "$argon2id$v=19$m=256,t=2,p=1" SALT_AND_HASH
#define SLOW          "$argon2id$v=19$m=65536,t=5,p=1" SALT_AND_HASH

static struct hasher *hasher;

static void end(void)
{
    hasher_close(hasher);
}

static enum err verify(const char *password, const char *encoded, bool *match)
{
    *match = true;
    return password_verify(hasher, password, strlen(password), encoded, match);
}

static void *hash_slowly(void *arg)
{
    bool match;
    enum err e = password_verify(hasher, "password", 8, SLOW, &match);
    *(enum err *)arg = e;
    return NULL;
}

static int has_work(void *arg)
{
    return password_work(hasher) >= *(int64_t *)arg;
}

static void await_work(int64_t count)
{
    unit_wait(has_work, &count, "hashes that have begun");
}

static void open_for(int running, int waiting, int timeout_ms)
{
    struct password_options options = {.memory_kib = 64,
        .passes = 1,
        .running = running,
        .waiting = waiting,
        .timeout_ms = timeout_ms};
    ck_assert_int_eq(hasher_open(&hasher, &options, NULL), ERR_NONE);
}

START_TEST(one_more_than_may_run_is_put_off_when_none_may_wait)
{
    enum {
        RUNNING = 2
    };
    pthread_t threads[RUNNING];
    enum err e[RUNNING];
    bool match = true;
    open_for(RUNNING, 0, 60000);
    for (int i = 0; i < RUNNING; i++)
        ck_assert(!pthread_create(&threads[i], NULL, hash_slowly, &e[i]));
    await_work(RUNNING);
    int64_t begun_ms = clock_mono_ms();
    char encoded[PASSWORD_HASH_SIZE];
    ck_assert_int_eq(verify("password", QUICK, &match), ERR_UNAVAILABLE);
    ck_assert(!match);
    ck_assert_int_eq(verify("password", NULL, &match), ERR_UNAVAILABLE);
    ck_assert_int_eq(password_hash(hasher, "password", 8, encoded), ERR_UNAVAILABLE);
    ck_assert_int_lt(clock_mono_ms() - begun_ms, 30000);
    ck_assert_int_eq(password_work(hasher), RUNNING);
    for (int i = 0; i < RUNNING; i++) {
        ck_assert(!pthread_join(threads[i], NULL));
        ck_assert_int_eq(e[i], ERR_NONE);
    }
    ck_assert_int_eq(verify("password", QUICK, &match), ERR_NONE);
    ck_assert(match);
}
END_TEST

START_TEST(a_turn_that_does_not_come_in_time_is_put_off)
{
    pthread_t thread;
    enum err e;
    bool match;
    open_for(1, 1, 20);
    ck_assert(!pthread_create(&thread, NULL, hash_slowly, &e));
    await_work(1);
    int64_t begun_ms = clock_mono_ms();
    ck_assert_int_eq(verify("password", QUICK, &match), ERR_UNAVAILABLE);
    ck_assert_int_ge(clock_mono_ms(), begun_ms + 20);
    ck_assert(!pthread_join(thread, NULL));
    ck_assert_int_eq(e, ERR_NONE);
    ck_assert_int_eq(password_work(hasher), 1);
    ck_assert_int_eq(verify("password", QUICK, &match), ERR_NONE);
}
END_TEST

START_TEST(what_can_be_done_another_time_waits_for_no_turn)
{
    pthread_t thread;
    enum err e;
    char encoded[PASSWORD_HASH_SIZE];
    bool match;
    open_for(1, 8, 60000);
    ck_assert(!pthread_create(&thread, NULL, hash_slowly, &e));
    await_work(1);
    int64_t begun_ms = clock_mono_ms();
    ck_assert_int_eq(password_hash_at_once(hasher, "password", 8, encoded), ERR_UNAVAILABLE);
    ck_assert_int_lt(clock_mono_ms() - begun_ms, 30000);
    ck_assert_int_eq(password_work(hasher), 1);
    ck_assert(!pthread_join(thread, NULL));
    ck_assert_int_eq(password_hash_at_once(hasher, "password", 8, encoded), ERR_NONE);
    ck_assert_int_eq(verify("password", encoded, &match), ERR_NONE);
    ck_assert(match);
}
END_TEST

START_TEST(who_waits_gets_a_turn)
{
    enum {
        COUNT = 4
    };
    pthread_t threads[COUNT];
    enum err e[COUNT];
    open_for(1, COUNT, 60000);
    for (int i = 0; i < COUNT; i++)
        ck_assert(!pthread_create(&threads[i], NULL, hash_slowly, &e[i]));
    for (int i = 0; i < COUNT; i++) {
        ck_assert(!pthread_join(threads[i], NULL));
        ck_assert_int_eq(e[i], ERR_NONE);
    }
    ck_assert_int_eq(password_work(hasher), COUNT);
}
END_TEST

/* All but the one that runs and the one that may wait are put off. */
START_TEST(one_more_than_may_wait_is_put_off)
{
    enum {
        COUNT = 6
    };
    pthread_t threads[COUNT];
    enum err e[COUNT];
    int done = 0, put_off = 0;
    open_for(1, 1, 60000);
    ck_assert(!pthread_create(&threads[0], NULL, hash_slowly, &e[0]));
    await_work(1);
    for (int i = 1; i < COUNT; i++)
        ck_assert(!pthread_create(&threads[i], NULL, hash_slowly, &e[i]));
    for (int i = 0; i < COUNT; i++) {
        ck_assert(!pthread_join(threads[i], NULL));
        done += e[i] == ERR_NONE;
        put_off += e[i] == ERR_UNAVAILABLE;
    }
    ck_assert_int_eq(done + put_off, COUNT);
    ck_assert_int_ge(done, 2);
    ck_assert_int_ge(put_off, 1);
    ck_assert_int_eq(password_work(hasher), done);
}
END_TEST

START_TEST(as_many_as_cores_run_when_not_told)
{
    bool match;
    open_for(0, 0, 60000);
    ck_assert_int_eq(verify("password", QUICK, &match), ERR_NONE);
    ck_assert(match);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("password_turns");
    TCase *turns = tcase_create("turns");
    tcase_add_checked_fixture(turns, NULL, end);
    tcase_set_timeout(turns, 60);
    tcase_add_test(turns, one_more_than_may_run_is_put_off_when_none_may_wait);
    tcase_add_test(turns, a_turn_that_does_not_come_in_time_is_put_off);
    tcase_add_test(turns, what_can_be_done_another_time_waits_for_no_turn);
    tcase_add_test(turns, who_waits_gets_a_turn);
    tcase_add_test(turns, one_more_than_may_wait_is_put_off);
    tcase_add_test(turns, as_many_as_cores_run_when_not_told);
    suite_add_tcase(suite, turns);
    return unit_run(suite);
}
