/* A spool file, its seal and its name; and the mail that it becomes. There is one spelling of each:
 * what is decoded encodes to the very bytes it came from. Whatever a record says, the mail has
 * lines that may be sent, and one of each header. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "notify/message.h"
#include "spool/name.h"
#include "spool/record.h"
#include "spool/seal.h"

const char fuzz_name[] = "spool";

#define LINE_MAX_BYTES 998 /* RFC 5322, section 2.1.1 */

static const struct message_options sender = {
    .from = "shop@example.com", .from_name = "A shop", .domain = "example.com"};

/* How often a header of that name stands in the head of the mail. */
static int count_header(const char *mail, const char *name)
{
    int count = 0;
    size_t len = strlen(name);
    for (const char *line = mail; *line && *line != '\n'; line = strchr(line, '\n') + 1)
        count += !strncasecmp(line, name, len) && line[len] == ':';
    return count;
}

static void check_lines(const char *mail, size_t len)
{
    size_t column = 0;
    assert(strlen(mail) == len && len && mail[len - 1] == '\n' && strstr(mail, "\n\n"));
    for (size_t i = 0; i < len; i++) {
        column = mail[i] == '\n' ? 0 : column + 1;
        assert(column <= LINE_MAX_BYTES && mail[i] != '\r');
    }
}

static void check_mail(struct arena *arena, const struct record *record)
{
    static const char *const once[] = {"From", "To", "Subject", "Date", "Message-ID"};
    struct fault fault;
    const char *mail;
    size_t len;
    fault_begin(&fault, arena);
    enum err e = message_render(&sender, record, arena, &mail, &len, &fault);
    assert(!e || e == ERR_REFUSED);
    if (e) {
        fuzz_check_fault(&fault, e);
        return;
    }
    check_lines(mail, len);
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        assert(count_header(mail, once[i]) == 1);
    assert(!count_header(mail, "Cc") && !count_header(mail, "Bcc"));
}

static bool check_record(struct arena *arena, const char *bytes, size_t len)
{
    struct record record;
    struct buffer again;
    struct fault fault;
    fault_begin(&fault, arena);
    enum err e = record_decode(arena, bytes, len, &record, &fault);
    if (e) {
        assert(e == ERR_CORRUPT);
        fuzz_check_fault(&fault, e);
        return false;
    }
    buffer_begin(&again, arena, len);
    record_encode(&record, &again);
    assert(again.len == len && !memcmp(again.data, bytes, len));
    check_mail(arena, &record);
    return true;
}

/* Sealed it is whole, and with any one bit of it changed it is not. */
static void check_sealed(const uint8_t *data, size_t size)
{
    size_t content_len;
    char *sealed = xalloc(size + SEAL_SIZE);
    memcpy(sealed, data, size);
    seal_make(sealed + size, data, size);
    assert(seal_check(sealed, size + SEAL_SIZE, &content_len) == (size > 0));
    assert(!size || content_len == size);
    for (size_t i = 0; i < size + SEAL_SIZE; i += size / 4 + 1) {
        sealed[i] ^= 1;
        assert(!seal_check(sealed, size + SEAL_SIZE, &content_len));
        sealed[i] ^= 1;
    }
    assert(!seal_check(sealed, size + SEAL_SIZE - 1, &content_len));
    free(sealed);
}

static void check_name(enum layout_folder folder, const char *text)
{
    struct name name;
    char again[NAME_SIZE];
    if (!name_parse(folder, text, &name))
        return;
    name_format(folder, &name, again);
    assert(!strcmp(text, again));
    fuzz_accepted = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_begun;
    struct arena arena;
    size_t content_len;
    if (!is_begun)
        message_init();
    is_begun = true;
    arena_init(&arena, 4096);
    fuzz_accepted = check_record(&arena, (const char *)data, size);
    if (seal_check((const char *)data, size, &content_len))
        fuzz_accepted = check_record(&arena, (const char *)data, content_len);
    check_sealed(data, size);
    char *text = fuzz_text(data, size);
    check_name(LAYOUT_NEW, text);
    check_name(LAYOUT_CLAIMED, text);
    check_name(LAYOUT_DEFERRED, text);
    free(text);
    arena_fini(&arena);
    return 0;
}
