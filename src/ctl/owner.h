/* Who owns the state, and how root becomes that user: so that no file of root's is left in a folder
 * where a service without rights must read and write. */
#ifndef ORDERD_CTL_OWNER_H
#define ORDERD_CTL_OWNER_H

#include <sys/types.h>

#include "core/error.h"

#define OWNER_NAME_SIZE 64

/* The owner of the folder that path lies in. ERR_CONFIG: there is no such folder. */
enum err owner_find(const char *path, uid_t *uid, gid_t *gid, struct fault *);

/* Becomes the owner of that folder, for good, with the groups that the system gives that user.
 * ERR_CONFIG: somebody else than the owner or root is asking. Nothing of the state may have been
 * opened before. */
enum err owner_become(const char *path, struct fault *);

/* Who runs us, for the record: behind sudo(8), who called it. To be asked before owner_become(). */
void owner_caller(char out[OWNER_NAME_SIZE]);

/* The user's name, or its number. */
void owner_name(char out[OWNER_NAME_SIZE], uid_t);

#endif
