/* db/idempotency against a real database. */
#include <string.h>

#include "db/idempotency.h"
#include "db/payments.h"

#include "db_rig.h"
#include "unit.h"

static int64_t alice;
static int64_t bob;

static struct db *db_with_attempts(void)
{
    struct db *db = rig_db();
    alice = rig_user(db, "alice");
    bob = rig_user(db, "bob");
    for (int i = 1; i < 4; i++)
        rig_attempt(db, alice, rig_uid(i));
    return db;
}

static struct idempotency_key key_of(int64_t user_id, const char *key)
{
    struct idempotency_key out = {.user_id = user_id, .key = key};
    memset(out.fingerprint, 0xab, sizeof out.fingerprint);
    return out;
}

static enum err claim(
    struct db *db, int64_t user_id, const char *name, int uid, struct idempotency_entry *out)
{
    struct idempotency_key key = key_of(user_id, name);
    return idempotency_claim(db, &rig_arena, &key, rig_uid(uid), 500, out);
}

START_TEST(a_key_has_one_winner)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    ck_assert_int_eq(claim(db, alice, "k", 2, &entry), ERR_REFUSED);
    ck_assert_str_eq(entry.attempt_uid, rig_uid(1));
    ck_assert(!entry.is_done);
    struct idempotency_key key = key_of(alice, "k");
    ck_assert_mem_eq(entry.fingerprint, key.fingerprint, FINGERPRINT_SIZE);
}
END_TEST

START_TEST(claiming_again_for_the_same_attempt_is_ours)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    ck_assert_int_eq(rig_number("SELECT count(*) FROM idempotency_keys"), 1);
}
END_TEST

START_TEST(a_key_belongs_to_its_user_and_is_compared_byte_for_byte)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    ck_assert_int_eq(claim(db, bob, "k", 2, &entry), ERR_NONE);
    ck_assert_int_eq(claim(db, alice, "K", 3, &entry), ERR_NONE);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, bob, "K", &entry), ERR_NOT_FOUND);
}
END_TEST

START_TEST(the_answer_is_kept_byte_for_byte)
{
    struct db *db = db_with_attempts();
    int64_t order_id = rig_order(db, alice, rig_uid(9), NULL);
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 9, &entry), ERR_NONE);
    struct idempotency_key key = key_of(alice, "k");
    ck_assert_int_eq(
        idempotency_finish(db, &key, rig_uid(9), order_id, "{\"a\":\0}", 7, 600), ERR_NONE);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k", &entry), ERR_NONE);
    ck_assert(entry.is_done);
    ck_assert_int_eq(entry.order_id, order_id);
    ck_assert_uint_eq(entry.answer_len, 7);
    ck_assert_mem_eq(entry.answer, "{\"a\":\0}", 7);
    ck_assert_int_eq(claim(db, alice, "k", 2, &entry), ERR_REFUSED);
    ck_assert(entry.is_done);
}
END_TEST

START_TEST(only_the_attempt_that_holds_the_key_finishes_it)
{
    struct db *db = db_with_attempts();
    int64_t order_id = rig_order(db, alice, rig_uid(9), NULL);
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    struct idempotency_key key = key_of(alice, "k");
    ck_assert_int_eq(idempotency_finish(db, &key, rig_uid(9), order_id, "x", 1, 600), ERR_REFUSED);
    key.key = "other";
    ck_assert_int_eq(idempotency_finish(db, &key, rig_uid(1), order_id, "x", 1, 600), ERR_REFUSED);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k", &entry), ERR_NONE);
    ck_assert(!entry.is_done);
}
END_TEST

START_TEST(a_released_key_is_free)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    ck_assert_int_eq(idempotency_release(db, alice, "k", rig_uid(1)), ERR_NONE);
    ck_assert_int_eq(claim(db, alice, "k", 2, &entry), ERR_NONE);
}
END_TEST

START_TEST(nobody_else_and_no_later_release_frees_a_key)
{
    struct db *db = db_with_attempts();
    int64_t order_id = rig_order(db, alice, rig_uid(9), NULL);
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 9, &entry), ERR_NONE);
    ck_assert_int_eq(idempotency_release(db, alice, "k", rig_uid(2)), ERR_NONE);
    ck_assert_int_eq(idempotency_release(db, bob, "k", rig_uid(9)), ERR_NONE);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k", &entry), ERR_NONE);
    struct idempotency_key key = key_of(alice, "k");
    ck_assert_int_eq(idempotency_finish(db, &key, rig_uid(9), order_id, "x", 1, 600), ERR_NONE);
    ck_assert_int_eq(idempotency_release(db, alice, "k", rig_uid(9)), ERR_NONE);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k", &entry), ERR_NONE);
    ck_assert(entry.is_done);
}
END_TEST

static void finish(struct db *db, int n, int64_t at)
{
    int64_t order_id = rig_order(db, alice, rig_uid(100 + n), NULL);
    struct idempotency_entry entry;
    const char *name = arena_printf(&rig_arena, "key%d", n);
    ck_assert_int_eq(claim(db, alice, name, 100 + n, &entry), ERR_NONE);
    struct idempotency_key key = key_of(alice, name);
    ck_assert_int_eq(
        idempotency_finish(db, &key, rig_uid(100 + n), order_id, "x", 1, at), ERR_NONE);
}

START_TEST(old_answers_expire_a_few_at_a_time_and_running_keys_never)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "running", 1, &entry), ERR_NONE);
    for (int i = 0; i < 5; i++)
        finish(db, i, 1000 + i);
    int64_t count;
    ck_assert_int_eq(idempotency_expire(db, 1004, 3, &count), ERR_NONE);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(idempotency_expire(db, 1004, 3, &count), ERR_NONE);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(idempotency_expire(db, 1004, 3, &count), ERR_NONE);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "running", &entry), ERR_NONE);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "key4", &entry), ERR_NONE);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "key3", &entry), ERR_NOT_FOUND);
}
END_TEST

START_TEST(keys_of_a_wrong_length_are_a_bug_of_ours)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "", 1, &entry), ERR_BROKEN);
    db_clear(db);
    char longest[257];
    memset(longest, 'k', sizeof longest - 1);
    longest[256] = '\0';
    ck_assert_int_eq(claim(db, alice, longest, 1, &entry), ERR_BROKEN);
    db_clear(db);
    ck_assert_int_eq(claim(db, alice, longest + 1, 1, &entry), ERR_NONE);
}
END_TEST

START_TEST(a_fingerprint_of_a_wrong_length_on_disk_is_corrupt)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k", 1, &entry), ERR_NONE);
    rig_run("PRAGMA ignore_check_constraints = 1; UPDATE idempotency_keys SET fingerprint = x'00'");
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k", &entry), ERR_CORRUPT);
}
END_TEST

START_TEST(abandoning_frees_the_keys_of_started_attempts_only)
{
    struct db *db = db_with_attempts();
    struct idempotency_entry entry;
    ck_assert_int_eq(claim(db, alice, "k1", 1, &entry), ERR_NONE);
    ck_assert_int_eq(claim(db, alice, "k2", 2, &entry), ERR_NONE);
    finish(db, 1, 1000);
    int64_t count;
    ck_assert_int_eq(attempts_abandon_all(db, 2000, &count), ERR_NONE);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k1", &entry), ERR_NOT_FOUND);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "k2", &entry), ERR_NOT_FOUND);
    ck_assert_int_eq(idempotency_find(db, &rig_arena, alice, "key1", &entry), ERR_NONE);
    ck_assert(entry.is_done);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idempotency");
    TCase *tc = tcase_create("idempotency");
    tcase_add_checked_fixture(tc, rig_begin, rig_end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_key_has_one_winner);
    tcase_add_test(tc, claiming_again_for_the_same_attempt_is_ours);
    tcase_add_test(tc, a_key_belongs_to_its_user_and_is_compared_byte_for_byte);
    tcase_add_test(tc, the_answer_is_kept_byte_for_byte);
    tcase_add_test(tc, only_the_attempt_that_holds_the_key_finishes_it);
    tcase_add_test(tc, a_released_key_is_free);
    tcase_add_test(tc, nobody_else_and_no_later_release_frees_a_key);
    tcase_add_test(tc, old_answers_expire_a_few_at_a_time_and_running_keys_never);
    tcase_add_test(tc, keys_of_a_wrong_length_are_a_bug_of_ours);
    tcase_add_test(tc, a_fingerprint_of_a_wrong_length_on_disk_is_corrupt);
    tcase_add_test(tc, abandoning_frees_the_keys_of_started_attempts_only);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
