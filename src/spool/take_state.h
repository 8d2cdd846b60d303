/* What the files of spool/take share. */
#ifndef ORDERD_SPOOL_TAKE_STATE_H
#define ORDERD_SPOOL_TAKE_STATE_H

#include <dirent.h>
#include <sys/types.h>

#include "spool/take.h"

#define TAKE_STAGE_COUNT 3 /* of a pass: claimed/, new/, deferred/ */

struct take {
    int root_fd;
    int lock_fd;
    int watch_fd;
    int folder_fds[LAYOUT__COUNT]; /* tmp/ is not opened */
    uid_t publisher;               /* whom new/ belongs to, and so must every file */

    size_t stage;    /* of the pass; TAKE_STAGE_COUNT: it is over */
    DIR *stream;     /* of that stage's folder; NULL: not begun */
    bool everything; /* this pass looks at deferred/ in any case */
    bool is_stuck;   /* this pass has told of an entry that could not be moved */
    int64_t due_at;  /* the earliest next_at that is known; INT64_MAX: none; 0: look */
};

/* Moves FOLDER/entry to corrupt/, under the name wanted if that is free, and logs why. */
void take_quarantine(
    struct take *, enum layout_folder, const char *entry, const char *wanted, const char *reason);

/* An entry could be neither claimed nor moved (errno says why): told once a pass, and left. */
void take_leave(struct take *, enum layout_folder, const char *entry);

#endif
