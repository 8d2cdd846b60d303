/* Payment attempts: rows <-> structs, no rules.
 *
 * An attempt is written before the gateway is asked. Attempts move only by compare-and-set, as
 * single statements. */
#ifndef ORDERD_DB_ATTEMPTS_H
#define ORDERD_DB_ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct arena;
struct db;

enum attempt_state {
    ATTEMPT_NONE, /* no such attempt */
    ATTEMPT_STARTED,
    ATTEMPT_ORDERED,     /* final: the order exists */
    ATTEMPT_DECLINED,    /* final */
    ATTEMPT_VOIDING,     /* to be voided at the gateway */
    ATTEMPT_VOIDED,      /* final */
    ATTEMPT_VOID_FAILED, /* final: refused for good; an administrator's */
    ATTEMPT_CONFLICT,    /* final: it was captured; an administrator's */
};

const char *attempt_state_name(enum attempt_state); /* "started", "void_failed" ... */
enum attempt_state attempt_state_parse(const char *);

struct attempt_new {
    const char *uid;
    int64_t user_id;
    int64_t amount_minor;
    const char *currency;
    const char *request_id;
    int64_t started_at;
};

/* Repeatable: an attempt that is there already is left as it is. */
enum err attempts_start(struct db *, const struct attempt_new *);

/* started -> to, with the reason (short, public words: a decline code, "timeout"; may be NULL).
 * ERR_REFUSED if it is not started: then *now is the state it has (ATTEMPT_NONE: no such attempt).
 */
enum err attempts_end(struct db *, const char *uid, enum attempt_state to, const char *reason,
    int64_t at, enum attempt_state *now);

/* The start pass: every attempt still started becomes voiding and its idempotency key is freed;
 * *count. */
enum err attempts_abandon_all(struct db *, int64_t at, int64_t *count);

/* An administrator's end of what cannot be mended here. */
struct write_off {
    int64_t at; /* 0: there is none */
    const char *by;
    const char *reason;
};
#define WRITE_OFF_BY_MAX     64  /* code points */
#define WRITE_OFF_REASON_MAX 200 /* code points */

struct attempt {
    const char *uid;
    int64_t user_id;
    enum attempt_state state;
    const char *reason; /* or NULL */
    int64_t amount_minor;
    const char *currency;
    int64_t started_at;
    int64_t tries;
    const char *request_id; /* or NULL */
    int64_t next_try_at;    /* of a void that failed; 0: none */
    const char *last_error; /* or NULL */
    int64_t ended_at;       /* 0: it has not */
    int64_t settled_at;     /* 0: it is not */
    struct write_off write_off;
};
/* ERR_NOT_FOUND. */
enum err attempts_get(struct db *, struct arena *, const char *uid, struct attempt *out);
enum err attempts_count(struct db *, enum attempt_state, int64_t *out);

/* voiding -> voided, void_failed or conflict. One that has moved on already is left alone
 * (repeatable). */
enum err attempts_settle(
    struct db *, const char *uid, enum attempt_state to, const char *reason, int64_t at);
/* tries + 1, and the time of the next. */
enum err attempts_retry(struct db *, const char *uid, const char *reason, int64_t next_try_at);

/* For a database that was restored: started or voiding -> conflict, since the gateway has captured
 * it after the backup; its idempotency key is freed. One that has moved on is left alone. */
enum err attempts_captured(struct db *, const char *uid, int64_t at);

/* For an administrator: void_failed -> voiding, to be tried at once; and void_failed or conflict is
 * written off, for good. ERR_REFUSED: it is in another state, or written off already;
 * ERR_NOT_FOUND.
 */
enum err attempts_reopen(struct db *, const char *uid, int64_t at);
enum err attempts_write_off(struct db *, const char *uid, const struct write_off *);

#endif
