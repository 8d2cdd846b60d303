/* JSON: a strict gate before json-c, and a writer.
 *
 * json-c 0.16, strict or not, takes 16 classes of text that RFC 8259 forbids, keeps the last of two
 * members with one name and rounds what it cannot hold; so a grammar check of our own runs first,
 * over the whole text. */
#ifndef ORDERD_HTTP_JSON_H
#define ORDERD_HTTP_JSON_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"

#define JSON_DEPTH_MAX 32

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INTEGER, /* no fraction, no exponent, not -0 */
    JSON_NUMBER,  /* any other number */
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json; /* a value; lives until json_close */
struct json_document;

/* Parses all of the text: RFC 8259, and no byte order mark, invalid UTF-8, lone surrogate, nesting
 * deeper than JSON_DEPTH_MAX or two members of one name. ERR_MALFORMED_JSON. */
enum err json_open(
    struct json_document **, struct arena *, const char *text, size_t len, struct fault *);
void json_close(struct json_document *); /* NULL is harmless; its texts are wiped */
const struct json *json_root(const struct json_document *);

enum json_type json_type(const struct json *);
int64_t json_int(
    const struct json *, bool *fits); /* of JSON_INTEGER; *fits false: beyond 64 bits */
const char *json_text(const struct json *, size_t *len); /* may hold U+0000 */
size_t json_count(const struct json *);                  /* elements or members */
const struct json *json_element(const struct json *, size_t i);
/* The i-th member in the order sent; its name may hold U+0000. */
const struct json *json_member(const struct json *, size_t i, const char **name, size_t *name_len);

/* The writer. Commas and quotes are its work; nesting is asserted. Text that is not UTF-8 is
 * asserted never to come (it was checked on the way in). */
struct json_writer {
    struct buffer *out;
    bool needs_comma;
    int depth;
};

void json_begin(struct json_writer *, struct buffer *);
void json_begin_object(struct json_writer *); /* { */
void json_end_object(struct json_writer *);   /* } */
void json_begin_array(struct json_writer *);
void json_end_array(struct json_writer *);
void json_put_text(struct json_writer *, const char *); /* NULL writes null */
void json_put_int(struct json_writer *, int64_t);
void json_put_bool(struct json_writer *, bool);
void json_put_null(struct json_writer *);
void json_put_time(struct json_writer *, int64_t at); /* RFC 3339 */

/* Room for a name with quotes and colon, which the caller puts there: json_key()'s. */
char *json_begin_key(struct json_writer *, size_t len);

/* What a text has escaped (RFC 8259, section 7). */
#define JSON_ESCAPED                                                                               \
    "\"\\\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022\023\024"         \
    "\025\026\027\030\031\032\033\034\035\036\037"

/* Names are our own words and hold nothing of that. As constants they are measured and looked at by
 * the compiler. */
static inline void json_key(struct json_writer *writer, const char *name)
{
    assert(!strpbrk(name, JSON_ESCAPED));
    size_t len = strlen(name);
    char *at = json_begin_key(writer, len + 3);
    at[0] = '"';
    memcpy(at + 1, name, len);
    at[len + 1] = '"';
    at[len + 2] = ':';
}

#endif
