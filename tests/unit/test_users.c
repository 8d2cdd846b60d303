/* db/users against a real database. */
#include <pthread.h>
#include <string.h>

#include "db/users.h"

#include "db_rig.h"
#include "unit.h"

static struct user_new new_user(const char *name, const char *email)
{
    return (struct user_new){
        .username = name,
        .email = email,
        .role = ROLE_ADMIN,
        .password_hash = "$argon2id$v=19$x",
        .created_at = 1234,
    };
}

static enum err add(struct db *db, const char *name, const char *email, struct user_added *out)
{
    struct user_new user = new_user(name, email);
    return users_add(db, &user, out);
}

START_TEST(a_taken_name_is_refused_whatever_its_case)
{
    struct db *db = rig_db();
    struct user_added added;
    ck_assert_int_eq(add(db, "Alice", "alice@example.com", &added), ERR_NONE);
    ck_assert_int_eq(add(db, "aLICE", "other@example.com", &added), ERR_REFUSED);
    ck_assert_int_eq(added.id, 0);
    ck_assert(added.username_taken);
    ck_assert(!added.email_taken);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM users"), 1);
}
END_TEST

START_TEST(a_taken_address_is_refused_whatever_its_case)
{
    struct db *db = rig_db();
    struct user_added added;
    ck_assert_int_eq(add(db, "alice", "Alice@Example.com", &added), ERR_NONE);
    ck_assert_int_eq(add(db, "bob", "aLICE@eXAMPLE.COM", &added), ERR_REFUSED);
    ck_assert(!added.username_taken);
    ck_assert(added.email_taken);
}
END_TEST

START_TEST(both_taken_are_named_even_if_by_two_users)
{
    struct db *db = rig_db();
    struct user_added added;
    ck_assert_int_eq(add(db, "alice", "alice@example.com", &added), ERR_NONE);
    ck_assert_int_eq(add(db, "bob", "bob@example.com", &added), ERR_NONE);
    ck_assert_int_eq(add(db, "alice", "bob@example.com", &added), ERR_REFUSED);
    ck_assert(added.username_taken);
    ck_assert(added.email_taken);
}
END_TEST

START_TEST(a_refused_user_leaves_the_connection_usable)
{
    struct db *db = rig_db();
    struct user_added added;
    ck_assert_int_eq(add(db, "alice", "alice@example.com", &added), ERR_NONE);
    ck_assert_int_eq(add(db, "alice", "x@example.com", &added), ERR_REFUSED);
    ck_assert_int_eq(db_error(db), ERR_NONE);
    ck_assert_int_eq(add(db, "bob", "bob@example.com", &added), ERR_NONE);
    ck_assert_int_gt(added.id, 0);
}
END_TEST

START_TEST(what_was_added_is_found_by_id_and_by_name_in_any_case)
{
    struct db *db = rig_db();
    struct user_added added;
    ck_assert_int_eq(add(db, "Alice.B", "Alice@example.com", &added), ERR_NONE);
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, added.id, &user), ERR_NONE);
    ck_assert_str_eq(user.username, "Alice.B");
    ck_assert_str_eq(user.email, "Alice@example.com");
    ck_assert_int_eq(user.role, ROLE_ADMIN);
    ck_assert_str_eq(user.password_hash, "$argon2id$v=19$x");
    ck_assert_int_eq(user.epoch, 0);
    ck_assert(!user.disabled);
    ck_assert_int_eq(user.created_at, 1234);
    struct user found;
    ck_assert_int_eq(users_find(db, &rig_arena, "ALICE.b", &found), ERR_NONE);
    ck_assert_int_eq(found.id, added.id);
}
END_TEST

START_TEST(nobody_is_not_found)
{
    struct db *db = rig_db();
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, 1, &user), ERR_NOT_FOUND);
    ck_assert_int_eq(users_find(db, &rig_arena, "alice", &user), ERR_NOT_FOUND);
    ck_assert_int_eq(users_find(db, &rig_arena, "", &user), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_name_longer_than_any_is_not_found)
{
    struct db *db = rig_db();
    char name[2000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct user user;
    ck_assert_int_eq(users_find(db, &rig_arena, name, &user), ERR_NOT_FOUND);
}
END_TEST

START_TEST(only_ascii_is_folded)
{
    struct db *db = rig_db();
    struct user_added added;
    ck_assert_int_eq(add(db, "\xc3\x84pfel", "a@example.com", &added), ERR_NONE);
    ck_assert_int_eq(add(db, "\xc3\xa4pfel", "b@example.com", &added), ERR_NONE);
}
END_TEST

START_TEST(the_tables_limits_are_a_bug_of_ours)
{
    static const struct {
        const char *name;
        const char *email;
        const char *hash;
    } rows[] = {
        {"ab", "a@example.com", "h"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a@e.com", "h"},
        {"abc", "a@", "h"},
        {"abc", "a@example.com", ""},
        {"abc", "a@example.com", NULL},
    };
    struct db *db = rig_db();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct user_new user = new_user(rows[i].name, rows[i].email);
        user.password_hash = rows[i].hash;
        struct user_added added;
        ck_assert_int_eq(users_add(db, &user, &added), ERR_BROKEN);
        ck_assert_int_eq(added.id, 0);
        db_clear(db);
    }
    ck_assert_int_eq(rig_number("SELECT count(*) FROM users"), 0);
}
END_TEST

START_TEST(a_role_that_is_none_is_not_stored)
{
    struct db *db = rig_db();
    struct user_new user = new_user("alice", "alice@example.com");
    user.role = ROLE_NONE;
    struct user_added added;
    ck_assert_int_eq(users_add(db, &user, &added), ERR_BROKEN);
}
END_TEST

START_TEST(a_new_password_ends_the_epoch)
{
    struct db *db = rig_db();
    int64_t id = rig_user(db, "alice");
    ck_assert_int_eq(users_set_password(db, id, 0, "new"), ERR_NONE);
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, id, &user), ERR_NONE);
    ck_assert_str_eq(user.password_hash, "new");
    ck_assert_int_eq(user.epoch, 1);
}
END_TEST

START_TEST(a_password_changed_by_somebody_else_is_left_alone)
{
    struct db *db = rig_db();
    int64_t id = rig_user(db, "alice");
    ck_assert_int_eq(users_set_password(db, id, 0, "first"), ERR_NONE);
    ck_assert_int_eq(users_set_password(db, id, 0, "second"), ERR_REFUSED);
    ck_assert_int_eq(users_set_password(db, id + 1, 0, "nobody"), ERR_REFUSED);
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, id, &user), ERR_NONE);
    ck_assert_str_eq(user.password_hash, "first");
    ck_assert_int_eq(user.epoch, 1);
}
END_TEST

START_TEST(a_renewed_hash_leaves_tokens_alone)
{
    struct db *db = rig_db();
    int64_t id = rig_user(db, "alice");
    ck_assert_int_eq(users_set_password(db, id, 0, "old"), ERR_NONE);
    ck_assert_int_eq(users_renew_hash(db, id, "old", "renewed"), ERR_NONE);
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, id, &user), ERR_NONE);
    ck_assert_str_eq(user.password_hash, "renewed");
    ck_assert_int_eq(user.epoch, 1);
}
END_TEST

START_TEST(a_hash_that_is_another_by_now_is_not_renewed)
{
    struct db *db = rig_db();
    int64_t id = rig_user(db, "alice");
    ck_assert_int_eq(users_set_password(db, id, 0, "changed meanwhile"), ERR_NONE);
    ck_assert_int_eq(users_renew_hash(db, id, "old", "renewed"), ERR_REFUSED);
    ck_assert_int_eq(users_renew_hash(db, id + 1, "changed meanwhile", "renewed"), ERR_REFUSED);
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, id, &user), ERR_NONE);
    ck_assert_str_eq(user.password_hash, "changed meanwhile");
}
END_TEST

/* Who is an admin, and who may come in */

/* By name, so that the tests read like what an administrator does. */
enum change {
    DISABLE,
    ENABLE,
    DEMOTE,
    PROMOTE,
};

static enum err change(struct db *db, enum change change, int64_t id)
{
    switch (change) {
    case DISABLE:
        return users_disable(db, id, 77);
    case ENABLE:
        return users_enable(db, id);
    case DEMOTE:
        return users_set_role(db, id, ROLE_USER);
    case PROMOTE:
        return users_set_role(db, id, ROLE_ADMIN);
    }
    return ERR_INTERNAL;
}

static int64_t add_user(struct db *db, const char *name, enum role role)
{
    struct user_added added;
    struct user_new user = new_user(name, arena_printf(&rig_arena, "%s@example.com", name));
    user.role = role;
    ck_assert_int_eq(users_add(db, &user, &added), ERR_NONE);
    return added.id;
}

static struct user get(struct db *db, int64_t id)
{
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, id, &user), ERR_NONE);
    return user;
}

static int64_t active_admins(void)
{
    return rig_number("SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL");
}

START_TEST(the_last_active_admin_stays)
{
    static const enum change rows[] = {DISABLE, DEMOTE};
    struct db *db = rig_db();
    int64_t id = add_user(db, "root", ROLE_ADMIN);
    int64_t other = add_user(db, "other", ROLE_ADMIN);
    add_user(db, "alice", ROLE_USER);
    ck_assert_int_eq(change(db, rows[1 - _i], other), ERR_NONE);
    ck_assert_int_eq(change(db, rows[_i], id), ERR_REFUSED);
    ck_assert_int_eq(db_error(db), ERR_NONE);
    struct user user = get(db, id);
    ck_assert(!user.disabled);
    ck_assert_int_eq(user.role, ROLE_ADMIN);
    ck_assert_int_eq(user.epoch, 0);
}
END_TEST

START_TEST(an_admin_may_go_while_another_remains)
{
    static const enum change rows[] = {DISABLE, DEMOTE};
    struct db *db = rig_db();
    int64_t first = add_user(db, "first", ROLE_ADMIN);
    int64_t second = add_user(db, "second", ROLE_ADMIN);
    ck_assert_int_eq(change(db, rows[_i], first), ERR_NONE);
    ck_assert_int_eq(change(db, rows[_i], second), ERR_REFUSED);
    ck_assert_int_eq(change(db, _i ? PROMOTE : ENABLE, first), ERR_NONE);
    ck_assert_int_eq(change(db, rows[_i], second), ERR_NONE);
    ck_assert_int_eq(active_admins(), 1);
}
END_TEST

START_TEST(an_admin_who_is_disabled_already_may_be_demoted)
{
    struct db *db = rig_db();
    add_user(db, "root", ROLE_ADMIN);
    int64_t id = add_user(db, "other", ROLE_ADMIN);
    ck_assert_int_eq(change(db, DISABLE, id), ERR_NONE);
    ck_assert_int_eq(change(db, DEMOTE, id), ERR_NONE);
    ck_assert_int_eq(active_admins(), 1);
}
END_TEST

START_TEST(every_change_ends_the_tokens)
{
    static const enum change rows[] = {DISABLE, ENABLE, PROMOTE, DEMOTE};
    struct db *db = rig_db();
    add_user(db, "root", ROLE_ADMIN);
    int64_t id = add_user(db, "alice", ROLE_USER);
    for (int64_t i = 0; i < 4; i++) {
        ck_assert_int_eq(change(db, rows[i], id), ERR_NONE);
        ck_assert_int_eq(get(db, id).epoch, i + 1);
    }
    ck_assert(!get(db, id).disabled);
    ck_assert_int_eq(get(db, id).role, ROLE_USER);
}
END_TEST

START_TEST(what_is_so_already_is_no_change)
{
    static const struct {
        enum change first, again;
    } rows[] = {{DISABLE, DISABLE}, {PROMOTE, PROMOTE}, {DEMOTE, DEMOTE}, {ENABLE, ENABLE}};
    struct db *db = rig_db();
    add_user(db, "root", ROLE_ADMIN);
    int64_t id = add_user(db, "alice", ROLE_USER);
    ck_assert_int_eq(change(db, rows[_i].first, id), ERR_NONE);
    int64_t epoch = get(db, id).epoch;
    ck_assert_int_eq(change(db, rows[_i].again, id), ERR_NONE);
    ck_assert_int_eq(get(db, id).epoch, epoch);
}
END_TEST

START_TEST(nobody_cannot_be_changed)
{
    struct db *db = rig_db();
    int64_t id = add_user(db, "root", ROLE_ADMIN);
    for (enum change i = DISABLE; i <= PROMOTE; i++)
        ck_assert_int_eq(change(db, i, id + 1), ERR_NOT_FOUND);
    ck_assert_int_eq(get(db, id).epoch, 0);
}
END_TEST

struct removal {
    struct store *store;
    enum change change;
    int64_t id;
    enum err outcome;
};

static enum err removal_unit(struct db *db, void *arg)
{
    struct removal *removal = arg;
    return change(db, removal->change, removal->id);
}

static void *remove_admin(void *arg)
{
    struct removal *removal = arg;
    removal->outcome = store_write(removal->store, STORE_BEGIN, removal_unit, removal, rig_soon());
    return NULL;
}

/* Two admins who remove each other: one of them is too late. */
START_TEST(of_two_admins_who_go_at_once_one_stays)
{
    struct db *db = rig_db();
    struct removal removals[] = {{.change = DISABLE, .id = add_user(db, "first", ROLE_ADMIN)},
        {.change = DEMOTE, .id = add_user(db, "second", ROLE_ADMIN)}};
    struct store *store = rig_store();
    for (int round = 0; round < 20; round++) {
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) {
            removals[i].store = store;
            ck_assert_int_eq(pthread_create(&threads[i], NULL, remove_admin, &removals[i]), 0);
        }
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(removals[0].outcome + removals[1].outcome, ERR_REFUSED);
        ck_assert_int_eq(active_admins(), 1);
        rig_run("UPDATE users SET disabled_at = NULL, role = 'admin'");
    }
    store_close(store);
}
END_TEST

START_TEST(a_disabled_user_is_read_as_one)
{
    struct db *db = rig_db();
    int64_t id = rig_user(db, "alice");
    rig_run("UPDATE users SET disabled_at = 5");
    struct user user;
    ck_assert_int_eq(users_get(db, &rig_arena, id, &user), ERR_NONE);
    ck_assert(user.disabled);
}
END_TEST

START_TEST(users_are_counted_and_listed_page_by_page)
{
    struct db *db = rig_db();
    int64_t count;
    ck_assert_int_eq(users_count(db, &count), ERR_NONE);
    ck_assert_int_eq(count, 0);
    for (int i = 0; i < 5; i++)
        rig_user(db, arena_printf(&rig_arena, "user%d", i));
    ck_assert_int_eq(users_count(db, &count), ERR_NONE);
    ck_assert_int_eq(count, 5);
    int64_t after = 0;
    for (int page = 0; page < 3; page++) {
        struct user *users;
        size_t found;
        ck_assert_int_eq(users_list(db, &rig_arena, after, 2, &users, &found), ERR_NONE);
        ck_assert_uint_eq(found, page < 2 ? 2 : 1);
        ck_assert_str_eq(users[0].username, arena_printf(&rig_arena, "user%d", 2 * page));
        after = users[found - 1].id;
    }
}
END_TEST

START_TEST(roles_have_names)
{
    ck_assert_str_eq(role_name(ROLE_USER), "user");
    ck_assert_str_eq(role_name(ROLE_ADMIN), "admin");
    ck_assert_int_eq(role_parse("user"), ROLE_USER);
    ck_assert_int_eq(role_parse("admin"), ROLE_ADMIN);
    ck_assert_int_eq(role_parse("none"), ROLE_NONE);
    ck_assert_int_eq(role_parse("Admin"), ROLE_NONE);
    ck_assert_int_eq(role_parse(""), ROLE_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("users");
    TCase *tc = tcase_create("users");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_taken_name_is_refused_whatever_its_case);
    tcase_add_test(tc, a_taken_address_is_refused_whatever_its_case);
    tcase_add_test(tc, both_taken_are_named_even_if_by_two_users);
    tcase_add_test(tc, a_refused_user_leaves_the_connection_usable);
    tcase_add_test(tc, what_was_added_is_found_by_id_and_by_name_in_any_case);
    tcase_add_test(tc, nobody_is_not_found);
    tcase_add_test(tc, a_name_longer_than_any_is_not_found);
    tcase_add_test(tc, only_ascii_is_folded);
    tcase_add_test(tc, the_tables_limits_are_a_bug_of_ours);
    tcase_add_test(tc, a_role_that_is_none_is_not_stored);
    tcase_add_test(tc, a_new_password_ends_the_epoch);
    tcase_add_test(tc, a_password_changed_by_somebody_else_is_left_alone);
    tcase_add_test(tc, a_renewed_hash_leaves_tokens_alone);
    tcase_add_test(tc, a_hash_that_is_another_by_now_is_not_renewed);
    tcase_add_loop_test(tc, the_last_active_admin_stays, 0, 2);
    tcase_add_loop_test(tc, an_admin_may_go_while_another_remains, 0, 2);
    tcase_add_test(tc, an_admin_who_is_disabled_already_may_be_demoted);
    tcase_add_test(tc, every_change_ends_the_tokens);
    tcase_add_loop_test(tc, what_is_so_already_is_no_change, 0, 4);
    tcase_add_test(tc, nobody_cannot_be_changed);
    tcase_add_test(tc, of_two_admins_who_go_at_once_one_stays);
    tcase_add_test(tc, a_disabled_user_is_read_as_one);
    tcase_add_test(tc, users_are_counted_and_listed_page_by_page);
    tcase_add_test(tc, roles_have_names);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
