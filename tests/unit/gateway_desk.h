/* What the tests of the simulated gateway share: a ledger in a folder of its own, calls in one
 * line, and a look into the file. */
#ifndef ORDERD_TESTS_GATEWAY_DESK_H
#define ORDERD_TESTS_GATEWAY_DESK_H

#include <stdint.h>

#include "gateway/simulated.h"

/* References as random_uid() makes them. */
#define REF_A "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
#define REF_B "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"

/* Before each test: a fresh path, no file there yet. */
void desk_begin(void);
const char *desk_ledger(void);

/* A gateway on that ledger; fails the test if it cannot be opened. ledger in the options is filled
 * in. */
struct gateway *desk_open(struct simulated_options);
struct gateway *desk_open_plain(void);
/* The same with the error, and its text in static memory. */
enum err desk_try_open(struct gateway **, const char **text);

/* Far enough in the future for any answer. */
int64_t desk_soon(void);

/* 2590 EUR, the answer within desk_soon(). */
enum gateway_result desk_authorise(struct gateway *, const char *reference, const char *token);
enum gateway_result desk_capture(struct gateway *, const char *reference);
enum gateway_result desk_void(struct gateway *, const char *reference);
enum gateway_state desk_status(struct gateway *, const char *reference);
/* What was said by the last of these, and in particular the decline code. */
const struct gateway_answer *desk_answer(void);
const char *desk_code(void);

/* Whole lines of the ledger: all of them, or those of that event and reference. */
int desk_lines(void);
int desk_count(const char *event, const char *reference);

void desk_write(const char *text);  /* the file becomes this */
void desk_append(const char *text); /* one write behind what is there */
const char *desk_read(void);        /* all of it, in static memory */

#endif
