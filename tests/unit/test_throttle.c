/* The throttle: each limit at it and one past it, guesses that race, what is forgotten and when,
 * and memory under attack. The time is the test's own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/metrics.h"
#include "core/text.h"
#include "services/tally.h"
#include "services/throttle.h"

#include "unit.h"

#define MINUTE 60000
#define START  (1000 * MINUTE)

#define PAIR_MAX    10
#define ADDRESS_MAX 100
#define ACCOUNT_MAX 50
#define ENTRIES_MAX 512

static struct throttle *throttle;
static int64_t now_ms;
static int retry_after_s;

static void open_with(int entries_max)
{
    throttle_close(throttle);
    throttle = throttle_open(&(struct throttle_options){
        .window_s = 300,
        .pair_max = PAIR_MAX,
        .address_max = ADDRESS_MAX,
        .account_max = ACCOUNT_MAX,
        .entries_max = entries_max,
    });
}

static void begin(void)
{
    now_ms = START;
    open_with(ENTRIES_MAX);
}

static void end(void)
{
    throttle_close(throttle);
    throttle = NULL;
}

static struct throttle_guess guess_of(const char *account, const char *address)
{
    return (struct throttle_guess){.account = account, .address = address};
}

static enum err start(struct throttle_guess *guess)
{
    return throttle_begin(throttle, guess, now_ms, &retry_after_s);
}

static void stop(const struct throttle_guess *guess, enum throttle_outcome outcome)
{
    throttle_end(throttle, guess, outcome, now_ms);
}

/* One whole guess; the outcome counts only if it was let in. */
static enum err try_one(const char *account, const char *address, enum throttle_outcome outcome)
{
    struct throttle_guess guess = guess_of(account, address);
    enum err e = start(&guess);
    if (!e)
        stop(&guess, outcome);
    return e;
}

static void fail_times(int count, const char *account, const char *address)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(try_one(account, address, THROTTLE_WRONG), ERR_NONE);
}

/* Would one more be let in? Leaves no trace. */
static enum err probe(const char *account, const char *address)
{
    return try_one(account, address, THROTTLE_UNHEARD);
}

static enum err probe_trusted(const char *account, const char *address)
{
    struct throttle_guess guess = guess_of(account, address);
    guess.is_trusted = true;
    enum err e = start(&guess);
    if (!e)
        stop(&guess, THROTTLE_UNHEARD);
    return e;
}

/* A name in static memory that is good for a handful of calls. */
static const char *numbered(const char *format_before, int n)
{
    static char names[8][40];
    static int next;
    char *name = names[next++ % 8];
    ck_assert_int_lt(snprintf(name, sizeof names[0], "%s%d", format_before, n), sizeof names[0]);
    return name;
}

/* Limits */

START_TEST(an_account_from_one_address_has_ten_failures)
{
    fail_times(PAIR_MAX - 1, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
    fail_times(1, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe("alice", "192.0.2.2"), ERR_NONE);
    ck_assert_int_eq(probe("bob", "192.0.2.1"), ERR_NONE);
}
END_TEST

START_TEST(an_address_has_a_hundred_failures)
{
    for (int i = 0; i < ADDRESS_MAX - 1; i++)
        fail_times(1, numbered("user", i), "192.0.2.1");
    ck_assert_int_eq(probe("fresh", "192.0.2.1"), ERR_NONE);
    fail_times(1, "last", "192.0.2.1");
    ck_assert_int_eq(probe("fresh", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe_trusted("fresh", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe("fresh", "192.0.2.2"), ERR_NONE);
}
END_TEST

START_TEST(an_account_has_fifty_failures)
{
    for (int i = 0; i < ACCOUNT_MAX - 1; i++)
        fail_times(1, "alice", numbered("192.0.2.", i));
    ck_assert_int_eq(probe("alice", "198.51.100.1"), ERR_NONE);
    fail_times(1, "alice", "192.0.2.99");
    ck_assert_int_eq(probe("alice", "198.51.100.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe("bob", "198.51.100.1"), ERR_NONE);
}
END_TEST

/* However often others fail, the user comes in from where he is known; but has the same ten. */
START_TEST(trusted_address_is_exempt_from_the_accounts_limit_alone)
{
    for (int i = 0; i < ACCOUNT_MAX; i++)
        fail_times(1, "alice", numbered("192.0.2.", i));
    ck_assert_int_eq(probe("alice", "198.51.100.1"), ERR_TOO_MANY_REQUESTS);
    for (int i = 0; i < PAIR_MAX; i++) {
        struct throttle_guess guess = guess_of("alice", "198.51.100.1");
        guess.is_trusted = true;
        ck_assert_int_eq(start(&guess), ERR_NONE);
        stop(&guess, THROTTLE_WRONG);
    }
    ck_assert_int_eq(probe_trusted("alice", "198.51.100.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe_trusted("alice", "198.51.100.2"), ERR_NONE);
}
END_TEST

START_TEST(accounts_are_counted_without_regard_to_case)
{
    fail_times(PAIR_MAX / 2, "Alice", "192.0.2.1");
    fail_times(PAIR_MAX / 2, "aLICE", "192.0.2.1");
    ck_assert_int_eq(probe("ALICE", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(names_that_share_their_beginning_are_different_accounts)
{
    char name[257];
    memset(name, 'x', sizeof name - 1);
    name[256] = '\0';
    fail_times(PAIR_MAX, name, "192.0.2.1");
    ck_assert_int_eq(probe(name, "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    name[255] = 'y';
    ck_assert_int_eq(probe(name, "192.0.2.1"), ERR_NONE);
    ck_assert_int_eq(probe("", "192.0.2.1"), ERR_NONE);
}
END_TEST

/* A refused guess does not count, or waiting would never end. */
START_TEST(refused_guesses_leave_no_trace)
{
    fail_times(PAIR_MAX, "alice", "192.0.2.1");
    int64_t count = throttle_count(throttle);
    for (int i = 0; i < 5; i++) {
        now_ms += MINUTE - 1;
        ck_assert_int_eq(try_one("alice", "192.0.2.1", THROTTLE_WRONG), ERR_TOO_MANY_REQUESTS);
    }
    ck_assert_int_eq(throttle_count(throttle), count);
    now_ms = START + 5 * MINUTE;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
}
END_TEST

/* Success, and guesses that were not heard */

START_TEST(success_clears_the_pair_alone)
{
    fail_times(PAIR_MAX - 1, "alice", "192.0.2.1");
    for (int i = 0; i < ACCOUNT_MAX - PAIR_MAX; i++)
        fail_times(1, "alice", numbered("198.51.100.", i));
    ck_assert_int_eq(try_one("alice", "192.0.2.1", THROTTLE_RIGHT), ERR_NONE);
    fail_times(1, "alice", "192.0.2.1"); /* the fiftieth of the account, the first of the pair */
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe_trusted("alice", "192.0.2.1"), ERR_NONE);
    for (int i = 0; i < ADDRESS_MAX - PAIR_MAX; i++)
        fail_times(1, numbered("user", i), "192.0.2.1");
    ck_assert_int_eq(probe("bob", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(success_takes_its_own_guess_back)
{
    for (int i = 0; i < 3 * ADDRESS_MAX; i++)
        ck_assert_int_eq(try_one("alice", "192.0.2.1", THROTTLE_RIGHT), ERR_NONE);
    ck_assert_int_eq(throttle_count(throttle), 0);
}
END_TEST

START_TEST(success_leaves_guesses_under_way_counted)
{
    struct throttle_guess guesses[PAIR_MAX];
    for (int i = 0; i < PAIR_MAX; i++) {
        guesses[i] = guess_of("alice", "192.0.2.1");
        ck_assert_int_eq(start(&guesses[i]), ERR_NONE);
    }
    stop(&guesses[0], THROTTLE_RIGHT);
    ck_assert_int_eq(start(&guesses[0]), ERR_NONE);
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    for (int i = 0; i < PAIR_MAX; i++)
        stop(&guesses[i], THROTTLE_WRONG);
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(guess_that_was_not_heard_never_was)
{
    fail_times(PAIR_MAX - 1, "alice", "192.0.2.1");
    for (int i = 0; i < 2 * ADDRESS_MAX; i++)
        ck_assert_int_eq(try_one("alice", "192.0.2.1", THROTTLE_UNHEARD), ERR_NONE);
    fail_times(1, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

/* The window */

START_TEST(failures_fall_out_bucket_by_bucket)
{
    fail_times(4, "alice", "192.0.2.1");
    now_ms = START + 2 * MINUTE;
    fail_times(6, "alice", "192.0.2.1");
    now_ms = START + 5 * MINUTE - 1;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    now_ms++;
    fail_times(4, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    now_ms = START + 7 * MINUTE;
    fail_times(6, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(after_a_long_silence_nothing_is_left)
{
    static const int64_t rows[] = {5, 6, 9, 10, 11, 1000000};
    fail_times(PAIR_MAX, "alice", "192.0.2.1");
    now_ms += rows[_i] * MINUTE;
    fail_times(PAIR_MAX, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(retry_after_is_when_enough_falls_out)
{
    static const struct {
        int first, second; /* failures in the first minute, and in the third */
        int64_t at_ms;
        int retry_after_s;
    } rows[] = {
        {10, 0, 0, 300},
        {10, 0, 1, 300},
        {10, 0, 1000, 299},
        {10, 0, 5 * MINUTE - 1001, 2},
        {10, 0, 5 * MINUTE - 1000, 1},
        {10, 0, 5 * MINUTE - 1, 1},
        {1, 9, 2 * MINUTE, 180},
        {9, 1, 4 * MINUTE, 60},
        {0, 10, 2 * MINUTE, 300},
        {0, 10, 5 * MINUTE, 120},
    };
    fail_times(rows[_i].first, "alice", "192.0.2.1");
    if (rows[_i].second)
        now_ms = START + 2 * MINUTE;
    fail_times(rows[_i].second, "alice", "192.0.2.1");
    now_ms = START + rows[_i].at_ms;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, rows[_i].retry_after_s);
    now_ms += 1000 * (int64_t)retry_after_s;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
}
END_TEST

/* Those who are exempt may take an account far past its limit: one bucket is not always enough. */
START_TEST(retry_after_counts_as_many_buckets_as_it_takes)
{
    for (int minute = 0; minute < 3; minute++, now_ms += MINUTE)
        for (int i = 0; i < ACCOUNT_MAX; i++) {
            struct throttle_guess guess = guess_of("alice", numbered("192.0.2.", 100 * minute + i));
            guess.is_trusted = true;
            ck_assert_int_eq(start(&guess), ERR_NONE);
            stop(&guess, THROTTLE_WRONG);
        }
    now_ms = START + 4 * MINUTE;
    ck_assert_int_eq(probe("alice", "198.51.100.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, 180);
}
END_TEST

START_TEST(retry_after_is_the_longest_of_the_limits)
{
    fail_times(PAIR_MAX, "alice", "192.0.2.1");
    now_ms = START + 3 * MINUTE;
    for (int i = 0; i < ADDRESS_MAX - PAIR_MAX; i++)
        fail_times(1, numbered("user", i), "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, 120); /* the pair and the address: the first minute falls out */
    fail_times(PAIR_MAX, "alice", "192.0.2.2");
    ck_assert_int_eq(probe("alice", "192.0.2.2"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, 300);
}
END_TEST

START_TEST(only_guesses_under_way_are_worth_a_second_try)
{
    struct throttle_guess guesses[PAIR_MAX];
    for (int i = 0; i < PAIR_MAX; i++) {
        guesses[i] = guess_of("alice", "192.0.2.1");
        ck_assert_int_eq(start(&guesses[i]), ERR_NONE);
    }
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, 1);
    for (int i = 0; i < PAIR_MAX; i++)
        stop(&guesses[i], THROTTLE_RIGHT);
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
}
END_TEST

/* Threads read the clock before they get the lock. */
START_TEST(clock_that_steps_back_by_a_race_loses_no_failure)
{
    fail_times(PAIR_MAX - 1, "alice", "192.0.2.1");
    now_ms = START - 1;
    fail_times(1, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, 301);
    now_ms = START + 5 * MINUTE - 1;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(machine_that_has_just_started_counts_too)
{
    now_ms = 0;
    fail_times(PAIR_MAX, "alice", "192.0.2.1");
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(retry_after_s, 300);
    now_ms = 5 * MINUTE;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
}
END_TEST

/* Addresses */

START_TEST(addresses_are_counted_by_what_one_client_has)
{
    static const char *const rows[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:201", "192.0.2.1"},
        {"2001:db8:0:1::1", "2001:db8:0:1::/64"},
        {"2001:0DB8:0000:0001:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"},
        {"2001:db8:0:2::1", "2001:db8:0:2::/64"},
        {"2001:db8:1:2:3:4:192.0.2.1", "2001:db8:1:2::/64"},
        {"::1", "::/64"},
        {"fe80::1%eth0", "fe80::/64"},
        {"fe80::1%a-zone-with-a-name-longer-than-any-address-can-be-however-it-is-written",
            "fe80::/64"},
        {"", "none"},
        {"%", "none"},
        {"unix:", "none"},
        {"192.0.2.1.", "none"},
        {"192.0.2.01", "none"},
        {"192.0.2", "none"},
        {"2001:db8::1::2", "none"},
        {"2001:db8:0:1::1 2001:db8:0:1::1 2001:db8:0:1::1 2001:db8:0:1::1 2001:db8:0:1::1", "none"},
    };
    char address[THROTTLE_ADDRESS_SIZE];
    throttle_address(address, rows[_i][0]);
    ck_assert_str_eq(address, rows[_i][1]);
}
END_TEST

/* Memory */

START_TEST(entries_leave_when_nothing_is_counted_for_them)
{
    fail_times(1, "alice", "192.0.2.1");
    ck_assert_int_eq(throttle_count(throttle), 3);
    now_ms += 5 * MINUTE;
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
    ck_assert_int_eq(throttle_count(throttle), 0);
}
END_TEST

START_TEST(random_names_and_addresses_fill_no_more_than_the_bound)
{
    int64_t evicted = metrics_get(METRIC_throttle_evictions_total);
    for (int i = 0; i < 10 * ENTRIES_MAX; i++)
        fail_times(1, numbered("user", i), numbered("address", i));
    ck_assert_int_eq(throttle_count(throttle), 3 * ENTRIES_MAX);
    ck_assert_int_eq(metrics_get(METRIC_throttle_evictions_total) - evicted, 3 * 9 * ENTRIES_MAX);
}
END_TEST

START_TEST(what_has_expired_goes_without_a_word)
{
    int64_t evicted = metrics_get(METRIC_throttle_evictions_total);
    for (int i = 0; i < 2 * ENTRIES_MAX; i++, now_ms += MINUTE)
        fail_times(1, numbered("user", i), numbered("address", i));
    ck_assert_int_eq(metrics_get(METRIC_throttle_evictions_total), evicted);
    ck_assert_int_le(throttle_count(throttle), 3 * ENTRIES_MAX);
}
END_TEST

START_TEST(oldest_goes_first)
{
    open_with(4);
    for (int i = 0; i < 4; i++)
        fail_times(PAIR_MAX, numbered("user", i), numbered("address", i));
    fail_times(1, "user0", "elsewhere"); /* user0's account is young again, address0 is not */
    ck_assert_int_eq(probe("user0", "address0"), ERR_NONE);
    ck_assert_int_eq(probe("user2", "address2"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(probe("user3", "address3"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

/* What is under way must find its entry again, whatever happens meanwhile. */
START_TEST(guesses_under_way_are_not_evicted)
{
    open_with(4);
    struct throttle_guess held = guess_of("alice", "192.0.2.1");
    fail_times(PAIR_MAX - 1, "alice", "192.0.2.1");
    ck_assert_int_eq(start(&held), ERR_NONE);
    for (int i = 0; i < 100; i++)
        fail_times(1, numbered("user", i), numbered("address", i));
    stop(&held, THROTTLE_WRONG);
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

START_TEST(without_a_free_entry_a_guess_is_put_off)
{
    struct throttle_guess guesses[4];
    open_with(4);
    for (int i = 0; i < 4; i++) {
        guesses[i] = guess_of(numbered("user", i), numbered("address", i));
        ck_assert_int_eq(start(&guesses[i]), ERR_NONE);
    }
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_UNAVAILABLE);
    ck_assert_int_eq(probe("alice", "address0"), ERR_UNAVAILABLE);
    ck_assert_int_eq(throttle_count(throttle), 12);
    stop(&guesses[0], THROTTLE_RIGHT);
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_NONE);
    for (int i = 1; i < 4; i++)
        stop(&guesses[i], THROTTLE_WRONG);
    ck_assert_int_eq(throttle_count(throttle), 9);
}
END_TEST

/* All of one slot: links in its middle, at its begin and at its end. */
START_TEST(entries_of_one_slot_are_told_apart)
{
    struct tally *tally = tally_open(8, MINUTE);
    for (int removed = 0; removed < 4; removed++) {
        unsigned char keys[4][TALLY_KEY_SIZE] = {{0}};
        uint32_t entries[4];
        for (int i = 0; i < 4; i++) {
            keys[i][TALLY_KEY_SIZE - 1] = (unsigned char)i;
            entries[i] = tally_begin(tally, keys[i], START);
            ck_assert_uint_ne(entries[i], 0);
        }
        tally_end(tally, entries[removed], false, START);
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(tally_wait_ms(tally, keys[i], 1, START), i == removed ? 0 : 1);
        for (int i = 0; i < 4; i++)
            if (i != removed)
                tally_end(tally, entries[i], false, START);
        ck_assert_int_eq(tally_count(tally), 0);
    }
    tally_close(tally);
}
END_TEST

/* Threads */

#define THREADS 16
#define ROUNDS  50

struct race {
    pthread_barrier_t barrier;
    atomic_int let_in;
    atomic_int refused;
};

static void *guess_at_once(void *arg)
{
    struct race *race = arg;
    struct throttle_guess guesses[ROUNDS];
    bool is_in[ROUNDS];
    pthread_barrier_wait(&race->barrier);
    for (int i = 0; i < ROUNDS; i++) {
        int after_s;
        guesses[i] = guess_of("alice", "192.0.2.1");
        is_in[i] = throttle_begin(throttle, &guesses[i], START, &after_s) == ERR_NONE;
        atomic_fetch_add(is_in[i] ? &race->let_in : &race->refused, 1);
    }
    pthread_barrier_wait(&race->barrier);
    for (int i = 0; i < ROUNDS; i++)
        if (is_in[i])
            throttle_end(throttle, &guesses[i], THROTTLE_WRONG, START);
    return NULL;
}

START_TEST(parallel_guesses_do_not_exceed_a_limit_together)
{
    struct race race = {.let_in = 0};
    pthread_t threads[THREADS];
    pthread_barrier_init(&race.barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, guess_at_once, &race), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&race.barrier);
    ck_assert_int_eq(race.let_in, PAIR_MAX);
    ck_assert_int_eq(race.refused, THREADS * ROUNDS - PAIR_MAX);
    ck_assert_int_eq(probe("alice", "192.0.2.1"), ERR_TOO_MANY_REQUESTS);
}
END_TEST

struct visitor {
    int number;
    int64_t wrong;
};

/* Names of its own and one shared with all, in a table that is too small for them. */
static void *come_and_go(void *arg)
{
    struct visitor *visitor = arg;
    for (int i = 0; i < 2000; i++) {
        char account[32], address[32];
        int after_s;
        snprintf(account, sizeof account, "user%d", i % 3 ? visitor->number * 1000 + i : i);
        snprintf(address, sizeof address, "address%d", i % 50);
        struct throttle_guess guess = guess_of(account, address);
        if (throttle_begin(throttle, &guess, START + i, &after_s) == ERR_NONE) {
            visitor->wrong += i % 5 == 0;
            throttle_end(throttle, &guess, i % 5 ? THROTTLE_RIGHT : THROTTLE_WRONG, START + i);
        }
    }
    return NULL;
}

START_TEST(many_threads_keep_the_tables_whole)
{
    struct visitor visitors[8];
    pthread_t threads[8];
    open_with(64);
    for (int i = 0; i < 8; i++) {
        visitors[i] = (struct visitor){.number = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &visitors[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_le(throttle_count(throttle), 3 * 64);
    now_ms = START + 10 * MINUTE;
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(probe("alice", numbered("address", i)), ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("throttle");
    TCase *tests = tcase_create("throttle");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, an_account_from_one_address_has_ten_failures);
    tcase_add_test(tests, an_address_has_a_hundred_failures);
    tcase_add_test(tests, an_account_has_fifty_failures);
    tcase_add_test(tests, trusted_address_is_exempt_from_the_accounts_limit_alone);
    tcase_add_test(tests, accounts_are_counted_without_regard_to_case);
    tcase_add_test(tests, names_that_share_their_beginning_are_different_accounts);
    tcase_add_test(tests, refused_guesses_leave_no_trace);
    tcase_add_test(tests, success_clears_the_pair_alone);
    tcase_add_test(tests, success_takes_its_own_guess_back);
    tcase_add_test(tests, success_leaves_guesses_under_way_counted);
    tcase_add_test(tests, guess_that_was_not_heard_never_was);
    tcase_add_test(tests, failures_fall_out_bucket_by_bucket);
    tcase_add_loop_test(tests, after_a_long_silence_nothing_is_left, 0, 6);
    tcase_add_loop_test(tests, retry_after_is_when_enough_falls_out, 0, 10);
    tcase_add_test(tests, retry_after_counts_as_many_buckets_as_it_takes);
    tcase_add_test(tests, retry_after_is_the_longest_of_the_limits);
    tcase_add_test(tests, only_guesses_under_way_are_worth_a_second_try);
    tcase_add_test(tests, clock_that_steps_back_by_a_race_loses_no_failure);
    tcase_add_test(tests, machine_that_has_just_started_counts_too);
    tcase_add_loop_test(tests, addresses_are_counted_by_what_one_client_has, 0, 18);
    tcase_add_test(tests, entries_leave_when_nothing_is_counted_for_them);
    tcase_add_test(tests, random_names_and_addresses_fill_no_more_than_the_bound);
    tcase_add_test(tests, what_has_expired_goes_without_a_word);
    tcase_add_test(tests, oldest_goes_first);
    tcase_add_test(tests, guesses_under_way_are_not_evicted);
    tcase_add_test(tests, without_a_free_entry_a_guess_is_put_off);
    tcase_add_test(tests, entries_of_one_slot_are_told_apart);
    tcase_add_test(tests, parallel_guesses_do_not_exceed_a_limit_together);
    tcase_add_test(tests, many_threads_keep_the_tables_whole);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
