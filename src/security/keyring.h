/* The signing keys: files of KEYS/ (key_name.h), at least 32 random bytes each, secret by mode and
 * owner.
 *
 * The newest that is not retired signs, and all verify: a retired one until every token that it can
 * have signed has expired. Read once; a ring is never changed, so any thread may read it. */
#ifndef ORDERD_SECURITY_KEYRING_H
#define ORDERD_SECURITY_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "security/key_name.h"

#define KEY_SIZE_MIN 32
#define KEY_SIZE_MAX 1024

struct key {
    struct key_name name;
    unsigned char *bytes;
    size_t len;
};

struct keyring;

/* Files that do not end in .key are passed over. ERR_CONFIG: no key that signs, a key too short, a
 * misnamed one, one that is there twice, or a file that others can read; ERR_CORRUPT: a key too
 * large. The text names it. */
enum err keyring_open(struct keyring **, const char *folder, struct fault *);
void keyring_close(struct keyring *); /* wipes; NULL is harmless */

/* The one that signs. */
const struct key *keyring_newest(const struct keyring *);

/* The key of that id, if it verifies still; NULL: none. lifetime_s: of a token. */
const struct key *keyring_find(
    const struct keyring *, const char *id, int64_t now, int64_t lifetime_s);
bool key_verifies(const struct key *, int64_t now, int64_t lifetime_s);

/* All of them, the oldest first, also those whose time is over. */
size_t keyring_count(const struct keyring *);
const struct key *keyring_at(const struct keyring *, size_t number);

/* Makes a key file (mode 0600, durable) and the folder if there is none; out: its kid, larger than
 * every other one there. */
enum err keyring_new_key(const char *folder, char out[KEY_ID_SIZE], struct fault *);

/* Retires a key, durably. One that was retired before stays as it is; *retired_at is when.
 * ERR_NOT_FOUND; ERR_REFUSED: no other key could sign. Of two that are retired at once, one
 * remains. */
enum err keyring_retire(
    const char *folder, const char *id, int64_t now, int64_t *retired_at, struct fault *);

#endif
