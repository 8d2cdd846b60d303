/* See command.h. */
#include "ctl/command.h"

#include <string.h>

#include "ctl/subjects.h"

const struct command_option command_global_options[] = {
    {"config", "FILE", NULL, false, "the configuration; default " ORDERD_SYSCONFDIR "/orderd.conf"},
    {"json", NULL, NULL, false, "the result as one JSON document"},
    {"help", NULL, NULL, false, "this text, or that of the command"},
    {"version", NULL, NULL, false, "the version"},
    {NULL, NULL, NULL, false, NULL},
};

static const struct command_option user_add_options[] = {
    {"role", "ROLE", "user admin", false, "user (the default) or admin"},
    {"email", "ADDR", NULL, true, "e-mail address, where the user's confirmations go"},
    {NULL, NULL, NULL, false, NULL},
};

static const struct command commands[] = {
    {"user", "add", user_add, PREPARE_OWNER, user_add_options, "NAME",
        "Adds a user; asks for the password, or reads it from the first line of standard input"},
    {"user", "list", user_list, PREPARE_OWNER, NULL, NULL, "Lists the users"},
    {"user", "count", user_count, PREPARE_OWNER, NULL, NULL,
        "Says how many users there are; 0 also where there is no database yet"},
    {"key", "new", key_new, PREPARE_OWNER, NULL, NULL,
        "Makes a key that signs tokens; orderd uses it from its next start"},
    {"key", "list", key_list, PREPARE_OWNER, NULL, NULL, "Lists the keys, the newest first"},
    {"check", NULL, check_run, PREPARE_NOTHING, NULL, NULL,
        "Looks for what is wrong with configuration, files and database; a line for each finding"},
    {"migrate", NULL, migrate_run, PREPARE_OWNER, NULL, NULL,
        "Brings the database up to date, or makes it; orderd must be stopped"},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

const struct command *command_at(size_t number)
{
    return number < COMMAND_COUNT ? &commands[number] : NULL;
}

const struct command *command_find(const char *subject, const char *verb)
{
    for (size_t n = 0; n < COMMAND_COUNT; n++) {
        const struct command *c = &commands[n];
        if (strcmp(c->subject, subject) != 0 || !c->verb != !verb)
            continue;
        if (!verb || strcmp(c->verb, verb) == 0)
            return c;
    }
    return NULL;
}

bool command_has_subject(const char *subject)
{
    for (size_t n = 0; n < COMMAND_COUNT; n++)
        if (strcmp(commands[n].subject, subject) == 0)
            return true;
    return false;
}
