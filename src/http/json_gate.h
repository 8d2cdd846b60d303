/* The grammar of RFC 8259, checked over the whole text before json-c sees any of it. */
#ifndef ORDERD_HTTP_JSON_GATE_H
#define ORDERD_HTTP_JSON_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/error.h"
#include "http/json.h"

/* What json-c forgets of a value. */
struct json_note {
    enum json_type type;
    bool fits;    /* of JSON_INTEGER: into 64 bits */
    size_t count; /* elements, or members before any were taken for one */
};

struct json_gate {
    char *text; /* for json-c: a copy, in which U+0000 in names is spelt JSON_GATE_NUL */
    size_t len;
    struct json_note *notes; /* one a value, in the order of the text */
    size_t note_count;
};

/* json-c ends a name at U+0000. So "\u0000" in a name is replaced by as many bytes that no
 * well-formed text can hold, and json.c turns them back. */
#define JSON_GATE_NUL "\xC0\x80\xC0\x80\xC0\x80"

/* Checks everything but that no two members of an object have one name. ERR_MALFORMED_JSON, with
 * the place and what is wrong there. */
enum err json_gate(
    struct json_gate *, struct arena *, const char *text, size_t len, struct fault *);

#endif
