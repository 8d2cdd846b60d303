/* A table of fixed size: a digest says in which bucket a token may be, and there the oldest makes
 * room. Only what was verified gets in, so nobody without a good token can push anything out.
 *
 * A hit copies the entry, and nothing outside sees the table. */
#include "security/token_cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"

#define BUCKETS   256 /* at most: a byte of the digest is its number */
#define WAYS      4
#define ROLE_SIZE 16

struct entry {
    bool is_used;
    unsigned char digest[DIGEST_SIZE];
    struct token_claims claims; /* without its texts, which are these */
    char role[ROLE_SIZE];
    char kid[KEY_ID_SIZE];
};

struct bucket {
    pthread_mutex_t lock;
    unsigned oldest;
    struct entry entries[WAYS];
};

struct token_cache {
    struct bucket buckets[BUCKETS];
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *cache = xalloc(sizeof *cache);
    for (size_t i = 0; i < BUCKETS; i++)
        pthread_mutex_init(&cache->buckets[i].lock, NULL);
    return cache;
}

void token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        pthread_mutex_destroy(&cache->buckets[i].lock);
    free(cache);
}

void token_cache_forget(struct token_cache *cache)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct bucket *bucket = &cache->buckets[i];
        pthread_mutex_lock(&bucket->lock);
        memset(bucket->entries, 0, sizeof bucket->entries);
        pthread_mutex_unlock(&bucket->lock);
    }
}

/* With the bucket's lock. */
static struct entry *find(struct bucket *bucket, const unsigned char *digest)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *entry = &bucket->entries[i];
        if (entry->is_used && !memcmp(entry->digest, digest, DIGEST_SIZE))
            return entry;
    }
    return NULL;
}

static bool get(struct bucket *bucket, const unsigned char *digest, struct arena *arena,
    struct token_claims *out)
{
    pthread_mutex_lock(&bucket->lock);
    const struct entry *entry = find(bucket, digest);
    if (entry) {
        *out = entry->claims;
        out->role = arena_text(arena, entry->role);
        out->kid = arena_text(arena, entry->kid);
    }
    pthread_mutex_unlock(&bucket->lock);
    return entry != NULL;
}

/* A role of ours is short; one that is not is verified each time. */
static void put(
    struct bucket *bucket, const unsigned char *digest, const struct token_claims *claims)
{
    size_t role_len = strlen(claims->role);
    size_t kid_len = strlen(claims->kid);
    if (role_len >= ROLE_SIZE || kid_len >= KEY_ID_SIZE)
        return;
    pthread_mutex_lock(&bucket->lock);
    if (!find(bucket, digest)) { /* another request with it may have been quicker */
        struct entry *entry = &bucket->entries[bucket->oldest++ % WAYS];
        *entry = (struct entry){.is_used = true, .claims = *claims};
        entry->claims.role = NULL;
        entry->claims.kid = NULL;
        memcpy(entry->digest, digest, DIGEST_SIZE);
        memcpy(entry->role, claims->role, role_len);
        memcpy(entry->kid, claims->kid, kid_len);
    }
    pthread_mutex_unlock(&bucket->lock);
}

enum err token_cache_verify(struct token_cache *cache, const struct keyring *keys,
    const struct token_options *options, const char *token, int64_t now, struct arena *arena,
    struct token_claims *out, struct fault *fault)
{
    unsigned char digest[DIGEST_SIZE];
    size_t len = strnlen(token, TOKEN_SIZE_MAX + 1);
    if (len > TOKEN_SIZE_MAX)
        return token_verify(keys, options, token, now, arena, out, fault); /* says so */
    digest_sha256(digest, token, len);
    struct bucket *bucket = &cache->buckets[digest[0] % BUCKETS];
    enum err e;
    if (get(bucket, digest, arena, out)) {
        e = token_check_again(keys, options, out, now, fault);
    } else {
        e = token_verify(keys, options, token, now, arena, out, fault);
        if (!e)
            put(bucket, digest, out);
    }
    if (e)
        *out = (struct token_claims){.user_id = 0};
    return e;
}
