/* What both do-nothing responders do for a request: nothing. They are the floor that orderd is
 * measured against, so all that they leave out is meant to be missing. */
#ifndef ORDERD_BENCH_NOTHING_H
#define ORDERD_BENCH_NOTHING_H

#include <fcgiapp.h>

/* A listening socket at that path, which anybody may write to. Ends the program if there can be
 * none. */
int nothing_listen(const char *path);

/* Reads the body to its end and answers 300 bytes of JSON: 200, or 201 to a POST. */
void nothing_answer(FCGX_Request *);

/* The number that an argument is, at least 1. Ends the program for any other text. */
int nothing_count(const char *text);

/* Says what has failed, and errno, and ends the program. */
_Noreturn void nothing_fail(const char *what);

#endif
