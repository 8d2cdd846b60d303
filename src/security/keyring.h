/* The signing keys: KEYS/<kid>.key, at least 32 random bytes each, secret by mode and owner.
 *
 * A kid begins with its creation time (YYYYMMDDTHHMMSSZ-xxxxxxxx): the largest is the newest and
 * signs, all verify. Read once; a ring is never changed, so any thread may read it. */
#ifndef ORDERD_SECURITY_KEYRING_H
#define ORDERD_SECURITY_KEYRING_H

#include <stddef.h>

#include "core/error.h"

#define KEY_ID_SIZE  64
#define KEY_SIZE_MIN 32
#define KEY_SIZE_MAX 1024

struct key {
    char id[KEY_ID_SIZE];
    unsigned char *bytes;
    size_t len;
};

struct keyring;

/* Files that do not end in .key are passed over. ERR_CONFIG: no key, a key too short, a misnamed
 * one, or a file that others can read; ERR_CORRUPT: a key too large. The text names it. */
enum err keyring_open(struct keyring **, const char *folder, struct fault *);
void keyring_close(struct keyring *); /* wipes; NULL is harmless */

const struct key *keyring_newest(const struct keyring *);
const struct key *keyring_find(const struct keyring *, const char *id); /* NULL: none */

/* All of them, the oldest first. */
size_t keyring_count(const struct keyring *);
const struct key *keyring_at(const struct keyring *, size_t number);

/* Makes a key file (mode 0600, durable) and the folder if there is none; out: its kid. */
enum err keyring_new_key(const char *folder, char out[KEY_ID_SIZE], struct fault *);

#endif
