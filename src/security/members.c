/* One pass, no recursion, nothing allocated: it runs on bytes that anybody may send, before any
 * signature was checked. */
#include "security/members.h"

#include <string.h>

struct scan {
    const char *at;
    const char *end;
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\n\r", *scan->at, 4))
        scan->at++;
}

static bool skip_char(struct scan *scan, char c)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Behind the opening quote, to behind the closing one. */
static bool scan_text(struct scan *scan, bool escapes, const char **raw, size_t *len)
{
    *raw = scan->at;
    while (scan->at < scan->end && *scan->at != '"') {
        if ((unsigned char)*scan->at < 0x20 || (*scan->at == '\\' && !escapes))
            return false;
        if (*scan->at == '\\' && ++scan->at == scan->end)
            return false;
        scan->at++;
    }
    if (scan->at >= scan->end)
        return false;
    *len = (size_t)(scan->at - *raw);
    scan->at++;
    return true;
}

/* A run of characters of a number or a word. */
static bool scan_run(struct scan *scan, const char *allowed, const char **raw, size_t *len)
{
    *raw = scan->at;
    while (scan->at < scan->end && *scan->at && strchr(allowed, *scan->at))
        scan->at++;
    *len = (size_t)(scan->at - *raw);
    return *len > 0;
}

static const char *scan_value(struct scan *scan, struct member *out)
{
    skip_space(scan);
    if (scan->at < scan->end && (*scan->at == '{' || *scan->at == '['))
        return "a value within a value";
    if (skip_char(scan, '"')) {
        out->kind = MEMBER_TEXT;
        return scan_text(scan, true, &out->raw, &out->raw_len) ? NULL : "a text without end";
    }
    out->kind = MEMBER_NUMBER;
    if (scan_run(scan, "+-.0123456789eE", &out->raw, &out->raw_len))
        return NULL;
    out->kind = MEMBER_WORD;
    return scan_run(scan, "aeflnrstu", &out->raw, &out->raw_len) ? NULL : "no value";
}

static const char *scan_member(struct scan *scan, struct members *members)
{
    if (members->count == MEMBERS_MAX)
        return "too many members";
    struct member *member = &members->list[members->count];
    if (!skip_char(scan, '"') || !scan_text(scan, false, &member->name, &member->name_len))
        return "no plain name";
    for (size_t i = 0; i < members->count; i++)
        if (members->list[i].name_len == member->name_len &&
            !memcmp(members->list[i].name, member->name, member->name_len))
            return "a name twice";
    if (!skip_char(scan, ':'))
        return "no colon behind a name";
    members->count++;
    return scan_value(scan, member);
}

const char *members_scan(const char *json, size_t len, struct members *out)
{
    struct scan scan = {.at = json, .end = json + len};
    out->count = 0;
    if (!skip_char(&scan, '{'))
        return "not an object";
    if (!skip_char(&scan, '}')) {
        do {
            const char *why = scan_member(&scan, out);
            if (why)
                return why;
        } while (skip_char(&scan, ','));
        if (!skip_char(&scan, '}'))
            return "not one object";
    }
    skip_space(&scan);
    return scan.at == scan.end ? NULL : "text behind the object";
}

const struct member *members_find(const struct members *members, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < members->count; i++)
        if (members->list[i].name_len == len && !memcmp(members->list[i].name, name, len))
            return &members->list[i];
    return NULL;
}

bool member_is_text(const struct member *member, const char *text)
{
    return member && member->kind == MEMBER_TEXT && member->raw_len == strlen(text) &&
           !memcmp(member->raw, text, member->raw_len);
}
