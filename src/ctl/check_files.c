/* Files of orderctl check: configuration, state, keys, database, ledger; their kind, owner and
 * mode. */
#include "ctl/checks.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "security/keyring.h"

#include "ctl/ctl.h"
#include "ctl/findings.h"
#include "ctl/owner.h"

#define WRITE_BY_OTHERS (S_IWGRP | S_IWOTH)

static const char *folder_of(struct ctl *ctl, const char *path)
{
    return dirname(arena_text(&ctl->arena, path));
}

/* Whoever can write it decides where everything else lies. */
void check_config_file(struct ctl *ctl, struct findings *f)
{
    static const struct expected file = {
        .owner = OWNER_OURS_OR_ROOT, .forbidden = WRITE_BY_OTHERS, .access = R_OK};
    (void)findings_expect(f, "configuration", ctl->config_path, &file);
}

void check_state_folder(struct ctl *ctl, struct findings *f)
{
    static const struct expected folder = {
        .is_folder = true, .forbidden = WRITE_BY_OTHERS, .access = R_OK | W_OK | X_OK};
    const char *path = folder_of(ctl, config_text(ctl->config, OPT_database_path));
    (void)findings_expect(f, "state", path, &folder);
}

/* ---- keys */

static void check_key_files(struct ctl *ctl, struct findings *f, const char *folder, DIR *dir)
{
    char user[OWNER_NAME_SIZE];
    owner_name(user, geteuid());
    for (const struct dirent *entry; (entry = readdir(dir));) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".key") != 0)
            continue;
        const char *path = arena_printf(&ctl->arena, "%s/%s", folder, entry->d_name);
        struct fault cause;
        fault_begin(&cause, &ctl->arena);
        if (file_check_secret(path, &cause))
            findings_add(f, "keys", path,
                arena_printf(&ctl->arena, "chown %s %s; chmod 0600 %s", user, path, path), "%s",
                cause.text);
    }
}

void check_keys(struct ctl *ctl, struct findings *f)
{
    static const struct expected expected = {.is_folder = true,
        .owner = OWNER_OURS_OR_ROOT,
        .forbidden = WRITE_BY_OTHERS,
        .access = R_OK | X_OK};
    const char *folder = config_text(ctl->config, OPT_auth_keys);
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT) {
        findings_add(f, "keys", folder, "orderctl key new", "there is no key to sign tokens with");
        return;
    }
    size_t before = findings_count(f);
    (void)findings_expect(f, "keys", folder, &expected);
    if (!dir)
        return;
    check_key_files(ctl, f, folder, dir);
    (void)closedir(dir);
    struct fault cause;
    fault_begin(&cause, &ctl->arena);
    struct keyring *ring = NULL;
    if (keyring_open(&ring, folder, &cause) && findings_count(f) == before)
        findings_add(f, "keys", folder, "move a wrong key away; orderctl key new makes one", "%s",
            cause.text);
    keyring_close(ring);
}

/* ---- database and ledger */

/* Readers that end keep it far below that; the responder cuts it when it can begin anew. */
#define LOG_MAX (INT64_C(128) * 1024 * 1024)

static void check_log_size(struct ctl *ctl, struct findings *f, const char *database)
{
    const char *path = arena_printf(&ctl->arena, "%s-wal", database);
    struct stat st;
    if (!stat(path, &st) && st.st_size > LOG_MAX)
        findings_add(f, "database", path,
            arena_printf(&ctl->arena, "end the process that reads and does not let go: fuser -v %s",
                database),
            "has grown to %lld MiB, and cannot begin anew while somebody still reads from it",
            (long long)(st.st_size / (1024 * 1024)));
}

void check_database_files(struct ctl *ctl, struct findings *f)
{
    static const struct expected file = {
        .may_be_missing = true, .forbidden = S_IWGRP | S_IRWXO, .access = R_OK | W_OK};
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    static const char *const locks[] = {"orders.lock", "orders.write"};
    const char *path = config_text(ctl->config, OPT_database_path);
    for (size_t n = 0; n < sizeof suffixes / sizeof *suffixes; n++)
        (void)findings_expect(
            f, "database", arena_printf(&ctl->arena, "%s%s", path, suffixes[n]), &file);
    check_log_size(ctl, f, path);
    for (size_t n = 0; n < sizeof locks / sizeof *locks; n++)
        (void)findings_expect(f, "database",
            arena_printf(&ctl->arena, "%s/%s", folder_of(ctl, path), locks[n]), &file);
}

void check_ledger(struct ctl *ctl, struct findings *f)
{
    static const struct expected file = {
        .may_be_missing = true, .forbidden = WRITE_BY_OTHERS, .access = R_OK | W_OK};
    static const struct expected folder = {
        .is_folder = true, .owner = OWNER_ANYBODY, .access = W_OK | X_OK};
    const char *path = config_text(ctl->config, OPT_gateway_ledger);
    if (!findings_expect(f, "ledger", path, &file))
        (void)findings_expect(f, "ledger", folder_of(ctl, path), &folder);
}
