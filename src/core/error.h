/* What can go wrong, and how it is told.
 *
 * A function that can fail returns enum err: each value says what the caller should do (error.def).
 * Where the cause is known it says so once, by fail(); everyone above passes the code on:
 *
 *     return fail(&ctx->fault, ERR_VALIDATION, "currency", "must be three capital letters");
 *     ...
 *     if (e)
 *         return e;
 */
#ifndef ORDERD_CORE_ERROR_H
#define ORDERD_CORE_ERROR_H

#include <stddef.h>

struct arena;

enum err {
    ERR_NONE = 0,
#define ERROR(code, name, problem, status, title, text) ERR_##code,
#include "core/error.def"
#undef ERROR
    ERR__COUNT
};

/* One row of error.def. */
struct err_info {
    const char *name;    /* as in logs */
    const char *problem; /* after urn:orderd:problem: (a client is not told our inner names) */
    int status;          /* HTTP (RFC 9110, section 15) */
    const char *title;   /* RFC 9457, section 3.1.3 */
    const char *text;    /* what a client is told */
};

/* The row of a code; never NULL. ERR_NONE is {"ok", 200, "", ""}. */
const struct err_info *err_info(enum err);

/* At most so many offending fields are named in one answer. */
#define FAULT_FIELDS_MAX 100

struct fault_field {
    const char *field;   /* "items[0].quantity"; "" is the body as a whole */
    const char *message; /* never holds a value that was sent */
};

/* The first cause of a failure and what belongs to it. Its strings live in the arena that it was
 * begun with; without one (start-up code) they are kept in a small buffer of its own and cut to its
 * size (such a fault must not be copied). */
struct fault {
    struct arena *arena;
    enum err code;
    const char *text; /* public below status 500, else for the log only; NULL: the table's */
    const char *decline_code; /* of ERR_PAYMENT_FAILED, or NULL */
    int retry_after_s;        /* 0: the answer's default */
    struct fault_field *fields;
    size_t field_count;
    char spare[256];
};

/* arena: NULL is allowed, and then fields are not collected. */
void fault_begin(struct fault *, struct arena *);

/* Forgets everything but the arena: for a caller that handles the failure itself. */
void fault_clear(struct fault *);

/* Records the first cause (a later one is dropped) and returns code. With a field, the text is the
 * message of that field and it is added to the list, however many there are already (up to
 * FAULT_FIELDS_MAX; the same code only). fault may be NULL: then only the code is returned. field:
 * NULL if no field is at fault. */
enum err fail(struct fault *, enum err code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, and appends ": " and the words for errno. Maps ENOSPC and EDQUOT to ERR_FULL when code
 * is ERR_IO. */
enum err fail_errno(struct fault *, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
