/* Idempotency keys: who claimed one, and the answer that was given. */
#ifndef ORDERD_DB_IDEMPOTENCY_H
#define ORDERD_DB_IDEMPOTENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct arena;
struct db;

#define FINGERPRINT_SIZE 32 /* SHA-256 of the body */

struct idempotency_key {
    int64_t user_id;
    const char *key;
    unsigned char fingerprint[FINGERPRINT_SIZE];
};

struct idempotency_entry {
    unsigned char fingerprint[FINGERPRINT_SIZE];
    const char *attempt_uid;
    bool is_done;
    int64_t order_id; /* the rest only when done */
    const void *answer;
    size_t answer_len;
};

/* ERR_NOT_FOUND. */
enum err idempotency_find(
    struct db *, struct arena *, int64_t user_id, const char *key, struct idempotency_entry *out);

/* Claims the key for an attempt. ERR_NONE: it is that attempt's (also when it was before).
 * ERR_REFUSED: another has it, *out is that entry. */
enum err idempotency_claim(struct db *, struct arena *, const struct idempotency_key *,
    const char *attempt_uid, int64_t at, struct idempotency_entry *out);

/* The answer to be given again. ERR_REFUSED: the key is not that attempt's. */
enum err idempotency_finish(struct db *, const struct idempotency_key *, const char *attempt_uid,
    int64_t order_id, const void *answer, size_t len, int64_t at);

/* Frees the key, if that attempt holds it and it is not done. */
enum err idempotency_release(
    struct db *, int64_t user_id, const char *key, const char *attempt_uid);

/* Deletes up to limit answers of before that time; *count. */
enum err idempotency_expire(struct db *, int64_t before, int64_t limit, int64_t *count);

#endif
