/* Access tokens: their shape, their signature, their making. (What they say: test_token_claims.) */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#include "token_forge.h"
#include "unit.h"

/* ---- shapes ---- */

static const char *const shapes[] = {
    "",
    ".",
    "..",
    "...",
    "a",
    "a.b",
    "a.b.",
    ".b.c",
    "a..c",
    "a.b.c.d",
    "a.b.c.",
    ".a.b.c",
    " a.b.c",
    "a.b.c ",
    "a.b.c\n",
    "a=.b.c",
    "a.b.c=",
    "a+.b.c",
    "a/.b.c",
    "a.\xc3\xa4.c",
    "Bearer a.b.c",
};

START_TEST(what_has_no_shape_of_a_token_is_refused)
{
    expect_refused(shapes[_i], "not three parts");
}
END_TEST

static char *good(void)
{
    return forge(HEADER, PAYLOAD);
}

START_TEST(a_part_that_is_no_base64url_is_refused)
{
    const char *token = good();
    int header_len = (int)strcspn(token, ".");
    expect_refused("A.AA.AA", "the header is not base64url");
    expect_refused("AB.AA.AA", "the header is not base64url"); /* stray bits */
    expect_refused(
        arena_printf(&arena, "%.*s.A.AA", header_len, token), "the payload is not base64url");
    expect_refused(
        arena_printf(&arena, "%.*s.AB.AA", header_len, token), "the payload is not base64url");
}
END_TEST

START_TEST(padding_and_more_segments_are_refused)
{
    const char *token = good();
    expect_refused(arena_printf(&arena, "%s=", token), "not three parts");
    expect_refused(arena_printf(&arena, "%s.", token), "not three parts");
    expect_refused(arena_printf(&arena, "%s.AA", token), "not three parts");
    expect_refused(arena_printf(&arena, "%s.AA.AA", token), "not three parts");
}
END_TEST

START_TEST(a_token_cut_anywhere_is_refused)
{
    char *token = good();
    for (size_t len = strlen(token); len-- > 0;) {
        token[len] = '\0';
        expect_refused(token, "");
    }
}
END_TEST

START_TEST(a_token_changed_anywhere_is_refused)
{
    char *token = good();
    for (size_t i = 0; token[i]; i++) {
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        expect_refused(token, "");
        token[i] = (char)(kept ^ 1);
        expect_refused(token, "");
        token[i] = kept;
    }
    expect_accepted(token);
}
END_TEST

START_TEST(the_longest_token_is_4096_bytes)
{
    size_t longest = 0, shortest = SIZE_MAX;
    for (int pad = 2750; pad < 2850; pad++) {
        char *payload = arena_printf(
            &arena, "%.*s,\"pad\":\"%0*d\"}", (int)strlen(PAYLOAD) - 1, PAYLOAD, pad, 0);
        char *token = forge(HEADER, payload);
        size_t len = strlen(token);
        if (len > TOKEN_SIZE_MAX) {
            expect_refused(token, "too long");
            shortest = len < shortest ? len : shortest;
        } else {
            expect_accepted(token);
            longest = len > longest ? len : longest;
        }
    }
    ck_assert_uint_ge(longest, 4095);
    ck_assert_uint_le(shortest, 4098);
}
END_TEST

/* Nested deep enough to blow a small stack in a parser that recurses, before or after the
 * signature. */
static void *verify_nested(void *arg)
{
    const char *opening = arg;
    char *payload = arena_alloc(&arena, 2900);
    for (size_t used = 0; used + strlen(opening) < 2900; used += strlen(opening))
        memcpy(payload + used, opening, strlen(opening));
    expect_refused(forge(HEADER, payload), "");
    expect_refused(forge(payload, PAYLOAD), "");
    expect_refused(
        forge(HEADER, arena_printf(&arena, "{\"x\":%.2700s", payload)), "a value within");
    expect_accepted(good());
    return NULL;
}

START_TEST(nesting_does_not_reach_the_stack)
{
    static const char *const openings[] = {"[", "{\"a\":"};
    pthread_attr_t attr;
    pthread_t thread;
    ck_assert(!pthread_attr_init(&attr));
    ck_assert(!pthread_attr_setstacksize(&attr, 256 << 10));
    ck_assert(!pthread_create(&thread, &attr, verify_nested, (void *)(uintptr_t)openings[_i]));
    ck_assert(!pthread_join(thread, NULL));
    pthread_attr_destroy(&attr);
}
END_TEST

/* ---- signatures ---- */

START_TEST(a_signature_by_another_key_is_refused)
{
    static const char *const wrong[] = {"", OLD_KEY, KID, "an-hmac-key-of-exactly-32-bytes?"};
    expect_refused(
        forge_with(wrong[_i], HEADER, strlen(HEADER), PAYLOAD, strlen(PAYLOAD)), "signature");
}
END_TEST

START_TEST(a_signature_of_another_token_is_refused)
{
    char *mine = good(),
         *other = forge(HEADER, "{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"jti\":\"y\"}");
    memcpy(strrchr(mine, '.'), strrchr(other, '.'), 44);
    expect_refused(mine, "signature");
}
END_TEST

START_TEST(a_made_up_signature_is_refused)
{
    static const char *const made_up[] = {"A", "AA", "garbage-signature",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    char *token = good();
    *strrchr(token, '.') = '\0';
    expect_refused(arena_printf(&arena, "%s.%s", token, made_up[_i]), "signature");
}
END_TEST

START_TEST(alg_none_is_refused_with_and_without_a_signature)
{
    char *token = forge("{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", PAYLOAD);
    expect_refused(token, "alg");
    strrchr(token, '.')[1] = '\0';
    expect_refused(token, "not three parts");
}
END_TEST

/* ---- good ones ---- */

START_TEST(a_good_token_is_accepted)
{
    static const char *const spellings[] = {
        PAYLOAD,
        " \t\r\n" PAYLOAD " ",
        "{ \"iss\" : \"orderd\" , " AUD SUB ROLE EPOCH IAT NBF EXP JTI "}",
        "{\"iss\":\"o\\u0072derd\"," AUD SUB "\"role\":\"\\u0075ser\"," EPOCH IAT NBF EXP JTI "}",
        "{" JTI "," EXP NBF IAT EPOCH ROLE SUB AUD "\"iss\":\"orderd\"}",
        "{" ISS AUD SUB ROLE EPOCH "\"iat\":1800000005,\"nbf\":1800000005," EXP JTI "}",
        "{" ISS AUD SUB ROLE EPOCH "\"iat\":0,\"nbf\":0,\"exp\":9223372036854775807," JTI "}",
        "{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":true,\"y\":null,\"z\":-1.5e3}",
    };
    expect_accepted(forge(HEADER, spellings[_i]));
}
END_TEST

START_TEST(the_largest_numbers_are_read)
{
    struct token_claims claims;
    ck_assert_int_eq(verify_token(forge(HEADER, "{" ISS AUD ROLE IAT NBF EXP JTI
                                                ",\"sub\":\"9223372036854775807\","
                                                "\"epoch\":9223372036854775807}"),
                         &claims),
        ERR_NONE);
    ck_assert_int_eq(claims.user_id, INT64_MAX);
    ck_assert_int_eq(claims.epoch, INT64_MAX);
}
END_TEST

START_TEST(an_older_key_still_verifies)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" OLD_KID "\"}";
    expect_accepted(forge_with(OLD_KEY, header, strlen(header), PAYLOAD, strlen(PAYLOAD)));
}
END_TEST

/* However long the token itself would be good. */
START_TEST(a_retired_key_verifies_for_one_lifetime)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" GONE_KID "\"}";
    static const char payload[] = "{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800099999," JTI "}";
    struct token_claims claims;
    const char *token = forge_with(GONE_KEY, header, strlen(header), payload, strlen(payload));
    expect_accepted(token);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW + 3599, &arena, &claims, &fault), ERR_NONE);
    ck_assert_int_eq(token_verify(keys, &options, token, NOW + 3600, &arena, &claims, &fault),
        ERR_INVALID_TOKEN);
    ck_assert_str_eq(fault.text, "kid is no key of ours");
}
END_TEST

/* ---- issuing ---- */

static const struct token_claims alice = {.user_id = 7, .role = "user", .epoch = 2};

static char *issue(const struct token_options *with, int64_t at)
{
    char *token;
    enum err e = token_issue(keys, with, &alice, at, &arena, &token, &fault);
    ck_assert_msg(!e, "%s", e ? fault.text : "");
    return token;
}

START_TEST(an_issued_token_is_accepted_until_it_expires)
{
    struct token_claims claims;
    char *token = issue(&options, NOW);
    expect_accepted(token);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW + 3599, &arena, &claims, NULL), ERR_NONE);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW + 3600, &arena, &claims, NULL), ERR_INVALID_TOKEN);
    ck_assert_int_eq(token_verify(keys, &options, token, NOW - 5, &arena, &claims, NULL), ERR_NONE);
    ck_assert_int_eq(
        token_verify(keys, &options, token, NOW - 6, &arena, &claims, NULL), ERR_INVALID_TOKEN);
}
END_TEST

static char *decode_part(const char *part)
{
    char *text = arena_alloc(&arena, 4096);
    size_t len;
    ck_assert(text_unbase64url(text, 4095, &len, part, strcspn(part, ".")));
    return text;
}

START_TEST(an_issued_token_says_what_is_documented)
{
    char *token = issue(&options, NOW);
    ck_assert_str_eq(decode_part(token), "{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}");
    char *payload = decode_part(strchr(token, '.') + 1);
    static const char *const claims[] = {"\"iss\":\"orderd\"", "\"aud\":\"shop\"", "\"sub\":\"7\"",
        "\"role\":\"user\"", "\"epoch\":2", "\"iat\":1800000000", "\"nbf\":1800000000",
        "\"exp\":1800003600", "\"jti\":\""};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        ck_assert_msg(strstr(payload, claims[i]) != NULL, "%s", claims[i]);
}
END_TEST

START_TEST(no_two_tokens_are_the_same)
{
    ck_assert_str_ne(issue(&options, NOW), issue(&options, NOW));
}
END_TEST

START_TEST(any_text_can_be_issuer_and_audience)
{
    struct token_options odd = {
        .issuer = "Händler \"A\\B\" 🍵 /", .audience = "{\"aud\":[1]}", .lifetime_s = 1};
    struct token_claims claims;
    char *token = issue(&odd, NOW);
    ck_assert_int_eq(token_verify(keys, &odd, token, NOW, &arena, &claims, &fault), ERR_NONE);
    expect_refused(token, "iss is not ours");
}
END_TEST

START_TEST(what_cannot_be_verified_is_not_issued)
{
    char *token = (char *)(uintptr_t) "x";
    struct token_options odd = options;
    odd.issuer = _i ? arena_printf(&arena, "%04000d", 0) : "\xff";
    ck_assert_int_eq(token_issue(keys, &odd, &alice, NOW, &arena, &token, &fault), ERR_INTERNAL);
    ck_assert_ptr_null(token);
}
END_TEST

/* ---- threads ---- */

static void *verify_often(void *arg)
{
    struct arena own;
    arena_init(&own, 16384);
    for (int i = 0; i < 200; i++) {
        struct token_claims claims;
        ck_assert_int_eq(token_verify(keys, &options, arg, NOW, &own, &claims, NULL), ERR_NONE);
        char *token;
        ck_assert_int_eq(token_issue(keys, &options, &claims, NOW, &own, &token, NULL), ERR_NONE);
        arena_reset(&own);
    }
    arena_fini(&own);
    return NULL;
}

START_TEST(threads_share_a_ring)
{
    pthread_t threads[4];
    char *token = issue(&options, NOW);
    for (int i = 0; i < 4; i++)
        ck_assert(!pthread_create(&threads[i], NULL, verify_often, token));
    for (int i = 0; i < 4; i++)
        ck_assert(!pthread_join(threads[i], NULL));
}
END_TEST
static void add_refusals(TCase *bad)
{
    tcase_add_loop_test(
        bad, what_has_no_shape_of_a_token_is_refused, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_test(bad, a_part_that_is_no_base64url_is_refused);
    tcase_add_test(bad, padding_and_more_segments_are_refused);
    tcase_add_test(bad, a_token_cut_anywhere_is_refused);
    tcase_add_test(bad, a_token_changed_anywhere_is_refused);
    tcase_add_test(bad, the_longest_token_is_4096_bytes);
    tcase_add_loop_test(bad, nesting_does_not_reach_the_stack, 0, 2);
    tcase_add_loop_test(bad, a_signature_by_another_key_is_refused, 0, 4);
    tcase_add_test(bad, a_signature_of_another_token_is_refused);
    tcase_add_loop_test(bad, a_made_up_signature_is_refused, 0, 5);
    tcase_add_test(bad, alg_none_is_refused_with_and_without_a_signature);
}
int main(void)
{
    Suite *suite = suite_create("token");
    TCase *bad = tcase_create("bad");
    tcase_add_checked_fixture(bad, forge_begin, forge_end);
    add_refusals(bad);
    suite_add_tcase(suite, bad);

    TCase *fine = tcase_create("good");
    tcase_add_checked_fixture(fine, forge_begin, forge_end);
    tcase_add_loop_test(fine, a_good_token_is_accepted, 0, 8);
    tcase_add_test(fine, the_largest_numbers_are_read);
    tcase_add_test(fine, an_older_key_still_verifies);
    tcase_add_test(fine, a_retired_key_verifies_for_one_lifetime);
    tcase_add_test(fine, an_issued_token_is_accepted_until_it_expires);
    tcase_add_test(fine, an_issued_token_says_what_is_documented);
    tcase_add_test(fine, no_two_tokens_are_the_same);
    tcase_add_test(fine, any_text_can_be_issuer_and_audience);
    tcase_add_loop_test(fine, what_cannot_be_verified_is_not_issued, 0, 2);
    tcase_add_test(fine, threads_share_a_ring);
    suite_add_tcase(suite, fine);
    return unit_run(suite);
}
