/* Money for people to read: minor units with the decimals of their currency (ISO 4217). */
#ifndef ORDERD_NOTIFY_CURRENCY_H
#define ORDERD_NOTIFY_CURRENCY_H

#include <stdint.h>

struct buffer;

/* Digits after the decimal point; 2 for a code that is not listed. */
int currency_decimals(const char *code);

/* Appends "25.90 EUR", "2590 JPY". amount_minor is not negative. */
void currency_amount(struct buffer *, int64_t amount_minor, const char *code);

#endif
