/* The members of a flat JSON object: their names, and their values as they were written.
 *
 * Much less than JSON is let through: no value within a value (so no depth to recurse into), no
 * name twice, no escape in a name. What is let through may still be malformed within a value; a
 * JSON parser has the last word. */
#ifndef ORDERD_SECURITY_MEMBERS_H
#define ORDERD_SECURITY_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMBERS_MAX 32

enum member_kind {
    MEMBER_TEXT, /* raw is what stands between the quotes, escapes and all */
    MEMBER_NUMBER,
    MEMBER_WORD, /* true, false, null */
};

struct member {
    enum member_kind kind;
    const char *name;
    size_t name_len;
    const char *raw;
    size_t raw_len;
};

struct members {
    size_t count;
    struct member list[MEMBERS_MAX];
};

/* Everything in *out points into json. NULL: done; else why not, in words. */
const char *members_scan(const char *json, size_t len, struct members *out);

const struct member *members_find(const struct members *, const char *name); /* NULL: none */

/* Is it a text that was written as exactly this, without escapes? */
bool member_is_text(const struct member *, const char *text);

#endif
