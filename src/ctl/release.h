/* The end of a restored database's hold, when what happened after the backup has been told. */
#ifndef ORDERD_CTL_RELEASE_H
#define ORDERD_CTL_RELEASE_H

#include <stddef.h>

#include "db/restored.h"

struct arena;
struct ctl;

struct release {
    struct arena *arena;
    struct restored restored; /* as it was seen */
    const char **captured;    /* uids of open attempts that the gateway has captured */
    size_t count;
    size_t cap;
};

void release_begin(struct release *, struct arena *);
void release_add(struct release *, const char *uid);

/* In one unit: those attempts become conflicts, so that nobody asks the gateway to void what it has
 * captured, and an administrator sees them; and the hold ends, which a running orderd notices
 * within a second. ERR_REFUSED: it is not held any more, or restored anew. */
enum err release_hold(struct ctl *, const struct release *);

#endif
