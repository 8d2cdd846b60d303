/* Only the exceptions are listed: ISO 4217 gives nearly every currency two decimals. */
#include "notify/currency.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/buffer.h"

static const struct {
    char code[4];
    int decimals;
} exceptions[] = {
    {"BIF", 0},
    {"CLP", 0},
    {"DJF", 0},
    {"GNF", 0},
    {"ISK", 0},
    {"JPY", 0},
    {"KMF", 0},
    {"KRW", 0},
    {"PYG", 0},
    {"RWF", 0},
    {"UGX", 0},
    {"UYI", 0},
    {"VND", 0},
    {"VUV", 0},
    {"XAF", 0},
    {"XOF", 0},
    {"XPF", 0},
    {"BHD", 3},
    {"IQD", 3},
    {"JOD", 3},
    {"KWD", 3},
    {"LYD", 3},
    {"OMR", 3},
    {"TND", 3},
    {"CLF", 4},
    {"UYW", 4},
};

int currency_decimals(const char *code)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (!strcmp(code, exceptions[i].code))
            return exceptions[i].decimals;
    return 2;
}

void currency_amount(struct buffer *out, int64_t amount_minor, const char *code)
{
    assert(amount_minor >= 0);
    int64_t unit = 1;
    int decimals = currency_decimals(code);
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    buffer_int(out, amount_minor / unit);
    if (decimals)
        buffer_char(out, '.');
    for (int64_t rest = amount_minor % unit; unit > 1; rest %= unit) {
        unit /= 10;
        buffer_char(out, (char)('0' + rest / unit));
    }
    buffer_char(out, ' ');
    buffer_text(out, code);
}
