/* Two programs, perhaps two users, share the spool. Files go from the publisher to the notifier by
 * renames between folders, so the notifier needs to write to new/, and no folder may be sticky. The
 * files' group is that of tmp/ (setgid), which is how the notifier can read what is 0640.
 *
 * Modes are set on folders we make; the administrator's own arrangement is never changed. Group and
 * setgid of the spool itself are inherited from it by the kernel.
 */
#include "spool/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

static const struct {
    const char *name;
    mode_t mode;
} folders[LAYOUT__COUNT] = {
    [LAYOUT_TMP] = {"tmp", 02750},
    [LAYOUT_NEW] = {"new", 02770},
    [LAYOUT_CLAIMED] = {"claimed", 0750},
    [LAYOUT_DEFERRED] = {"deferred", 0750},
    [LAYOUT_HOLD] = {"hold", 0750},
    [LAYOUT_FAILED] = {"failed", 0750},
    [LAYOUT_CORRUPT] = {"corrupt", 0750},
};

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

const char *layout_name(enum layout_folder folder)
{
    return folders[folder].name;
}

enum err layout_open_root(const char *path, int *fd, struct fault *fault)
{
    *fd = open(path, FOLDER_FLAGS);
    if (*fd >= 0)
        return ERR_NONE;
    if (errno == ENOENT)
        return fail(fault, ERR_NOT_FOUND, NULL,
            "there is no spool %s yet; orderd makes it when it starts", path);
    return fail_errno(fault, ERR_IO, "cannot open the spool %s", path);
}

enum err layout_open(int root_fd, enum layout_folder folder, int *fd, struct fault *fault)
{
    const char *name = folders[folder].name;
    *fd = openat(root_fd, name, FOLDER_FLAGS | O_NOFOLLOW);
    if (*fd >= 0)
        return ERR_NONE;
    if (errno == ENOENT)
        return fail(fault, ERR_NOT_FOUND, NULL,
            "the spool has no folder %s/ yet; orderd makes it when it starts", name);
    return fail_errno(fault, ERR_IO, "cannot open the spool's folder %s/", name);
}

enum err layout_make(int root_fd, enum layout_folder folder, int *fd, struct fault *fault)
{
    const char *name = folders[folder].name;
    bool is_made = !mkdirat(root_fd, name, 0700);
    if (!is_made && errno != EEXIST)
        return fail_errno(fault, ERR_IO, "cannot make the spool's folder %s/", name);
    enum err e = layout_open(root_fd, folder, fd, fault);
    if (e)
        return e;
    if (is_made && fchmod(*fd, folders[folder].mode)) { /* mkdir(2) applies the umask */
        e = fail_errno(fault, ERR_IO, "cannot set the mode of the spool's folder %s/", name);
        file_close(fd);
    }
    return e;
}
