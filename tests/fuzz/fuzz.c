/* See fuzz.h. */
#include "fuzz.h"

#include <string.h>

#include "core/text.h"

bool fuzz_accepted;

char *fuzz_text(const uint8_t *data, size_t size)
{
    size_t len = size ? strnlen((const char *)data, size) : 0;
    char *text = xalloc(len + 1);
    if (len)
        memcpy(text, data, len);
    return text;
}

static bool is_plain(const char *text)
{
    return text && text_is_utf8(text, strlen(text)) && !text_has_control(text, strlen(text));
}

void fuzz_check_fault(const struct fault *fault, enum err e)
{
    assert(e && fault->code == e);
    assert(!fault->text || is_plain(fault->text));
    if (e != ERR_VALIDATION)
        return;
    assert(fault->field_count > 0 && fault->field_count <= FAULT_FIELDS_MAX);
    for (size_t i = 0; i < fault->field_count; i++) {
        assert(is_plain(fault->fields[i].field));
        assert(is_plain(fault->fields[i].message) && *fault->fields[i].message);
    }
}
