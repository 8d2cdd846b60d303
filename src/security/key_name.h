/* The names of key files: which key it is, and whether it was retired, so that a key's whole state
 * is in its name and one rename changes it.
 *
 *     20261124T150405Z-6f5e4d3c.key                            KID.key
 *     20261124T150405Z-6f5e4d3c.retired-20261201T080000Z.key   KID.retired-TIME.key
 *
 * A kid begins with its creation time (UTC), so the largest is the newest. */
#ifndef ORDERD_SECURITY_KEY_NAME_H
#define ORDERD_SECURITY_KEY_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_ID_SIZE   64
#define KEY_NAME_SIZE 96 /* of the longest, with its NUL */

struct key_name {
    char id[KEY_ID_SIZE];
    int64_t retired_at; /* 0: it was not */
};

/* Is the file meant to be a key, however badly it may be named? */
bool key_name_is_meant(const char *file);

/* Strict: one spelling a name, and a time that there is. */
bool key_name_parse(const char *file, struct key_name *out);
void key_name_format(const struct key_name *, char out[KEY_NAME_SIZE]);

/* A new kid, of now, or of a time just behind that of the kid given ("": none) if now is not: it is
 * larger in any case. False: nothing is larger than that kid. */
bool key_name_new_id(int64_t now, const char *than, char out[KEY_ID_SIZE]);

#endif
