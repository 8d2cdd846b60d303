/* Password hashes: Argon2id (RFC 9106) in its encoded form, which carries its parameters.
 *
 * A hash costs 19 MiB and 25 ms by design, so they are rationed: as many at once as cores, a
 * bounded number waits, the rest is told to come back. */
#ifndef ORDERD_SECURITY_PASSWORD_H
#define ORDERD_SECURITY_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct password_options {
    int memory_kib;
    int passes;
    int running; /* hashes at once; 0: as many as cores */
    int waiting; /* may wait for their turn */
    int timeout_ms;
};

struct hasher;

#define PASSWORD_HASH_SIZE 160

/* Makes one hash, to have something to compare an unknown user's password with. ERR_UNAVAILABLE:
 * there is not enough memory for one. */
enum err hasher_open(struct hasher **, const struct password_options *, struct fault *);
void hasher_close(struct hasher *);

/* Hashes with a fresh 16-byte salt. password: any bytes, never cut. ERR_UNAVAILABLE: too many wait,
 * or no turn in time. */
enum err password_hash(
    struct hasher *, const char *password, size_t len, char out[PASSWORD_HASH_SIZE]);

/* The same, but waits for nobody: ERR_UNAVAILABLE, unless a turn is free right now. For what can be
 * done another time. */
enum err password_hash_at_once(
    struct hasher *, const char *password, size_t len, char out[PASSWORD_HASH_SIZE]);

/* *match: is it the password of that hash? encoded NULL (no such user): does the same work against
 * a hash of its own and never matches. The comparison is in constant time. ERR_UNAVAILABLE as
 * above; ERR_CORRUPT: the hash is none. */
enum err password_verify(
    struct hasher *, const char *password, size_t len, const char *encoded, bool *match);

/* Was it made with other parameters than ours? (Then it is made anew after a login.) */
bool password_is_outdated(const struct hasher *, const char *encoded);

/* Hashes that password_hash and password_verify began, for the tests that count equal work. */
int64_t password_work(const struct hasher *);

#endif
