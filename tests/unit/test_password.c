/* Passwords: corrupt hashes, equal work, want of memory, and hashes that others made. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "security/password.h"

#include "unit.h"

/* Cheap ones; what a hash costs is not what is tested here. */
#define CHEAP                                                                                      \
    (struct password_options)                                                                      \
    {                                                                                              \
        .memory_kib = 64, .passes = 1, .running = 1, .waiting = 8, .timeout_ms = 60000             \
    }

#define SALT "$c29tZXNhbHQ$"
#define TAIL SALT "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
/* The reference implementation's own test vectors, for "password" and "somesalt". */
#define VECTOR_ID "$argon2id$v=19$m=256,t=2,p=1" TAIL
#define VECTOR_I  "$argon2i$v=19$m=256,t=2,p=1" SALT "iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
#define VECTOR_16 "$argon2i$m=256,t=2,p=1" SALT "/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"

/* A sanitizer does not bear a limit on memory, but has one of its own. */
#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ ||                                 \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
enum {
    SANITIZED = 1
};
#else
enum {
    SANITIZED = 0
};
#endif

#define HOOK __attribute__((visibility("default")))
HOOK const char *__asan_default_options(void);
HOOK const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=512";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=512";
}

static struct hasher *hasher;

static void open_with(struct password_options options)
{
    ck_assert_int_eq(hasher_open(&hasher, &options, NULL), ERR_NONE);
}

static void begin(void)
{
    open_with(CHEAP);
}

static void end(void)
{
    hasher_close(hasher);
}

static enum err verify(const char *password, const char *encoded, bool *match)
{
    *match = true;
    return password_verify(hasher, password, strlen(password), encoded, match);
}

/* ---- hashes that are none ---- */

static const char *const corrupt[] = {
    "",
    "password",
    "$argon2id",
    "$argon2id$",
    "$argon2x$v=19$m=256,t=2,p=1" TAIL,
    "argon2id$v=19$m=256,t=2,p=1" TAIL,
    " " VECTOR_ID,
    "$argon2id$v=$m=256,t=2,p=1" TAIL,
    "$argon2id$v=19m=256,t=2,p=1" TAIL,
    "$argon2id$v=019$m=256,t=2,p=1" TAIL,
    "$argon2id$v=99999999999999999999$m=256,t=2,p=1" TAIL,
    "$argon2id$v=19$m=,t=2,p=1" TAIL,
    "$argon2id$v=19$m=-1,t=2,p=1" TAIL,
    "$argon2id$v=19$m=0,t=2,p=1" TAIL,
    "$argon2id$v=19$m=7,t=2,p=1" TAIL,
    "$argon2id$v=19$m=1048577,t=2,p=1" TAIL,
    "$argon2id$v=19$m=4294967295,t=2,p=1" TAIL,
    "$argon2id$v=19$m=18446744073709551616,t=2,p=1" TAIL,
    "$argon2id$v=19$m=256,t=0,p=1" TAIL,
    "$argon2id$v=19$m=256,t=101,p=1" TAIL,
    "$argon2id$v=19$m=256,t=4294967295,p=1" TAIL,
    "$argon2id$v=19$m=256,t=2,p=0" TAIL,
    "$argon2id$v=19$m=256,t=2,p=17" TAIL,
    "$argon2id$v=19$m=256,t=2,p=16777215" TAIL,
    "$argon2id$v=19$t=2,m=256,p=1" TAIL,
    "$argon2id$v=19$m=256,t=2" TAIL,
    "$argon2id$v=19$m=256,t=2,p=1",
    "$argon2id$v=19$m=256,t=2,p=1$",
    "$argon2id$v=19$m=256,t=2,p=1" SALT,
    "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
    "$argon2id$v=19$m=256,t=2,p=1" SALT "nf65EA",
    "$argon2id$v=19$m=256,t=2,p=1" SALT "nf65EOgLrQMR/uIPnA4r*sF5h7TKyQwu9U1bMCHGi/4",
    VECTOR_ID "=",
    VECTOR_ID " ",
    VECTOR_ID "$",
    VECTOR_ID VECTOR_ID VECTOR_ID,
};

START_TEST(a_corrupt_hash_is_told_from_a_wrong_password)
{
    bool match;
    char *exact = strdup(corrupt[_i]); /* so that a sanitizer sees a read past the end */
    ck_assert_int_eq(verify("password", exact, &match), ERR_CORRUPT);
    ck_assert(!match);
    free(exact);
}
END_TEST

START_TEST(a_hash_cut_short_never_matches)
{
    for (size_t len = 0; len < strlen(VECTOR_ID); len++) {
        bool match;
        char *cut = strndup(VECTOR_ID, len);
        enum err e = verify("password", cut, &match);
        ck_assert(e == ERR_NONE || e == ERR_CORRUPT);
        ck_assert(!match);
        free(cut);
    }
}
END_TEST

/* ---- right and wrong ---- */

START_TEST(a_password_matches_its_hash_alone)
{
    char encoded[PASSWORD_HASH_SIZE];
    bool match;
    ck_assert_int_eq(password_hash(hasher, "correct horse", 13, encoded), ERR_NONE);
    ck_assert_int_eq(strncmp(encoded, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
    ck_assert_int_eq(verify("correct horse", encoded, &match), ERR_NONE);
    ck_assert(match);
    static const char *const wrong[] = {
        "", "correct hors", "correct horse ", "Correct horse", "password"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(verify(wrong[i], encoded, &match), ERR_NONE);
        ck_assert(!match);
    }
}
END_TEST

/* Each pair differs only where something that cuts would have cut. */
START_TEST(no_password_is_cut)
{
    static const struct {
        size_t len, changed;
    } cases[] = {{1, 0}, {8, 7}, {73, 72}, {128, 127}, {512, 511}, {10, 5}, {100000, 99999}};
    char encoded[PASSWORD_HASH_SIZE];
    bool match = false;
    char *password = calloc(1, cases[_i].len); /* NULs all over */
    ck_assert_int_eq(password_hash(hasher, password, cases[_i].len, encoded), ERR_NONE);
    ck_assert_int_eq(password_verify(hasher, password, cases[_i].len, encoded, &match), ERR_NONE);
    ck_assert(match);
    ck_assert_int_eq(
        password_verify(hasher, password, cases[_i].len - 1, encoded, &match), ERR_NONE);
    ck_assert(!match);
    password[cases[_i].changed] = 1;
    ck_assert_int_eq(password_verify(hasher, password, cases[_i].len, encoded, &match), ERR_NONE);
    ck_assert(!match);
    free(password);
}
END_TEST

START_TEST(the_same_password_gets_another_hash_each_time)
{
    char first[PASSWORD_HASH_SIZE], second[PASSWORD_HASH_SIZE];
    ck_assert_int_eq(password_hash(hasher, "password", 8, first), ERR_NONE);
    ck_assert_int_eq(password_hash(hasher, "password", 8, second), ERR_NONE);
    ck_assert_str_ne(first, second);
}
END_TEST

START_TEST(hashes_of_other_makers_are_taken)
{
    static const char *const vectors[] = {VECTOR_ID, VECTOR_I, VECTOR_16};
    bool match;
    ck_assert_int_eq(verify("password", vectors[_i], &match), ERR_NONE);
    ck_assert(match);
    ck_assert_int_eq(verify("passwore", vectors[_i], &match), ERR_NONE);
    ck_assert(!match);
}
END_TEST

START_TEST(an_unknown_user_never_matches)
{
    bool match;
    ck_assert_int_eq(verify("password", NULL, &match), ERR_NONE);
    ck_assert(!match);
    ck_assert_int_eq(verify("", NULL, &match), ERR_NONE);
    ck_assert(!match);
}
END_TEST

START_TEST(right_wrong_and_unknown_cost_the_same)
{
    char encoded[PASSWORD_HASH_SIZE];
    bool match;
    ck_assert_int_eq(password_work(hasher), 0);
    password_hash(hasher, "password", 8, encoded);
    ck_assert_int_eq(password_work(hasher), 1);
    verify("password", encoded, &match);
    ck_assert_int_eq(password_work(hasher), 2);
    verify("wrong", encoded, &match);
    ck_assert_int_eq(password_work(hasher), 3);
    verify("password", NULL, &match);
    ck_assert_int_eq(password_work(hasher), 4);
    verify("password", "garbage", &match);
    ck_assert_int_eq(password_work(hasher), 4);
}
END_TEST

static const struct {
    const char *encoded;
    bool is_outdated;
} ages[] = {
    {"$argon2id$v=19$m=64,t=1,p=1" TAIL, false},
    {"$argon2id$v=19$m=65,t=1,p=1" TAIL, true},
    {"$argon2id$v=19$m=63,t=1,p=1" TAIL, true},
    {"$argon2id$v=19$m=64,t=2,p=1" TAIL, true},
    {"$argon2id$v=19$m=64,t=1,p=2" TAIL, true},
    {"$argon2id$v=16$m=64,t=1,p=1" TAIL, true},
    {"$argon2id$m=64,t=1,p=1" TAIL, true},
    {"$argon2i$v=19$m=64,t=1,p=1" TAIL, true},
    {"$argon2d$v=19$m=64,t=1,p=1" TAIL, true},
    {"garbage", true},
};

START_TEST(a_hash_is_outdated_by_any_other_parameter)
{
    ck_assert_int_eq(password_is_outdated(hasher, ages[_i].encoded), ages[_i].is_outdated);
}
END_TEST

START_TEST(a_fresh_hash_is_not_outdated)
{
    char encoded[PASSWORD_HASH_SIZE];
    ck_assert_int_eq(password_hash(hasher, "password", 8, encoded), ERR_NONE);
    ck_assert(!password_is_outdated(hasher, encoded));
}
END_TEST

START_TEST(the_largest_parameters_fit_into_a_hash)
{
    struct password_options options = CHEAP;
    char encoded[PASSWORD_HASH_SIZE];
    bool match;
    options.memory_kib = 1048;
    options.passes = 100;
    hasher_close(hasher);
    open_with(options);
    ck_assert_int_eq(password_hash(hasher, "password", 8, encoded), ERR_NONE);
    ck_assert_int_eq(verify("password", encoded, &match), ERR_NONE);
    ck_assert(match);
    ck_assert_uint_lt(strlen(encoded) + strlen("1048576"), PASSWORD_HASH_SIZE);
}
END_TEST

/* ---- memory ---- */

static void limit_memory(rlim_t size)
{
    struct rlimit limit;
    if (SANITIZED)
        return;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(a_hasher_without_memory_for_one_hash_does_not_open)
{
    struct password_options options = CHEAP;
    struct hasher *none;
    struct fault fault;
    fault_begin(&fault, NULL);
    options.memory_kib = 1 << 30; /* a TiB */
    limit_memory(512 << 20);
    enum err e = hasher_open(&none, &options, &fault);
    limit_memory(RLIM_INFINITY);
    ck_assert_int_eq(e, ERR_UNAVAILABLE);
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(strstr(fault.text, "1073741824 KiB"));
}
END_TEST

START_TEST(a_hash_without_memory_is_put_off)
{
    bool match = true;
    limit_memory(512 << 20);
    enum err e = verify("password", "$argon2id$v=19$m=1048576,t=1,p=1" TAIL, &match);
    limit_memory(RLIM_INFINITY);
    ck_assert_int_eq(e, ERR_UNAVAILABLE);
    ck_assert(!match);
    ck_assert_int_eq(verify("password", VECTOR_ID, &match), ERR_NONE);
    ck_assert(match);
}
END_TEST

START_TEST(closing_nothing_is_harmless)
{
    hasher_close(NULL);
}
END_TEST

static void add_passwords(TCase *all)
{
    tcase_add_loop_test(all, a_corrupt_hash_is_told_from_a_wrong_password, 0,
        (int)(sizeof corrupt / sizeof *corrupt));
    tcase_add_test(all, a_hash_cut_short_never_matches);
    tcase_add_test(all, a_password_matches_its_hash_alone);
    tcase_add_loop_test(all, no_password_is_cut, 0, 7);
    tcase_add_test(all, the_same_password_gets_another_hash_each_time);
    tcase_add_loop_test(all, hashes_of_other_makers_are_taken, 0, 3);
    tcase_add_test(all, an_unknown_user_never_matches);
    tcase_add_test(all, right_wrong_and_unknown_cost_the_same);
    tcase_add_loop_test(
        all, a_hash_is_outdated_by_any_other_parameter, 0, (int)(sizeof ages / sizeof *ages));
    tcase_add_test(all, a_fresh_hash_is_not_outdated);
    tcase_add_test(all, the_largest_parameters_fit_into_a_hash);
    tcase_add_test(all, a_hasher_without_memory_for_one_hash_does_not_open);
    tcase_add_test(all, a_hash_without_memory_is_put_off);
    tcase_add_test(all, closing_nothing_is_harmless);
}

int main(void)
{
    Suite *suite = suite_create("password");
    TCase *passwords = tcase_create("passwords");
    tcase_add_checked_fixture(passwords, begin, end);
    add_passwords(passwords);
    suite_add_tcase(suite, passwords);
    return unit_run(suite);
}
