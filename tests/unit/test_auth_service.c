/* The auth service: hashing, tokens made and verified, and everybody who must not get in. */
#include <stdio.h>
#include <string.h>

#include "shop.h"
#include "unit.h"

static struct shop shop;

static enum err login(const char *name, const char *password, struct access_token *out)
{
    shop_begin(&shop);
    shop.ctx.user_id = 0;
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

static void open_shop(void)
{
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
    shop_begin(&shop);
    ck_assert_int_eq(auth_change_password(shop.auth, &shop.ctx, "wrong horse", "new password"),
        ERR_INVALID_CREDENTIALS);
    ck_assert_int_eq(authenticate(old, &user), ERR_NONE);
    shop_begin(&shop);
    ck_assert_int_eq(
        auth_change_password(shop.auth, &shop.ctx, SHOP_PASSWORD, "new password"), ERR_NONE);
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
