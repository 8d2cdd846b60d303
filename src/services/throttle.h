/* How many wrong guesses at passwords are too many.
 *
 * A guess counts from before it is hashed, so that parallel ones cannot get past a limit together.
 * Counted are failures of the last few minutes and guesses under way, for the account from one
 * address, for the address, and for the account. Accounts are folded names, whether or not there is
 * such a user. Safe for many threads. */
#ifndef ORDERD_SERVICES_THROTTLE_H
#define ORDERD_SERVICES_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct throttle_options {
    int window_s; /* how long a failure counts, in five steps */
    int pair_max; /* failures of an account from one address */
    int address_max;
    int account_max;
    int entries_max; /* of each of the three; more than there can be guesses at once */
};

struct throttle;

struct throttle *throttle_open(const struct throttle_options *);
void throttle_close(struct throttle *); /* NULL is harmless */

/* An address as it is counted: IPv4 as it is (mapped into IPv6, too), IPv6 as "2001:db8:0:1::/64";
 * what is neither is "none". */
#define THROTTLE_ADDRESS_SIZE 64
void throttle_address(char out[THROTTLE_ADDRESS_SIZE], const char *client);

/* Who guesses at whose password. */
struct throttle_guess {
    const char *account; /* the name as it was sent */
    const char *address; /* as throttle_address() makes it */
    bool is_trusted;     /* the account's own limit does not count */
    uint32_t entries[3]; /* throttle_begin()'s */
};

enum throttle_outcome {
    THROTTLE_UNHEARD, /* was not compared after all: as if it had never been */
    THROTTLE_WRONG,
    THROTTLE_RIGHT, /* clears the failures of the account from that address */
};

/* now_ms: clock_mono_ms(). ERR_NONE: it counts from now on, and must be ended.
 * ERR_TOO_MANY_REQUESTS: *retry_after_s (at least 1) until enough falls out of the window.
 * ERR_UNAVAILABLE: every entry is in use by guesses under way. */
enum err throttle_begin(
    struct throttle *, struct throttle_guess *, int64_t now_ms, int *retry_after_s);
void throttle_end(
    struct throttle *, const struct throttle_guess *, enum throttle_outcome, int64_t now_ms);

/* Entries in use, all kinds together. */
int64_t throttle_count(struct throttle *);

#endif
