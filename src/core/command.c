/* See command.h. */
#include <config.h>

#include "core/command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/digest.h"

#define STATUS_USAGE 2

#ifdef __SANITIZE_ADDRESS__
#define COMMAND_IS_TRACED true
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define COMMAND_IS_TRACED true
#endif
#endif
#ifndef COMMAND_IS_TRACED
#define COMMAND_IS_TRACED false
#endif

static const char standard_path[] = ORDERD_SYSCONFDIR "/orderd.conf";

enum mode {
    MODE_RUN,
    MODE_CHECK,
    MODE_PRINT,
    MODE_HELP,
    MODE_VERSION,
    MODE_WRONG,
};

/* A database, or a mail, must never be opened as descriptor 2 and get our messages. */
static bool open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

/* Signing keys, passwords and tokens lie in it. (The leak sanitizer traces its own process.) */
static bool close_memory(void)
{
    return COMMAND_IS_TRACED || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0;
}

bool command_begin(void)
{
    digest_begin();
    if (open_standard_descriptors() && close_memory())
        return true;
    (void)fprintf(stderr, "%s: cannot begin: %s\n", program_invocation_short_name, strerror(errno));
    return false;
}

static enum mode parse_options(
    int argc, char **argv, const struct command_spec *spec, struct command *command)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"print-config", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"once", no_argument, NULL, 'o'}, /* the last: left out where it is not known */
        {NULL, 0, NULL, 0},
    };
    struct option known[sizeof options / sizeof options[0]];
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        known[i] = options[i];
    if (!spec->knows_once)
        known[sizeof options / sizeof options[0] - 2] = (struct option){NULL, 0, NULL, 0};
    enum mode mode = MODE_RUN;
    for (int c; (c = getopt_long(argc, argv, "c:hV", known, NULL)) != -1;) {
        switch (c) {
        case 'c':
            command->config_path = optarg;
            break;
        case 'o':
            command->once = true;
            break;
        case 'k':
            mode = MODE_CHECK;
            break;
        case 'p':
            mode = MODE_PRINT;
            break;
        case 'h':
            return MODE_HELP;
        case 'V':
            return MODE_VERSION;
        default:
            return MODE_WRONG;
        }
    }
    return optind == argc ? mode : MODE_WRONG;
}

static void print_usage(FILE *out, const struct command_spec *spec)
{
    fprintf(out,
        "usage: %s [--config FILE]%s\n"
        "       %s [--config FILE] --check-config | --print-config\n"
        "       %s --help | --version\n"
        "\n"
        "  -c, --config FILE   configuration (default %s)\n"
        "      --check-config  say what is wrong with it; exit 1 if anything is\n"
        "      --print-config  print every option with its value, range and meaning\n"
        "%s"
        "  -h, --help          this text\n"
        "  -V, --version       the version\n"
        "\n%s",
        spec->name, spec->knows_once ? " [--once]" : "", spec->name, spec->name, standard_path,
        spec->knows_once ? "      --once          do what is due, then end\n" : "", spec->summary);
}

/* False: it has problems, and they have been told. */
static bool read_config(const struct command_spec *spec, struct command *command)
{
    struct arena arena;
    struct buffer problems;
    struct fault fault;
    arena_init(&arena, 4096);
    buffer_begin(&problems, &arena, 1024);
    fault_begin(&fault, &arena);
    enum err e = config_open(&command->config, command->config_path, &problems, &fault);
    if (!e && spec->check)
        e = spec->check(command->config, &fault);
    if (e)
        fprintf(stderr, "%s%s\n", problems.data, fault.text ? fault.text : err_info(e)->name);
    arena_fini(&arena);
    return !e;
}

/* Who has no configuration yet prints one to begin with. */
static bool is_sample_wanted(enum mode mode, const struct command *command)
{
    return mode == MODE_PRINT && command->config_path == standard_path &&
           access(standard_path, F_OK) && errno == ENOENT;
}

static int print_config(const struct config *config)
{
    struct arena arena;
    struct buffer text;
    arena_init(&arena, 32 * 1024);
    buffer_begin(&text, &arena, 32 * 1024);
    config_print(config, &text, true);
    bool is_written = fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    arena_fini(&arena);
    return is_written ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool command_parse(
    int argc, char **argv, const struct command_spec *spec, struct command *command, int *status)
{
    *command = (struct command){.config_path = standard_path};
    enum mode mode = parse_options(argc, argv, spec, command);
    *status = mode == MODE_WRONG ? STATUS_USAGE : EXIT_SUCCESS;
    if (mode == MODE_WRONG || mode == MODE_HELP) {
        print_usage(mode == MODE_WRONG ? stderr : stdout, spec);
        return false;
    }
    if (mode == MODE_VERSION) {
        printf("%s %s\n", spec->name, PACKAGE_VERSION);
        return false;
    }
    if (is_sample_wanted(mode, command))
        command->config_path = NULL;
    if (!read_config(spec, command)) {
        *status = EXIT_FAILURE;
        return false;
    }
    if (mode == MODE_PRINT)
        *status = print_config(command->config);
    if (mode == MODE_CHECK)
        printf("%s: the configuration is in order\n", command->config_path);
    return mode == MODE_RUN;
}

void command_block_signals(sigset_t *waited)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    sigemptyset(waited);
    sigaddset(waited, SIGTERM);
    sigaddset(waited, SIGINT);
    sigaddset(waited, SIGUSR1);
    sigaddset(waited, SIGHUP);
}
