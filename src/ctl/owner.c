/* See owner.h. */
#include "ctl/owner.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"

enum err owner_find(const char *path, uid_t *uid, gid_t *gid, struct fault *fault)
{
    struct arena arena;
    arena_init(&arena, 4096);
    const char *folder = dirname(arena_text(&arena, path));
    struct stat st;
    enum err e = ERR_NONE;
    if (stat(folder, &st) != 0)
        e = fail_errno(fault, ERR_CONFIG,
            "the folder %s cannot be used (make it, and give it to the user that orderd runs as)",
            folder);
    else if (!S_ISDIR(st.st_mode))
        e = fail(fault, ERR_CONFIG, NULL, "%s is no folder", folder);
    arena_fini(&arena);
    if (e)
        return e;
    *uid = st.st_uid;
    *gid = st.st_gid;
    return ERR_NONE;
}

void owner_name(char out[OWNER_NAME_SIZE], uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    if (!user || (size_t)snprintf(out, OWNER_NAME_SIZE, "%s", user->pw_name) >= OWNER_NAME_SIZE)
        snprintf(out, OWNER_NAME_SIZE, "%lu", (unsigned long)uid);
}

/* Only root is believed: anybody can set a variable, but root can write whatever it likes anyway.
 */
void owner_caller(char out[OWNER_NAME_SIZE])
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *name = getuid() == 0 ? getenv("SUDO_USER") : NULL;
    size_t len = name ? strspn(name, allowed) : 0;
    if (len && len < OWNER_NAME_SIZE && !name[len])
        memcpy(out, name, len + 1);
    else
        owner_name(out, getuid());
}

static enum err change_user(uid_t uid, gid_t gid, struct fault *fault)
{
    const struct passwd *user = getpwuid(uid);
    if ((user ? initgroups(user->pw_name, gid) : setgroups(0, NULL)) != 0)
        return fail_errno(fault, ERR_IO, "cannot take the groups of user %lu", (unsigned long)uid);
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return fail_errno(fault, ERR_IO, "cannot become user %lu", (unsigned long)uid);
    if (setuid(0) == 0)
        return fail(fault, ERR_INTERNAL, NULL, "root could be had back");
    return ERR_NONE;
}

enum err owner_become(const char *path, struct fault *fault)
{
    uid_t uid;
    gid_t gid;
    enum err e = owner_find(path, &uid, &gid, fault);
    if (e || uid == geteuid())
        return e;
    if (geteuid() == 0)
        return change_user(uid, gid, fault);
    char name[OWNER_NAME_SIZE];
    owner_name(name, uid);
    return fail(fault, ERR_CONFIG, NULL, "%s belongs to %s: run orderctl as root or as that user",
        path, name);
}
