/* What auth.c and auth_login.c share, and nobody else. */
#ifndef ORDERD_SERVICES_AUTH_STATE_H
#define ORDERD_SERVICES_AUTH_STATE_H

#include <pthread.h>

#include "security/token_cache.h"

#include "services/auth.h"

struct auth {
    struct store *store;
    struct hasher *hasher;
    struct throttle *throttle;
    struct token_options tokens;
    int store_timeout_ms;
    int64_t trust_s; /* 0: no address is trusted */
    int trust_addresses;
    pthread_rwlock_t keyring_lock;
    struct keyring *keyring;
    struct token_cache *token_cache; /* of that ring */
};

/* Whom to look for: by name, or by id if that is NULL; and, if address is not, when he last logged
 * in from there (logged_in_at, 0: never). Strings go to the arena. */
struct auth_lookup {
    struct arena *arena;
    const char *username;
    int64_t id;
    const char *address;
    struct user user;
    int64_t logged_in_at;
};

/* ERR_NOT_FOUND. */
enum err auth_look_up(struct auth *, struct context *, struct auth_lookup *);

/* Now, and as long as the store may take. */
int64_t auth_store_deadline(const struct auth *);

#endif
