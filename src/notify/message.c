/* Headers are written by notify/header and handed to GMime as they are; GMime does the rest: date,
 * MIME part, character set, the transfer encoding that suits the text. It aborts when memory is
 * out.
 *
 * Alone includes GMime. Nothing of a record reaches a header but through notify/header.
 */
#include "notify/message.h"

#include <string.h>

#include <gmime/gmime.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/text.h"
#include "spool/record.h"

#include "notify/currency.h"
#include "notify/header.h"

/* What differs between the kinds of notifications. */
static const struct letter {
    const char *kind;
    const char *subject; /* after "Order 17 " */
    const char *opening;
} letters[] = {
    {"order_confirmed", "confirmed", "thank you for your order. It is confirmed."},
};

void message_init(void)
{
    g_mime_init();
}

void message_fini(void)
{
    g_mime_shutdown();
}

static const struct letter *find_letter(const char *kind)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (!strcmp(letters[i].kind, kind))
            return &letters[i];
    return NULL;
}

/* Sets a header to what follows its colon, already folded and encoded. */
static void set_raw(GMimeMessage *mail, const char *name, const struct buffer *value)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(mail));
    g_mime_header_list_set(list, name, "", NULL);
    g_mime_header_set_raw_value(g_mime_header_list_get_header(list, name), value->data);
}

static void set_token(GMimeMessage *mail, struct arena *arena, const char *name, const char *token)
{
    struct buffer value;
    struct header header;
    buffer_begin(&value, arena, 64);
    header_begin(&header, &value, name);
    header_token(&header, token);
    header_end(&header);
    set_raw(mail, name, &value);
}

static enum err set_mailbox(GMimeMessage *mail, struct arena *arena, const char *field,
    const char *name, const char *address, struct fault *fault)
{
    struct buffer value;
    struct header header;
    buffer_begin(&value, arena, 128);
    header_begin(&header, &value, field);
    enum err e = header_mailbox(&header, name, address, fault);
    if (e)
        return e;
    header_end(&header);
    set_raw(mail, field, &value);
    return ERR_NONE;
}

static void set_subject(GMimeMessage *mail, struct arena *arena, const struct letter *letter,
    const struct record *record)
{
    struct buffer text;
    buffer_begin(&text, arena, 128);
    buffer_text(&text, "Order ");
    buffer_int(&text, record->order_id);
    buffer_char(&text, ' ');
    buffer_text(&text, letter->subject);
    if (record->reference) {
        buffer_text(&text, " (");
        buffer_text(&text, record->reference);
        buffer_char(&text, ')');
    }
    struct buffer value;
    struct header header;
    buffer_begin(&value, arena, 256);
    header_begin(&header, &value, "Subject");
    header_text(&header, text.data);
    header_end(&header);
    set_raw(mail, "Subject", &value);
}

static void set_date(GMimeMessage *mail, int64_t at)
{
    GDateTime *date = g_date_time_new_from_unix_utc(at);
    g_mime_message_set_date(mail, date);
    g_date_time_unref(date);
}

/* A domain that is not ASCII becomes its ASCII form (RFC 5890), where it has one. GMime sees
 * nothing of the local part, nor a domain that is none: it would cut both where it stops to
 * understand. */
static const char *ascii_address(struct arena *arena, const char *address)
{
    const char *at = strchr(address, '@');
    if (!at || header_is_host(at + 1) || !header_is_wide_host(at + 1))
        return address;
    InternetAddress *mailbox = internet_address_mailbox_new(NULL, arena_printf(arena, "x%s", at));
    const char *ascii = internet_address_mailbox_get_idn_addr(INTERNET_ADDRESS_MAILBOX(mailbox));
    const char *ascii_at = ascii ? strchr(ascii, '@') : NULL;
    const char *kept =
        arena_printf(arena, "%.*s%s", (int)(at - address), address, ascii_at ? ascii_at : at);
    g_object_unref(mailbox);
    return kept;
}

static enum err set_headers(GMimeMessage *mail, const struct message_options *options,
    const struct letter *letter, const struct record *record, struct arena *arena,
    struct fault *fault)
{
    enum err e = set_mailbox(mail, arena, "From", options->from_name, options->from, fault);
    if (!e)
        e = set_mailbox(
            mail, arena, "To", record->username, ascii_address(arena, record->recipient), fault);
    if (e)
        return e;
    set_subject(mail, arena, letter, record);
    set_date(mail, record->created_at);
    set_token(
        mail, arena, "Message-ID", arena_printf(arena, "<%s@%s>", record->uid, options->domain));
    set_token(mail, arena, "X-Order-Id", arena_printf(arena, "%lld", (long long)record->order_id));
    set_token(mail, arena, "X-Request-Id", record->request_id);
    set_token(mail, arena, "Auto-Submitted", "auto-generated"); /* RFC 3834, section 5 */
    return ERR_NONE;
}

static void put_item(struct buffer *out, const struct record_item *item, const char *currency)
{
    buffer_text(out, "\n  ");
    buffer_text(out, item->name ? item->name : item->sku);
    if (item->name) {
        buffer_text(out, " (");
        buffer_text(out, item->sku);
        buffer_char(out, ')');
    }
    buffer_text(out, "\n      ");
    buffer_int(out, item->quantity);
    buffer_text(out, " x ");
    currency_amount(out, item->unit_price_minor, currency);
    buffer_text(out, ": ");
    currency_amount(out, item->quantity * item->unit_price_minor, currency);
    buffer_char(out, '\n');
}

static void put_body(struct buffer *out, const struct letter *letter, const struct record *record)
{
    char created[CLOCK_TEXT_SIZE];
    clock_text(created, record->created_at);
    buffer_text(out, "Hello ");
    buffer_text(out, record->username);
    buffer_text(out, ",\n\n");
    buffer_text(out, letter->opening);
    buffer_text(out, "\n\nOrder number: ");
    buffer_int(out, record->order_id);
    if (record->reference) {
        buffer_text(out, "\nYour reference: ");
        buffer_text(out, record->reference);
    }
    buffer_text(out, "\nOrdered at: ");
    buffer_text(out, created);
    buffer_char(out, '\n');
    for (size_t i = 0; i < record->item_count; i++)
        put_item(out, &record->items[i], record->currency);
    buffer_text(out, "\nTotal: ");
    currency_amount(out, record->total_minor, record->currency);
    buffer_char(out, '\n');
}

/* Not a GMimeTextPart: that one would store the text in the smallest character set that has it. */
static void set_body(GMimeMessage *mail, const struct buffer *text)
{
    GMimePart *part = g_mime_part_new_with_type("text", "plain");
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text->data, text->len);
    GMimeDataWrapper *content =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content(part, content);
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    GMimeContentEncoding encoding =
        g_mime_part_get_best_content_encoding(part, GMIME_ENCODING_CONSTRAINT_7BIT);
    if (encoding == GMIME_CONTENT_ENCODING_DEFAULT) /* any will do */
        encoding = GMIME_CONTENT_ENCODING_7BIT;
    g_mime_part_set_content_encoding(part, encoding);
    g_mime_message_set_mime_part(mail, GMIME_OBJECT(part));
    g_object_unref(content);
    g_object_unref(stream);
    g_object_unref(part);
}

static void write_out(GMimeMessage *mail, struct arena *arena, const char **bytes, size_t *len)
{
    char *text = g_mime_object_to_string(GMIME_OBJECT(mail), NULL);
    *len = strlen(text);
    *bytes = arena_copy(arena, text, *len);
    g_free(text);
}

enum err message_render(const struct message_options *options, const struct record *record,
    struct arena *arena, const char **bytes, size_t *len, struct fault *fault)
{
    const struct letter *letter = find_letter(record->kind);
    if (!letter)
        return fail(fault, ERR_REFUSED, NULL, "no mail is known for kind %s", record->kind);
    GMimeMessage *mail = g_mime_message_new(FALSE);
    enum err e = set_headers(mail, options, letter, record, arena, fault);
    if (!e) {
        struct buffer body;
        buffer_begin(&body, arena, 1024);
        put_body(&body, letter, record);
        set_body(mail, &body);
        write_out(mail, arena, bytes, len);
    }
    g_object_unref(mail);
    return e;
}

static bool is_plain_text(const char *text)
{
    size_t len = strlen(text);
    return text_is_utf8(text, len) && !text_has_control(text, len);
}

enum err message_check(const struct message_options *options, struct fault *fault)
{
    struct arena arena;
    struct buffer scratch;
    struct header header;
    if (!is_plain_text(options->from) || !is_plain_text(options->from_name))
        return fail(fault, ERR_CONFIG, NULL, "notify.from, notify.from_name: not plain UTF-8 text");
    if (!header_is_host(options->domain))
        return fail(fault, ERR_CONFIG, NULL, "notify.domain: not the name of a host");
    arena_init(&arena, 1024);
    buffer_begin(&scratch, &arena, 512);
    header_begin(&header, &scratch, "From");
    enum err e = header_mailbox(&header, options->from_name, options->from, NULL);
    arena_fini(&arena);
    return e ? fail(fault, ERR_CONFIG, NULL, "notify.from: not an e-mail address") : ERR_NONE;
}
