/* The rows of options.def: what an option is called, what it may be, and how it is said. */
#ifndef ORDERD_CORE_OPTION_H
#define ORDERD_CORE_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

struct arena;

enum option_type {
    OPTION_INT,    /* decimal; with the unit "octal", number, min and max are written in octal */
    OPTION_BOOL,   /* yes, no */
    OPTION_TEXT,   /* min to max bytes of UTF-8 without control characters */
    OPTION_PATH,   /* the same */
    OPTION_CHOICE, /* one of the words in unit */
};

struct option_row {
    const char *section;
    const char *name;
    enum option_type type;
    const char *value; /* the default */
    int64_t min;
    int64_t max;
    const char *unit;
    const char *sentence;
};

/* By enum config_option; a section's rows stand together. */
extern const struct option_row option_rows[OPT__COUNT];

/* False: there is no such option. */
bool option_find(const char *section, const char *name, enum config_option *);
bool option_is_section(const char *name);

/* Is value allowed? *number: the number, 1 or 0 for yes or no, the index of the word; 0 for texts.
 */
bool option_check(const struct option_row *, const char *value, int64_t *number);

/* "a whole number of threads from 1 to 64"; lives in the arena or for ever. */
const char *option_range(const struct option_row *, struct arena *);

#endif
