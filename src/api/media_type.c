/* See media_type.h. */
#include "api/media_type.h"

#include <string.h>
#include <strings.h>

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

/* Behind the word, or NULL if it is another one. */
static const char *skip_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncasecmp(text, word, len) == 0 ? text + len : NULL;
}

bool media_type_is_json(const char *text)
{
    const char *at = skip_word(skip_space(text), "application/json");
    if (!at)
        return false;
    at = skip_space(at);
    if (*at == '\0')
        return true;
    if (*at != ';')
        return false;
    at = skip_word(skip_space(at + 1), "charset=");
    if (!at)
        return false;
    const char *quoted = skip_word(at, "\"utf-8\"");
    const char *end = quoted ? quoted : skip_word(at, "utf-8");
    return end && *skip_space(end) == '\0';
}
