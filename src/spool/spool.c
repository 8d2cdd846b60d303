/* A row of the outbox is deleted once this file says that its message is on disk, so it must never
 * say so too early: content first (one syncfs for all, as it costs a sixth of an fsync each), then
 * the names, then the folder of the names. After a failed sync nobody knows what the disk holds;
 * what was written is thrown away and the caller, who keeps his rows, writes it anew.
 *
 * Owns tmp/ and new/ and the publisher's lock. Never touches the notifier's folders.
 */
#include "spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/fault_point.h"
#include "core/file.h"
#include "core/text.h"

#include "spool/layout.h"
#include "spool/seal.h"

#define ROOT_MODE    0750
#define FILE_MODE    0640 /* read by the notifier as the group of tmp/ */
#define SCRATCH_SIZE 8192 /* a usual message */

struct spool {
    int root_fd;
    int lock_fd;
    int tmp_fd;
    int new_fd;
    bool is_mode_cut; /* what open(2) gave the batch's first file is not FILE_MODE */
    struct arena scratch;
};

static enum err take_lock(struct spool *spool, const char *folder, int wait_ms, struct fault *fault)
{
    struct arena arena;
    arena_init(&arena, 256);
    enum err e = file_lock(
        arena_printf(&arena, "%s/.publisher.lock", folder), wait_ms, &spool->lock_fd, fault);
    arena_fini(&arena);
    return e;
}

/* What a crash left half-written; its rows are still in the outbox. */
static enum err empty_tmp(struct spool *spool, struct fault *fault)
{
    int fd = openat(spool->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        enum err e = fail_errno(fault, ERR_IO, "cannot read the spool's folder tmp/");
        file_close(&fd);
        return e;
    }
    enum err e = ERR_NONE;
    struct dirent *entry;
    while (!e && (errno = 0, entry = readdir(stream))) {
        if (entry->d_type == DT_DIR) /* ".", "..", and what no name of ours will ever meet */
            continue;
        if (unlinkat(spool->tmp_fd, entry->d_name, 0) && errno != ENOENT && errno != EISDIR)
            e = fail_errno(fault, ERR_IO, "cannot empty the spool's folder tmp/");
        FAULT_POINT(spool_remnant_removed);
    }
    if (!e && errno)
        e = fail_errno(fault, ERR_IO, "cannot read the spool's folder tmp/");
    (void)closedir(stream);
    return e;
}

static enum err open_folders(
    struct spool *spool, const char *folder, int wait_ms, struct fault *fault)
{
    enum err e = file_make_dir(folder, ROOT_MODE, fault);
    if (!e)
        e = layout_open_root(folder, &spool->root_fd, fault);
    if (!e)
        e = take_lock(spool, folder, wait_ms, fault);
    if (!e)
        e = layout_make(spool->root_fd, LAYOUT_TMP, &spool->tmp_fd, fault);
    if (!e)
        e = layout_make(spool->root_fd, LAYOUT_NEW, &spool->new_fd, fault);
    return e ? e : empty_tmp(spool, fault);
}

enum err spool_open(struct spool **out, const char *folder, int wait_ms, struct fault *fault)
{
    struct spool *spool = xalloc(sizeof *spool);
    *spool = (struct spool){.root_fd = -1, .lock_fd = -1, .tmp_fd = -1, .new_fd = -1};
    arena_init(&spool->scratch, SCRATCH_SIZE);
    enum err e = open_folders(spool, folder, wait_ms, fault);
    if (e) {
        spool_close(spool);
        spool = NULL;
    }
    *out = spool;
    return e;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    file_close(&spool->new_fd);
    file_close(&spool->tmp_fd);
    file_close(&spool->lock_fd);
    file_close(&spool->root_fd);
    arena_fini(&spool->scratch);
    free(spool);
}

static enum err check(const struct spool_message *messages, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct spool_message *message = &messages[i];
        if (!text_is_uid(message->uid))
            return fail(fault, ERR_CORRUPT, NULL, "not an uid to name a spool file by");
        if (!message->len || message->len > SPOOL_FILE_MAX - SEAL_SIZE)
            return fail(
                fault, ERR_CORRUPT, NULL, "message %s has %zu bytes", message->uid, message->len);
    }
    return ERR_NONE;
}

/* open(2) applies the umask, or what the folder's access list says: to all files of a batch the
 * same. */
static enum err look_at_mode(struct spool *spool, int fd, struct fault *fault)
{
    struct stat st;
    if (fstat(fd, &st))
        return fail_errno(fault, ERR_IO, "cannot look at a spool file");
    spool->is_mode_cut = (st.st_mode & 07777) != FILE_MODE;
    return ERR_NONE;
}

static enum err write_sealed(
    struct spool *spool, int fd, const struct spool_message *message, struct fault *fault)
{
    struct buffer sealed;
    buffer_begin(&sealed, &spool->scratch, message->len + SEAL_SIZE);
    buffer_bytes(&sealed, message->bytes, message->len);
    seal_make(buffer_extend(&sealed, SEAL_SIZE), message->bytes, message->len);
    enum err e = file_write_all(fd, sealed.data, sealed.len, fault);
    arena_reset(&spool->scratch);
    if (!e && spool->is_mode_cut && fchmod(fd, FILE_MODE))
        e = fail_errno(fault, ERR_IO, "cannot set the mode of a spool file");
    return e;
}

static enum err write_file(
    struct spool *spool, const struct spool_message *m, bool is_first, struct fault *fault)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(spool->tmp_fd, m->uid, flags, FILE_MODE);
    if (fd < 0 && errno == EEXIST && !unlinkat(spool->tmp_fd, m->uid, 0))
        fd = openat(spool->tmp_fd, m->uid, flags, FILE_MODE);
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "cannot make the spool file tmp/%s", m->uid);
    enum err e = is_first ? look_at_mode(spool, fd, fault) : ERR_NONE;
    if (!e)
        e = write_sealed(spool, fd, m, fault);
    if (close(fd) && !e) /* some file systems find out here that they are full */
        e = fail_errno(fault, ERR_IO, "cannot write the spool file tmp/%s", m->uid);
    return e;
}

static enum err write_all(
    struct spool *spool, const struct spool_message *messages, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        enum err e = write_file(spool, &messages[i], i == 0, fault);
        if (e)
            return e;
        FAULT_POINT(spool_file_written);
    }
    if (syncfs(spool->root_fd))
        return fail_errno(fault, ERR_IO, "cannot sync the spool");
    FAULT_POINT(spool_files_synced);
    return ERR_NONE;
}

static enum err show_all(
    struct spool *spool, const struct spool_message *messages, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const char *uid = messages[i].uid;
        if (renameat(spool->tmp_fd, uid, spool->new_fd, uid))
            return fail_errno(fault, ERR_IO, "cannot rename tmp/%s to new/", uid);
        FAULT_POINT(spool_file_shown);
    }
    if (fsync(spool->new_fd))
        return fail_errno(fault, ERR_IO, "cannot sync the spool's folder new/");
    FAULT_POINT(spool_names_synced);
    return ERR_NONE;
}

/* As far as it can be done: what stays in tmp/ is overwritten by the next try. */
static void drop_all(int folder_fd, const struct spool_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)unlinkat(folder_fd, messages[i].uid, 0);
}

enum err spool_publish(
    struct spool *spool, const struct spool_message *messages, size_t count, struct fault *fault)
{
    enum err e = check(messages, count, fault);
    if (e || !count)
        return e;
    e = write_all(spool, messages, count, fault);
    if (e) {
        drop_all(spool->tmp_fd, messages, count);
        return e;
    }
    e = show_all(spool, messages, count, fault);
    if (e) {
        drop_all(spool->new_fd, messages, count);
        drop_all(spool->tmp_fd, messages, count);
    }
    return e;
}
