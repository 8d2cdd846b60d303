/* Cursors, and base64url below them. An input is tried as a cursor, and is also the id and the
 * purpose of one that is sealed and then tampered with. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "security/cursor.h"

const char fuzz_name[] = "cursor";

static const unsigned char key[CURSOR_KEY_SIZE] = "a key of exactly thirty-two byte";

/* The purpose of the corpus' good cursors. */
#define PURPOSE "order.list\n1\n0\n"

static bool check_open(const char *text)
{
    char sealed[CURSOR_SIZE];
    int64_t id;
    if (!cursor_open(text, key, PURPOSE, &id))
        return false;
    cursor_seal(sealed, key, PURPOSE, id);
    assert(!strcmp(sealed, text));
    return true;
}

/* There is one spelling of each run of bytes. */
static void check_base64url(const char *text)
{
    size_t len = strlen(text), size;
    char *bytes = xalloc(len + 1), *again = xalloc(len + 8);
    if (text_unbase64url(bytes, len, &size, text, len)) {
        text_base64url(again, bytes, size);
        assert(!strcmp(again, text));
    }
    free(again);
    free(bytes);
}

static void check_tampering(const char *sealed, const char *purpose, int64_t id)
{
    char changed[CURSOR_SIZE];
    int64_t found;
    size_t len = strlen(sealed);
    assert(len < CURSOR_SIZE);
    assert(cursor_open(sealed, key, purpose, &found) && found == id);
    for (size_t i = (size_t)id % 8; i < len; i += 8) {
        memcpy(changed, sealed, len + 1);
        changed[i] = sealed[i] == 'A' ? 'B' : 'A';
        assert(!cursor_open(changed, key, purpose, &found));
        memcpy(changed, sealed, i);
        changed[i] = '\0';
        assert(!cursor_open(changed, key, purpose, &found));
    }
}

/* The first eight bytes are the id, the rest is the purpose. */
static void check_sealed(const uint8_t *data, size_t size)
{
    char sealed[CURSOR_SIZE], *longer;
    int64_t id, found;
    if (size < sizeof id)
        return;
    memcpy(&id, data, sizeof id);
    char *purpose = fuzz_text(data + sizeof id, size - sizeof id);
    cursor_seal(sealed, key, purpose, id);
    check_tampering(sealed, purpose, id);
    longer = xalloc(strlen(purpose) + 2);
    memcpy(longer, purpose, strlen(purpose));
    longer[strlen(purpose)] = 'x';
    assert(!cursor_open(sealed, key, longer, &found));
    free(longer);
    free(purpose);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    fuzz_accepted = check_open(text);
    check_base64url(text);
    free(text);
    check_sealed(data, size);
    return 0;
}
