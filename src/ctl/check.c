/* orderctl check: looks at everything that a start of orderd leans on, as the user that orderd runs
 * as.
 *
 * The order matters: without a configuration nothing can be found, and before root has become the
 * owner of the state nothing may be opened (a -shm file of root's would stop orderd). Both failures
 * are findings too. */
#include "ctl/subjects.h"

#include <string.h>

#include "core/buffer.h"

#include "ctl/checks.h"
#include "ctl/ctl.h"
#include "ctl/findings.h"

static void (*const checks[])(struct ctl *, struct findings *) = {
    check_config_file,
    check_state_folder,
    check_keys,
    check_database_files,
    check_database,
    check_ledger,
    check_spool,
};

/* problems: "FILE:LINE: text\n" each. */
static void add_problems(struct ctl *ctl, struct findings *f, const struct buffer *problems)
{
    for (const char *at = problems->data; *at;) {
        size_t len = strcspn(at, "\n");
        findings_add(f, "configuration", ctl->config_path,
            "correct it; orderd.conf(5) has the options", "%.*s", (int)len, at);
        at += len + (at[len] == '\n');
    }
}

/* False: there is nothing more to look at. */
static bool prepare(struct ctl *ctl, struct findings *f)
{
    struct buffer problems;
    buffer_begin(&problems, &ctl->arena, 256);
    if (ctl_configure(ctl, &problems)) {
        add_problems(ctl, f, &problems);
        if (!problems.len)
            findings_add(f, "configuration", ctl->config_path,
                "see that it exists, or name it with --config", "%s", ctl->fault.text);
        return false;
    }
    if (ctl_become_owner(ctl)) {
        findings_add(f, "state", config_text(ctl->config, OPT_database_path),
            "the folder of the database must belong to the user that orderd runs as", "%s",
            ctl->fault.text);
        return false;
    }
    return true;
}

enum err check_run(struct ctl *ctl)
{
    struct findings f;
    findings_begin(&f, &ctl->arena);
    if (prepare(ctl, &f))
        for (size_t n = 0; n < sizeof checks / sizeof *checks; n++)
            checks[n](ctl, &f);
    fault_clear(&ctl->fault);
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 1024);
    findings_render(&f, ctl->is_json, &out);
    enum err e = output_write(&out, &ctl->fault);
    size_t count = findings_count(&f);
    if (!e && count)
        e = fail(&ctl->fault, ERR_REFUSED, NULL, "%zu finding%s", count, count == 1 ? "" : "s");
    return e;
}
