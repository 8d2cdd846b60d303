/* Everything here looks at bytes that somebody else chose: no locale, no char that is negative, no
 * reading past len, and nothing accepted that has a second spelling. */
#include "core/text.h"

#include <assert.h>
#include <string.h>

#include "core/random.h"

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The table of RFC 3629, section 4. */
size_t text_sequence(const char *text, size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned char lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t len = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (!len || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (!is_tail(at[i]))
            return 0;
    bool is_overlong = (lead == 0xE0 && at[1] < 0xA0) || (lead == 0xF0 && at[1] < 0x90);
    bool is_surrogate = lead == 0xED && at[1] > 0x9F;
    bool is_beyond = lead == 0xF4 && at[1] > 0x8F;
    return is_overlong || is_surrogate || is_beyond ? 0 : len;
}

/* Bytes from the beginning that are ASCII, but for up to seven: nearly all are, so eight are looked
 * at at once. */
static size_t ascii_len(const char *text, size_t len)
{
    size_t i = 0;
    for (uint64_t eight; len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return i;
}

bool text_is_utf8(const char *text, size_t len)
{
    while (len) {
        size_t step = ascii_len(text, len);
        if (!step)
            step = text_sequence(text, len);
        if (!step)
            return false;
        text += step;
        len -= step;
    }
    return true;
}

size_t text_count(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += !is_tail((unsigned char)text[i]);
    return count;
}

bool text_has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return true;
    return false;
}

bool text_parse_uint(const char *text, size_t len, int64_t max, int64_t *out)
{
    if (!len || (text[0] == '0' && len > 1))
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9 || number > (max - digit) / 10)
            return false;
        number = 10 * number + digit;
    }
    if (number > max)
        return false;
    *out = number;
    return true;
}

/* Of a number up to 2^63. */
static size_t count_digits(uint64_t number)
{
    size_t count = 1;
    for (uint64_t power = 10; number >= power; power *= 10)
        count++;
    return count;
}

size_t text_int(char out[TEXT_INT_SIZE], int64_t number)
{
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    size_t sign = number < 0;
    size_t len = sign + count_digits(rest);
    out[0] = '-'; /* or the first digit */
    out[len] = '\0';
    for (size_t at = len; at > sign; rest /= 10)
        out[--at] = (char)('0' + rest % 10);
    return len;
}

bool text_is_uid(const char *text)
{
    for (size_t i = 0; i < UID_SIZE - 1; i++) {
        char c = text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return text[UID_SIZE - 1] == '\0';
}

void text_fold(char *out, size_t size, const char *text)
{
    assert(size);
    size_t i;
    for (i = 0; i < size - 1 && text[i]; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    out[i] = '\0';
}

bool text_equal_secret(const char *a, const char *b)
{
    size_t len = strlen(a);
    if (len != strlen(b))
        return false;
    volatile unsigned char differs = 0;
    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)(a[i] ^ b[i]);
    return !differs;
}

void text_hex(char *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[at[i] >> 4];
        *out++ = digits[at[i] & 15];
    }
    *out = '\0';
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void text_base64url(char *out, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    unsigned bits = 0;
    int held = 0; /* bits of it that are not written yet */
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | at[i]) & 0xFFFF;
        for (held += 8; held >= 6; held -= 6)
            *out++ = base64url_digits[bits >> (held - 6) & 63];
    }
    if (held)
        *out++ = base64url_digits[bits << (6 - held) & 63];
    *out = '\0';
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool text_unbase64url(void *out, size_t size, size_t *out_len, const char *text, size_t len)
{
    unsigned char *at = out;
    unsigned bits = 0;
    int held = 0;
    if (len % 4 == 1 || len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0) > size)
        return false;
    for (size_t i = 0; i < len; i++) {
        int value = base64url_value(text[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (unsigned)value) & 0xFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *at++ = (unsigned char)(bits >> held);
        }
    }
    if (bits & ((1U << held) - 1))
        return false;
    *out_len = (size_t)(at - (unsigned char *)out);
    return true;
}
