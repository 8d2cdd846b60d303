/* What our books and the gateway's say of one payment, held against each other. Pure. */
#ifndef ORDERD_CTL_VERDICT_H
#define ORDERD_CTL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "db/books.h"

#include "ctl/ledger_map.h"

enum verdict {
    VERDICT_FINE,
#define VERDICT(code, word, hint) VERDICT_##code,
#include "ctl/verdict.def"
#undef VERDICT
    VERDICT__COUNT
};

struct verdict_times {
    int64_t now;
    int64_t start_s;  /* a create is over after that */
    int64_t settle_s; /* a capture or void was tried again after that */
    bool is_held;     /* restored, and not let go: nothing is on its way, nothing is overdue */
};

/* account: what the ledger says of that attempt, or NULL. */
enum verdict verdict_of(
    const struct books_row *, const struct account *, const struct verdict_times *);
/* Of what the ledger knows and our books do not. */
enum verdict verdict_of_stranger(const struct account *);

const char *verdict_word(enum verdict);
const char *verdict_hint(enum verdict);

/* How our side stands, and how the gateway's: "captured". */
const char *verdict_our_state(const struct books_row *);
const char *verdict_their_state(const struct account *); /* NULL: "unknown" */

#endif
