/* Typed input: a table says what a body or a query may hold; here it is checked and put into a
 * struct.
 *
 * All offending fields are collected before the answer (fault->fields, at most FAULT_FIELDS_MAX),
 * by the names a client knows ("items[3].quantity"; the body as a whole is ""). Unknown members,
 * and null for members that must be there, are offences. No value that was sent is ever repeated.
 */
#ifndef ORDERD_HTTP_FIELDS_H
#define ORDERD_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"

enum field_type {
    FIELD_TEXT,  /* -> const char *; min..max code points; U+0000 never */
    FIELD_BYTES, /* -> const char *; the same, counted in bytes of UTF-8 */
    FIELD_INT,   /* -> int64_t; min..max */
    FIELD_ARRAY, /* -> void * and, at count_offset, size_t; min..max elements, each an object of
                    .shape */
};

struct shape;

struct field {
    const char *name;
    enum field_type type;
    bool is_optional; /* left out (or null in a body): the default_int, or NULL */
    int64_t min;
    int64_t max;
    size_t offset;
    /* texts: a further rule, or NULL; and how an offence is told ("must be three capital letters").
     * When it fails the message is used; lengths and types have messages of their own. */
    bool (*is_valid)(const char *, size_t len);
    const char *message;
    int64_t default_int;
    const struct shape *shape; /* arrays */
    size_t count_offset;
};

struct shape {
    const struct field *fields;
    size_t count;
    size_t size; /* of the struct that is filled */
};

#define SHAPE(table, type)                                                                         \
    {                                                                                              \
        (table), sizeof(table) / sizeof((table)[0]), sizeof(type)                                  \
    }

/* ERR_MALFORMED_JSON, or ERR_VALIDATION with every offending field. *out is zeroed first; strings
 * and arrays are the arena's. */
enum err fields_body(
    const struct shape *, struct arena *, const char *body, size_t len, void *out, struct fault *);

/* The same for application/x-www-form-urlencoded queries ('+' is a space, RFC 3986 percent-encoding
 * else); FIELD_INT must be canonical decimal; an unknown, repeated or empty parameter, a bad
 * escape, text that is no UTF-8 or holds a control character are offences, named by the parameter
 * (one whose own name does not decode: field ""). query may be NULL. shape NULL: no parameter is
 * allowed. */
enum err fields_query(
    const struct shape *, struct arena *, const char *query, void *out, struct fault *);

/* Ready-made rules for is_valid. */
bool field_is_plain(const char *, size_t len);    /* no control characters */
bool field_is_visible(const char *, size_t len);  /* 0x21 to 0x7E only */
bool field_is_currency(const char *, size_t len); /* three capital letters */

/* Percent-encodes for a query value: all but the unreserved characters of RFC 3986, section 2.3. */
struct buffer;
void fields_encode(struct buffer *, const char *);

#endif
