/* orderctl restore: a backup becomes the database, where there is none, while no orderd runs.
 *
 * The backup may be one that only root can read, and the database is to be its owner's: so it is
 * opened first, and everything else is done as the owner. The owner can write to the folder of
 * their backups, so root follows no link there: it would hand over what only root may read. */
#include "ctl/subjects.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "db/restore.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

/* A copy of a database that was in use is not whole without its log. */
static enum err expect_alone(struct ctl *ctl)
{
    struct stat st;
    const char *log = arena_printf(&ctl->arena, "%s-wal", ctl->operand);
    if (stat(log, &st) == 0 && st.st_size)
        return fail(&ctl->fault, ERR_CONFIG, NULL,
            "%s lies beside it: that is a database in use, or a part of one, and no backup", log);
    return ERR_NONE;
}

static enum err open_backup(struct ctl *ctl, int *fd)
{
    struct stat st;
    *fd = open(ctl->operand, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0 && errno == ELOOP)
        return fail(&ctl->fault, ERR_CONFIG, NULL,
            "%s is a symbolic link: name the file that it leads to", ctl->operand);
    if (*fd < 0 || fstat(*fd, &st) != 0)
        return fail_errno(&ctl->fault, ERR_IO, "cannot open %s", ctl->operand);
    if (!S_ISREG(st.st_mode))
        return fail(&ctl->fault, ERR_CONFIG, NULL, "%s is no regular file", ctl->operand);
    return expect_alone(ctl);
}

static enum err write_result(struct ctl *ctl, const struct backup *restored, int64_t at)
{
    static const struct output_column columns[] = {{"database", OUTPUT_TEXT}, {"bytes", OUTPUT_INT},
        {"newest_order", OUTPUT_INT}, {"newest_order_at", OUTPUT_TIME},
        {"restored_at", OUTPUT_TIME}};
    struct output o;
    output_begin(&o, &ctl->arena, "restored", columns, sizeof columns / sizeof *columns);
    output_row(&o, (struct output_value[]){
                       {.text = config_text(ctl->config, OPT_database_path)},
                       {.number = restored->bytes},
                       {.number = restored->order_id, .is_absent = !restored->order_id},
                       {.number = restored->ordered_at, .is_absent = !restored->order_id},
                       {.number = at},
                   });
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}

static void warn(struct ctl *ctl)
{
    ctl_note(ctl, "passwords, roles and who is disabled are as they were in the backup: look at "
                  "orderctl user list before you start orderd");
    ctl_note(ctl, "everybody has to log in again: no token from before is good any more");
    ctl_note(ctl, "orderd takes no order, and captures, voids and mails nothing, until orderctl "
                  "reconcile --restored has told what happened after the backup");
}

static enum err restore_open(struct ctl *ctl, int fd)
{
    struct backup restored;
    int64_t at = clock_now();
    enum err e = ctl_become_owner(ctl);
    if (e)
        return e;
    struct admin_options options = ctl_database(ctl);
    e = restore_from(&options, fd, ctl->operand, at, &restored, &ctl->fault);
    if (e)
        return e;
    warn(ctl);
    return write_result(ctl, &restored, at);
}

enum err restore_run(struct ctl *ctl)
{
    int fd = -1;
    enum err e = ctl_configure(ctl, NULL);
    if (!e)
        e = open_backup(ctl, &fd);
    if (!e)
        e = restore_open(ctl, fd);
    file_close(&fd);
    return e;
}
