/* See subcommand.h. */
#include "ctl/subcommand.h"

#include <string.h>

#include <config.h>

#include "ctl/subjects.h"

const struct subcommand_option subcommand_global_options[] = {
    {.name = "config",
        .letter = 'c',
        .value = "FILE",
        .sentence = "the configuration; default " ORDERD_SYSCONFDIR "/orderd.conf"},
    {.name = "json", .sentence = "the result as one JSON document"},
    {.name = "help", .letter = 'h', .sentence = "this text, or that of the command"},
    {.name = "version", .letter = 'V', .sentence = "the version"},
    {.name = NULL},
};

static const struct subcommand_option user_add_options[] = {
    {.name = "role",
        .value = "ROLE",
        .choices = "user admin",
        .sentence = "user (the default) or admin"},
    {.name = "email",
        .value = "ADDR",
        .is_required = true,
        .sentence = "e-mail address, where the user's confirmations go"},
    {.name = NULL},
};

static const struct subcommand_option user_role_options[] = {
    {.name = "role",
        .value = "ROLE",
        .choices = "user admin",
        .is_required = true,
        .sentence = "user or admin"},
    {.name = NULL},
};

static const struct subcommand_option order_list_options[] = {
    {.name = "user", .value = "NAME", .sentence = "only those of that user"},
    {.name = "reference", .value = "R", .sentence = "only those with exactly that reference"},
    {.name = "limit", .value = "N", .sentence = "at most so many; default 50"},
    {.name = NULL},
};

static const struct subcommand_option payment_write_off_options[] = {
    {.name = "reason",
        .value = "TEXT",
        .is_required = true,
        .sentence = "why; it is recorded with your name and the time"},
    {.name = NULL},
};

static const struct subcommand_option reconcile_options[] = {
    {.name = "restored",
        .sentence = "then let a restored database go: captures, voids and mails begin again"},
    {.name = NULL},
};

static const struct subcommand commands[] = {
    {"user", "add", user_add, PREPARE_OWNER, user_add_options, "NAME",
        "Adds a user; asks for the password, or reads it from the first line of standard input"},
    {"user", "list", user_list, PREPARE_OWNER, NULL, NULL, "Lists the users"},
    {"user", "count", user_count, PREPARE_OWNER, NULL, NULL,
        "Says how many users there are; 0 also where there is no database yet"},
    {"user", "disable", user_disable, PREPARE_OWNER, NULL, "NAME",
        "Disables a user, and ends what is logged in"},
    {"user", "enable", user_enable, PREPARE_OWNER, NULL, "NAME", "Enables a user again"},
    {"user", "password", user_password, PREPARE_OWNER, NULL, "NAME",
        "Gives a user another password, and ends what is logged in; reads it as user add does"},
    {"user", "role", user_role, PREPARE_OWNER, user_role_options, "NAME",
        "Gives a user another role, and ends what is logged in"},
    {"key", "new", key_new, PREPARE_OWNER, NULL, NULL,
        "Makes a key that signs tokens; orderd takes it up at its next start or SIGHUP"},
    {"key", "retire", key_retire, PREPARE_OWNER, NULL, "KID",
        "Lets a key sign no more, and verify only what it has signed"},
    {"key", "list", key_list, PREPARE_OWNER, NULL, NULL, "Lists the keys, the newest first"},
    {"order", "show", order_show, PREPARE_OWNER, NULL, "ID",
        "Shows an order with its items, its attempt, its payment and its history"},
    {"order", "list", order_list, PREPARE_OWNER, order_list_options, NULL,
        "Lists the orders, the newest first"},
    {"payment", "retry", payment_retry, PREPARE_OWNER, NULL, "ID",
        "Has a capture or a void that failed for good tried again"},
    {"payment", "write-off", payment_write_off, PREPARE_OWNER, payment_write_off_options, "ID",
        "Ends for good what was settled by hand: a failed capture or void, or a conflict"},
    {"check", NULL, check_run, PREPARE_NOTHING, NULL, NULL,
        "Looks for what is wrong with configuration, files and database; a line for each finding"},
    {"reconcile", NULL, reconcile_run, PREPARE_OWNER, reconcile_options, NULL,
        "Holds orders and payments against the gateway's ledger, and orders against their mails"},
    {"migrate", NULL, migrate_run, PREPARE_OWNER, NULL, NULL,
        "Brings the database up to date, or makes it; orderd must be stopped"},
    {"backup", NULL, backup_run, PREPARE_OWNER, NULL, "FILE",
        "Writes the whole database to a new file, while orderd runs on"},
    {"restore", NULL, restore_run, PREPARE_NOTHING, NULL, "FILE",
        "Makes a backup the database, where there is none; orderd must be stopped"},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

const struct subcommand *subcommand_at(size_t number)
{
    return number < COMMAND_COUNT ? &commands[number] : NULL;
}

const struct subcommand *subcommand_find(const char *subject, const char *verb)
{
    for (size_t n = 0; n < COMMAND_COUNT; n++) {
        const struct subcommand *c = &commands[n];
        if (strcmp(c->subject, subject) != 0 || !c->verb != !verb)
            continue;
        if (!verb || strcmp(c->verb, verb) == 0)
            return c;
    }
    return NULL;
}

bool subcommand_has_subject(const char *subject)
{
    for (size_t n = 0; n < COMMAND_COUNT; n++)
        if (strcmp(commands[n].subject, subject) == 0)
            return true;
    return false;
}
