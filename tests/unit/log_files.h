/* What the tests of the log share: a fresh folder, logs in it, and a look at them. */
#ifndef ORDERD_TESTS_LOG_FILES_H
#define ORDERD_TESTS_LOG_FILES_H

#include "unit.h"

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"

extern struct arena arena;
extern struct fault fault;

/* A test case with the fixture: the two above and the folder begin, log and arena end. */
TCase *make_tcase(Suite *, const char *name);

const char *path_of(const char *name);
bool exists(const char *name);
void put(const char *name, const char *text);
const char *content(const char *name); /* "" if there is no such file */

/* At level debug. */
void open_log(const char *name, int64_t rotate_size, int64_t rotate_count);

/* What follows the time in the file's only line. */
const char *only_line(const char *name);

#endif
