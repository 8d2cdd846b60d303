/* Mails are read back with GMime as a mail program would, and looked at byte by byte where GMime is
 * more lenient than the rules. */
#include <string.h>

#include <gmime/gmime.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/text.h"
#include "notify/currency.h"
#include "notify/header.h"
#include "notify/message.h"

#include "spool_desk.h"
#include "unit.h"

static const struct message_options plain_options = {
    .from = "shop@example.org", .from_name = "Order service", .domain = "orderd.example"};

static struct arena arena;
static struct fault fault;

static void begin(void)
{
    arena_init(&arena, 4096);
    message_init();
}

static void end(void)
{
    message_fini();
    arena_fini(&arena);
}

/* What holds for every mail, whatever is in it: lines that end with LF, none longer than RFC 5322
 * allows, ASCII in the headers but for addresses, and the headers that there must be exactly once.
 */
static void assert_well_formed(const char *mail)
{
    static const char *const once[] = {"\nFrom: ", "\nTo: ", "\nSubject: ", "\nDate: ",
        "\nMessage-ID: ", "\nX-Order-Id: ", "\nX-Request-Id: ", "\nAuto-Submitted: ",
        "\nMIME-Version: ", "\nContent-Type: ", "\nContent-Transfer-Encoding: "};
    const char *text = arena_printf(&arena, "\n%s", mail);
    char *head = arena_text(&arena, text);
    *(strstr(head, "\n\n") + 1) = '\0';
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        const char *found = strstr(head, once[i]);
        ck_assert_msg(found && !strstr(found + 1, once[i]), "%s:\n%s", once[i], head);
    }
    for (const char *at = mail; *at; at = strchr(at, '\n') + 1) {
        ck_assert_msg(strchr(at, '\n') != NULL, "no LF at the end: %s", mail);
        ck_assert_uint_le(strcspn(at, "\n"), 998);
    }
    ck_assert_ptr_null(strchr(mail, '\r'));
}

static const char *render_with(const struct message_options *options, const struct record *record)
{
    const char *bytes;
    size_t len;
    fault_begin(&fault, NULL);
    enum err e = message_render(options, record, &arena, &bytes, &len, &fault);
    ck_assert_msg(!e, "%s", fault.text);
    ck_assert_uint_eq(strlen(bytes), len);
    assert_well_formed(bytes);
    return bytes;
}

static const char *render(const struct record *record)
{
    return render_with(&plain_options, record);
}

static GMimeMessage *parse(const char *mail)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail, strlen(mail));
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    ck_assert_ptr_nonnull(message);
    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

static const char *header_of(GMimeMessage *message, const char *name)
{
    const char *value = g_mime_object_get_header(GMIME_OBJECT(message), name);
    ck_assert_msg(value != NULL, "%s", name);
    return arena_text(&arena, value);
}

static const char *body_of(GMimeMessage *message)
{
    GMimeObject *part = g_mime_message_get_mime_part(message);
    ck_assert(GMIME_IS_TEXT_PART(part));
    char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    const char *kept = arena_text(&arena, text);
    g_free(text);
    return kept;
}

/* The only address of a header, and the name before it ("" if there is none). */
static const char *address_of(InternetAddressList *list, const char **name)
{
    ck_assert_int_eq(internet_address_list_length(list), 1);
    InternetAddress *address = internet_address_list_get_address(list, 0);
    ck_assert(INTERNET_ADDRESS_IS_MAILBOX(address));
    const char *found = internet_address_get_name(address);
    *name = arena_text(&arena, found ? found : "");
    return arena_text(&arena, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)));
}

START_TEST(a_mail_says_what_the_record_says)
{
    struct record record = desk_record(17);
    const char *mail = render(&record);
    const char *name;
    GMimeMessage *message = parse(mail);
    ck_assert_str_eq(g_mime_message_get_subject(message), "Order 17 confirmed (WEB-2026-00017)");
    ck_assert_str_eq(address_of(g_mime_message_get_from(message), &name), "shop@example.org");
    ck_assert_str_eq(name, "Order service");
    ck_assert_str_eq(address_of(g_mime_message_get_to(message), &name), "alice@example.com");
    ck_assert_str_eq(name, "alice");
    ck_assert_str_eq(
        g_mime_message_get_message_id(message), "00000000000000000000000000000011@orderd.example");
    ck_assert_str_eq(header_of(message, "X-Order-Id"), "17");
    ck_assert_str_eq(header_of(message, "X-Request-Id"), "6f0c6f0c6f0c6f0c6f0c6f0c6f0c6f0c");
    ck_assert_str_eq(header_of(message, "Auto-Submitted"), "auto-generated");
    ck_assert_str_eq(header_of(message, "MIME-Version"), "1.0");
    ck_assert_int_eq(g_date_time_to_unix(g_mime_message_get_date(message)), 1764000000);
    ck_assert_str_eq(header_of(message, "Date"), "Mon, 24 Nov 2025 16:00:00 +0000");
    ck_assert_str_eq(body_of(message), "Hello alice,\n"
                                       "\n"
                                       "thank you for your order. It is confirmed.\n"
                                       "\n"
                                       "Order number: 17\n"
                                       "Your reference: WEB-2026-00017\n"
                                       "Ordered at: 2025-11-24T16:00:00Z\n"
                                       "\n"
                                       "  Green tea, 250 g (TEA-250)\n"
                                       "      2 x 12.95 EUR: 25.90 EUR\n"
                                       "\n"
                                       "  CUP\n"
                                       "      1 x 5.00 EUR: 5.00 EUR\n"
                                       "\n"
                                       "Total: 30.90 EUR\n");
    g_object_unref(message);
}
END_TEST

START_TEST(plain_text_goes_as_it_is)
{
    struct record record = desk_record(17);
    const char *mail = render(&record);
    ck_assert_ptr_nonnull(strstr(mail, "\nContent-Type: text/plain; charset=utf-8\n"));
    ck_assert_ptr_nonnull(strstr(mail, "\nContent-Transfer-Encoding: 7bit\n"));
    ck_assert_ptr_nonnull(strstr(mail, "\nSubject: Order 17 confirmed (WEB-2026-00017)\n"));
    ck_assert_ptr_nonnull(strstr(mail, "\nTo: \"alice\" <alice@example.com>\n"));
}
END_TEST

START_TEST(a_mail_is_the_same_at_each_try)
{
    struct record record = desk_record(17);
    ck_assert_str_eq(render(&record), render(&record));
}
END_TEST

START_TEST(what_was_left_out_is_left_out)
{
    struct record record = desk_record(17);
    record.reference = NULL;
    GMimeMessage *message = parse(render(&record));
    ck_assert_str_eq(g_mime_message_get_subject(message), "Order 17 confirmed");
    ck_assert_ptr_null(strstr(body_of(message), "reference"));
    g_object_unref(message);
}
END_TEST

/* Texts as a client may choose them: a reference, and the name of an item. */
static const char *const texts[] = {
    "a",
    " leading and trailing ",
    "two  spaces   three",
    "Größe – 綠茶 🍵 שלום",
    "綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠"
    "茶綠茶綠茶",
    "🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵🍵",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa",
    "äaaa äaaa äaaa äaaa äaaa äaaa äaaa äaaa äaaa äaaa äaaa äaaa äaaa",
    "=?utf-8?Q?forged?= =?utf-8?B?Zm9yZ2Vk?=",
    "ends with =?",
    "?= = ? _ =20 =C3=A4",
    "\"quoted\" \\ (comment) <a@b.c>, ; : @ [x]",
    "X-Injected: yes",
    "\u2028line\u2028separators\xC2\x85"
    "here",
    "e\u0301 combining, \u202E right to left",
    ".",
    "From me",
};

START_TEST(any_text_comes_back_from_subject_and_body)
{
    struct record_item item = {"sku", texts[_i], 1, 100};
    struct record record = desk_record(17);
    record.reference = texts[_i];
    record.items = &item;
    record.item_count = 1;
    record.total_minor = 100;
    const char *mail = render(&record);
    GMimeMessage *message = parse(mail);
    ck_assert_str_eq(g_mime_message_get_subject(message),
        arena_printf(&arena, "Order 17 confirmed (%s)", texts[_i]));
    const char *body = body_of(message);
    const char *reference = arena_printf(&arena, "\nYour reference: %s\n", texts[_i]);
    const char *name = arena_printf(&arena, "\n  %s (sku)\n", texts[_i]);
    ck_assert_msg(strstr(body, reference) != NULL, "%s", body);
    ck_assert_msg(strstr(body, name) != NULL, "%s", body);
    g_object_unref(message);
}
END_TEST

/* RFC 2047, section 2: an encoded word has at most 75 characters, its line 76. */
static void assert_encoded_words(const char *value)
{
    for (const char *at = value; (at = strstr(at, "=?utf-8?Q?"));) {
        const char *tail = strstr(at + strlen("=?utf-8?Q?"), "?=");
        ck_assert_ptr_nonnull(tail);
        ck_assert_int_le(tail + 2 - at, 75);
        at = tail + 2;
        ck_assert(*at == '\n' || *at == ' ');
    }
    for (const char *at = value; *at; at = strchr(at, '\n') + 1)
        ck_assert_uint_le(strcspn(at, "\n"), 76);
}

START_TEST(encoded_words_keep_their_bounds_and_whole_characters)
{
    struct buffer out;
    struct header header;
    buffer_begin(&out, &arena, 64);
    buffer_text(&out, "Subject:");
    header_begin(&header, &out, "Subject");
    header_text(&header, texts[_i]);
    header_end(&header);
    if (!strstr(out.data, "=?utf-8?Q?"))
        return; /* plain */
    assert_encoded_words(out.data);
    for (const char *c = out.data; *c; c++)
        ck_assert((unsigned char)*c < 0x80);
    char *decoded = g_mime_utils_header_decode_text(NULL, out.data + strlen("Subject: "));
    ck_assert_str_eq(decoded, arena_printf(&arena, "%s\n", texts[_i]));
    g_free(decoded);
    for (char *word = out.data; (word = strstr(word, "=?utf-8?Q?"));) {
        char *tail = strstr(word + strlen("=?utf-8?Q?"), "?=") + 2;
        char *alone =
            g_mime_utils_header_decode_text(NULL, arena_copy(&arena, word, (size_t)(tail - word)));
        ck_assert(text_is_utf8(alone, strlen(alone)));
        ck_assert_ptr_null(strstr(alone, "\xEF\xBF\xBD")); /* a replacement character */
        g_free(alone);
        word = tail;
    }
}
END_TEST

START_TEST(plain_headers_are_folded_between_words)
{
    struct buffer out;
    struct header header;
    const char *text =
        "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll mmmm  nnnn oooo";
    buffer_begin(&out, &arena, 64);
    header_begin(&header, &out, "Subject");
    header_text(&header, text);
    header_end(&header);
    const char *fold = strchr(out.data, '\n');
    ck_assert_int_le(fold - out.data, 76 - 8);
    ck_assert_int_eq(fold[1], ' ');
    char *unfolded = g_mime_utils_header_unfold(out.data);
    ck_assert_str_eq(unfolded, text);
    g_free(unfolded);
}
END_TEST

static const char *const names[] = {"", "Shop", "Tee & Co. (Größe), \"Shop\"", "a\\b\"c",
    "=?utf-8?Q?x?=",
    "Ein sehr langer Name eines Geschäfts, der nie und nimmer in eine einzige Zeile passen wird, "
    "so lang",
    "A very long name of a shop that has only plain characters but does not fit into any line at "
    "all",
    "綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶綠茶"};

START_TEST(any_name_of_the_sender_comes_back)
{
    struct message_options options = plain_options;
    struct record record = desk_record(17);
    const char *name;
    options.from_name = names[_i];
    ck_assert(!message_check(&options, NULL));
    GMimeMessage *message = parse(render_with(&options, &record));
    ck_assert_str_eq(address_of(g_mime_message_get_from(message), &name), "shop@example.org");
    ck_assert_str_eq(name, names[_i]);
    g_object_unref(message);
}
END_TEST

/* Addresses that the API takes; quoted: as they have to stand in the header. */
static const struct {
    const char *address;
    const char *header;
} addresses[] = {
    {"alice@example.com", "<alice@example.com>"},
    {"a.b+c=d/e{f}@sub.example.com", "<a.b+c=d/e{f}@sub.example.com>"},
    {"evil,victim@example.com", "<\"evil,victim\"@example.com>"},
    {"<victim@example.com", "<\"<victim\"@example.com>"},
    {"victim>@example.com", "<\"victim>\"@example.com>"},
    {"a\"b\\c@example.com", "<\"a\\\"b\\\\c\"@example.com>"},
    {"a..b@example.com", "<\"a..b\"@example.com>"},
    {".a@example.com", "<\".a\"@example.com>"},
    {"a.@example.com", "<\"a.\"@example.com>"},
    {"(comment)@example.com", "<\"(comment)\"@example.com>"},
    {"group:;@example.com", "<\"group:;\"@example.com>"},
    {"jürgen@example.com", "<jürgen@example.com>"},
    {"jürgen,x@example.com", "<\"jürgen,x\"@example.com>"},
    {"a@bücher.example", "<a@xn--bcher-kva.example>"},
};

START_TEST(a_recipient_is_one_recipient)
{
    struct record record = desk_record(17);
    record.recipient = addresses[_i].address;
    const char *mail = render(&record);
    const char *line = arena_printf(&arena, "\nTo: \"alice\" %s\n", addresses[_i].header);
    ck_assert_msg(strstr(mail, line) != NULL, "%s", mail);
    if (strpbrk(addresses[_i].address, "\"<>\\(:;"))
        return; /* GMime does not take them apart as RFC 5322 does */
    const char *name;
    GMimeMessage *message = parse(mail);
    (void)address_of(g_mime_message_get_to(message), &name);
    ck_assert_str_eq(name, "alice");
    g_object_unref(message);
}
END_TEST

START_TEST(the_longest_address_fits)
{
    struct record record = desk_record(17);
    struct buffer address;
    buffer_begin(&address, &arena, 256);
    for (int i = 0; i < 242; i++)
        buffer_char(&address, 'a');
    buffer_text(&address, "@example.com");
    record.recipient = address.data;
    record.username = "a-user-name-that-is-as-long-as-it-may-be.a-user-name-that-is-as-";
    const char *name;
    GMimeMessage *message = parse(render(&record));
    ck_assert_str_eq(address_of(g_mime_message_get_to(message), &name), address.data);
    ck_assert_str_eq(name, record.username);
    g_object_unref(message);
}
END_TEST

static const char *const bad_recipients[] = {"a@b.c,d@e", "a@b.c>", "a@example.com;x",
    "a@exa mple.com", "a@.example.com", "a@example..com", "a@example.com.", "a@[192.0.2.1]",
    "a@exam(ple).com", "@example.com", "a@", "a", "a@b.c\\"};

START_TEST(a_recipient_that_no_mail_can_have_is_refused)
{
    struct record record = desk_record(17);
    const char *bytes;
    size_t len;
    record.recipient = bad_recipients[_i];
    fault_begin(&fault, NULL);
    ck_assert_int_eq(
        message_render(&plain_options, &record, &arena, &bytes, &len, &fault), ERR_REFUSED);
    ck_assert_ptr_nonnull(fault.text);
}
END_TEST

START_TEST(an_unknown_kind_is_refused)
{
    struct record record = desk_record(17);
    const char *bytes;
    size_t len;
    record.kind = "order_confirmed_twice";
    fault_begin(&fault, NULL);
    ck_assert_int_eq(
        message_render(&plain_options, &record, &arena, &bytes, &len, &fault), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(fault.text, "order_confirmed_twice"));
}
END_TEST

START_TEST(unusable_options_are_refused)
{
    const struct message_options bad[] = {
        {"shop", "x", "example.org"},
        {"shop@", "x", "example.org"},
        {"@example.org", "x", "example.org"},
        {"shop@exa mple.org", "x", "example.org"},
        {"shop@example.org\nBcc: a@b.c", "x", "example.org"},
        {"shop@example.org", "x\nBcc: a@b.c", "example.org"},
        {"shop@example.org", "x\ty", "example.org"},
        {"shop@example.org", "\xFF", "example.org"},
        {"shop@example.org", "x", ""},
        {"shop@example.org", "x", "example..org"},
        {"shop@example.org", "x", "exa mple.org"},
        {"shop@example.org", "x", "b\xC3\xBC.org"},
        {"shop@example.org", "x", "example.org>"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault_begin(&fault, NULL);
        ck_assert_msg(message_check(&bad[i], &fault) == ERR_CONFIG, "options %zu", i);
        ck_assert_ptr_nonnull(strstr(fault.text, "notify."));
    }
    ck_assert(!message_check(&plain_options, &fault));
    ck_assert(!message_check(
        &(struct message_options){"orderd@localhost", "", "orderd.invalid"}, &fault));
}
END_TEST

START_TEST(the_largest_order_is_a_mail)
{
    struct buffer wide;
    buffer_begin(&wide, &arena, 1024);
    for (int i = 0; i < 200; i++)
        buffer_text(&wide, "茶");
    struct record_item items[100];
    for (int i = 0; i < 100; i++)
        items[i] =
            (struct record_item){arena_printf(&arena, "sku %d", i), wide.data, 10000, 1000000000};
    struct record record = desk_record(INT64_MAX);
    record.items = items;
    record.item_count = 100;
    record.total_minor = 1000000000000000;
    GMimeMessage *message = parse(render(&record));
    const char *body = body_of(message);
    ck_assert_ptr_nonnull(
        strstr(body, "(sku 99)\n      10000 x 10000000.00 EUR: 100000000000.00 EUR\n"));
    ck_assert_ptr_nonnull(strstr(body, "\nTotal: 10000000000000.00 EUR\n"));
    ck_assert_str_eq(header_of(message, "X-Order-Id"), "9223372036854775807");
    g_object_unref(message);
}
END_TEST

static const struct {
    int64_t minor;
    const char *code;
    const char *text;
} amounts[] = {
    {0, "EUR", "0.00 EUR"},
    {5, "EUR", "0.05 EUR"},
    {99, "USD", "0.99 USD"},
    {2590, "EUR", "25.90 EUR"},
    {1000000000000000, "EUR", "10000000000000.00 EUR"},
    {0, "JPY", "0 JPY"},
    {2590, "JPY", "2590 JPY"},
    {2590, "CLP", "2590 CLP"},
    {1, "BHD", "0.001 BHD"},
    {12345, "TND", "12.345 TND"},
    {1, "CLF", "0.0001 CLF"},
    {12345, "UYW", "1.2345 UYW"},
    {2590, "UYU", "25.90 UYU"},
    {2590, "ZZZ", "25.90 ZZZ"},
    {2590, "MRU", "25.90 MRU"},
};

START_TEST(amounts_have_their_currencys_decimals)
{
    struct buffer out;
    buffer_begin(&out, &arena, 16);
    currency_amount(&out, amounts[_i].minor, amounts[_i].code);
    ck_assert_str_eq(out.data, amounts[_i].text);
}
END_TEST

START_TEST(the_exceptions_of_iso_4217_are_known)
{
    static const struct {
        const char *codes;
        int decimals;
    } groups[] = {
        {"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0},
        {"BHD IQD JOD KWD LYD OMR TND", 3},
        {"CLF UYW", 4},
        {"EUR USD GBP CHF SEK HUF CZK TWD INR ZZZ", 2},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        for (const char *at = groups[i].codes; strlen(at) >= 3; at += at[3] ? 4 : 3) {
            const char *code = arena_copy(&arena, at, 3);
            ck_assert_msg(currency_decimals(code) == groups[i].decimals, "%s", code);
        }
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static Suite *message_suite(void)
{
    Suite *suite = suite_create("message");
    TCase *tc = tcase_create("message");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(
        tc, a_recipient_that_no_mail_can_have_is_refused, 0, COUNT_OF(bad_recipients));
    tcase_add_test(tc, an_unknown_kind_is_refused);
    tcase_add_test(tc, unusable_options_are_refused);
    tcase_add_test(tc, a_mail_says_what_the_record_says);
    tcase_add_test(tc, plain_text_goes_as_it_is);
    tcase_add_test(tc, a_mail_is_the_same_at_each_try);
    tcase_add_test(tc, what_was_left_out_is_left_out);
    tcase_add_loop_test(tc, any_text_comes_back_from_subject_and_body, 0, COUNT_OF(texts));
    tcase_add_loop_test(
        tc, encoded_words_keep_their_bounds_and_whole_characters, 0, COUNT_OF(texts));
    tcase_add_test(tc, plain_headers_are_folded_between_words);
    tcase_add_loop_test(tc, any_name_of_the_sender_comes_back, 0, COUNT_OF(names));
    tcase_add_loop_test(tc, a_recipient_is_one_recipient, 0, COUNT_OF(addresses));
    tcase_add_test(tc, the_longest_address_fits);
    tcase_add_test(tc, the_largest_order_is_a_mail);
    tcase_add_loop_test(tc, amounts_have_their_currencys_decimals, 0, COUNT_OF(amounts));
    tcase_add_test(tc, the_exceptions_of_iso_4217_are_known);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return unit_run(message_suite());
}
