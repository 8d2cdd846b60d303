/* The key ring: what stops a start, what is passed over, and which key signs. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "security/keyring.h"

#include "unit.h"

#define OLD    "20251231T235959Z-zzzzzzzz"
#define NEW    "20261124T150405Z-00000000"
#define NOW    1795532645 /* 2026-11-24T15:04:05Z */
#define GONE   ".retired-20261124T150405Z"
#define LETTER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

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

/* The ring does not open, and the text names what is at fault. */
static void expect(enum err e, const char *named)
{
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), e);
    ck_assert_ptr_null(ring);
    ck_assert_msg(strstr(fault.text, named) != NULL, "%s", fault.text);
}

/* ---- what stops a start ---- */

START_TEST(a_folder_that_is_not_there_is_an_error)
{
    folder = unit_path(folder, "keys");
    expect(ERR_CONFIG, "keys");
    folder = "/dev/null";
    fault_begin(&fault, NULL);
    expect(ERR_CONFIG, "/dev/null");
}
END_TEST

START_TEST(a_folder_without_a_key_is_an_error)
{
    expect(ERR_CONFIG, "; orderctl key new makes one");
}
END_TEST

START_TEST(other_files_are_passed_over)
{
    static const char *const others[] = {
        "README", NEW, NEW ".key.bak", NEW ".KEY", NEW ".key~", "key", "badkey"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        put(others[i], 0644, 3, 'x');
    expect(ERR_CONFIG, "there is no key in");
    put(NEW ".key", 0600, 32, 'x');
    ck_assert_int_eq(keyring_open(&ring, folder, NULL), ERR_NONE);
    ck_assert_uint_eq(keyring_count(ring), 1);
    keyring_close(ring);
}
END_TEST

static const char *const misnamed[] = {
    ".key",
    "a.key",
    "20261124T150405.key",
    "20261124T15040Z.key",
    "2026-11-24T15:04:05Z.key",
    "20261124t150405Z.key",
    "20261124T150405z.key",
    "2026112aT150405Z.key",
    "20261124T150405Z_a.key",
    "20261124T150405Z a.key",
    "20261124T150405Z.1.key",
    "20261124T150405Z.retired.key",
    "20261124T150405Z.retired-.key",
    "20261124T150405Z.retired-20261124T150405.key",
    "20261124T150405Z.retired-20261324T150405Z.key",
    "20261124T150405Z.retired-20260230T150405Z.key",
    "20261124T150405Z.retired-20261124T156005Z.key",
    "20261124T150405Z.retired-20261124T150405Zx.key",
    "20261124T150405Z.retired-20261124T150405Z.retired-20261124T150405Z.key",
    "20261124T150405Z.retired-19700101T000000Z.key",
    "20261124T150405Z-aaaa.Retired-20261124T150405Z.key",
    "20261124T150405Z-\xc3\xa4.key",
    ".20261124T150405Z.key",
    "20261124T150405Z-" LETTER ".key",
};

START_TEST(a_misnamed_key_is_an_error)
{
    put(OLD ".key", 0600, 32, 'x');
    put(misnamed[_i], 0600, 32, 'x');
    expect(ERR_CONFIG, misnamed[_i]);
}
END_TEST

START_TEST(a_key_that_others_can_reach_is_an_error)
{
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};
    put(OLD ".key", 0600, 32, 'x');
    put(NEW ".key", modes[_i], 32, 'x');
    expect(ERR_CONFIG, NEW ".key");
}
END_TEST

START_TEST(a_key_of_another_user_is_an_error)
{
    if (geteuid())
        return; /* only root can give a file away */
    put(NEW ".key", 0600, 32, 'x');
    ck_assert_int_eq(chown(unit_path(folder, NEW ".key"), 12345, (gid_t)-1), 0);
    expect(ERR_CONFIG, NEW ".key");
}
END_TEST

START_TEST(a_short_key_is_an_error)
{
    static const size_t sizes[] = {0, 1, 31};
    put(OLD ".key", 0600, 32, 'x');
    put(NEW ".key", 0600, sizes[_i], 'x');
    expect(ERR_CONFIG, NEW ".key");
}
END_TEST

START_TEST(a_large_key_is_an_error)
{
    put(NEW ".key", 0600, KEY_SIZE_MAX + 1, 'x');
    expect(ERR_CORRUPT, NEW ".key");
}
END_TEST

START_TEST(a_key_that_is_no_file_is_an_error)
{
    const char *path = unit_path(folder, NEW ".key");
    put(OLD ".key", 0600, 32, 'x');
    if (_i == 0)
        ck_assert_int_eq(mkdir(path, 0700), 0);
    else if (_i == 1)
        ck_assert_int_eq(mkfifo(path, 0600), 0);
    else
        ck_assert_int_eq(symlink(OLD ".key", path), 0);
    expect(ERR_CONFIG, NEW ".key");
}
END_TEST

START_TEST(a_ring_whose_keys_are_all_retired_is_an_error)
{
    put(OLD GONE ".key", 0600, 32, 'x');
    put(NEW GONE ".key", 0600, 32, 'x');
    expect(ERR_CONFIG, "is retired");
}
END_TEST

START_TEST(a_key_that_is_there_twice_is_an_error)
{
    put(NEW ".key", 0600, 32, 'x');
    put(OLD ".key", 0600, 32, 'x');
    put(OLD GONE ".key", 0600, 32, 'x');
    expect(ERR_CONFIG, OLD " is there twice");
}
END_TEST

START_TEST(a_retired_key_that_others_can_read_is_an_error)
{
    put(NEW ".key", 0600, 32, 'x');
    put(OLD GONE ".key", 0644, 32, 'x');
    expect(ERR_CONFIG, OLD GONE ".key");
}
END_TEST

/* ---- the ring ---- */

START_TEST(the_newest_signs_and_all_are_found)
{
    put(NEW ".key", 0600, KEY_SIZE_MIN, 'n');
    put(OLD ".key", 0400, KEY_SIZE_MAX, '\0');
    put("20261124T150405Z.key", 0600, 33, 's');
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    ck_assert_str_eq(keyring_newest(ring)->name.id, NEW);
    ck_assert_uint_eq(keyring_count(ring), 3);
    ck_assert_str_eq(keyring_at(ring, 0)->name.id, OLD);
    ck_assert_str_eq(keyring_at(ring, 1)->name.id, "20261124T150405Z");
    ck_assert_ptr_eq(keyring_at(ring, 2), keyring_newest(ring));
    ck_assert_uint_eq(keyring_newest(ring)->len, KEY_SIZE_MIN);
    ck_assert_mem_eq(keyring_newest(ring)->bytes, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", 32);
    const struct key *old = keyring_find(ring, OLD, NOW, 1);
    ck_assert_ptr_nonnull(old);
    ck_assert_uint_eq(old->len, KEY_SIZE_MAX);
    ck_assert_int_eq(old->bytes[KEY_SIZE_MAX - 1], 0);
    keyring_close(ring);
}
END_TEST

START_TEST(an_unknown_key_is_not_found)
{
    static const char *const ids[] = {"", "2", OLD, NEW "0", "20261124T150405Z-0000000"};
    put(NEW ".key", 0600, 32, 'x');
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        ck_assert_ptr_null(keyring_find(ring, ids[i], NOW, 1));
    keyring_close(ring);
}
END_TEST

static bool is_found(const char *id, int64_t now)
{
    return keyring_find(ring, id, now, 3600) != NULL;
}

START_TEST(a_retired_key_signs_no_more_and_verifies_for_one_lifetime)
{
    put(OLD ".key", 0600, 32, 'o');
    put(NEW GONE ".key", 0600, 32, 'n');
    ck_assert_int_eq(keyring_open(&ring, folder, &fault), ERR_NONE);
    ck_assert_str_eq(keyring_newest(ring)->name.id, OLD);
    ck_assert(is_found(NEW, NOW - 100000)); /* a clock that was set back */
    ck_assert(is_found(NEW, NOW));
    ck_assert(is_found(NEW, NOW + 3599));
    ck_assert(!is_found(NEW, NOW + 3600));
    ck_assert(!is_found(NEW, INT64_MAX));
    ck_assert(is_found(OLD, INT64_MAX));
    ck_assert(!is_found(NEW GONE, NOW));
    ck_assert_uint_eq(keyring_count(ring), 2);
    ck_assert(!key_verifies(keyring_at(ring, 1), NOW + 3600, 3600));
    keyring_close(ring);
}
END_TEST

START_TEST(closing_nothing_is_harmless)
{
    keyring_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring");
    TCase *all = tcase_create("keyring");
    tcase_add_checked_fixture(all, begin, NULL);
    tcase_add_test(all, a_folder_that_is_not_there_is_an_error);
    tcase_add_test(all, a_folder_without_a_key_is_an_error);
    tcase_add_test(all, other_files_are_passed_over);
    tcase_add_loop_test(
        all, a_misnamed_key_is_an_error, 0, (int)(sizeof misnamed / sizeof *misnamed));
    tcase_add_loop_test(all, a_key_that_others_can_reach_is_an_error, 0, 7);
    tcase_add_test(all, a_key_of_another_user_is_an_error);
    tcase_add_loop_test(all, a_short_key_is_an_error, 0, 3);
    tcase_add_test(all, a_large_key_is_an_error);
    tcase_add_loop_test(all, a_key_that_is_no_file_is_an_error, 0, 3);
    tcase_add_test(all, a_ring_whose_keys_are_all_retired_is_an_error);
    tcase_add_test(all, a_key_that_is_there_twice_is_an_error);
    tcase_add_test(all, a_retired_key_that_others_can_read_is_an_error);
    tcase_add_test(all, the_newest_signs_and_all_are_found);
    tcase_add_test(all, a_retired_key_signs_no_more_and_verifies_for_one_lifetime);
    tcase_add_test(all, an_unknown_key_is_not_found);
    tcase_add_test(all, closing_nothing_is_harmless);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
