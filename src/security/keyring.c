/* Whoever can read a key can make himself an administrator, so a key that others can read, or a key
 * file that is not as it should be, stops the start instead of being passed over.
 *
 * Whoever reads the folder shares a flock(2) on it, and who changes it has that alone: a key must
 * not be renamed between its name was read and it was opened, two who make keys in the same second
 * must not both be the newest, and two who retire keys must leave one. */
#include "security/keyring.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/random.h"

#define LOCK_WAIT_MS 5000
#define LOCK_POLL_MS 5

struct keyring {
    struct key *keys; /* by id */
    size_t count;
    const struct key *newest;
};

static enum err read_key(
    const char *path, const char *file, struct arena *arena, struct key *out, struct fault *fault)
{
    char *bytes;
    if (!key_name_parse(file, &out->name))
        return fail(fault, ERR_CONFIG, NULL,
            "%s: a key is named YYYYMMDDTHHMMSSZ, letters, digits or '-', then .retired- and a "
            "time if it was retired, and .key",
            path);
    enum err e = file_check_secret(path, fault);
    if (!e)
        e = file_read(arena, path, KEY_SIZE_MAX, &bytes, &out->len, fault);
    if (e)
        return e;
    if (out->len < KEY_SIZE_MIN)
        return fail(fault, ERR_CONFIG, NULL, "%s: a key has at least %d bytes", path, KEY_SIZE_MIN);
    out->bytes = xalloc(out->len);
    memcpy(out->bytes, bytes, out->len);
    return ERR_NONE;
}

static enum err add_key(
    struct keyring *ring, const char *folder, const char *file, struct fault *fault)
{
    struct arena arena;
    struct key key = {.bytes = NULL};
    arena_init(&arena, PATH_MAX);
    enum err e = read_key(arena_printf(&arena, "%s/%s", folder, file), file, &arena, &key, fault);
    arena_fini(&arena);
    if (e)
        return e;
    ring->keys = xrealloc(ring->keys, (ring->count + 1) * sizeof *ring->keys);
    ring->keys[ring->count++] = key;
    return ERR_NONE;
}

static enum err read_folder(struct keyring *ring, DIR *dir, const char *folder, struct fault *fault)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry && errno)
            return fail_errno(fault, ERR_CONFIG, "cannot read the folder of keys %s", folder);
        if (!entry)
            return ERR_NONE;
        if (!key_name_is_meant(entry->d_name))
            continue;
        enum err e = add_key(ring, folder, entry->d_name, fault);
        if (e)
            return e;
    }
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->name.id, ((const struct key *)b)->name.id);
}

/* Orders the keys, and finds the one that signs. */
static enum err arrange(struct keyring *ring, const char *folder, struct fault *fault)
{
    if (!ring->count)
        return fail(
            fault, ERR_CONFIG, NULL, "there is no key in %s; orderctl key new makes one", folder);
    qsort(ring->keys, ring->count, sizeof *ring->keys, compare_keys);
    for (size_t i = 0; i < ring->count; i++) {
        const struct key *key = &ring->keys[i];
        if (i && !compare_keys(key - 1, key))
            return fail(
                fault, ERR_CONFIG, NULL, "%s: the key %s is there twice", folder, key->name.id);
        if (!key->name.retired_at)
            ring->newest = key;
    }
    if (!ring->newest)
        return fail(fault, ERR_CONFIG, NULL, "every key in %s is retired", folder);
    return ERR_NONE;
}

static enum err fill(struct keyring *ring, const char *folder, struct fault *fault)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return fail_errno(fault, ERR_CONFIG, "cannot open the folder of keys %s", folder);
    enum err e = read_folder(ring, dir, folder, fault);
    closedir(dir);
    return e ? e : arrange(ring, folder, fault);
}

/* operation: LOCK_SH or LOCK_EX. */
static enum err lock_folder(const char *folder, int operation, int *fd, struct fault *fault)
{
    int64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;
    *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT)
        return fail(fault, ERR_CONFIG, NULL,
            "there is no folder of keys %s; orderctl key new makes it, and a key", folder);
    if (*fd < 0)
        return fail_errno(fault, ERR_CONFIG, "cannot open the folder of keys %s", folder);
    while (flock(*fd, operation | LOCK_NB)) {
        bool is_over = clock_mono_ms() >= deadline_ms;
        if (errno == EINTR || (errno == EWOULDBLOCK && !is_over)) {
            clock_sleep_until(clock_mono_ms() + LOCK_POLL_MS);
            continue;
        }
        enum err e = is_over ? fail(fault, ERR_BUSY, NULL, "somebody else is changing %s", folder)
                             : fail_errno(fault, ERR_IO, "cannot lock %s", folder);
        file_close(fd);
        return e;
    }
    return ERR_NONE;
}

/* With the folder locked. */
static enum err read_ring(struct keyring **out, const char *folder, struct fault *fault)
{
    struct keyring *ring = xalloc(sizeof *ring);
    enum err e = fill(ring, folder, fault);
    if (e) {
        keyring_close(ring);
        ring = NULL;
    }
    *out = ring;
    return e;
}

enum err keyring_open(struct keyring **out, const char *folder, struct fault *fault)
{
    int fd;
    *out = NULL;
    enum err e = lock_folder(folder, LOCK_SH, &fd, fault);
    if (e)
        return e;
    e = read_ring(out, folder, fault);
    file_close(&fd);
    return e;
}

void keyring_close(struct keyring *ring)
{
    if (!ring)
        return;
    for (size_t i = 0; i < ring->count; i++) {
        explicit_bzero(ring->keys[i].bytes, ring->keys[i].len);
        free(ring->keys[i].bytes);
    }
    free(ring->keys);
    free(ring);
}

const struct key *keyring_newest(const struct keyring *ring)
{
    return ring->newest;
}

bool key_verifies(const struct key *key, int64_t now, int64_t lifetime_s)
{
    return !key->name.retired_at || now < key->name.retired_at + lifetime_s;
}

static const struct key *find(const struct keyring *ring, const char *id)
{
    for (size_t i = ring->count; i-- > 0;)
        if (!strcmp(ring->keys[i].name.id, id))
            return &ring->keys[i];
    return NULL;
}

const struct key *keyring_find(
    const struct keyring *ring, const char *id, int64_t now, int64_t lifetime_s)
{
    const struct key *key = find(ring, id);
    return key && key_verifies(key, now, lifetime_s) ? key : NULL;
}

size_t keyring_count(const struct keyring *ring)
{
    return ring->count;
}

const struct key *keyring_at(const struct keyring *ring, size_t number)
{
    assert(number < ring->count);
    return &ring->keys[number];
}

/* ---- changing the folder */

/* The largest kid of the folder, however good its key may be; "": none. */
static enum err largest_id(const char *folder, char out[KEY_ID_SIZE], struct fault *fault)
{
    struct key_name name;
    DIR *dir = opendir(folder);
    out[0] = '\0';
    if (!dir)
        return fail_errno(fault, ERR_IO, "cannot open the folder of keys %s", folder);
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)); errno = 0)
        if (key_name_parse(entry->d_name, &name) && strcmp(name.id, out) > 0)
            memcpy(out, name.id, sizeof name.id);
    enum err e =
        errno ? fail_errno(fault, ERR_IO, "cannot read the folder of keys %s", folder) : ERR_NONE;
    closedir(dir);
    return e;
}

static enum err make_key(const char *folder, char out[KEY_ID_SIZE], struct fault *fault)
{
    struct key_name name = {.retired_at = 0};
    char largest[KEY_ID_SIZE], file[KEY_NAME_SIZE];
    unsigned char bytes[KEY_SIZE_MIN];
    enum err e = largest_id(folder, largest, fault);
    if (e)
        return e;
    if (!key_name_new_id(clock_now(), largest, name.id))
        return fail(fault, ERR_CONFIG, NULL, "%s: no key can be newer than %s", folder, largest);
    key_name_format(&name, file);
    random_bytes(bytes, sizeof bytes);
    struct arena arena;
    arena_init(&arena, PATH_MAX);
    e = file_replace(arena_printf(&arena, "%s/%s", folder, file), bytes, sizeof bytes, 0600, fault);
    arena_fini(&arena);
    explicit_bzero(bytes, sizeof bytes);
    memcpy(out, name.id, sizeof name.id);
    return e;
}

enum err keyring_new_key(const char *folder, char out[KEY_ID_SIZE], struct fault *fault)
{
    int fd = -1;
    enum err e = file_make_dir(folder, 0700, fault);
    if (!e)
        e = lock_folder(folder, LOCK_EX, &fd, fault);
    if (!e)
        e = make_key(folder, out, fault);
    file_close(&fd);
    return e;
}

static bool is_only_one(const struct keyring *ring, const struct key *key)
{
    for (size_t i = 0; i < ring->count; i++)
        if (&ring->keys[i] != key && !ring->keys[i].name.retired_at)
            return false;
    return true;
}

static enum err rename_key(int folder_fd, const char *folder, const struct key_name *from,
    const struct key_name *to, struct fault *fault)
{
    char old_file[KEY_NAME_SIZE], new_file[KEY_NAME_SIZE];
    key_name_format(from, old_file);
    key_name_format(to, new_file);
    if (renameat(folder_fd, old_file, folder_fd, new_file))
        return fail_errno(fault, ERR_IO, "cannot rename %s in %s", old_file, folder);
    return file_sync_dir(folder, fault);
}

static enum err retire(int folder_fd, const char *folder, const struct keyring *ring,
    const char *id, int64_t *retired_at, struct fault *fault)
{
    const struct key *key = find(ring, id);
    if (!key)
        return fail(fault, ERR_NOT_FOUND, NULL, "there is no such key in %s", folder);
    if (key->name.retired_at) {
        *retired_at = key->name.retired_at;
        return ERR_NONE;
    }
    if (is_only_one(ring, key))
        return fail(fault, ERR_REFUSED, NULL,
            "no other key could sign: make a new one before this one is retired");
    struct key_name retired = key->name;
    retired.retired_at = *retired_at;
    return rename_key(folder_fd, folder, &key->name, &retired, fault);
}

enum err keyring_retire(
    const char *folder, const char *id, int64_t now, int64_t *retired_at, struct fault *fault)
{
    int fd;
    struct keyring *ring = NULL;
    *retired_at = now;
    enum err e = lock_folder(folder, LOCK_EX, &fd, fault);
    if (e)
        return e;
    e = read_ring(&ring, folder, fault);
    if (!e)
        e = retire(fd, folder, ring, id, retired_at, fault);
    keyring_close(ring);
    file_close(&fd);
    return e;
}
