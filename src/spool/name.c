/* Names come from a folder that others may write to: what is not exactly a name of ours is none. */
#include "spool/name.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

/* Reads "NUMBER." at *text, and moves past it. */
static bool parse_number(const char **text, int64_t max, int64_t *out)
{
    const char *dot = strchr(*text, '.');
    if (!dot || !text_parse_uint(*text, (size_t)(dot - *text), max, out))
        return false;
    *text = dot + 1;
    return true;
}

bool name_parse(enum layout_folder folder, const char *text, struct name *out)
{
    *out = (struct name){.tries = 0};
    if (folder == LAYOUT_DEFERRED && !parse_number(&text, INT64_MAX, &out->next_at))
        return false;
    if (folder != LAYOUT_NEW && (!parse_number(&text, NAME_TRIES_MAX, &out->tries) || !out->tries))
        return false;
    if (!text_is_uid(text))
        return false;
    memcpy(out->uid, text, UID_SIZE);
    return true;
}

void name_format(enum layout_folder folder, const struct name *name, char out[NAME_SIZE])
{
    int used;
    if (folder == LAYOUT_DEFERRED)
        used = snprintf(
            out, NAME_SIZE, "%" PRId64 ".%" PRId64 ".%s", name->next_at, name->tries, name->uid);
    else if (folder == LAYOUT_CLAIMED)
        used = snprintf(out, NAME_SIZE, "%" PRId64 ".%s", name->tries, name->uid);
    else
        used = snprintf(out, NAME_SIZE, "%s", name->uid);
    assert(used > 0 && used < NAME_SIZE);
}
