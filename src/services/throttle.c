/* See throttle.h. Its difficulties: it must not become a weapon itself, neither against memory nor
 * against a user who is kept from logging in by others.
 *
 * Memory: three tables of bounded size. A refused guess makes no entry, so an attacker fills them
 * only as fast as passwords are hashed, and cannot aim at a neighbour's slot, since names are keyed
 * digests with a key of this process. No name or address is kept.
 *
 * Users: the limit of an account as such is what others can exhaust for him, so it does not count
 * for addresses that he has logged in from lately. Which these are is asked of the database
 * (db/logins), not remembered here: after a restart the attack goes on, and a memory that was lost
 * would shut him out until it is over. The counts themselves may be lost by a restart; it gives an
 * attacker one more window's worth of guesses.
 *
 * Clients that the web server has no address for (it listens on a UNIX socket behind another proxy)
 * are all one address: it has to be told whom to believe (real_ip of nginx). */
#include "services/throttle.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/digest.h"
#include "core/random.h"
#include "core/text.h"

#include "services/tally.h"

#define SEED_SIZE    32
#define ACCOUNT_SIZE 257 /* 64 code points */

enum kind {
    KIND_PAIR,
    KIND_ADDRESS,
    KIND_ACCOUNT,
    KIND_COUNT,
};

struct throttle {
    unsigned char seed[SEED_SIZE];
    int limits[KIND_COUNT];
    pthread_mutex_t lock; /* guards the tables */
    struct tally *tallies[KIND_COUNT];
};

struct throttle *throttle_open(const struct throttle_options *options)
{
    struct throttle *throttle = xalloc(sizeof *throttle);
    int64_t bucket_ms = (int64_t)options->window_s * 1000 / TALLY_BUCKETS;
    random_bytes(throttle->seed, sizeof throttle->seed);
    throttle->limits[KIND_PAIR] = options->pair_max;
    throttle->limits[KIND_ADDRESS] = options->address_max;
    throttle->limits[KIND_ACCOUNT] = options->account_max;
    pthread_mutex_init(&throttle->lock, NULL);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        throttle->tallies[kind] = tally_open(options->entries_max, bucket_ms);
    return throttle;
}

void throttle_close(struct throttle *throttle)
{
    if (!throttle)
        return;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        tally_close(throttle->tallies[kind]);
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

/* Addresses */

/* A web server that listens for both families tells IPv4 clients as ::ffff:192.0.2.7; as IPv6 they
 * would all be one /64. */
static void write_ipv6(char out[THROTTLE_ADDRESS_SIZE], struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(address);
    if (!is_mapped)
        memset(&address->s6_addr[8], 0, 8);
    const void *at = is_mapped ? &address->s6_addr[12] : &address->s6_addr[0];
    const char *done = inet_ntop(is_mapped ? AF_INET : AF_INET6, at, text, sizeof text);
    assert(done);
    (void)snprintf(out, THROTTLE_ADDRESS_SIZE, "%s%s", text, is_mapped ? "" : "/64");
}

void throttle_address(char out[THROTTLE_ADDRESS_SIZE], const char *client)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    size_t len = strcspn(client, "%"); /* without the zone of fe80::1%eth0 */
    if (len >= THROTTLE_ADDRESS_SIZE)
        len = THROTTLE_ADDRESS_SIZE - 1;
    memcpy(out, client, len);
    out[len] = '\0';
    if (inet_pton(AF_INET6, out, &ipv6) == 1)
        write_ipv6(out, &ipv6);
    else if (inet_pton(AF_INET, out, &ipv4) != 1)
        (void)snprintf(out, THROTTLE_ADDRESS_SIZE, "none");
}

/* Counting */

struct keys {
    unsigned char of[KIND_COUNT][DIGEST_SIZE]; /* the first TALLY_KEY_SIZE bytes count */
};

static void make_key(const struct throttle *throttle, enum kind kind,
    const struct throttle_guess *guess, unsigned char out[DIGEST_SIZE])
{
    struct {
        unsigned char seed[SEED_SIZE];
        unsigned char kind;
        char address[THROTTLE_ADDRESS_SIZE];
        char account[ACCOUNT_SIZE];
    } name;
    memset(&name, 0, sizeof name);
    memcpy(name.seed, throttle->seed, sizeof name.seed);
    name.kind = (unsigned char)kind;
    if (kind != KIND_ACCOUNT)
        (void)snprintf(name.address, sizeof name.address, "%s", guess->address);
    if (kind != KIND_ADDRESS)
        text_fold(name.account, sizeof name.account, guess->account);
    digest_sha256(out, &name, sizeof name);
}

/* The longest wait of any limit that is reached; 0: none is. */
static int64_t wait_ms(const struct throttle *throttle, const struct throttle_guess *guess,
    const struct keys *keys, int64_t now_ms)
{
    int64_t longest_ms = 0;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (kind == KIND_ACCOUNT && guess->is_trusted)
            continue;
        int64_t ms =
            tally_wait_ms(throttle->tallies[kind], keys->of[kind], throttle->limits[kind], now_ms);
        if (ms > longest_ms)
            longest_ms = ms;
    }
    return longest_ms;
}

static void end_all(
    struct throttle *throttle, const struct throttle_guess *guess, bool is_failure, int64_t now_ms)
{
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (guess->entries[kind])
            tally_end(throttle->tallies[kind], guess->entries[kind], is_failure, now_ms);
}

static enum err begin_all(struct throttle *throttle, struct throttle_guess *guess,
    const struct keys *keys, int64_t now_ms)
{
    bool is_full = false;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        guess->entries[kind] = tally_begin(throttle->tallies[kind], keys->of[kind], now_ms);
        is_full = is_full || !guess->entries[kind];
    }
    if (is_full)
        end_all(throttle, guess, false, now_ms);
    return is_full ? ERR_UNAVAILABLE : ERR_NONE;
}

enum err throttle_begin(
    struct throttle *throttle, struct throttle_guess *guess, int64_t now_ms, int *retry_after_s)
{
    struct keys keys;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        make_key(throttle, (enum kind)kind, guess, keys.of[kind]);
    pthread_mutex_lock(&throttle->lock);
    int64_t ms = wait_ms(throttle, guess, &keys, now_ms);
    enum err e = ms ? ERR_TOO_MANY_REQUESTS : begin_all(throttle, guess, &keys, now_ms);
    pthread_mutex_unlock(&throttle->lock);
    *retry_after_s = (int)((ms + 999) / 1000);
    return e;
}

void throttle_end(struct throttle *throttle, const struct throttle_guess *guess,
    enum throttle_outcome outcome, int64_t now_ms)
{
    pthread_mutex_lock(&throttle->lock);
    if (outcome == THROTTLE_RIGHT)
        tally_clear(throttle->tallies[KIND_PAIR], guess->entries[KIND_PAIR]);
    end_all(throttle, guess, outcome == THROTTLE_WRONG, now_ms);
    pthread_mutex_unlock(&throttle->lock);
}

int64_t throttle_count(struct throttle *throttle)
{
    int64_t count = 0;
    pthread_mutex_lock(&throttle->lock);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        count += tally_count(throttle->tallies[kind]);
    pthread_mutex_unlock(&throttle->lock);
    return count;
}
