/* json-c makes values of text that has passed the gate. Its special difficulty here is memory: it
 * knows nothing of secrets, so what it copied is wiped behind its back.
 *
 * Owns json-c: nobody else includes it. Never trusts it to refuse anything. */
#include "http/json_tree.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <json.h>
#include <json_visit.h>

/* Deeper than the gate lets anything be. */
#define TREE_DEPTH 64

/* Strings pass through the tokener's scratch buffer, which is made so large beforehand that it does
 * not move (a moved one would leave its bytes behind), and wiped. */
static struct json_object *parse_wiped(struct json_tokener *tokener, const char *text, int size)
{
    if (printbuf_memset(tokener->pb, 0, 0, size) < 0)
        return NULL;
    struct json_object *top = json_tokener_parse_ex(tokener, text, size);
    explicit_bzero(tokener->pb->buf, (size_t)tokener->pb->size);
    return top;
}

/* The NUL is given too: it ends a number at the top. NULL is also the value null. */
enum err json_tree_parse(
    struct json_object **top, const char *text, size_t len, struct fault *fault)
{
    assert(len < INT_MAX);
    struct json_tokener *tokener = json_tokener_new_ex(TREE_DEPTH);
    if (!tokener)
        return fail(fault, ERR_INTERNAL, NULL, "json-c has no memory");
    *top = parse_wiped(tokener, text, (int)len + 1);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (error != json_tokener_success)
        return fail(fault, ERR_INTERNAL, NULL, "json-c refuses what passed the gate: %s",
            json_tokener_error_desc(error));
    return ERR_NONE;
}

static int wipe_text(struct json_object *value, int flags, struct json_object *parent,
    const char *name, size_t *index, void *arg)
{
    (void)flags;
    (void)parent;
    (void)name;
    (void)index;
    (void)arg;
    if (json_object_is_type(value, json_type_string))
        explicit_bzero(
            (char *)json_object_get_string(value), (size_t)json_object_get_string_len(value));
    return JSON_C_VISIT_RETURN_CONTINUE;
}

void json_tree_free(struct json_object *top)
{
    if (!top)
        return;
    int visited = json_c_visit(top, 0, wipe_text, NULL);
    assert(visited == 0);
    json_object_put(top);
}

static void take_elements(struct json_object *array, struct json_child *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i].value = json_object_array_get_idx(array, i);
}

static void take_members(struct json_object *object, struct json_child *out)
{
    json_object_object_foreach(object, name, value)
    {
        *out++ = (struct json_child){name, value};
    }
}

bool json_tree_children(struct json_object *top, struct json_child *out, size_t count)
{
    if (json_object_is_type(top, json_type_array) && json_object_array_length(top) == count)
        take_elements(top, out, count);
    else if (json_object_is_type(top, json_type_object) &&
             (size_t)json_object_object_length(top) == count)
        take_members(top, out);
    else
        return false;
    return true;
}

int64_t json_tree_int(const struct json_object *value)
{
    return json_object_get_int64(value);
}

const char *json_tree_text(struct json_object *value, size_t *len)
{
    *len = (size_t)json_object_get_string_len(value);
    return json_object_get_string(value);
}
