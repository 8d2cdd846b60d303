/* The gate, json-c behind it, and the writer. What the gate lets through json-c understands in the
 * same way: it is written out again, and what was written reads and writes as itself. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "http/json.h"
#include "http/json_gate.h"

const char fuzz_name[] = "json";

/* Of a value: what the writer, which has texts without U+0000 and no fractions, can say of it. */
struct survey {
    struct json_writer writer;
    struct arena *arena;
    bool is_exact; /* nothing was left out so far */
};

static void put_value(struct survey *, const struct json *, int depth);

static void put_text(struct survey *survey, const struct json *value)
{
    size_t len;
    const char *text = json_text(value, &len);
    assert(text_is_utf8(text, len) && !text[len]);
    survey->is_exact = survey->is_exact && strlen(text) == len;
    json_put_text(&survey->writer, text);
}

static void put_array(struct survey *survey, const struct json *value, int depth)
{
    json_begin_array(&survey->writer);
    for (size_t i = 0; i < json_count(value); i++)
        put_value(survey, json_element(value, i), depth + 1);
    json_end_array(&survey->writer);
}

static void put_object(struct survey *survey, const struct json *value, int depth)
{
    json_begin_object(&survey->writer);
    for (size_t i = 0; i < json_count(value); i++) {
        const char *name;
        size_t len;
        const struct json *member = json_member(value, i, &name, &len);
        assert(text_is_utf8(name, len));
        char *key = arena_copy(survey->arena, name, len);
        bool is_plain = strlen(key) == len && !strpbrk(key, JSON_ESCAPED);
        survey->is_exact = survey->is_exact && is_plain;
        json_key(&survey->writer, is_plain ? key : "name");
        put_value(survey, member, depth + 1);
    }
    json_end_object(&survey->writer);
}

static void put_int(struct survey *survey, const struct json *value)
{
    bool fits;
    int64_t number = json_int(value, &fits);
    json_put_int(&survey->writer, fits ? number : 0);
}

static void put_value(struct survey *survey, const struct json *value, int depth)
{
    enum json_type type = json_type(value);
    assert(depth <= JSON_DEPTH_MAX);
    switch (type) {
    case JSON_TEXT:
        put_text(survey, value);
        return;
    case JSON_ARRAY:
        put_array(survey, value, depth);
        return;
    case JSON_OBJECT:
        put_object(survey, value, depth);
        return;
    case JSON_INTEGER:
        put_int(survey, value);
        return;
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER:
        json_put_null(&survey->writer);
        return;
    }
    assert(!"a type that json.h knows");
}

/* What was read, written. False: the writer cannot say it. */
static bool print(struct arena *arena, const struct json_document *document, struct buffer *out)
{
    struct survey survey = {.arena = arena, .is_exact = true};
    buffer_begin(out, arena, 256);
    json_begin(&survey.writer, out);
    put_value(&survey, json_root(document), 0);
    return survey.is_exact;
}

static void check_round_trip(struct arena *arena, const struct json_document *document)
{
    struct buffer first, second;
    struct json_document *again;
    if (!print(arena, document, &first))
        return;
    enum err e = json_open(&again, arena, first.data, first.len, NULL);
    assert(!e);
    assert(print(arena, again, &second));
    assert(first.len == second.len && !memcmp(first.data, second.data, first.len));
    json_close(again);
}

/* Behind a whole value nothing may follow but space. */
static void check_end(struct arena *arena, const uint8_t *data, size_t size)
{
    struct json_gate gate;
    char *longer = arena_alloc(arena, size + 2);
    memcpy(longer, data, size);
    memcpy(longer + size, "\n ", 2);
    assert(!json_gate(&gate, arena, longer, size + 2, NULL));
    longer[size + 1] = ',';
    assert(json_gate(&gate, arena, longer, size + 2, NULL) == ERR_MALFORMED_JSON);
}

static void check_refusal(struct arena *arena, const uint8_t *data, size_t size)
{
    struct json_document *document;
    struct fault fault;
    fault_begin(&fault, arena);
    enum err e = json_open(&document, arena, (const char *)data, size, &fault);
    assert(e == ERR_MALFORMED_JSON); /* never internal: then json-c and the gate disagree */
    fuzz_check_fault(&fault, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct json_gate gate;
    struct json_document *document = NULL;
    arena_init(&arena, 4096);
    bool passed = !json_gate(&gate, &arena, (const char *)data, size, NULL);
    fuzz_accepted = !json_open(&document, &arena, (const char *)data, size, NULL);
    assert(passed || !fuzz_accepted);
    if (passed) {
        assert(text_is_utf8((const char *)data, size));
        check_end(&arena, data, size);
    }
    if (fuzz_accepted)
        check_round_trip(&arena, document);
    else
        check_refusal(&arena, data, size);
    if (fuzz_accepted)
        json_close(document);
    arena_fini(&arena);
    return 0;
}
