/* What a notification says, and how it is written: everything the mail needs, so that the notifier
 * never opens the database. Made in the order's own transaction, so the recipient is the one of
 * that moment.
 *
 * Lines of "key value", in a fixed order, then the items; text holds no control characters (the API
 * refuses them), so a line ends where it ends. The reader trusts nothing. */
#ifndef ORDERD_SPOOL_RECORD_H
#define ORDERD_SPOOL_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"

struct arena;

/* Longer records are neither written nor read. The largest that the API allows (100 items, every
 * text as long as it may be, in characters of four bytes) has a quarter of it. */
#define RECORD_MAX (500 * 1024) /* bytes */

struct record_item {
    const char *sku;
    const char *name; /* NULL: left out */
    int64_t quantity;
    int64_t unit_price_minor;
};

struct record {
    const char *kind; /* "order_confirmed" */
    const char *uid;  /* of the outbox row: the file's name and the Message-ID */
    const char *request_id;
    const char *recipient; /* e-mail address */
    const char *username;
    int64_t order_id;
    int64_t created_at;
    const char *reference; /* NULL: left out */
    const char *currency;
    int64_t total_minor;
    const struct record_item *items;
    size_t item_count; /* 1 to 100 */
};

/* Appends the record's bytes. The values are the caller's to check: a record that breaks a bound is
 * written, and refused by whoever reads it. */
void record_encode(const struct record *, struct buffer *);

/* Strict: every line, type, bound and UTF-8 is checked, the total too. *out points into the arena.
 * ERR_CORRUPT with a text that says where. */
enum err record_decode(
    struct arena *, const char *bytes, size_t len, struct record *out, struct fault *);

#endif
