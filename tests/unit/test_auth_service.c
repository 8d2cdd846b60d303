/* The auth service: hashing, tokens made and verified, and everybody who must not get in. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/metrics.h"

#include "shop.h"
#include "unit.h"

static struct shop shop;
static const char *client = "192.0.2.1";

static enum err login(const char *name, const char *password, struct access_token *out)
{
    shop_begin(&shop);
    shop.ctx.user_id = 0;
    shop.ctx.client = client;
    return auth_login(shop.auth, &shop.ctx, name, password, out);
}

static const char *bearer_of(const char *token)
{
    return arena_printf(&shop.arena, "Bearer %s", token);
}

static const char *logged_in(const char *name)
{
    struct access_token token;
    ck_assert_int_eq(login(name, SHOP_PASSWORD, &token), ERR_NONE);
    return bearer_of(token.text);
}

static enum err authenticate(const char *authorization, struct user *out)
{
    shop_begin(&shop);
    shop.ctx.user_id = 0;
    return auth_authenticate(shop.auth, &shop.ctx, authorization, out);
}

static enum err change_password(const char *current, const char *new_password)
{
    shop_begin(&shop);
    shop.ctx.client = client;
    return auth_change_password(shop.auth, &shop.ctx, current, new_password);
}

static void open_shop(void)
{
    client = "192.0.2.1";
    shop_open(&shop, NULL);
}

static void close_shop(void)
{
    shop_close(&shop);
}

/* Hashing */

START_TEST(password_is_stored_as_argon2id_with_its_parameters)
{
    const char *hash = shop_text(&shop, "SELECT password_hash FROM users WHERE id = 1");
    ck_assert_int_eq(strncmp(hash, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
    ck_assert_ptr_null(strstr(hash, SHOP_PASSWORD));
}
END_TEST

START_TEST(same_password_has_another_hash_each_time)
{
    char first[PASSWORD_HASH_SIZE];
    snprintf(first, sizeof first, "%s",
        shop_text(&shop, "SELECT password_hash FROM users WHERE id = 1"));
    ck_assert_str_ne(shop_text(&shop, "SELECT password_hash FROM users WHERE id = 2"), first);
}
END_TEST

START_TEST(long_passwords_are_not_cut)
{
    struct access_token token;
    struct user user;
    char password[129];
    memset(password, 'x', 128);
    password[128] = '\0';
    struct registration in = {.username = "long", .password = password, .email = "l@example.com"};
    ck_assert_int_eq(auth_register(shop.auth, &shop.ctx, &in, &user), ERR_NONE);
    ck_assert_int_eq(login("long", password, &token), ERR_NONE);
    password[127] = 'y';
    ck_assert_int_eq(login("long", password, &token), ERR_INVALID_CREDENTIALS);
    password[127] = '\0';
    ck_assert_int_eq(login("long", password, &token), ERR_INVALID_CREDENTIALS);
}
END_TEST

/* Login */

/* Unknown user, wrong password and disabled user: one answer, and the same work, counted in hashes.
 */
START_TEST(failed_logins_are_alike_and_cost_the_same)
{
    static const struct {
        const char *name, *password;
    } rows[] = {{"nobody", SHOP_PASSWORD}, {"shop", "wrong horse"}, {"shop", ""},
        {"admin", SHOP_PASSWORD}, {"", ""}};
    struct access_token token;
    shop_exec(&shop, "UPDATE users SET disabled_at = 1 WHERE username = 'admin'");
    int64_t before = password_work(shop.hasher);
    ck_assert_int_eq(login(rows[_i].name, rows[_i].password, &token), ERR_INVALID_CREDENTIALS);
    ck_assert_int_eq(password_work(shop.hasher) - before, 1);
    ck_assert_str_eq(shop.ctx.fault.text, err_info(ERR_INVALID_CREDENTIALS)->text);
    ck_assert_int_eq(shop.ctx.user_id, 0);
}
END_TEST

START_TEST(login_finds_the_name_without_regard_to_case)
{
    struct access_token token;
    ck_assert_int_eq(login("SHOP", SHOP_PASSWORD, &token), ERR_NONE);
    ck_assert_int_eq(token.expires_in_s, 3600);
}
END_TEST

/* Too many guesses */

static void fail_login(const char *name, int count)
{
    struct access_token token;
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(login(name, "wrong horse", &token), ERR_INVALID_CREDENTIALS);
}

/* From as many addresses as it takes to fail that often and stay below the limit of each. */
static void fail_login_everywhere(const char *name, int count)
{
    static char address[32];
    for (int i = 0; i < count; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        client = address;
        fail_login(name, 1);
    }
}

/* The right password is not looked at either: nothing tells whether it was right, or whose. */
START_TEST(throttled_logins_are_alike_and_hash_nothing)
{
    static const char *const names[] = {"shop", "nobody", "SHOP", "disabled", ""};
    struct access_token token;
    shop_exec(&shop, "UPDATE users SET disabled_at = 1, username_fold = 'disabled'"
                     " WHERE username = 'admin'");
    fail_login(names[_i], 10);
    int64_t before = password_work(shop.hasher);
    int64_t throttled = metrics_get(METRIC_logins_throttled_total);
    ck_assert_int_eq(login(names[_i], SHOP_PASSWORD, &token), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(password_work(shop.hasher), before);
    ck_assert_str_eq(shop.ctx.fault.text, err_info(ERR_TOO_MANY_REQUESTS)->text);
    ck_assert_int_ge(shop.ctx.fault.retry_after_s, 200);
    ck_assert_int_le(shop.ctx.fault.retry_after_s, 300);
    ck_assert_int_eq(metrics_get(METRIC_logins_throttled_total), throttled + 1);
    client = "192.0.2.2";
    before = password_work(shop.hasher);
    ck_assert_int_ne(login(names[_i], SHOP_PASSWORD, &token), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_gt(password_work(shop.hasher), before);
}
END_TEST

START_TEST(successful_login_clears_the_pair)
{
    for (int i = 0; i < 3; i++) {
        fail_login("shop", 9);
        logged_in("shop");
    }
    fail_login("shop", 10);
}
END_TEST

START_TEST(wrong_current_passwords_count_with_failed_logins)
{
    struct access_token token;
    fail_login("shop", 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(change_password("wrong horse", "new password"), ERR_INVALID_CREDENTIALS);
    int64_t before = password_work(shop.hasher);
    ck_assert_int_eq(change_password(SHOP_PASSWORD, "new password"), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_ge(shop.ctx.fault.retry_after_s, 200);
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_TOO_MANY_REQUESTS);
    ck_assert_int_eq(password_work(shop.hasher), before);
    ck_assert_int_eq(login("admin", SHOP_PASSWORD, &token), ERR_NONE);
}
END_TEST

START_TEST(right_current_password_clears_the_pair)
{
    fail_login("shop", 9);
    ck_assert_int_eq(change_password(SHOP_PASSWORD, "new password"), ERR_NONE);
    fail_login("shop", 10);
}
END_TEST

START_TEST(one_ipv6_network_is_one_client)
{
    struct access_token token;
    client = "2001:db8:0:1::1";
    fail_login("shop", 5);
    client = "2001:db8:0:1:ffff::2";
    fail_login("shop", 5);
    client = "2001:db8:0:1::3";
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_TOO_MANY_REQUESTS);
    client = "2001:db8:0:2::3";
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_NONE);
}
END_TEST

START_TEST(nobody_can_lock_a_user_out_of_where_he_logged_in)
{
    struct access_token token;
    logged_in("shop");
    fail_login_everywhere("shop", 50);
    client = "198.51.100.1";
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_TOO_MANY_REQUESTS);
    client = "192.0.2.1";
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_NONE);
    ck_assert_int_eq(change_password(SHOP_PASSWORD, "new password"), ERR_NONE);
}
END_TEST

START_TEST(restart_does_not_forget_where_a_user_logged_in)
{
    struct access_token token;
    logged_in("shop");
    shop_reopen(&shop);
    fail_login_everywhere("shop", 50);
    client = "192.0.2.1";
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_NONE);
}
END_TEST

/* For thirty days at least, thirty-one at most. */
START_TEST(trust_ends_some_time)
{
    static const struct {
        const char *ago;
        enum err expected;
    } rows[] = {
        {"0", ERR_NONE},
        {"30 * 86400", ERR_NONE},
        {"31 * 86400", ERR_TOO_MANY_REQUESTS},
        {"-86400", ERR_NONE},
    };
    struct access_token token;
    logged_in("shop");
    shop_exec(
        &shop, arena_printf(&shop.arena,
                   "UPDATE login_addresses SET logged_in_at = logged_in_at - %s", rows[_i].ago));
    fail_login_everywhere("shop", 50);
    client = "192.0.2.1";
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), rows[_i].expected);
}
END_TEST

START_TEST(only_a_login_makes_an_address_trusted)
{
    fail_login("shop", 1);
    ck_assert_int_eq(change_password(SHOP_PASSWORD, "new password"), ERR_NONE);
    ck_assert_int_eq(shop_rows(&shop, "login_addresses"), 0);
    logged_in("admin");
    ck_assert_str_eq(
        shop_text(&shop, "SELECT user_id || ' ' || address FROM login_addresses"), "2 192.0.2.1");
}
END_TEST

/* Once a day is enough, or every login would be a commit. */
START_TEST(known_address_is_written_once_a_day)
{
    static const struct {
        const char *ago;
        bool is_written;
    } rows[] = {{"3600", false}, {"86400", true}};
    logged_in("shop");
    shop_exec(
        &shop, arena_printf(&shop.arena,
                   "UPDATE login_addresses SET logged_in_at = logged_in_at - %s", rows[_i].ago));
    const char *before =
        arena_text(&shop.arena, shop_text(&shop, "SELECT logged_in_at FROM login_addresses"));
    logged_in("shop");
    const char *after = shop_text(&shop, "SELECT logged_in_at FROM login_addresses");
    ck_assert_int_eq(strcmp(before, after) != 0, rows[_i].is_written);
    ck_assert_int_eq(shop_rows(&shop, "login_addresses"), 1);
}
END_TEST

START_TEST(latest_addresses_of_a_user_are_kept)
{
    logged_in("admin");
    for (int i = 0; i < 5; i++) {
        client = arena_printf(&shop.arena, "192.0.2.%d", i);
        logged_in("shop");
        shop_exec(&shop, "UPDATE login_addresses SET logged_in_at = logged_in_at - 10");
    }
    ck_assert_str_eq(shop_text(&shop, "SELECT group_concat(address, ' ') FROM (SELECT address FROM"
                                      " login_addresses WHERE user_id = 1 ORDER BY address)"),
        "192.0.2.2 192.0.2.3 192.0.2.4");
    ck_assert_str_eq(
        shop_text(&shop, "SELECT count(*) FROM login_addresses WHERE user_id = 2"), "1");
}
END_TEST

struct crowd {
    pthread_barrier_t barrier;
    atomic_int count[ERR__COUNT];
};

static void *guess_in_a_crowd(void *arg)
{
    struct crowd *crowd = arg;
    struct arena arena;
    struct context ctx;
    struct access_token token;
    arena_init(&arena, 4096);
    context_begin(&ctx, &arena, "crowd");
    ctx.client = "192.0.2.1";
    pthread_barrier_wait(&crowd->barrier);
    enum err e = auth_login(shop.auth, &ctx, "shop", "wrong horse", &token);
    atomic_fetch_add(&crowd->count[e], 1);
    arena_fini(&arena);
    return NULL;
}

/* The shop's hasher takes two and lets eight wait, so ten is what it bears. */
START_TEST(parallel_logins_do_not_exceed_the_limit_together)
{
    struct crowd crowd = {.count = {0}};
    pthread_t threads[30];
    int64_t before = password_work(shop.hasher);
    pthread_barrier_init(&crowd.barrier, NULL, 30);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, guess_in_a_crowd, &crowd), 0);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&crowd.barrier);
    ck_assert_int_eq(crowd.count[ERR_INVALID_CREDENTIALS], 10);
    ck_assert_int_eq(crowd.count[ERR_TOO_MANY_REQUESTS], 20);
    ck_assert_int_eq(password_work(shop.hasher) - before, 10);
}
END_TEST

/* It told nobody anything. */
START_TEST(guess_that_could_not_be_hashed_does_not_count)
{
    struct access_token token;
    shop_exec(&shop, "UPDATE users SET password_hash = 'broken' WHERE username = 'shop'");
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_CORRUPT);
}
END_TEST

/* Hashes of yesterday */

#define FIRST_HASH "SELECT password_hash FROM users WHERE id = 1"

static void reopen_with_passes(int passes)
{
    shop.options.hash_passes = passes;
    shop_reopen(&shop);
}

START_TEST(login_renews_a_hash_with_other_parameters)
{
    struct user user;
    const char *old = logged_in("shop");
    reopen_with_passes(2);
    logged_in("shop");
    const char *renewed = arena_text(&shop.arena, shop_text(&shop, FIRST_HASH));
    ck_assert_int_eq(strncmp(renewed, "$argon2id$v=19$m=64,t=2,p=1$", 28), 0);
    logged_in("shop");
    ck_assert_str_eq(shop_text(&shop, FIRST_HASH), renewed);
    ck_assert_int_eq(authenticate(old, &user), ERR_NONE); /* the epoch is the same */
    ck_assert_str_eq(shop_text(&shop, "SELECT count(*) FROM users WHERE token_epoch = 0"), "2");
    ck_assert_int_eq(strncmp(shop_text(&shop, "SELECT password_hash FROM users WHERE id = 2"),
                         "$argon2id$v=19$m=64,t=1,", 24),
        0);
}
END_TEST

START_TEST(failed_login_renews_nothing)
{
    struct access_token token;
    reopen_with_passes(2);
    ck_assert_int_eq(login("shop", "wrong horse", &token), ERR_INVALID_CREDENTIALS);
    shop_exec(&shop, "UPDATE users SET disabled_at = 1 WHERE id = 1");
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_INVALID_CREDENTIALS);
    ck_assert_int_eq(strncmp(shop_text(&shop, FIRST_HASH), "$argon2id$v=19$m=64,t=1,", 24), 0);
}
END_TEST

/* What a login leaves behind cannot be written: the login stands, and the next one makes up for it.
 */
START_TEST(login_stands_when_nothing_can_be_written)
{
    reopen_with_passes(2);
    shop_exec(&shop, "CREATE TRIGGER refuse_users BEFORE UPDATE ON users"
                     " BEGIN SELECT RAISE(ABORT, 'no'); END;"
                     "CREATE TRIGGER refuse_logins BEFORE INSERT ON login_addresses"
                     " BEGIN SELECT RAISE(ABORT, 'no'); END");
    logged_in("shop");
    ck_assert_int_eq(shop_rows(&shop, "login_addresses"), 0);
    shop_exec(&shop, "DROP TRIGGER refuse_users; DROP TRIGGER refuse_logins");
    logged_in("shop");
    ck_assert_int_eq(shop_rows(&shop, "login_addresses"), 1);
    ck_assert_int_eq(strncmp(shop_text(&shop, FIRST_HASH), "$argon2id$v=19$m=64,t=2,", 24), 0);
}
END_TEST

/* Registration */

START_TEST(taken_name_and_address_are_both_named)
{
    struct user user;
    struct registration in = {.username = "Shop",
        .password = SHOP_PASSWORD,
        .email = "ADMIN@example.com",
        .role = "user"};
    ck_assert_int_eq(auth_register(shop.auth, &shop.ctx, &in, &user), ERR_CONFLICT);
    ck_assert_uint_eq(shop.ctx.fault.field_count, 2);
    ck_assert_str_eq(shop.ctx.fault.fields[0].field, "username");
    ck_assert_str_eq(shop.ctx.fault.fields[1].field, "email");
    ck_assert_int_eq(shop_rows(&shop, "users"), 2);
}
END_TEST

/* Tokens */

START_TEST(token_of_a_login_opens_the_door)
{
    struct user user;
    ck_assert_int_eq(authenticate(logged_in("shop"), &user), ERR_NONE);
    ck_assert_int_eq(user.id, shop.user_id);
    ck_assert_int_eq(user.role, ROLE_USER);
    ck_assert_int_eq(shop.ctx.user_id, shop.user_id);
}
END_TEST

START_TEST(scheme_is_matched_without_regard_to_case)
{
    struct user user;
    const char *token = logged_in("shop") + strlen("Bearer ");
    ck_assert_int_eq(authenticate(arena_printf(&shop.arena, "bEARER %s", token), &user), ERR_NONE);
}
END_TEST

START_TEST(without_a_bearer_token_one_is_asked_for)
{
    static const char *const rows[] = {
        NULL, "", "Bearer", "Basic c2hvcDp4", "Bearertoken", "bearer\ttoken"};
    struct user user;
    ck_assert_int_eq(authenticate(rows[_i], &user), ERR_UNAUTHORIZED);
}
END_TEST

START_TEST(what_is_no_token_of_ours_is_invalid)
{
    static const char *const rows[] = {"Bearer ", "Bearer x", "Bearer a.b.c", "Bearer a.b.",
        "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "Bearer  a.b.c",
        "Bearer a.b.c d"};
    struct user user;
    ck_assert_int_eq(authenticate(rows[_i], &user), ERR_INVALID_TOKEN);
    ck_assert_str_eq(shop.ctx.fault.text, err_info(ERR_INVALID_TOKEN)->text);
    ck_assert_int_eq(shop.ctx.user_id, 0);
}
END_TEST

START_TEST(changed_byte_anywhere_makes_a_token_invalid)
{
    struct user user;
    char *token = arena_text(&shop.arena, logged_in("shop"));
    for (size_t i = strlen("Bearer "); token[i]; i++) {
        char was = token[i];
        /* The last character of a part has spare bits; they too must not be taken for the same
         * token. */
        token[i] = was == 'A' ? 'B' : 'A';
        ck_assert_msg(authenticate(token, &user) == ERR_INVALID_TOKEN, "byte %zu", i);
        token[i] = was;
    }
    ck_assert_int_eq(authenticate(token, &user), ERR_NONE);
}
END_TEST

START_TEST(database_decides_about_the_role)
{
    struct user user;
    const char *token = logged_in("shop");
    shop_exec(&shop, "UPDATE users SET role = 'admin' WHERE username = 'shop'");
    ck_assert_int_eq(authenticate(token, &user), ERR_NONE);
    ck_assert_int_eq(user.role, ROLE_ADMIN);
}
END_TEST

START_TEST(token_ends_with_its_user_or_his_epoch)
{
    static const char *const rows[] = {
        "UPDATE users SET disabled_at = 1 WHERE username = 'shop'",
        "UPDATE users SET token_epoch = token_epoch + 1 WHERE username = 'shop'",
        "DELETE FROM users WHERE username = 'shop'",
    };
    struct user user;
    const char *token = logged_in("shop");
    ck_assert_int_eq(authenticate(token, &user), ERR_NONE);
    shop_exec(&shop, rows[_i]);
    ck_assert_int_eq(authenticate(token, &user), ERR_INVALID_TOKEN);
}
END_TEST

START_TEST(new_password_ends_older_tokens)
{
    struct user user;
    struct access_token token;
    const char *old = logged_in("shop");
    ck_assert_int_eq(change_password("wrong horse", "new password"), ERR_INVALID_CREDENTIALS);
    ck_assert_int_eq(authenticate(old, &user), ERR_NONE);
    ck_assert_int_eq(change_password(SHOP_PASSWORD, "new password"), ERR_NONE);
    ck_assert_int_eq(authenticate(old, &user), ERR_INVALID_TOKEN);
    ck_assert_int_eq(login("shop", SHOP_PASSWORD, &token), ERR_INVALID_CREDENTIALS);
    ck_assert_int_eq(login("shop", "new password", &token), ERR_NONE);
    ck_assert_int_eq(authenticate(bearer_of(token.text), &user), ERR_NONE);
}
END_TEST

START_TEST(newest_key_signs_and_older_ones_verify)
{
    struct user user;
    struct keyring *keyring;
    char kid[KEY_ID_SIZE];
    const char *keys = unit_path(shop.folder, "keys");
    const char *old = logged_in("shop");
    ck_assert_int_eq(keyring_new_key(keys, kid, &shop.ctx.fault), ERR_NONE);
    ck_assert_int_eq(keyring_open(&keyring, keys, &shop.ctx.fault), ERR_NONE);
    auth_set_keyring(shop.auth, keyring);
    ck_assert_int_eq(authenticate(old, &user), ERR_NONE);
    ck_assert_int_eq(authenticate(logged_in("shop"), &user), ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth service");
    TCase *tests = tcase_create("auth service");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_shop, close_shop);
    tcase_add_loop_test(tests, failed_logins_are_alike_and_cost_the_same, 0, 5);
    tcase_add_loop_test(tests, throttled_logins_are_alike_and_hash_nothing, 0, 5);
    tcase_add_test(tests, guess_that_could_not_be_hashed_does_not_count);
    tcase_add_test(tests, parallel_logins_do_not_exceed_the_limit_together);
    tcase_add_test(tests, wrong_current_passwords_count_with_failed_logins);
    tcase_add_test(tests, right_current_password_clears_the_pair);
    tcase_add_test(tests, successful_login_clears_the_pair);
    tcase_add_test(tests, one_ipv6_network_is_one_client);
    tcase_add_test(tests, nobody_can_lock_a_user_out_of_where_he_logged_in);
    tcase_add_test(tests, restart_does_not_forget_where_a_user_logged_in);
    tcase_add_loop_test(tests, trust_ends_some_time, 0, 4);
    tcase_add_test(tests, only_a_login_makes_an_address_trusted);
    tcase_add_loop_test(tests, known_address_is_written_once_a_day, 0, 2);
    tcase_add_test(tests, latest_addresses_of_a_user_are_kept);
    tcase_add_test(tests, login_renews_a_hash_with_other_parameters);
    tcase_add_test(tests, failed_login_renews_nothing);
    tcase_add_test(tests, login_stands_when_nothing_can_be_written);
    tcase_add_loop_test(tests, without_a_bearer_token_one_is_asked_for, 0, 6);
    tcase_add_loop_test(tests, what_is_no_token_of_ours_is_invalid, 0, 8);
    tcase_add_test(tests, changed_byte_anywhere_makes_a_token_invalid);
    tcase_add_loop_test(tests, token_ends_with_its_user_or_his_epoch, 0, 3);
    tcase_add_test(tests, database_decides_about_the_role);
    tcase_add_test(tests, new_password_ends_older_tokens);
    tcase_add_test(tests, newest_key_signs_and_older_ones_verify);
    tcase_add_test(tests, taken_name_and_address_are_both_named);
    tcase_add_test(tests, password_is_stored_as_argon2id_with_its_parameters);
    tcase_add_test(tests, same_password_has_another_hash_each_time);
    tcase_add_test(tests, long_passwords_are_not_cut);
    tcase_add_test(tests, login_finds_the_name_without_regard_to_case);
    tcase_add_test(tests, token_of_a_login_opens_the_door);
    tcase_add_test(tests, scheme_is_matched_without_regard_to_case);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
