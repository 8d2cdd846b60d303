/* Values. The grammar is json_gate.c's and the tree is json-c's; this file brings the two together.
 * json-c alone would not do: it does not tell what a number looked like (-0, 2^64), keeps the last
 * of two members with one name, and finds a member only by its name. So each value gets a node of
 * ours, made of json-c's value and the gate's note; both come in the order of the text.
 *
 * Owns the nodes. Never gives json-c a text that has not passed the gate. */
#include "http/json.h"

#include <assert.h>
#include <string.h>

#include "http/json_gate.h"
#include "http/json_tree.h"

struct json {
    enum json_type type;
    bool fits;
    struct json_object *value;
    const char *name; /* of a member */
    size_t name_len;
    size_t count;
    struct json *children;
};

struct json_document {
    struct json_object *top;
    struct json root;
};

/* The state of building. */
struct builder {
    struct arena *arena;
    const struct json_note *note; /* the next one */
    struct fault *fault;
};

/* Back from JSON_GATE_NUL to U+0000. */
static void set_name(struct arena *arena, struct json *node, const char *name)
{
    size_t name_len = strlen(name);
    node->name = name;
    node->name_len = name_len;
    if (!memchr(name, JSON_GATE_NUL[0], name_len))
        return;
    size_t nul_len = strlen(JSON_GATE_NUL);
    char *copy = arena_alloc(arena, name_len + 1);
    size_t len = 0;
    for (size_t i = 0; i < name_len; len++) {
        bool is_nul = strncmp(name + i, JSON_GATE_NUL, nul_len) == 0;
        copy[len] = is_nul ? '\0' : name[i];
        i += is_nul ? nul_len : 1;
    }
    node->name = copy;
    node->name_len = len;
}

/* json-c's table of members is seeded at random, so no text can make it slow. */
static enum err find_children(struct builder *builder, struct json *node, struct json_child *found)
{
    if (json_tree_children(node->value, found, node->count))
        return ERR_NONE;
    if (node->type == JSON_OBJECT)
        return fail(builder->fault, ERR_MALFORMED_JSON, NULL,
            "The body is not valid JSON: two members of an object have the same name.");
    return fail(builder->fault, ERR_INTERNAL, NULL, "json-c and the gate count differently");
}

/* As deep as the gate let the text be. */
static enum err build(struct builder *builder, struct json *node, struct json_object *value)
{
    const struct json_note *note = builder->note++;
    node->type = note->type;
    node->fits = note->fits;
    node->count = note->count;
    node->value = value;
    if (!node->count)
        return ERR_NONE;
    node->children = arena_array(builder->arena, node->count, sizeof *node->children);
    struct json_child *found = arena_array(builder->arena, node->count, sizeof *found);
    enum err e = find_children(builder, node, found);
    for (size_t i = 0; i < node->count && !e; i++) {
        if (found[i].name)
            set_name(builder->arena, &node->children[i], found[i].name);
        e = build(builder, &node->children[i], found[i].value);
    }
    return e;
}

/* After an error there is nothing to close. */
static enum err make(struct json_document *document, struct arena *arena,
    const struct json_gate *gate, struct fault *fault)
{
    enum err e = json_tree_parse(&document->top, gate->text, gate->len, fault);
    if (e)
        return e;
    struct builder builder = {.arena = arena, .note = gate->notes, .fault = fault};
    e = build(&builder, &document->root, document->top);
    if (e)
        json_close(document);
    return e;
}

enum err json_open(struct json_document **out, struct arena *arena, const char *text, size_t len,
    struct fault *fault)
{
    *out = NULL;
    struct json_gate gate;
    enum err e = json_gate(&gate, arena, text, len, fault);
    if (e)
        return e;
    struct json_document *document = arena_alloc(arena, sizeof *document);
    e = make(document, arena, &gate, fault);
    if (e == ERR_MALFORMED_JSON) {
        /* For want of memory, json-c leaves a member out and does not say so: only what it does
         * twice is the text's fault. */
        if (fault)
            fault_clear(fault);
        e = make(document, arena, &gate, fault);
    }
    if (!e)
        *out = document;
    return e;
}

void json_close(struct json_document *document)
{
    if (!document)
        return;
    json_tree_free(document->top);
    document->top = NULL;
}

const struct json *json_root(const struct json_document *document)
{
    return &document->root;
}

enum json_type json_type(const struct json *json)
{
    return json->type;
}

int64_t json_int(const struct json *json, bool *fits)
{
    assert(json->type == JSON_INTEGER);
    *fits = json->fits;
    return json_tree_int(json->value);
}

const char *json_text(const struct json *json, size_t *len)
{
    assert(json->type == JSON_TEXT);
    return json_tree_text(json->value, len);
}

size_t json_count(const struct json *json)
{
    assert(json->type == JSON_ARRAY || json->type == JSON_OBJECT);
    return json->count;
}

const struct json *json_element(const struct json *json, size_t i)
{
    assert(json->type == JSON_ARRAY && i < json->count);
    return &json->children[i];
}

const struct json *json_member(
    const struct json *json, size_t i, const char **name, size_t *name_len)
{
    assert(json->type == JSON_OBJECT && i < json->count);
    *name = json->children[i].name;
    *name_len = json->children[i].name_len;
    return &json->children[i];
}
