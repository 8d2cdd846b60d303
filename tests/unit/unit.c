/* See unit.h. */
#include "unit.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Some are ignored where we run in the background of a script, and a test may wait for what they
 * do. */
static void reset_signals(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
}

int unit_run(Suite *suite)
{
    reset_signals();
    SRunner *runner = srunner_create(suite);
    int tap = getenv("UNIT_TAP") != NULL;
    if (tap)
        srunner_set_tap(runner, "-");
    srunner_run_all(runner, tap ? CK_SILENT : CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static char folder_made[256];
static pid_t folder_owner;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_folder(void)
{
    if (folder_owner == getpid())
        nftw(folder_made, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *unit_folder(void)
{
    const char *base = getenv("TMPDIR");
    int len =
        snprintf(folder_made, sizeof folder_made, "%s/orderd-unit-XXXXXX", base ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof folder_made || !mkdtemp(folder_made)) {
        perror("unit_folder");
        abort();
    }
    folder_owner = getpid();
    atexit(remove_folder);
    return folder_made;
}

const char *unit_path(const char *folder, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *out = paths[next++ % 8];
    int len = snprintf(out, sizeof paths[0], "%s/%s", folder, name);
    ck_assert(len > 0 && (size_t)len < sizeof paths[0]);
    return out;
}

void unit_wait(int (*condition)(void *), void *arg, const char *what)
{
    for (int i = 0; i < 6000; i++) { /* half a minute */
        if (condition(arg))
            return;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    ck_abort_msg("waited in vain for: %s", what);
}
