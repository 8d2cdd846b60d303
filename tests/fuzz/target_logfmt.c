/* The escaping of log lines. The input is values, each ended by a NUL. However they look, they
 * make one line of printable UTF-8, from which each value can be read back; one that was cut
 * begins like its value. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/logfmt.h"
#include "core/text.h"

const char fuzz_name[] = "logfmt";

/* Reads one escape behind its backslash; *at moves past it. */
static char read_escape(const char **at)
{
    static const char digits[] = "0123456789abcdef";
    char c = *(*at)++;
    if (c == 'n')
        return '\n';
    if (c == 't')
        return '\t';
    if (c != 'x') {
        assert(c == '"' || c == '\\');
        return c;
    }
    const char *high = strchr(digits, (*at)[0]), *low = strchr(digits, (*at)[1]);
    assert((*at)[0] && (*at)[1] && high && low);
    *at += 2;
    return (char)((high - digits) << 4 | (low - digits));
}

/* The value at *at, as its reader would have it; *at moves past it. Owned by the caller. */
static char *read_value(const char **at, size_t *len)
{
    char *out = xalloc(strlen(*at) + 1);
    bool is_quoted = **at == '"';
    *at += is_quoted;
    for (*len = 0; is_quoted ? **at != '"' : **at != ' ' && **at != '\n'; ++*len) {
        assert(**at);
        char c = *(*at)++;
        assert(is_quoted || (c != '"' && c != '=' && c != '\\'));
        out[*len] = c == '\\' ? read_escape(at) : c;
    }
    *at += is_quoted;
    return out;
}

/* True while there may be more. */
static bool check_pair(const char **at, const char *value, bool is_cut)
{
    if (is_cut && !strcmp(*at, "cut=true\n"))
        return false;
    assert(!strncmp(*at, "key=", 4));
    *at += 4;
    size_t len;
    char *read = read_value(at, &len);
    bool is_whole = len == strlen(value);
    assert(is_whole || is_cut);
    assert(len <= strlen(value) && !memcmp(read, value, len));
    assert(**at == ' ' || !strcmp(*at, "\n"));
    free(read);
    *at += **at == ' ';
    return true;
}

static void check_line(const struct logfmt *line)
{
    assert(line->len && line->len <= LOGFMT_SIZE && line->data[line->len - 1] == '\n');
    assert(text_is_utf8(line->data, line->len));
    assert(!text_has_control(line->data, line->len - 1));
}

/* True when the whole line was read. */
static bool check_values(const struct logfmt *line, const char *values, size_t size)
{
    char *text = xalloc(line->len + 1);
    const char *at = text;
    bool is_more = true;
    memcpy(text, line->data, line->len);
    for (size_t i = 0; i <= size && is_more; i += strlen(values + i) + 1)
        is_more = check_pair(&at, values + i, line->is_cut);
    bool is_read = !strcmp(at, line->is_cut ? "cut=true\n" : "\n");
    free(text);
    return is_read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct logfmt line;
    char *values = xalloc(size + 1);
    memcpy(values, data, size);
    logfmt_begin(&line);
    for (size_t i = 0; i <= size; i += strlen(values + i) + 1)
        logfmt_text(&line, "key", values + i);
    logfmt_end(&line);
    check_line(&line);
    assert(check_values(&line, values, size));
    fuzz_accepted = !line.is_cut;
    free(values);
    return 0;
}
