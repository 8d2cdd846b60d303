/* The spool of orderctl check. Its folders belong to two programs, which may be two users: what is
 * the notifier's is looked at as far as it lets us. */
#include "ctl/checks.h"

#include <dirent.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/layout.h"

#include "ctl/ctl.h"
#include "ctl/findings.h"

static const struct expected folders[LAYOUT__COUNT] = {
    /* what is made there goes to new/ by a rename, and is read by the notifier's group */
    [LAYOUT_TMP] = {.is_folder = true,
        .may_be_missing = true,
        .forbidden = S_IWGRP | S_IRWXO,
        .access = R_OK | W_OK | X_OK},
    /* the notifier takes from it by renames, which a sticky bit would forbid */
    [LAYOUT_NEW] = {.is_folder = true,
        .may_be_missing = true,
        .forbidden = S_IRWXO | S_ISVTX,
        .access = W_OK | X_OK},
    [LAYOUT_CLAIMED] = {.is_folder = true,
        .may_be_missing = true,
        .owner = OWNER_ANYBODY,
        .forbidden = S_IRWXO},
    [LAYOUT_DEFERRED] = {.is_folder = true,
        .may_be_missing = true,
        .owner = OWNER_ANYBODY,
        .forbidden = S_IRWXO},
    [LAYOUT_HOLD] = {.is_folder = true,
        .may_be_missing = true,
        .owner = OWNER_ANYBODY,
        .forbidden = S_IRWXO},
    [LAYOUT_FAILED] = {.is_folder = true,
        .may_be_missing = true,
        .owner = OWNER_ANYBODY,
        .forbidden = S_IRWXO},
    [LAYOUT_CORRUPT] = {.is_folder = true,
        .may_be_missing = true,
        .owner = OWNER_ANYBODY,
        .forbidden = S_IRWXO},
};

/* Messages that nobody will deliver any more; their reasons are not counted. */
static size_t count_messages(const char *folder)
{
    static const char reason[] = ".reason";
    DIR *dir = opendir(folder);
    size_t count = 0;
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        size_t len = strlen(entry->d_name);
        bool is_reason =
            len >= sizeof reason && strcmp(entry->d_name + len - (sizeof reason - 1), reason) == 0;
        count += entry->d_name[0] != '.' && !is_reason;
    }
    (void)closedir(dir);
    return count;
}

static void check_dead_letters(struct findings *f, const char *path, const char *hint)
{
    size_t count = count_messages(path);
    if (count)
        findings_add(f, "spool", path, hint, "%zu message%s will not be delivered", count,
            count == 1 ? "" : "s");
}

void check_spool(struct ctl *ctl, struct findings *f)
{
    static const struct expected root = {.is_folder = true,
        .may_be_missing = true,
        .owner = OWNER_ANYBODY,
        .forbidden = S_IWOTH,
        .access = W_OK | X_OK};
    static const struct expected parent = {
        .is_folder = true, .owner = OWNER_ANYBODY, .access = W_OK | X_OK};
    const char *path = config_text(ctl->config, OPT_spool_path);
    if (!findings_expect(f, "spool", path, &root)) {
        (void)findings_expect(f, "spool", dirname(arena_text(&ctl->arena, path)), &parent);
        return;
    }
    const char *paths[LAYOUT__COUNT];
    for (int n = 0; n < LAYOUT__COUNT; n++) {
        paths[n] = arena_printf(&ctl->arena, "%s/%s", path, layout_name((enum layout_folder)n));
        (void)findings_expect(f, "spool", paths[n], &folders[n]);
    }
    check_dead_letters(f, paths[LAYOUT_FAILED],
        "read the .reason beside each; move it to new/ to try again, or remove both");
    check_dead_letters(f, paths[LAYOUT_CORRUPT], "look at them, and remove them");
}
