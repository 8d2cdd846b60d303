/* The ledger outlives the program and can be edited by hand, so a line is taken only when its
 * pairs are those that its event needs, in the order in which they are written, and well-formed. A
 * start reads millions of lines. */
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

/* What a reference is made of, a bit a character: looked up without a branch, since in a random
 * name none could be foretold. */
static const uint64_t reference_set[4] = {
    UINT64_C(0x03ff200000000000), /* - 0-9 */
    UINT64_C(0x07fffffe87fffffe), /* A-Z _ a-z */
};

static bool is_reference(const char *text, size_t len)
{
    if (!len || len >= EVENT_REFERENCE_SIZE)
        return false;
    uint64_t good = 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        good &= reference_set[c / 64] >> c % 64;
    }
    return good;
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

struct reader {
    const char *at;
    const char *end;
    struct event *out;
};

/* Reads one pair, if it is the next one. key: with its '=', and the space before it. */
static inline bool read_pair(struct reader *reader, const char *key, size_t key_len,
    bool (*read)(const char *value, size_t len, struct event *))
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left < key_len || memcmp(reader->at, key, key_len))
        return false;
    const char *value = reader->at + key_len;
    const char *space = memchr(value, ' ', left - key_len);
    reader->at = space ? space : reader->end;
    return read(value, (size_t)(reader->at - value), reader->out);
}

#define READ(key, read) read_pair(&reader, key, sizeof key - 1, read)

bool event_parse(const char *line, size_t len, struct event *out)
{
    struct reader reader = {.at = line, .end = line + len, .out = out};
    *out = (struct event){.kind = EVENT_NONE};
    if (!READ("time=", read_time) || !READ(" event=", read_kind) ||
        !READ(" reference=", read_reference))
        return false;
    if (out->kind == EVENT_VOID && reader.at == reader.end)
        return true;
    if (!READ(" amount=", read_amount) || !READ(" currency=", read_currency))
        return false;
    if (out->kind == EVENT_DECLINE && !READ(" code=", read_code))
        return false;
    if (out->kind == EVENT_AUTHORISE && reader.at < reader.end && !READ(" capture=", read_capture))
        return false;
    return reader.at == reader.end;
}
