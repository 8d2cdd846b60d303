/* orderd-notifier: delivers the notifications that orderd leaves in the spool. Only the command
 * line is here; the work is done in notify/service. */
#include <stdio.h>
#include <stdlib.h>

#include "core/command.h"

#include "notify/service.h"

static int run(const struct command *command)
{
    struct service *service;
    struct fault fault;
    bool is_logged_apart = *config_text(command->config, OPT_log_notifier_file) != '\0';
    fault_begin(&fault, NULL);
    enum err e = service_open(&service, command->config_path, command->config, &fault);
    if (!e)
        e = service_run(service, command->once, &fault);
    if (e && is_logged_apart) /* the log has it, but nobody is looking there */
        (void)fprintf(stderr, "orderd-notifier: %s\n", fault.text);
    service_close(service);
    return e ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct command_spec spec = {
        .name = "orderd-notifier",
        .summary =
            "SIGTERM and SIGINT stop it between two deliveries, SIGHUP reads the configuration\n"
            "again, SIGUSR1 opens the log file anew. See orderd-notifier(8).\n",
        .knows_once = true,
        .check = service_check,
    };
    struct command command;
    int status;
    if (!command_begin())
        return EXIT_FAILURE;
    if (command_parse(argc, argv, &spec, &command, &status))
        return run(&command);
    config_close(command.config);
    return status;
}
