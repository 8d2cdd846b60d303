/* The spool's folders. tmp/ and new/ are the publisher's, the others the notifier's; run as one
 * user, all are that user's. */
#ifndef ORDERD_SPOOL_LAYOUT_H
#define ORDERD_SPOOL_LAYOUT_H

#include "core/error.h"

enum layout_folder {
    LAYOUT_TMP,      /* being written */
    LAYOUT_NEW,      /* ready: UID */
    LAYOUT_CLAIMED,  /* being delivered: TRIES.UID */
    LAYOUT_DEFERRED, /* to be tried again: NEXT_AT.TRIES.UID */
    LAYOUT_HOLD,     /* put aside by an administrator; never looked at */
    LAYOUT_FAILED,   /* given up: UID, with UID.reason beside */
    LAYOUT_CORRUPT,  /* what was not ours, or not whole */
    LAYOUT__COUNT
};

const char *layout_name(enum layout_folder);

/* Opens the spool itself. ERR_NOT_FOUND: it is not there. */
enum err layout_open_root(const char *path, int *fd, struct fault *);

/* Opens a folder of it. ERR_NOT_FOUND: it is not there. */
enum err layout_open(int root_fd, enum layout_folder, int *fd, struct fault *);

/* The same, but makes the folder with its mode if it is missing; one that exists is left as it is.
 */
enum err layout_make(int root_fd, enum layout_folder, int *fd, struct fault *);

#endif
