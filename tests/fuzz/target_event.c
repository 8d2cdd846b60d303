/* A line of the gateway's ledger, and the smaller readers of text below it. What is taken is
 * written as a line that is taken again, and means the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "gateway/event.h"

const char fuzz_name[] = "event";

static void check_same(const struct event *a, const struct event *b)
{
    assert(a->kind == b->kind && a->amount_minor == b->amount_minor);
    assert(a->capture_refused == b->capture_refused);
    assert(!strcmp(a->reference, b->reference) && !strcmp(a->currency, b->currency));
    assert(!strcmp(a->code, b->code));
}

static void check_taken(const struct event *event)
{
    struct arena arena;
    struct buffer line;
    struct event again;
    assert(event->kind > EVENT_NONE && event->kind < EVENT__COUNT && event->amount_minor >= 0);
    assert(event_is_reference(event->reference));
    assert(!*event->currency || event_is_currency(event->currency));
    arena_init(&arena, 1024);
    buffer_begin(&line, &arena, 256);
    event_write(event, 1800000000, &line);
    assert(line.len <= EVENT_LINE_MAX && line.data[line.len - 1] == '\n');
    assert(!text_has_control(line.data, line.len - 1));
    assert(event_parse(line.data, line.len - 1, &again));
    check_same(event, &again);
    arena_fini(&arena);
}

/* There is one spelling of each number. */
static void check_number(const char *text, size_t len)
{
    char again[TEXT_INT_SIZE];
    int64_t number;
    if (!text_parse_uint(text, len, INT64_MAX, &number))
        return;
    assert(number >= 0 && text_int(again, number) == len && !memcmp(again, text, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event event;
    fuzz_accepted = event_parse((const char *)data, size, &event);
    if (fuzz_accepted)
        check_taken(&event);
    check_number((const char *)data, size);
    return 0;
}
