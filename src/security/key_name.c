/* See key_name.h. A time is read only if it is written the same way again: so month 13 is none. */
#include "security/key_name.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/random.h"
#include "core/text.h"

#define SUFFIX       ".key"
#define RETIRED      ".retired-"
#define TIME_PATTERN "00000000T000000Z"
#define TIME_LEN     (sizeof TIME_PATTERN - 1)
#define TIME_SIZE    sizeof TIME_PATTERN

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* YYYYMMDDTHHMMSSZ */
static bool has_time_shape(const char *text)
{
    static const char pattern[] = TIME_PATTERN;
    for (size_t i = 0; i < TIME_LEN; i++)
        if (pattern[i] == '0' ? !is_digit(text[i]) : text[i] != pattern[i])
            return false;
    return true;
}

static void time_format(char out[TIME_SIZE], int64_t at)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(time, at);
    for (const char *from = time; *from; from++)
        if (*from != '-' && *from != ':')
            *out++ = *from;
    *out = '\0';
}

static int digits(const char *text, size_t len)
{
    int value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

static bool time_parse(const char *text, int64_t *out)
{
    if (!has_time_shape(text))
        return false;
    struct tm tm = {
        .tm_year = digits(text, 4) - 1900,
        .tm_mon = digits(text + 4, 2) - 1,
        .tm_mday = digits(text + 6, 2),
        .tm_hour = digits(text + 9, 2),
        .tm_min = digits(text + 11, 2),
        .tm_sec = digits(text + 13, 2),
    };
    char again[TIME_SIZE];
    *out = timegm(&tm);
    time_format(again, *out);
    return !memcmp(again, text, TIME_LEN);
}

/* A time, then any of A-Z a-z 0-9 and '-'. */
static bool is_id(const char *id, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    return len >= TIME_LEN && len < KEY_ID_SIZE && has_time_shape(id) &&
           strspn(id + TIME_LEN, allowed) >= len - TIME_LEN;
}

bool key_name_is_meant(const char *file)
{
    static const size_t suffix_len = sizeof SUFFIX - 1;
    size_t len = strlen(file);
    return len >= suffix_len && !strcmp(file + len - suffix_len, SUFFIX);
}

bool key_name_parse(const char *file, struct key_name *out)
{
    size_t id_len = strcspn(file, ".");
    const char *rest = file + id_len;
    *out = (struct key_name){.retired_at = 0};
    if (!is_id(file, id_len))
        return false;
    memcpy(out->id, file, id_len);
    if (!strncmp(rest, RETIRED, sizeof RETIRED - 1)) {
        rest += sizeof RETIRED - 1;
        if (!time_parse(rest, &out->retired_at) || out->retired_at <= 0)
            return false;
        rest += TIME_LEN;
    }
    return !strcmp(rest, SUFFIX);
}

void key_name_format(const struct key_name *name, char out[KEY_NAME_SIZE])
{
    char time[TIME_SIZE] = "";
    if (name->retired_at)
        time_format(time, name->retired_at);
    (void)snprintf(
        out, KEY_NAME_SIZE, "%s%s%s" SUFFIX, name->id, name->retired_at ? RETIRED : "", time);
}

/* 20261124T150405Z-6f5e4d3c */
static void make_id(char out[KEY_ID_SIZE], int64_t at)
{
    unsigned char tail[4];
    time_format(out, at);
    out[TIME_LEN] = '-';
    random_bytes(tail, sizeof tail);
    text_hex(out + TIME_LEN + 1, tail, sizeof tail);
}

bool key_name_new_id(int64_t now, const char *than, char out[KEY_ID_SIZE])
{
    int64_t at;
    make_id(out, now);
    if (strcmp(out, than) > 0 && memcmp(out, than, TIME_LEN) != 0)
        return true;
    if (!time_parse(than, &at))
        return false;
    make_id(out, at + 1);
    return strcmp(out, than) > 0;
}
