/* A mail is sent when its bytes and its name in new/ are on disk: write under tmp/, sync, rename,
 * sync new/. From a few mails on, one syncfs costs less than an fsync each; for few it would wait
 * for whatever else is being written to that disk.
 *
 * The name holds the uid and nothing of the moment, so that a delivery which is repeated after a
 * crash replaces its first copy, as long as that lies in new/ still.
 */
#include "notify/transport_maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/fault_point.h"
#include "core/file.h"

#define FOLDER_MODE   0700
#define FILE_MODE     0600
#define SYNC_ALL_FROM 8 /* mails */
#define NAME_SIZE     96

struct maildir {
    char *path;
    bool is_synced; /* the names of its folders are on disk, for all we know */
};

/* One batch under way. */
struct batch {
    int root_fd;
    int tmp_fd;
    int new_fd;
    struct transport_mail *const *mails;
    size_t count;
};

static void name_of(const struct transport_mail *mail, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, "%" PRId64 ".%s.orderd", mail->created_at, mail->uid);
}

/* Still on its way: nothing has gone wrong with it. */
static bool is_good(const struct transport_mail *mail)
{
    return mail->fault.code == ERR_NONE;
}

static void fail_all(const struct batch *batch, const struct fault *cause)
{
    for (size_t i = 0; i < batch->count; i++)
        if (is_good(batch->mails[i]))
            (void)fail(&batch->mails[i]->fault, cause->code, NULL, "%s", cause->text);
}

static enum err open_folder(int root_fd, const char *name, int *fd, struct fault *fault)
{
    *fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? fail_errno(fault, ERR_IO, "cannot open the Maildir's %s", name) : ERR_NONE;
}

/* The folders themselves must outlive a crash too. */
static enum err make_folders(struct maildir *maildir, int root_fd, struct fault *fault)
{
    static const char *const names[] = {"tmp", "new", "cur"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mkdirat(root_fd, names[i], FOLDER_MODE) && errno != EEXIST)
            return fail_errno(fault, ERR_IO, "cannot make %s/%s", maildir->path, names[i]);
    FAULT_POINT(maildir_folders_made);
    maildir->is_synced = !fsync(root_fd);
    return maildir->is_synced ? ERR_NONE : fail_errno(fault, ERR_IO, "cannot sync the Maildir");
}

static enum err open_folders(struct maildir *maildir, struct batch *batch, struct fault *fault)
{
    enum err e = file_make_dir(maildir->path, FOLDER_MODE, fault);
    if (e)
        return e;
    e = open_folder(AT_FDCWD, maildir->path, &batch->root_fd, fault);
    if (e)
        return e;
    bool is_whole = !faccessat(batch->root_fd, "tmp", F_OK, 0) &&
                    !faccessat(batch->root_fd, "new", F_OK, 0) &&
                    !faccessat(batch->root_fd, "cur", F_OK, 0);
    if (!is_whole || !maildir->is_synced) /* whoever made them may have been cut off after that */
        e = make_folders(maildir, batch->root_fd, fault);
    if (!e)
        e = open_folder(batch->root_fd, "tmp", &batch->tmp_fd, fault);
    if (!e)
        e = open_folder(batch->root_fd, "new", &batch->new_fd, fault);
    return e;
}

static enum err fill(int fd, struct transport_mail *mail, bool wants_sync)
{
    enum err e = file_write_all(fd, mail->bytes, mail->len, &mail->fault);
    FAULT_POINT(maildir_mail_written);
    if (!e && wants_sync && fsync(fd))
        e = fail_errno(&mail->fault, ERR_IO, "cannot sync a mail");
    return e;
}

/* A file of that name in tmp/ is what a crash left of the same mail. */
static void write_mail(const struct batch *batch, struct transport_mail *mail)
{
    char name[NAME_SIZE];
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    name_of(mail, name);
    int fd = openat(batch->tmp_fd, name, flags, FILE_MODE);
    if (fd < 0 && errno == EEXIST && !unlinkat(batch->tmp_fd, name, 0))
        fd = openat(batch->tmp_fd, name, flags, FILE_MODE);
    if (fd < 0) {
        (void)fail_errno(&mail->fault, ERR_IO, "cannot make a mail in the Maildir's tmp");
        return;
    }
    enum err e = fill(fd, mail, batch->count < SYNC_ALL_FROM);
    if (close(fd) && !e)
        (void)fail_errno(&mail->fault, ERR_IO, "cannot write a mail");
}

static void write_all(const struct batch *batch)
{
    struct fault fault;
    fault_begin(&fault, NULL);
    for (size_t i = 0; i < batch->count; i++)
        write_mail(batch, batch->mails[i]);
    if (batch->count < SYNC_ALL_FROM || !syncfs(batch->tmp_fd))
        return;
    (void)fail_errno(&fault, ERR_IO, "cannot sync the Maildir's tmp");
    fail_all(batch, &fault);
}

/* After a failed sync of new/ nobody knows what is there: what arrives again replaces it. */
static void show_all(const struct batch *batch)
{
    struct fault fault;
    fault_begin(&fault, NULL);
    for (size_t i = 0; i < batch->count; i++) {
        struct transport_mail *mail = batch->mails[i];
        char name[NAME_SIZE];
        name_of(mail, name);
        if (is_good(mail) && renameat(batch->tmp_fd, name, batch->new_fd, name))
            (void)fail_errno(&mail->fault, ERR_IO, "cannot move a mail to the Maildir's new");
        FAULT_POINT(maildir_mail_shown);
    }
    if (!fsync(batch->new_fd))
        return;
    (void)fail_errno(&fault, ERR_IO, "cannot sync the Maildir's new");
    fail_all(batch, &fault);
}

static void settle(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct transport_mail *mail = batch->mails[i];
        char name[NAME_SIZE];
        name_of(mail, name);
        mail->outcome = is_good(mail) ? TRANSPORT_SENT : TRANSPORT_TEMPORARY;
        if (!is_good(mail) && batch->tmp_fd >= 0)
            (void)unlinkat(batch->tmp_fd, name, 0); /* if it is there at all */
    }
}

static void deliver(void *self, struct transport_mail *const mails[], size_t count)
{
    struct batch batch = {
        .root_fd = -1, .tmp_fd = -1, .new_fd = -1, .mails = mails, .count = count};
    struct fault fault;
    fault_begin(&fault, NULL);
    if (open_folders(self, &batch, &fault)) {
        fail_all(&batch, &fault);
    } else {
        write_all(&batch);
        FAULT_POINT(maildir_mails_synced);
        show_all(&batch);
        FAULT_POINT(maildir_names_synced);
    }
    settle(&batch);
    file_close(&batch.new_fd);
    file_close(&batch.tmp_fd);
    file_close(&batch.root_fd);
}

static void close_maildir(void *self)
{
    struct maildir *maildir = self;
    free(maildir->path);
    free(maildir);
}

void transport_maildir_open(struct transport *out, const char *path)
{
    static const struct transport_ops ops = {"maildir", deliver, close_maildir};
    struct maildir *maildir = xalloc(sizeof *maildir);
    maildir->path = xstrdup(path);
    *out = (struct transport){.ops = &ops, .self = maildir};
}
