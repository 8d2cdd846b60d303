/* orderctl, the administrator's tool: reads its arguments by a table, prepares what the row asks
 * for, runs it, and turns the outcome into an exit code.
 *
 * It is often root that runs it. So nothing of the state is opened before root has become the
 * state's owner, and what it makes is nobody else's to read. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <config.h>

#include "core/buffer.h"
#include "core/command.h"
#include "core/log.h"

#include "ctl/arguments.h"
#include "ctl/subcommand.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/usage.h"

static void usage_of(struct buffer *out, const struct ctl *ctl, const struct arguments *arguments)
{
    if (ctl->command)
        usage_command(out, ctl->command);
    else if (arguments->subject)
        usage_subject(out, arguments->subject);
    else
        usage_all(out);
}

static enum err write_help(struct ctl *ctl, const struct arguments *arguments)
{
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 1024);
    if (arguments->wish == ARGUMENTS_VERSION)
        buffer_text(&out, "orderctl " PACKAGE_VERSION "\n");
    else
        usage_of(&out, ctl, arguments);
    return output_write(&out, &ctl->fault);
}

static enum ctl_exit refuse_usage(struct ctl *ctl, const struct arguments *arguments)
{
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 1024);
    usage_of(&out, ctl, arguments);
    fprintf(stderr, "orderctl: %s\n%s", ctl->fault.text, out.data);
    return CTL_USAGE;
}

static enum err run(struct ctl *ctl)
{
    enum err e = ERR_NONE;
    if (ctl->command->prepare == PREPARE_OWNER) {
        e = ctl_configure(ctl, NULL);
        if (!e)
            e = ctl_become_owner(ctl);
    }
    return e ? e : ctl->command->run(ctl);
}

static enum ctl_exit run_arguments(struct ctl *ctl, int argc, char **argv)
{
    struct arguments arguments;
    enum err e = arguments_parse(ctl, argc, argv, &arguments);
    if (e)
        return refuse_usage(ctl, &arguments);
    e = arguments.wish == ARGUMENTS_RUN ? run(ctl) : write_help(ctl, &arguments);
    if (!e)
        return CTL_OK;
    if (e == ERR_BAD_REQUEST)
        return refuse_usage(ctl, &arguments);
    fprintf(stderr, "orderctl: %s\n", ctl->fault.text ? ctl->fault.text : err_info(e)->text);
    return CTL_FAILED;
}

int main(int argc, char **argv)
{
    if (!command_begin())
        return CTL_FAILED;
    umask(077);
    log_set_level(LOG_LEVEL_ERROR);
    struct ctl ctl;
    ctl_begin(&ctl);
    enum ctl_exit code = run_arguments(&ctl, argc, argv);
    ctl_end(&ctl);
    return (int)code;
}
