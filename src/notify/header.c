/* Why not the encoders of GMime 3.2.13, which writes the rest of the mail: it measures encoded
 * words in characters, so Chinese ones grow to twice the 75 bytes that RFC 2047 allows; it passes
 * text that looks like an encoded word on as one; and it leaves local parts such as "a,b" unquoted,
 * which makes one recipient two.
 *
 * A line is kept within 76 columns where there is a place to fold it.
 */
#include "notify/header.h"

#include <stdbool.h>
#include <string.h>

#include "core/buffer.h"

#define LINE_MAX_COLUMNS 76
#define WORD_HEAD        "=?utf-8?Q?"
#define WORD_TAIL        "?="
#define ATEXT_MARKS      "!#$%&'*+-/=?^_`{|}~"

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

static void put(struct header *header, const char *text, size_t len)
{
    buffer_bytes(header->out, text, len);
    header->column += len;
}

static void put_text(struct header *header, const char *text)
{
    put(header, text, strlen(text));
}

static void fold(struct header *header)
{
    buffer_char(header->out, '\n');
    header->column = 0;
}

void header_begin(struct header *header, struct buffer *out, const char *name)
{
    *header = (struct header){.out = out, .column = strlen(name) + 1};
}

void header_end(struct header *header)
{
    fold(header);
}

void header_token(struct header *header, const char *token)
{
    put_text(header, " ");
    put_text(header, token);
}

/* Folds before words that would pass the end of the line; a space is kept, as unfolding keeps it.
 */
static void put_words(struct header *header, const char *text)
{
    size_t gap = 1; /* the space after the colon */
    while (*text) {
        size_t spaces = strspn(text, " ");
        size_t len = spaces + strcspn(text + spaces, " ");
        if (header->column + gap + len > LINE_MAX_COLUMNS)
            fold(header);
        put(header, " ", gap);
        put(header, text, len);
        text += len;
        gap = 0;
    }
}

/* Bytes of the character that begins at text. */
static size_t character_len(const char *text)
{
    size_t len = 1;
    while (((unsigned char)text[len] & 0xC0) == 0x80)
        len++;
    return len;
}

/* What stands for itself in "Q" (RFC 2047, section 4.2), in a phrase too (section 5). */
static bool is_q_safe(char c)
{
    return is_letter_or_digit(c) || c == '-' || c == '/';
}

static void put_q(struct header *header, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)c;
    char hex[3] = {'=', digits[byte >> 4], digits[byte & 15]};
    if (c == ' ')
        put(header, "_", 1);
    else if (is_q_safe(c))
        put(header, &c, 1);
    else
        put(header, hex, sizeof hex);
}

static size_t q_len(const char *text, size_t len)
{
    size_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += text[i] == ' ' || is_q_safe(text[i]) ? 1 : 3;
    return sum;
}

/* The whole text as encoded words, each of whole characters; space between them does not count. */
static void put_encoded(struct header *header, const char *text)
{
    bool is_open = false;
    while (*text) {
        size_t len = character_len(text);
        size_t needed = q_len(text, len) + strlen(WORD_TAIL);
        if (is_open && header->column + needed > LINE_MAX_COLUMNS) {
            put_text(header, WORD_TAIL);
            is_open = false;
        }
        if (!is_open) {
            if (header->column + 1 + strlen(WORD_HEAD) + needed > LINE_MAX_COLUMNS)
                fold(header);
            put_text(header, " " WORD_HEAD);
            is_open = true;
        }
        for (size_t i = 0; i < len; i++)
            put_q(header, text[i]);
        text += len;
    }
    if (is_open)
        put_text(header, WORD_TAIL);
}

/* Would a reader see just this text in it? */
static bool is_plain(const char *text)
{
    size_t len = strlen(text);
    return len && is_ascii(text) && !strstr(text, "=?") && text[0] != ' ' && text[len - 1] != ' ';
}

void header_text(struct header *header, const char *text)
{
    if (is_plain(text))
        put_words(header, text);
    else
        put_encoded(header, text);
}

static void put_quoted(struct header *header, const char *text, size_t len)
{
    put(header, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            put(header, "\\", 1);
        put(header, &text[i], 1);
    }
    put(header, "\"", 1);
}

static void put_phrase(struct header *header, const char *name)
{
    if (!is_plain(name) || strlen(name) > LINE_MAX_COLUMNS / 2) {
        put_encoded(header, name);
        return;
    }
    put_text(header, " ");
    put_quoted(header, name, strlen(name));
}

/* RFC 5322, section 3.2.3, with what RFC 6532 adds: atoms joined by single dots. */
static bool is_dot_atom(const char *text, size_t len)
{
    bool was_dot = true;
    for (size_t i = 0; i < len; i++) {
        bool is_dot = text[i] == '.';
        bool is_atext = (unsigned char)text[i] >= 0x80 || is_letter_or_digit(text[i]) ||
                        (text[i] && strchr(ATEXT_MARKS, text[i]));
        if (is_dot ? was_dot : !is_atext)
            return false;
        was_dot = is_dot;
    }
    return !was_dot;
}

/* Labels joined by single dots; of letters, digits and hyphens, or of what is no ASCII at all. */
static bool is_domain(const char *text, bool may_be_wide)
{
    bool was_dot = true;
    for (; *text; text++) {
        bool is_dot = *text == '.';
        bool is_wide = (unsigned char)*text >= 0x80;
        bool is_label = is_letter_or_digit(*text) || *text == '-' || (may_be_wide && is_wide);
        if (is_dot ? was_dot : !is_label)
            return false;
        was_dot = is_dot;
    }
    return !was_dot;
}

bool header_is_host(const char *text)
{
    return is_domain(text, false);
}

bool header_is_wide_host(const char *text)
{
    return is_domain(text, true);
}

enum err header_mailbox(
    struct header *header, const char *name, const char *address, struct fault *fault)
{
    const char *at = strchr(address, '@');
    if (!at || at == address || !is_domain(at + 1, true))
        return fail(fault, ERR_REFUSED, NULL, "the e-mail address has no usable domain");
    if (*name)
        put_phrase(header, name);
    size_t len = strlen(address);
    if (*name && header->column + len + 3 > LINE_MAX_COLUMNS)
        fold(header);
    put_text(header, *name ? " <" : " ");
    size_t local_len = (size_t)(at - address);
    if (is_dot_atom(address, local_len))
        put(header, address, local_len);
    else
        put_quoted(header, address, local_len);
    put_text(header, at);
    if (*name)
        put_text(header, ">");
    return ERR_NONE;
}
