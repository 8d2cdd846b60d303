/* The ledger outlives the program and can be edited by hand, so a line is taken only when every
 * pair of it is known, given once and well-formed, and the pairs are those its event needs. The
 * order of pairs is free. */
#include "gateway/event.h"

#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/text.h"

static const char *const kind_names[EVENT__COUNT] = {
    [EVENT_AUTHORISE] = "authorise",
    [EVENT_DECLINE] = "decline",
    [EVENT_CAPTURE] = "capture",
    [EVENT_CAPTURE_REFUSED] = "capture_refused",
    [EVENT_VOID] = "void",
};

static bool is_between(char c, char first, char last)
{
    return c >= first && c <= last;
}

static bool is_reference(const char *text, size_t len)
{
    if (!len || len >= EVENT_REFERENCE_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!is_between(c, 'a', 'z') && !is_between(c, '0', '9') && !is_between(c, 'A', 'Z') &&
            c != '_' && c != '-')
            return false;
    }
    return true;
}

static bool is_currency(const char *text, size_t len)
{
    return len == 3 && is_between(text[0], 'A', 'Z') && is_between(text[1], 'A', 'Z') &&
           is_between(text[2], 'A', 'Z');
}

bool event_is_reference(const char *text)
{
    return is_reference(text, strnlen(text, EVENT_REFERENCE_SIZE));
}

bool event_is_currency(const char *text)
{
    return is_currency(text, strnlen(text, 4));
}

static void write_pair(struct buffer *out, const char *key, const char *value)
{
    buffer_text(out, key);
    buffer_char(out, '=');
    buffer_text(out, value);
}

void event_write(const struct event *event, int64_t at, struct buffer *out)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(time, at);
    write_pair(out, "time", time);
    write_pair(out, " event", kind_names[event->kind]);
    write_pair(out, " reference", event->reference);
    if (*event->currency) {
        buffer_text(out, " amount=");
        buffer_int(out, event->amount_minor);
        write_pair(out, " currency", event->currency);
    }
    if (event->kind == EVENT_AUTHORISE && event->capture_refused)
        write_pair(out, " capture", "refuse");
    if (event->kind == EVENT_DECLINE)
        write_pair(out, " code", event->code);
    buffer_char(out, '\n');
}

static bool read_time(const char *value, size_t len, struct event *out)
{
    (void)out; /* for people; the order of lines is what counts */
    return len == CLOCK_TEXT_SIZE - 1 && value[len - 1] == 'Z';
}

static bool read_kind(const char *value, size_t len, struct event *out)
{
    for (int kind = EVENT_NONE + 1; kind < EVENT__COUNT; kind++) {
        if (strlen(kind_names[kind]) == len && !memcmp(kind_names[kind], value, len)) {
            out->kind = (enum event_kind)kind;
            return true;
        }
    }
    return false;
}

static bool read_reference(const char *value, size_t len, struct event *out)
{
    if (!is_reference(value, len))
        return false;
    memcpy(out->reference, value, len);
    return true;
}

static bool read_amount(const char *value, size_t len, struct event *out)
{
    return text_parse_uint(value, len, INT64_MAX, &out->amount_minor);
}

static bool read_currency(const char *value, size_t len, struct event *out)
{
    if (!is_currency(value, len))
        return false;
    memcpy(out->currency, value, len);
    return true;
}

static bool read_capture(const char *value, size_t len, struct event *out)
{
    out->capture_refused = true;
    return len == 6 && !memcmp(value, "refuse", 6);
}

static bool read_code(const char *value, size_t len, struct event *out)
{
    if (!len || len >= EVENT_CODE_SIZE)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_between(value[i], 'a', 'z') && value[i] != '_')
            return false;
    memcpy(out->code, value, len);
    return true;
}

enum pair {
    PAIR_TIME,
    PAIR_EVENT,
    PAIR_REFERENCE,
    PAIR_AMOUNT,
    PAIR_CURRENCY,
    PAIR_CAPTURE,
    PAIR_CODE,
    PAIR__COUNT
};

static const struct {
    const char *key;
    bool (*read)(const char *value, size_t len, struct event *);
} pairs[PAIR__COUNT] = {
    [PAIR_TIME] = {"time", read_time},
    [PAIR_EVENT] = {"event", read_kind},
    [PAIR_REFERENCE] = {"reference", read_reference},
    [PAIR_AMOUNT] = {"amount", read_amount},
    [PAIR_CURRENCY] = {"currency", read_currency},
    [PAIR_CAPTURE] = {"capture", read_capture},
    [PAIR_CODE] = {"code", read_code},
};

/* Reads one "key=value" and marks it in *seen. */
static bool read_pair(const char *word, size_t len, unsigned *seen, struct event *out)
{
    const char *equals = memchr(word, '=', len);
    if (!equals)
        return false;
    size_t key_len = (size_t)(equals - word);
    for (unsigned i = 0; i < PAIR__COUNT; i++) {
        if (strlen(pairs[i].key) != key_len || memcmp(pairs[i].key, word, key_len))
            continue;
        if (*seen & 1U << i)
            return false;
        *seen |= 1U << i;
        return pairs[i].read(equals + 1, len - key_len - 1, out);
    }
    return false;
}

static bool has_its_pairs(enum event_kind kind, unsigned seen)
{
    const unsigned core = 1U << PAIR_TIME | 1U << PAIR_EVENT | 1U << PAIR_REFERENCE;
    const unsigned money = 1U << PAIR_AMOUNT | 1U << PAIR_CURRENCY;
    if (kind == EVENT_VOID && seen == core)
        return true;
    if (kind == EVENT_AUTHORISE)
        seen &= ~(1U << PAIR_CAPTURE);
    if (kind == EVENT_DECLINE)
        return seen == (core | money | 1U << PAIR_CODE);
    return seen == (core | money);
}

bool event_parse(const char *line, size_t len, struct event *out)
{
    unsigned seen = 0;
    *out = (struct event){.kind = EVENT_NONE};
    for (const char *word = line, *end = line + len;;) {
        const char *space = memchr(word, ' ', (size_t)(end - word));
        if (!read_pair(word, (size_t)((space ? space : end) - word), &seen, out))
            return false;
        if (!space)
            break;
        word = space + 1;
    }
    return has_its_pairs(out->kind, seen);
}
