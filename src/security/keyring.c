/* Whoever can read a key can make himself an administrator, so a key that others can read, or a key
 * file that is not as it should be, stops the start instead of being passed over. */
#include "security/keyring.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/random.h"
#include "core/text.h"

#define SUFFIX     ".key"
#define SUFFIX_LEN (sizeof SUFFIX - 1)

struct keyring {
    struct key *keys; /* by id */
    size_t count;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* YYYYMMDDTHHMMSSZ, then any of A-Z a-z 0-9 and '-'. */
static bool is_key_id(const char *id, size_t len)
{
    static const char pattern[] = "00000000T000000Z";
    if (len < sizeof pattern - 1 || len >= KEY_ID_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = id[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (i >= sizeof pattern - 1 ? !is_letter && !is_digit(c) && c != '-'
            : pattern[i] == '0'     ? !is_digit(c)
                                    : c != pattern[i])
            return false;
    }
    return true;
}

static bool is_key_file(const char *name)
{
    size_t len = strlen(name);
    return len >= SUFFIX_LEN && !strcmp(name + len - SUFFIX_LEN, SUFFIX);
}

static enum err read_key(
    const char *path, const char *name, struct arena *arena, struct key *out, struct fault *fault)
{
    size_t id_len = strlen(name) - SUFFIX_LEN;
    char *bytes;
    if (!is_key_id(name, id_len))
        return fail(fault, ERR_CONFIG, NULL,
            "%s: the name of a key is YYYYMMDDTHHMMSSZ, letters, digits or '-', and .key", path);
    enum err e = file_check_secret(path, fault);
    if (!e)
        e = file_read(arena, path, KEY_SIZE_MAX, &bytes, &out->len, fault);
    if (e)
        return e;
    if (out->len < KEY_SIZE_MIN)
        return fail(fault, ERR_CONFIG, NULL, "%s: a key has at least %d bytes", path, KEY_SIZE_MIN);
    memcpy(out->id, name, id_len);
    out->bytes = xalloc(out->len);
    memcpy(out->bytes, bytes, out->len);
    return ERR_NONE;
}

static enum err add_key(
    struct keyring *ring, const char *folder, const char *name, struct fault *fault)
{
    struct arena arena;
    struct key key = {.bytes = NULL};
    arena_init(&arena, PATH_MAX);
    enum err e = read_key(arena_printf(&arena, "%s/%s", folder, name), name, &arena, &key, fault);
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
        if (!is_key_file(entry->d_name))
            continue;
        enum err e = add_key(ring, folder, entry->d_name, fault);
        if (e)
            return e;
    }
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->id, ((const struct key *)b)->id);
}

static enum err fill(struct keyring *ring, const char *folder, struct fault *fault)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return fail_errno(fault, ERR_CONFIG, "cannot open the folder of keys %s", folder);
    enum err e = read_folder(ring, dir, folder, fault);
    closedir(dir);
    if (e)
        return e;
    if (!ring->count)
        return fail(fault, ERR_CONFIG, NULL, "there is no key in %s", folder);
    qsort(ring->keys, ring->count, sizeof *ring->keys, compare_keys);
    return ERR_NONE;
}

enum err keyring_open(struct keyring **out, const char *folder, struct fault *fault)
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
    return &ring->keys[ring->count - 1];
}

const struct key *keyring_find(const struct keyring *ring, const char *id)
{
    for (size_t i = ring->count; i-- > 0;)
        if (!strcmp(ring->keys[i].id, id))
            return &ring->keys[i];
    return NULL;
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

/* 20261124T150405Z-6f5e4d3c */
static void make_id(char out[KEY_ID_SIZE])
{
    char time[CLOCK_TEXT_SIZE];
    unsigned char tail[4];
    clock_text(time, clock_now());
    for (const char *at = time; *at; at++)
        if (*at != '-' && *at != ':')
            *out++ = *at;
    *out++ = '-';
    random_bytes(tail, sizeof tail);
    text_hex(out, tail, sizeof tail);
}

enum err keyring_new_key(const char *folder, char out[KEY_ID_SIZE], struct fault *fault)
{
    struct arena arena;
    unsigned char bytes[KEY_SIZE_MIN];
    enum err e = file_make_dir(folder, 0700, fault);
    if (e)
        return e;
    make_id(out);
    random_bytes(bytes, sizeof bytes);
    arena_init(&arena, PATH_MAX);
    e = file_replace(
        arena_printf(&arena, "%s/%s" SUFFIX, folder, out), bytes, sizeof bytes, 0600, fault);
    arena_fini(&arena);
    explicit_bzero(bytes, sizeof bytes);
    return e;
}
