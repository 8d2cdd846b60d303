/* The books: every attempt with its order and its payment, in one row, to be held against the books
 * of others. Reads everything there is. */
#ifndef ORDERD_DB_BOOKS_H
#define ORDERD_DB_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "db/payments.h"

struct db;

/* Texts are good until visit() is back. */
struct books_row {
    const char *uid; /* of the attempt: the gateway's reference */
    enum attempt_state state;
    int64_t amount_minor;
    const char *currency;
    int64_t since;  /* when it came to its present state: of the payment, or of the attempt */
    int64_t try_at; /* when the next try is due; 0: none */
    int64_t tries;  /* of its capture or void, that failed */
    bool is_written_off;

    int64_t order_id; /* 0: none */
    int64_t order_total_minor;
    const char *order_currency;

    bool has_payment;
    enum payment_status payment_status;
    int64_t authorized_minor;
    int64_t captured_minor;
    const char *payment_currency;
};

typedef void books_visit(void *arg, const struct books_row *);
enum err books_walk(struct db *, books_visit *, void *arg);

#endif
