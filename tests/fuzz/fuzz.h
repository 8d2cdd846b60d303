/* What the fuzz targets share. A target is one file that gives LLVMFuzzerTestOneInput(): libFuzzer
 * calls it with what it makes up (make check-fuzz), and replay.c with each file of
 * corpus/NAME (make check). It holds the input against what must be true whatever the input is, by
 * assert(), which stays in every build of ours. */
#ifndef ORDERD_TESTS_FUZZ_H
#define ORDERD_TESTS_FUZZ_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"

extern const char fuzz_name[];

/* Was the last input taken? replay.c compares it with what the file's name says: "good-..." must
 * be, "bad-..." must not. */
extern bool fuzz_accepted;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a text: up to its first NUL, in memory of exactly its size, so that a sanitizer sees
 * every byte read past it. The caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* A fault as a client may be told it: ERR_VALIDATION with 1 to FAULT_FIELDS_MAX fields, each with a
 * name and a message that are well-formed UTF-8 without control characters; any other with a text.
 */
void fuzz_check_fault(const struct fault *, enum err);

#endif
