/* orderctl backup: the whole database in one file, beside an orderd that works.
 *
 * The file is written by the owner of the state, whom root has become: so its folder must be one
 * that this user can write to, and root never writes where somebody less may have laid a trap. */
#include "ctl/subjects.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#include "db/backup.h"

#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/owner.h"

static enum err expect_folder(struct ctl *ctl)
{
    const char *folder = dirname(arena_text(&ctl->arena, ctl->operand));
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
        return ERR_NONE;
    char user[OWNER_NAME_SIZE];
    int cause = errno;
    owner_name(user, geteuid());
    errno = cause;
    return fail_errno(&ctl->fault, ERR_CONFIG,
        "%s, who owns the database, cannot write to the folder %s (try: install -d -o %s -m 0700 "
        "FOLDER)",
        user, folder, user);
}

enum err backup_run(struct ctl *ctl)
{
    static const struct output_column columns[] = {{"file", OUTPUT_TEXT}, {"bytes", OUTPUT_INT},
        {"newest_order", OUTPUT_INT}, {"newest_order_at", OUTPUT_TIME}};
    struct admin_options options = ctl_database(ctl);
    struct backup made;
    enum err e = expect_folder(ctl);
    if (!e)
        e = backup_make(&options, ctl->operand, &made, &ctl->fault);
    if (e)
        return e;
    struct output o;
    output_begin(&o, &ctl->arena, "backups", columns, sizeof columns / sizeof *columns);
    output_row(&o, (struct output_value[]){
                       {.text = ctl->operand},
                       {.number = made.bytes},
                       {.number = made.order_id, .is_absent = !made.order_id},
                       {.number = made.ordered_at, .is_absent = !made.order_id},
                   });
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}
