/* ctl/account: the rules of a user, at each limit and one past it. */
#include <stdbool.h>
#include <string.h>

#include "core/arena.h"
#include "core/text.h"

#include "ctl/account.h"

#include "unit.h"

static struct arena arena;
static struct fault fault;

static void begin(void)
{
    arena_init(&arena, 1024);
    fault_begin(&fault, &arena);
}

static void end(void)
{
    arena_fini(&arena);
}

/* count times text, then tail */
static const char *repeat(const char *text, size_t count, const char *tail)
{
    size_t len = strlen(text);
    char *out = arena_alloc(&arena, len * count + strlen(tail) + 1);
    for (size_t n = 0; n < count; n++)
        memcpy(out + n * len, text, len);
    memcpy(out + len * count, tail, strlen(tail));
    return out;
}

struct row {
    const char *text;
    size_t count;
    const char *tail;
    enum err want;
};

static const struct row names[] = {
    {"a", 0, "", ERR_VALIDATION},
    {"a", 2, "", ERR_VALIDATION},
    {"a", 3, "", ERR_NONE},
    {"a", 64, "", ERR_NONE},
    {"a", 65, "", ERR_VALIDATION},
    {"A", 1, "z0._-", ERR_NONE},
    {"", 0, "...", ERR_NONE},
    {"", 0, "al ice", ERR_VALIDATION},
    {"", 0, "al@ice", ERR_VALIDATION},
    {"", 0, "al/ice", ERR_VALIDATION},
    {"", 0, "alice\n", ERR_VALIDATION},
    {"", 0, "\xc3\xa4lice", ERR_VALIDATION},
    {"", 0, "ali\xff", ERR_VALIDATION},
};

static const struct row emails[] = {
    {"", 0, "", ERR_VALIDATION},
    {"", 0, "alice", ERR_VALIDATION},
    {"", 0, "alice@", ERR_VALIDATION},
    {"", 0, "alice@example", ERR_VALIDATION},
    {"", 0, "alice@.example", ERR_VALIDATION},
    {"", 0, "alice@example.", ERR_VALIDATION},
    {"", 0, "alice@.", ERR_VALIDATION},
    {"", 0, "alice@..", ERR_VALIDATION},
    {"", 0, "alice@...", ERR_NONE},
    {"", 0, "alice@a.b", ERR_NONE},
    {"", 0, "al.ice@example", ERR_VALIDATION},
    {"", 0, "a@b@example.com", ERR_VALIDATION},
    {"", 0, "@example.com", ERR_VALIDATION},
    {"", 0, "al ice@example.com", ERR_VALIDATION},
    {"", 0, "alice@example.com\n", ERR_VALIDATION},
    {"", 0, "alice\r@example.com", ERR_VALIDATION},
    {"", 0, "alice\x7f@example.com", ERR_VALIDATION},
    {"", 0, "alice\xff@example.com", ERR_VALIDATION},
    {"a", 242, "@example.com", ERR_NONE}, /* 254 bytes */
    {"a", 243, "@example.com", ERR_VALIDATION},
    {"\xc3\xa4", 121, "@example.com", ERR_NONE},
    {"\xc3\xa4", 122, "@example.com", ERR_VALIDATION},
    {"", 0, "alice@example.com", ERR_NONE},
    {"", 0, "a.b+c@b.c.d", ERR_NONE},
};

static const struct row passwords[] = {
    {"p", 0, "", ERR_VALIDATION},
    {"p", 7, "", ERR_VALIDATION},
    {"p", 8, "", ERR_NONE},
    {"p", 128, "", ERR_NONE},
    {"p", 129, "", ERR_VALIDATION},
    {"\xf0\x9f\x94\x91", 7, "", ERR_VALIDATION},
    {"\xf0\x9f\x94\x91", 8, "", ERR_NONE},
    {"\xf0\x9f\x94\x91", 128, "", ERR_NONE},
    {"\xf0\x9f\x94\x91", 129, "", ERR_VALIDATION},
    {"p", 8, "\xff", ERR_VALIDATION},
    {"p", 8, "\xed\xa0\x80", ERR_VALIDATION},
    {"p", 8, "\xc3", ERR_VALIDATION},
    {" ", 8, "", ERR_NONE},
    {"", 0, "tab\there\x01", ERR_NONE},
};

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

/* The shared rules say the same; what the API checks beside them is given as is_fit. */
static void agree(enum err ours, bool is_fit, bool is_valid)
{
    ck_assert_int_eq(ours == ERR_NONE, is_fit && is_valid);
}

START_TEST(usernames_follow_the_contract)
{
    const char *name = repeat(names[_i].text, names[_i].count, names[_i].tail);
    size_t len = strlen(name);
    ck_assert_int_eq(account_check_username(name, &fault), names[_i].want);
    agree(names[_i].want, len >= 3 && len <= 64, account_is_username(name, len));
}
END_TEST

START_TEST(addresses_follow_the_contract)
{
    const char *email = repeat(emails[_i].text, emails[_i].count, emails[_i].tail);
    size_t len = strlen(email);
    ck_assert_int_eq(account_check_email(email, &fault), emails[_i].want);
    agree(emails[_i].want, len <= 254 && text_is_utf8(email, len), account_is_email(email, len));
}
END_TEST

START_TEST(passwords_follow_the_contract)
{
    const char *password = repeat(passwords[_i].text, passwords[_i].count, passwords[_i].tail);
    ck_assert_int_eq(
        account_check_password(password, strlen(password), &fault), passwords[_i].want);
}
END_TEST

START_TEST(a_password_with_a_nul_is_refused_not_cut)
{
    ck_assert_int_eq(account_check_password("longenough\0rest", 15, &fault), ERR_VALIDATION);
}
END_TEST

START_TEST(a_refusal_never_repeats_the_value)
{
    (void)account_check_password("secret1", 7, &fault);
    ck_assert_ptr_nonnull(fault.text);
    ck_assert_ptr_null(strstr(fault.text, "secret1"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("account");
    TCase *tcase = tcase_create("account");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, usernames_follow_the_contract, 0, COUNT(names));
    tcase_add_loop_test(tcase, addresses_follow_the_contract, 0, COUNT(emails));
    tcase_add_loop_test(tcase, passwords_follow_the_contract, 0, COUNT(passwords));
    tcase_add_test(tcase, a_password_with_a_nul_is_refused_not_cut);
    tcase_add_test(tcase, a_refusal_never_repeats_the_value);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
