/* A mail is written as it is read, from its first header to its end. Headers are notify/header's;
 * GMime judges which transfer encoding suits the text and encodes it, writes the date, and turns
 * domains into ASCII. Its objects (a message, its parts, a list of headers) are not used: they cost
 * ten times what the mail does. It aborts when memory is out.
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

#define MAIL_SIZE 2048 /* a usual one */

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

static void begin(struct header *header, struct buffer *out, const char *name)
{
    buffer_text(out, name);
    buffer_char(out, ':');
    header_begin(header, out, name);
}

static void put_token(struct buffer *out, const char *name, const char *token)
{
    struct header header;
    begin(&header, out, name);
    header_token(&header, token);
    header_end(&header);
}

static enum err put_mailbox(struct buffer *out, const char *field, const char *name,
    const char *address, struct fault *fault)
{
    struct header header;
    begin(&header, out, field);
    enum err e = header_mailbox(&header, name, address, fault);
    if (!e)
        header_end(&header);
    return e;
}

static void put_subject(
    struct buffer *out, const struct letter *letter, const struct record *record)
{
    struct buffer text;
    buffer_begin(&text, out->arena, 128);
    buffer_text(&text, "Order ");
    buffer_int(&text, record->order_id);
    buffer_char(&text, ' ');
    buffer_text(&text, letter->subject);
    if (record->reference) {
        buffer_text(&text, " (");
        buffer_text(&text, record->reference);
        buffer_char(&text, ')');
    }
    struct header header;
    begin(&header, out, "Subject");
    header_text(&header, text.data);
    header_end(&header);
}

static void put_date(struct buffer *out, int64_t at)
{
    GDateTime *date = g_date_time_new_from_unix_utc(at);
    char *text = g_mime_utils_header_format_date(date);
    put_token(out, "Date", text);
    g_free(text);
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

static enum err put_headers(struct buffer *out, const struct message_options *options,
    const struct letter *letter, const struct record *record, struct fault *fault)
{
    struct arena *arena = out->arena;
    enum err e = put_mailbox(out, "From", options->from_name, options->from, fault);
    if (!e)
        e = put_mailbox(
            out, "To", record->username, ascii_address(arena, record->recipient), fault);
    if (e)
        return e;
    put_subject(out, letter, record);
    put_date(out, record->created_at);
    put_token(out, "Message-ID", arena_printf(arena, "<%s@%s>", record->uid, options->domain));
    put_token(out, "X-Order-Id", arena_printf(arena, "%lld", (long long)record->order_id));
    put_token(out, "X-Request-Id", record->request_id);
    put_token(out, "Auto-Submitted", "auto-generated"); /* RFC 3834, section 5 */
    put_token(out, "MIME-Version", "1.0");
    put_token(out, "Content-Type", "text/plain; charset=utf-8");
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

static void put_text(struct buffer *out, const struct letter *letter, const struct record *record)
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

static GMimeContentEncoding judge_text(const struct buffer *text)
{
    char *out;
    size_t out_len, out_prespace;
    GMimeFilter *judge = g_mime_filter_best_new(GMIME_FILTER_BEST_ENCODING);
    g_mime_filter_complete(judge, text->data, text->len, 0, &out, &out_len, &out_prespace);
    GMimeContentEncoding encoding =
        g_mime_filter_best_encoding(GMIME_FILTER_BEST(judge), GMIME_ENCODING_CONSTRAINT_7BIT);
    g_object_unref(judge);
    return encoding == GMIME_CONTENT_ENCODING_DEFAULT ? GMIME_CONTENT_ENCODING_7BIT : encoding;
}

/* The last header, which says how the text is encoded, and the text. */
static void put_body(struct buffer *out, const struct buffer *text)
{
    GMimeEncoding state;
    GMimeContentEncoding encoding = judge_text(text);
    put_token(out, "Content-Transfer-Encoding", g_mime_content_encoding_to_string(encoding));
    buffer_char(out, '\n');
    g_mime_encoding_init_encode(&state, encoding);
    char *encoded = arena_alloc(out->arena, g_mime_encoding_outlen(&state, text->len));
    buffer_bytes(out, encoded, g_mime_encoding_flush(&state, text->data, text->len, encoded));
}

enum err message_render(const struct message_options *options, const struct record *record,
    struct arena *arena, const char **bytes, size_t *len, struct fault *fault)
{
    const struct letter *letter = find_letter(record->kind);
    if (!letter)
        return fail(fault, ERR_REFUSED, NULL, "no mail is known for kind %s", record->kind);
    struct buffer mail, text;
    buffer_begin(&mail, arena, MAIL_SIZE);
    enum err e = put_headers(&mail, options, letter, record, fault);
    if (e)
        return e;
    buffer_begin(&text, arena, MAIL_SIZE / 2);
    put_text(&text, letter, record);
    put_body(&mail, &text);
    *bytes = mail.data;
    *len = mail.len;
    return ERR_NONE;
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
