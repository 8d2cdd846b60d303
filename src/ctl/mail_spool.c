/* The spool, as far as it tells which orders' mails are on their way. It is read beside a relay and
 * a notifier that work: a file that has gone between its name was read and it was opened has moved
 * on, and will be met there, or at the second look. Folders are read in the direction that mails
 * move in. Changes nothing. */
#include "ctl/mail_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "spool/inspect.h"
#include "spool/layout.h"
#include "spool/record.h"

struct folder_scan {
    struct mail_list *list;
    int fd;
    uid_t publisher; /* whose files they must be */
    enum mail_place place;
    struct arena arena;
};

static const struct {
    enum layout_folder folder;
    enum mail_place place;
} folders[] = {
    {LAYOUT_NEW, MAIL_WAITING},
    {LAYOUT_CLAIMED, MAIL_WAITING},
    {LAYOUT_DEFERRED, MAIL_WAITING},
    {LAYOUT_HOLD, MAIL_WAITING},
    {LAYOUT_FAILED, MAIL_GIVEN_UP},
};

/* What is no message, or not whole, is nobody's mail. */
static void take_file(struct folder_scan *scan, const char *name)
{
    const char *bytes;
    size_t len;
    struct record record;
    struct fault fault;
    fault_begin(&fault, NULL);
    enum err e = inspect_read(scan->fd, name, scan->publisher, &scan->arena, &bytes, &len, &fault);
    if (!e)
        e = record_decode(&scan->arena, bytes, len, &record, &fault);
    if (!e)
        mail_list_add(scan->list, record.order_id, record.uid, scan->place);
    arena_reset(&scan->arena);
}

static enum err read_folder(struct folder_scan *scan, const char *name, struct fault *fault)
{
    int fd = dup(scan->fd);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        file_close(&fd);
        return fail_errno(fault, ERR_IO, "cannot read the spool's folder %s/", name);
    }
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)); errno = 0)
        if (entry->d_name[0] != '.')
            take_file(scan, entry->d_name);
    enum err e =
        errno ? fail_errno(fault, ERR_IO, "cannot read the spool's folder %s/", name) : ERR_NONE;
    (void)closedir(dir);
    return e;
}

/* e: how opening it came out. A folder that is another user's is not an error of ours: mails are
 * then not compared. */
static enum err check_access(enum err e, int at_fd, const char *name, struct fault *fault)
{
    int wish = e ? R_OK : R_OK | X_OK;
    if (e == ERR_NOT_FOUND || !faccessat(at_fd, name, wish, AT_EACCESS) || errno != EACCES)
        return e;
    fault_clear(fault);
    return fail(fault, ERR_REFUSED, NULL, "the spool (%s) is not ours to read", name);
}

static enum err scan_folder(struct mail_list *list, int root_fd, uid_t publisher,
    enum layout_folder folder, enum mail_place place, struct fault *fault)
{
    struct folder_scan scan = {.list = list, .fd = -1, .publisher = publisher, .place = place};
    enum err e = layout_open(root_fd, folder, &scan.fd, fault);
    e = check_access(e, root_fd, layout_name(folder), fault);
    if (e == ERR_NOT_FOUND) {
        fault_clear(fault);
        return ERR_NONE;
    }
    arena_init(&scan.arena, 65536);
    if (!e)
        e = read_folder(&scan, layout_name(folder), fault);
    arena_fini(&scan.arena);
    file_close(&scan.fd);
    return e;
}

/* As the notifier has it: files are of whom new/ belongs to. Without one it does not matter. */
static enum err find_publisher(int root_fd, uid_t *out, struct fault *fault)
{
    struct stat st = {.st_uid = geteuid()};
    if (fstatat(root_fd, layout_name(LAYOUT_NEW), &st, AT_SYMLINK_NOFOLLOW) && errno != ENOENT)
        return fail_errno(fault, ERR_IO, "cannot look at the spool's folder new/");
    *out = st.st_uid;
    return ERR_NONE;
}

static enum err scan_all(struct mail_list *list, int root_fd, struct fault *fault)
{
    uid_t publisher = (uid_t)-1;
    enum err e = find_publisher(root_fd, &publisher, fault);
    for (size_t n = 0; !e && n < sizeof folders / sizeof *folders; n++)
        e = scan_folder(list, root_fd, publisher, folders[n].folder, folders[n].place, fault);
    return e;
}

enum err mail_list_read_spool(struct mail_list *list, const char *spool, struct fault *fault)
{
    int root_fd = -1;
    enum err e = layout_open_root(spool, &root_fd, fault);
    e = check_access(e, AT_FDCWD, spool, fault);
    if (e == ERR_NOT_FOUND) {
        fault_clear(fault);
        return ERR_NONE;
    }
    if (!e)
        e = scan_all(list, root_fd, fault);
    file_close(&root_fd);
    return e;
}
