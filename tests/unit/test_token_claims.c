/* What a token says: each header and each claim that is wrong, missing, of another type or said
 * twice. */
#include <string.h>

#include "token_forge.h"
#include "unit.h"

/* ---- headers ---- */

static const struct {
    const char *header, *why;
} headers[] = {
    {"{\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":null,\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":256,\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"hs256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS256 \",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS\\u003256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS384\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"HS512\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"Alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "alg"},
    {"{\"alg\":[\"HS256\"],\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "a value within a value"},
    {"{\"alg\":\"HS256\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"foo\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"jwt\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWE\",\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":1,\"kid\":\"" KID "\"}", "typ"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":null}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":1}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"20261124T150405Z\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "0\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"../" KID "\"}", "kid"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"crit\":\"exp\"}", "more than"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"crit\":[\"exp\"]}", "a value"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"jku\":\"http://x\"}", "more than"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"alg\":\"HS256\"}", "a name twice"},
    {"{\"alg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}", "a name twice"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"\\u0061lg\":\"none\"}", "no plain"},
    {"[]", "not an object"},
    {"\"HS256\"", "not an object"},
    {"null", "not an object"},
    {"{", "no plain name"},
    {"{}", "alg"},
    {HEADER " x", "text behind"},
    {HEADER HEADER, "text behind"},
    {"\xef\xbb\xbf" HEADER, "not an object"},
};

START_TEST(a_bad_header_is_refused)
{
    expect_refused(forge(headers[_i].header, PAYLOAD), headers[_i].why);
}
END_TEST

/* ---- payloads ---- */

static const struct {
    const char *payload, *why;
} payloads[] = {
    {"{" AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss"},
    {"{" ISS SUB ROLE EPOCH IAT NBF EXP JTI "}", "aud"},
    {"{" ISS AUD ROLE EPOCH IAT NBF EXP JTI "}", "sub"},
    {"{" ISS AUD SUB EPOCH IAT NBF EXP JTI "}", "role"},
    {"{" ISS AUD SUB ROLE IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE EPOCH NBF EXP JTI "}", "iat"},
    {"{" ISS AUD SUB ROLE EPOCH IAT EXP JTI "}", "nbf"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF JTI "}", "exp"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800000001}", "jti"},
    {"{\"iss\":\"Orderd\"," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is not ours"},
    {"{\"iss\":\"orderd2\"," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is not ours"},
    {"{\"iss\":\"\"," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is no text"},
    {"{\"iss\":1," AUD SUB ROLE EPOCH IAT NBF EXP JTI "}", "iss is no text"},
    {"{" ISS "\"aud\":\"other\"," SUB ROLE EPOCH IAT NBF EXP JTI "}", "aud is not ours"},
    {"{" ISS "\"aud\":[\"shop\"]," SUB ROLE EPOCH IAT NBF EXP JTI "}", "a value within"},
    {"{" ISS "\"aud\":null," SUB ROLE EPOCH IAT NBF EXP JTI "}", "aud is no text"},
    {"{" ISS AUD "\"sub\":7," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no text"},
    {"{" ISS AUD "\"sub\":\"007\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"0\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"-1\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"+1\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"1 \"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"1e1\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"alice\"," ROLE EPOCH IAT NBF EXP JTI "}", "sub is no user"},
    {"{" ISS AUD "\"sub\":\"9223372036854775808\"," ROLE EPOCH IAT NBF EXP JTI "}",
        "sub is no user"},
    {"{" ISS AUD "\"sub\":\"7\\u0000\"," ROLE EPOCH IAT NBF EXP JTI "}", "not JSON"},
    {"{" ISS AUD SUB "\"role\":\"\"," EPOCH IAT NBF EXP JTI "}", "role"},
    {"{" ISS AUD SUB "\"role\":true," EPOCH IAT NBF EXP JTI "}", "role"},
    {"{" ISS AUD SUB ROLE "\"epoch\":\"2\"," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":-1," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":2.0," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":2e0," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE "\"epoch\":false," IAT NBF EXP JTI "}", "epoch"},
    {"{" ISS AUD SUB ROLE EPOCH "\"iat\":\"1800000000\"," NBF EXP JTI "}", "iat"},
    {"{" ISS AUD SUB ROLE EPOCH "\"iat\":1800000000.5," NBF EXP JTI "}", "iat"},
    {"{" ISS AUD SUB ROLE EPOCH "\"iat\":1800000006," NBF EXP JTI "}", "iat is in the future"},
    {"{" ISS AUD SUB ROLE EPOCH IAT "\"nbf\":null," EXP JTI "}", "nbf"},
    {"{" ISS AUD SUB ROLE EPOCH IAT "\"nbf\":-5," EXP JTI "}", "nbf"},
    {"{" ISS AUD SUB ROLE EPOCH IAT "\"nbf\":1800000006," EXP JTI "}", "not valid yet"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800000000," JTI "}", "expired"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1799999999," JTI "}", "expired"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":0," JTI "}", "expired"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":-1," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":\"1800000001\"," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":1800000001.0," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":18e8," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":true," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":null," JTI "}", "exp is no whole"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":9223372036854775808," JTI "}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":01800000001," JTI "}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF "\"exp\":{}," JTI "}", "a value within"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"jti\":\"\"}", "jti"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"jti\":5}", "jti"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"exp\":1900000000," JTI "}", "a name twice"},
    {"{" ISS AUD SUB SUB ROLE EPOCH IAT NBF EXP JTI "}", "a name twice"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP "\"s\\u0075b\":\"1\"," JTI "}", "no plain name"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI, "not one object"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",}", "no plain name"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI " \"x\":1}", "not one object"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\"}", "no colon"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":}", "no value"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":", "no value"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"", "a text without end"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\\", "a text without end"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\\q\"}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":nul}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\xff\"}", "not JSON"},
    {"{" ISS AUD SUB ROLE EPOCH IAT NBF EXP JTI ",\"x\":\"\n\"}", "a text without end"},
    {PAYLOAD "{}", "text behind"},
    {"[" PAYLOAD "]", "not an object"},
    {"[]", "not an object"},
    {"7", "not an object"},
    {"{}", "iss"},
};

START_TEST(a_bad_payload_is_refused)
{
    expect_refused(forge(HEADER, payloads[_i].payload), payloads[_i].why);
}
END_TEST

START_TEST(text_behind_a_nul_is_refused)
{
    static const char header[] = HEADER "\0";
    static const char payload[] = PAYLOAD "\0,";
    expect_refused(
        forge_with(KEY, header, sizeof header - 1, PAYLOAD, strlen(PAYLOAD)), "text behind");
    expect_refused(
        forge_with(KEY, HEADER, strlen(HEADER), payload, sizeof payload - 1), "text behind");
}
END_TEST

START_TEST(too_many_members_are_refused)
{
    char *members = arena_printf(&arena, "%.*s", (int)strlen(PAYLOAD) - 1, PAYLOAD);
    for (int i = 9; i < 32; i++)
        members = arena_printf(&arena, "%s,\"x%d\":%d", members, i, i);
    expect_accepted(forge(HEADER, arena_printf(&arena, "%s}", members)));
    expect_refused(
        forge(HEADER, arena_printf(&arena, "%s,\"more\":1}", members)), "too many members");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token_claims");
    TCase *bad = tcase_create("bad");
    tcase_add_checked_fixture(bad, forge_begin, forge_end);
    tcase_add_loop_test(bad, a_bad_header_is_refused, 0, (int)(sizeof headers / sizeof *headers));
    tcase_add_loop_test(
        bad, a_bad_payload_is_refused, 0, (int)(sizeof payloads / sizeof *payloads));
    tcase_add_test(bad, text_behind_a_nul_is_refused);
    tcase_add_test(bad, too_many_members_are_refused);
    suite_add_tcase(suite, bad);
    return unit_run(suite);
}
