/* The key ring being changed: keys are made and retired, by one or by several at once. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "security/keyring.h"

#include "unit.h"

#define OLD  "20251231T235959Z-zzzzzzzz"
#define NEW  "20261124T150405Z-00000000"
#define NOW  1795532645 /* 2026-11-24T15:04:05Z */
#define GONE ".retired-20261124T150405Z"

static const char *folder;
static struct keyring *ring;
static struct fault fault;

static void begin(void)
{
    folder = unit_folder();
    fault_begin(&fault, NULL);
}

static void put(const char *name, mode_t mode, size_t len, char byte)
{
    char bytes[KEY_SIZE_MAX + 1];
    int fd = open(unit_path(folder, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    memset(bytes, byte, sizeof bytes);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

/* ---- retiring ---- */

static enum err retire(const char *id, int64_t now, int64_t *retired_at)
{
    fault_begin(&fault, NULL);
    return keyring_retire(folder, id, now, retired_at, &fault);
}

START_TEST(retiring_renames_the_key_once)
{
    int64_t at;
    put(OLD ".key", 0600, 32, 'o');
    put(NEW ".key", 0600, 32, 'n');
    ck_assert_int_eq(retire(NEW, NOW, &at), ERR_NONE);
    ck_assert_int_eq(at, NOW);
    ck_assert_int_eq(access(unit_path(folder, NEW GONE ".key"), F_OK), 0);
    ck_assert_int_ne(access(unit_path(folder, NEW ".key"), F_OK), 0);
    ck_assert_int_eq(retire(NEW, NOW + 7, &at), ERR_NONE);
    ck_assert_int_eq(at, NOW);
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    ck_assert_int_eq(keyring_find(ring, NEW, NOW, 1)->name.retired_at, NOW);
    ck_assert_mem_eq(keyring_find(ring, NEW, NOW, 1)->bytes, "nnnnnnnn", 8);
    keyring_close(ring);
}
END_TEST

START_TEST(the_only_key_cannot_be_retired)
{
    int64_t at;
    put(NEW ".key", 0600, 32, 'n');
    ck_assert_int_eq(retire(NEW, NOW, &at), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(fault.text, "no other key could sign"));
    put(OLD ".key", 0600, 32, 'o');
    ck_assert_int_eq(retire(OLD, NOW, &at), ERR_NONE);
    ck_assert_int_eq(retire(NEW, NOW, &at), ERR_REFUSED);
    ck_assert_int_eq(retire(OLD, NOW, &at), ERR_NONE);
}
END_TEST

START_TEST(a_key_that_is_not_there_cannot_be_retired)
{
    static const char *const ids[] = {"", ".", OLD, (NEW ".key"), ("../" NEW)};
    int64_t at;
    put(NEW ".key", 0600, 32, 'n');
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        ck_assert_int_eq(retire(ids[i], NOW, &at), ERR_NOT_FOUND);
    folder = unit_path(folder, "none");
    ck_assert_int_eq(retire(NEW, NOW, &at), ERR_CONFIG);
}
END_TEST

START_TEST(a_bad_key_beside_it_stops_a_retirement)
{
    int64_t at;
    put(OLD ".key", 0600, 31, 'o');
    put(NEW ".key", 0600, 32, 'n');
    ck_assert_int_eq(retire(NEW, NOW, &at), ERR_CONFIG);
    ck_assert_int_eq(access(unit_path(folder, NEW ".key"), F_OK), 0);
}
END_TEST

static void *retire_both(void *arg)
{
    int64_t at;
    struct fault own;
    fault_begin(&own, NULL);
    return (void *)(intptr_t)keyring_retire(folder, arg, NOW, &at, &own);
}

START_TEST(of_two_that_are_retired_at_once_one_remains)
{
    pthread_t threads[2];
    void *results[2];
    put(OLD ".key", 0600, 32, 'o');
    put(NEW ".key", 0600, 32, 'n');
    ck_assert_int_eq(pthread_create(&threads[0], NULL, retire_both, (void *)OLD), 0);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, retire_both, (void *)NEW), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &results[i]);
    ck_assert_int_eq((intptr_t)results[0] + (intptr_t)results[1], ERR_REFUSED);
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    keyring_close(ring);
}
END_TEST

static atomic_bool is_reading;

static void *read_ring(void *arg)
{
    (void)arg;
    atomic_store(&is_reading, true);
    return (void *)(intptr_t)keyring_open(&ring, folder, &fault);
}

START_TEST(a_ring_is_read_before_or_after_a_change)
{
    pthread_t thread;
    void *result;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(NEW ".key", 0600, 32, 'n');
    ck_assert_int_eq(flock(fd, LOCK_SH), 0);
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE); /* two may read */
    keyring_close(ring);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    put("half.key", 0600, 1, 'x');
    ck_assert_int_eq(pthread_create(&thread, NULL, read_ring, NULL), 0);
    while (!atomic_load(&is_reading))
        sched_yield();
    clock_sleep_until(clock_mono_ms() + 30); /* time enough to do it wrong */
    ck_assert_int_eq(unlink(unit_path(folder, "half.key")), 0);
    close(fd);
    pthread_join(thread, &result);
    ck_assert_int_eq((intptr_t)result, ERR_NONE);
    keyring_close(ring);
}
END_TEST

/* ---- new keys ---- */

START_TEST(a_new_key_is_secret_and_signs)
{
    char id[KEY_ID_SIZE];
    struct stat st;
    put(OLD ".key", 0600, 32, 'x');
    ck_assert_int_eq(keyring_new_key(folder, id, &fault), ERR_NONE);
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    ck_assert_str_eq(keyring_newest(ring)->name.id, id);
    ck_assert_uint_eq(keyring_newest(ring)->len, KEY_SIZE_MIN);
    char name[KEY_ID_SIZE + 4];
    snprintf(name, sizeof name, "%s.key", id);
    ck_assert_int_eq(stat(unit_path(folder, name), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    keyring_close(ring);
}
END_TEST

START_TEST(new_keys_are_named_by_their_time_and_differ)
{
    char time[CLOCK_TEXT_SIZE], id[2][KEY_ID_SIZE];
    clock_text(time, clock_now());
    ck_assert_int_eq(keyring_new_key(folder, id[0], &fault), ERR_NONE);
    ck_assert_int_eq(keyring_new_key(folder, id[1], &fault), ERR_NONE);
    ck_assert_str_ne(id[0], id[1]);
    ck_assert_uint_eq(strlen(id[0]), strlen(NEW));
    ck_assert_int_eq(strncmp(id[0], time, 4), 0);
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    ck_assert_uint_eq(keyring_count(ring), 2);
    ck_assert_mem_ne(keyring_at(ring, 0)->bytes, keyring_at(ring, 1)->bytes, KEY_SIZE_MIN);
    keyring_close(ring);
}
END_TEST

START_TEST(keys_of_one_second_sort_as_they_were_made)
{
    char id[8][KEY_ID_SIZE];
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(keyring_new_key(folder, id[i], &fault), ERR_NONE);
        ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
        ck_assert_str_eq(keyring_newest(ring)->name.id, id[i]);
        keyring_close(ring);
        ck_assert(i == 0 || strncmp(id[i - 1], id[i], 16) < 0);
    }
}
END_TEST

START_TEST(a_new_key_is_larger_than_those_of_the_future_and_the_retired)
{
    char id[KEY_ID_SIZE];
    put("20991231T235959Z-zzzz.key", 0600, 32, 'x');
    ck_assert_int_eq(keyring_new_key(folder, id, &fault), ERR_NONE);
    ck_assert_int_eq(strncmp(id, "21000101T000000Z-", 17), 0);
    put("22001231T235959Z-zzzz" GONE ".key", 0600, 32, 'x');
    ck_assert_int_eq(keyring_new_key(folder, id, &fault), ERR_NONE);
    ck_assert_int_eq(strncmp(id, "22010101T000000Z-", 17), 0);
}
END_TEST

START_TEST(behind_the_end_of_time_there_is_no_new_key)
{
    static const char *const last[] = {"99991231T235959Z-z.key", "99999999T999999Z-a.key"};
    char id[KEY_ID_SIZE];
    put(last[_i], 0600, 32, 'x');
    ck_assert_int_eq(keyring_new_key(folder, id, &fault), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "no key can be newer"));
}
END_TEST

START_TEST(a_new_key_makes_its_folder)
{
    char id[KEY_ID_SIZE];
    struct stat st;
    folder = unit_path(folder, "a/keys");
    ck_assert_int_eq(keyring_new_key(folder, id, &fault), ERR_NONE);
    ck_assert_int_eq(stat(folder, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    keyring_close(ring);
}
END_TEST

START_TEST(a_key_that_cannot_be_written_is_an_error)
{
    char id[KEY_ID_SIZE];
    put("file", 0600, 0, 'x');
    ck_assert_int_eq(keyring_new_key(unit_path(folder, "file"), id, &fault), ERR_IO);
    ck_assert_int_eq(keyring_new_key(unit_path(folder, "file/keys"), id, NULL), ERR_IO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring change");
    TCase *all = tcase_create("keyring change");
    tcase_add_checked_fixture(all, begin, NULL);
    tcase_add_test(all, retiring_renames_the_key_once);
    tcase_add_test(all, the_only_key_cannot_be_retired);
    tcase_add_test(all, a_key_that_is_not_there_cannot_be_retired);
    tcase_add_test(all, a_bad_key_beside_it_stops_a_retirement);
    tcase_add_test(all, of_two_that_are_retired_at_once_one_remains);
    tcase_add_test(all, a_ring_is_read_before_or_after_a_change);
    tcase_add_test(all, a_new_key_is_secret_and_signs);
    tcase_add_test(all, new_keys_are_named_by_their_time_and_differ);
    tcase_add_test(all, keys_of_one_second_sort_as_they_were_made);
    tcase_add_test(all, a_new_key_is_larger_than_those_of_the_future_and_the_retired);
    tcase_add_loop_test(all, behind_the_end_of_time_there_is_no_new_key, 0, 2);
    tcase_add_test(all, a_new_key_makes_its_folder);
    tcase_add_test(all, a_key_that_cannot_be_written_is_an_error);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
