/* A hash is expensive by design, so the danger is not a slow hash but many: turns are rationed, and
 * an encoded hash from the database is looked at before its parameters are believed, since
 * libargon2 would allocate whatever they ask for.
 *
 * Alone includes argon2.h. Never cuts a password, never says why one did not match. */
#include "security/password.h"

#include <argon2.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/random.h"
#include "core/text.h"

#define SALT_SIZE 16
#define HASH_SIZE 32
#define LANES     1

/* Bounds of what an encoded hash may ask for; the largest that can be configured is within them. */
#define MEMORY_KIB_MAX 1048576
#define PASSES_MAX     100
#define LANES_MAX      16
#define SALT_TEXT_MIN  11 /* 8 bytes in base64 */
#define HASH_TEXT_MIN  22 /* 16 bytes */

struct hasher {
    struct password_options options;
    char dummy[PASSWORD_HASH_SIZE]; /* what an unknown user's password is compared with */
    atomic_llong work;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t turn_free;
    int running;
    int waiting;
};

/* What an encoded hash says of itself. */
struct parameters {
    argon2_type type;
    int64_t version;
    int64_t memory_kib;
    int64_t passes;
    int64_t lanes;
};

static bool skip_text(const char **at, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool skip_number(const char **at, int64_t max, int64_t *out)
{
    size_t len = strspn(*at, "0123456789");
    if (!text_parse_uint(*at, len, max, out))
        return false;
    *at += len;
    return true;
}

static bool skip_type(const char **at, argon2_type *out)
{
    static const struct {
        const char *text;
        argon2_type type;
    } types[] = {{"$argon2id$", Argon2_id}, {"$argon2i$", Argon2_i}, {"$argon2d$", Argon2_d}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *out = types[i].type;
        if (skip_text(at, types[i].text))
            return true;
    }
    return false;
}

/* $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH; the version is missing in the oldest ones. */
static bool parse(const char *encoded, struct parameters *out)
{
    const char *at = encoded;
    out->version = ARGON2_VERSION_10;
    if (strnlen(encoded, PASSWORD_HASH_SIZE) == PASSWORD_HASH_SIZE || !skip_type(&at, &out->type))
        return false;
    if (skip_text(&at, "v=") && !(skip_number(&at, 255, &out->version) && skip_text(&at, "$")))
        return false;
    if (!skip_text(&at, "m=") || !skip_number(&at, MEMORY_KIB_MAX, &out->memory_kib))
        return false;
    if (!skip_text(&at, ",t=") || !skip_number(&at, PASSES_MAX, &out->passes))
        return false;
    if (!skip_text(&at, ",p=") || !skip_number(&at, LANES_MAX, &out->lanes) || !skip_text(&at, "$"))
        return false;
    size_t salt_len = strcspn(at, "$");
    return salt_len >= SALT_TEXT_MIN && at[salt_len] && strlen(at + salt_len + 1) >= HASH_TEXT_MIN;
}

static enum err to_err(int rc)
{
    switch (rc) {
    case ARGON2_OK:
        return ERR_NONE;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
    case ARGON2_THREAD_FAIL:
        return ERR_UNAVAILABLE;
    default:
        return ERR_INTERNAL;
    }
}

static enum err take_turn(struct hasher *hasher, int64_t deadline_ms)
{
    enum err e = ERR_NONE;
    pthread_mutex_lock(&hasher->mutex);
    bool must_wait = hasher->running >= hasher->options.running;
    if (must_wait && hasher->waiting >= hasher->options.waiting) {
        e = ERR_UNAVAILABLE;
    } else {
        hasher->waiting++;
        while (hasher->running >= hasher->options.running)
            if (!clock_cond_wait(&hasher->turn_free, &hasher->mutex, deadline_ms))
                break;
        hasher->waiting--;
        if (hasher->running < hasher->options.running)
            hasher->running++;
        else
            e = ERR_UNAVAILABLE;
    }
    pthread_mutex_unlock(&hasher->mutex);
    return e;
}

static void end_turn(struct hasher *hasher)
{
    pthread_mutex_lock(&hasher->mutex);
    hasher->running--;
    pthread_cond_signal(&hasher->turn_free);
    pthread_mutex_unlock(&hasher->mutex);
}

static enum err hash_now(const struct password_options *options, const char *password, size_t len,
    char out[PASSWORD_HASH_SIZE])
{
    unsigned char salt[SALT_SIZE];
    random_bytes(salt, sizeof salt);
    return to_err(argon2id_hash_encoded((uint32_t)options->passes, (uint32_t)options->memory_kib,
        LANES, password, len, salt, sizeof salt, HASH_SIZE, out, PASSWORD_HASH_SIZE));
}

static enum err verify_now(
    const char *encoded, argon2_type type, const char *password, size_t len, bool *match)
{
    int rc = argon2_verify(encoded, password, len, type);
    *match = rc == ARGON2_OK;
    if (rc == ARGON2_VERIFY_MISMATCH)
        return ERR_NONE;
    enum err e = to_err(rc);
    return e == ERR_INTERNAL ? ERR_CORRUPT : e;
}

static int64_t deadline_of(const struct hasher *hasher)
{
    return clock_mono_ms() + hasher->options.timeout_ms;
}

static enum err hash_by(struct hasher *hasher, int64_t deadline_ms, const char *password,
    size_t len, char out[PASSWORD_HASH_SIZE])
{
    enum err e = take_turn(hasher, deadline_ms);
    if (e)
        return e;
    atomic_fetch_add(&hasher->work, 1);
    e = hash_now(&hasher->options, password, len, out);
    end_turn(hasher);
    return e;
}

enum err password_hash(
    struct hasher *hasher, const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    return hash_by(hasher, deadline_of(hasher), password, len, out);
}

enum err password_hash_at_once(
    struct hasher *hasher, const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    return hash_by(hasher, 0, password, len, out);
}

enum err password_verify(
    struct hasher *hasher, const char *password, size_t len, const char *encoded, bool *match)
{
    const char *compared = encoded ? encoded : hasher->dummy;
    struct parameters parameters;
    *match = false;
    if (!parse(compared, &parameters))
        return ERR_CORRUPT;
    enum err e = take_turn(hasher, deadline_of(hasher));
    if (e)
        return e;
    atomic_fetch_add(&hasher->work, 1);
    e = verify_now(compared, parameters.type, password, len, match);
    end_turn(hasher);
    *match = *match && encoded;
    return e;
}

bool password_is_outdated(const struct hasher *hasher, const char *encoded)
{
    struct parameters found;
    return !parse(encoded, &found) || found.type != Argon2_id ||
           found.version != ARGON2_VERSION_NUMBER ||
           found.memory_kib != hasher->options.memory_kib ||
           found.passes != hasher->options.passes || found.lanes != LANES;
}

int64_t password_work(const struct hasher *hasher)
{
    return atomic_load(&hasher->work);
}

static int count_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 1;
}

static enum err make_dummy(struct hasher *hasher, struct fault *fault)
{
    char password[HASH_SIZE];
    random_bytes(password, sizeof password);
    enum err e = hash_now(&hasher->options, password, sizeof password, hasher->dummy);
    explicit_bzero(password, sizeof password);
    if (e)
        return fail(fault, e, NULL, "cannot hash passwords with %d KiB and %d passes",
            hasher->options.memory_kib, hasher->options.passes);
    return ERR_NONE;
}

enum err hasher_open(
    struct hasher **out, const struct password_options *options, struct fault *fault)
{
    *out = NULL;
    struct hasher *hasher = xalloc(sizeof *hasher);
    hasher->options = *options;
    if (!options->running)
        hasher->options.running = count_cores();
    pthread_mutex_init(&hasher->mutex, NULL);
    clock_cond_init(&hasher->turn_free);
    enum err e = make_dummy(hasher, fault);
    if (e)
        hasher_close(hasher);
    else
        *out = hasher;
    return e;
}

void hasher_close(struct hasher *hasher)
{
    if (!hasher)
        return;
    pthread_cond_destroy(&hasher->turn_free);
    pthread_mutex_destroy(&hasher->mutex);
    explicit_bzero(hasher->dummy, sizeof hasher->dummy);
    free(hasher);
}
