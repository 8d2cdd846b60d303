/* What every unit test shares: a main() around a Check suite, and folders that go away by
 * themselves. */
#ifndef ORDERD_TESTS_UNIT_H
#define ORDERD_TESTS_UNIT_H

#include <check.h>

#undef fail /* Check's old name; ours is in core/error.h */

/* Runs the suite; TAP for make check (UNIT_TAP=1), Check's own summary by hand. The result is for
 * main(). */
int unit_run(Suite *);

/* A fresh folder below $TMPDIR, removed with all that is in it when the test program ends (each
 * test runs in a process of its own). Aborts on failure. */
const char *unit_folder(void);

/* FOLDER/NAME in static memory that is good for a handful of calls. */
const char *unit_path(const char *folder, const char *name);

/* Polls until condition() holds; fails the test after ten seconds. */
void unit_wait(int (*condition)(void *), void *arg, const char *what);

#endif
