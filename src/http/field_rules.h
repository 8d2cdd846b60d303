/* What fields.c (bodies) and fields_query.c share: one value against one row of a shape. */
#ifndef ORDERD_HTTP_FIELD_RULES_H
#define ORDERD_HTTP_FIELD_RULES_H

#include "core/arena.h"
#include "core/error.h"
#include "http/fields.h"

/* Where a value goes. */
struct field_place {
    const struct field *field;
    const char *prefix; /* "" or "items[0].": with the field's name, what a client calls it */
    void *out;          /* the struct that is filled */
    struct arena *arena;
    struct fault *fault;
};

/* ERR_VALIDATION, told of this field. */
enum err field_fail(const struct field_place *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* text is well-formed UTF-8. Copied into the arena when it is taken. */
enum err field_put_text(const struct field_place *, const char *text, size_t len);
enum err field_put_int(const struct field_place *, int64_t);

/* Left out: the default, or an offence. */
enum err field_leave_out(const struct field_place *);

/* An integer out of range, or no integer at all. */
enum err field_fail_int(const struct field_place *);
/* A number of elements or characters that is out of range; what is the plural. */
enum err field_fail_count(const struct field_place *, const char *what);

/* A name that a client made up, fit to be told: cut to 64 bytes, without control characters. */
const char *field_name_shown(struct arena *, const char *name, size_t len);

#endif
