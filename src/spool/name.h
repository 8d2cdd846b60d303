/* The names of spool files: a message's whole state stands in its name, so that one rename changes
 * it and a crash leaves either the old state or the new one. */
#ifndef ORDERD_SPOOL_NAME_H
#define ORDERD_SPOOL_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/random.h"

#include "spool/layout.h"

#define NAME_TRIES_MAX 999999
#define NAME_SIZE      80 /* of the longest, with its NUL */

struct name {
    char uid[UID_SIZE];
    int64_t tries;   /* claimed/, deferred/: attempts that were begun; elsewhere 0 */
    int64_t next_at; /* deferred/: not before this time; elsewhere 0 */
};

/* Is this a name as that folder (new/, claimed/, deferred/) has them? Strict: one spelling a name.
 */
bool name_parse(enum layout_folder, const char *text, struct name *out);

/* The file's name in that folder; in any but claimed/ and deferred/ the uid alone. */
void name_format(enum layout_folder, const struct name *, char out[NAME_SIZE]);

#endif
