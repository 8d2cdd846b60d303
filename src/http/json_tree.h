/* json-c, as far as json.c needs it. Apart from json.h, because json-c's names (json_type) are
 * also ours. */
#ifndef ORDERD_HTTP_JSON_TREE_H
#define ORDERD_HTTP_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct json_object; /* json-c's; NULL is null */

struct json_child {
    const char *name; /* of a member; ends at its first NUL */
    struct json_object *value;
};

/* text must have passed the gate, and end with a NUL that len does not count. */
enum err json_tree_parse(struct json_object **, const char *text, size_t len, struct fault *);

/* Wipes all texts, since bodies hold passwords, and frees the tree. NULL is harmless. */
void json_tree_free(struct json_object *);

/* The elements or members in the order of the text. False: there are not exactly count; json-c
 * keeps one member of each name. */
bool json_tree_children(struct json_object *, struct json_child *out, size_t count);

int64_t json_tree_int(const struct json_object *);
const char *json_tree_text(struct json_object *, size_t *len);

#endif
