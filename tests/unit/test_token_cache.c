/* What a cache of tokens may remember, and what it must look at each time. (That it says of any
 * token what token_verify() says: test_token, test_token_claims, whose every row asks both.) */
#include <pthread.h>
#include <string.h>

#include "core/file.h"

#include "token_forge.h"
#include "unit.h"

static const struct token_claims alice = {.user_id = 7, .role = "user", .epoch = 2};

static char *issue(int64_t at)
{
    char *token;
    ck_assert_int_eq(token_issue(keys, &options, &alice, at, &arena, &token, &fault), ERR_NONE);
    return token;
}

static enum err verify_at(const struct keyring *ring, const char *token, int64_t now)
{
    struct token_claims claims;
    fault_clear(&fault);
    enum err e = token_cache_verify(cache, ring, &options, token, now, &arena, &claims, &fault);
    ck_assert_int_eq(claims.user_id, e ? 0 : 7);
    return e;
}

/* The same kid, but other bytes: nothing that KEY signed is good. */
static struct keyring *other_ring(void)
{
    static const char bytes[] = "some other key of as many bytes!";
    struct keyring *ring;
    const char *folder = unit_folder();
    ck_assert_int_eq(
        file_replace(unit_path(folder, KID ".key"), bytes, strlen(bytes), 0600, NULL), ERR_NONE);
    ck_assert_int_eq(keyring_open(&ring, folder, NULL), ERR_NONE);
    return ring;
}

START_TEST(a_known_token_is_not_verified_again_until_all_is_forgotten)
{
    char *token = issue(NOW);
    struct keyring *ring = other_ring();
    ck_assert_int_eq(verify_at(keys, token, NOW), ERR_NONE);
    ck_assert_int_eq(verify_at(ring, token, NOW), ERR_NONE); /* so it was found */
    token_cache_forget(cache);
    ck_assert_int_eq(verify_at(ring, token, NOW), ERR_INVALID_TOKEN);
    ck_assert_int_eq(verify_at(ring, token, NOW), ERR_INVALID_TOKEN);
    keyring_close(ring);
}
END_TEST

/* Known at NOW, and refused from that time on. */
static void expect_good_until(const char *token, int64_t end, const char *why)
{
    ck_assert_int_eq(verify_at(keys, token, NOW), ERR_NONE);
    ck_assert_int_eq(verify_at(keys, token, end - 1), ERR_NONE);
    ck_assert_int_eq(verify_at(keys, token, end), ERR_INVALID_TOKEN);
    ck_assert_str_eq(fault.text, why);
}

START_TEST(a_known_token_expires)
{
    expect_good_until(issue(NOW), NOW + 3600, "the token has expired");
}
END_TEST

START_TEST(a_known_token_is_of_the_future_when_the_clock_was_set_back)
{
    char *token = issue(NOW);
    ck_assert_int_eq(verify_at(keys, token, NOW), ERR_NONE);
    ck_assert_int_eq(verify_at(keys, token, NOW - 5), ERR_NONE);
    ck_assert_int_eq(verify_at(keys, token, NOW - 6), ERR_INVALID_TOKEN);
    ck_assert_str_eq(fault.text, "iat is in the future");
}
END_TEST

START_TEST(a_known_token_ends_with_its_key)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" GONE_KID "\"}";
    static const char payload[] = "{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800099999," JTI "}";
    expect_good_until(forge_with(GONE_KEY, header, strlen(header), payload, strlen(payload)),
        NOW + 3600, "kid is no key of ours");
}
END_TEST

START_TEST(a_token_like_a_known_one_is_not_known)
{
    char *token = issue(NOW);
    ck_assert_int_eq(verify_at(keys, token, NOW), ERR_NONE);
    for (size_t i = 0; token[i]; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        ck_assert_int_eq(verify_at(keys, token, NOW), ERR_INVALID_TOKEN);
        token[i] = was;
    }
    ck_assert_int_eq(verify_at(keys, token, NOW), ERR_NONE);
}
END_TEST

START_TEST(what_was_refused_stays_refused_and_pushes_nobody_out)
{
    char *token = issue(NOW);
    struct keyring *ring = other_ring();
    ck_assert_int_eq(verify_at(keys, token, NOW), ERR_NONE);
    for (int i = 0; i < 5000; i++) {
        const char *bad = arena_printf(&arena, "%s%d", token, i);
        ck_assert_int_eq(verify_at(keys, bad, NOW), ERR_INVALID_TOKEN);
    }
    ck_assert_int_eq(verify_at(ring, token, NOW), ERR_NONE); /* known still */
    keyring_close(ring);
}
END_TEST

START_TEST(more_tokens_than_it_holds_are_all_good)
{
    char *tokens[3000];
    for (size_t i = 0; i < 3000; i++)
        ck_assert_int_eq(verify_at(keys, tokens[i] = issue(NOW), NOW), ERR_NONE);
    for (size_t i = 0; i < 3000; i++)
        ck_assert_int_eq(verify_at(keys, tokens[i], NOW), ERR_NONE);
}
END_TEST

START_TEST(a_role_too_long_to_keep_is_no_trouble)
{
    const char *payload =
        "{" ISS AUD SUB "\"role\":\"a role of some length\"," EPOCH IAT NBF EXP JTI "}";
    struct token_claims claims;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(verify_token(forge(HEADER, payload), &claims), ERR_NONE);
        ck_assert_str_eq(claims.role, "a role of some length");
    }
}
END_TEST

struct crowd {
    char *tokens[64];
};

static void *verify_often(void *arg)
{
    const struct crowd *crowd = arg;
    struct arena own;
    arena_init(&own, 16384);
    for (int i = 0; i < 2000; i++) {
        struct token_claims claims;
        ck_assert_int_eq(token_cache_verify(cache, keys, &options, crowd->tokens[i % 64], NOW, &own,
                             &claims, NULL),
            ERR_NONE);
        ck_assert_str_eq(claims.role, "user");
        if (i % 500 == 499)
            token_cache_forget(cache);
        arena_reset(&own);
    }
    arena_fini(&own);
    return NULL;
}

START_TEST(threads_share_it)
{
    pthread_t threads[4];
    struct crowd crowd;
    for (size_t i = 0; i < 64; i++)
        crowd.tokens[i] = issue(NOW);
    for (int i = 0; i < 4; i++)
        ck_assert(!pthread_create(&threads[i], NULL, verify_often, &crowd));
    for (int i = 0; i < 4; i++)
        ck_assert(!pthread_join(threads[i], NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token cache");
    TCase *tests = tcase_create("token cache");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, forge_begin, forge_end);
    tcase_add_test(tests, a_known_token_is_not_verified_again_until_all_is_forgotten);
    tcase_add_test(tests, a_known_token_expires);
    tcase_add_test(tests, a_known_token_is_of_the_future_when_the_clock_was_set_back);
    tcase_add_test(tests, a_known_token_ends_with_its_key);
    tcase_add_test(tests, a_token_like_a_known_one_is_not_known);
    tcase_add_test(tests, what_was_refused_stays_refused_and_pushes_nobody_out);
    tcase_add_test(tests, more_tokens_than_it_holds_are_all_good);
    tcase_add_test(tests, a_role_too_long_to_keep_is_no_trouble);
    tcase_add_test(tests, threads_share_it);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
