/* Which calls fail, and how. Read once from the environment:
 *
 * FAULT_PROGRAM  the only program in which anything happens (the name of its file)
 * FAULTS         rules, separated by spaces:
 * FUNCTION[:nth=N][:path=PATTERN][:arm=FILE][:thread=NAME]
 *                [:from=PATTERN][:after=RULE][:sites=DEPTH]:do=WHAT
 * FAULT_LOG      file to which a line is added for each fault, and at an orderly end one for each
 *                rule that says how many calls it saw
 *
 * FUNCTION  a name of the table in rules.c, which stands for all its variants (open: openat,
 * open64, ...) nth       only the Nth call that the rule counts, from 1; without it every one path
 * counts only calls whose file matches that pattern of fnmatch(3) arm       counts only while that
 * file exists after     counts only once the rule of that number, from 1, has made a fault sites
 * counts only the first call from each chain of that many callers do        a name of errno (EIO),
 * "short" (half of the bytes), "delay=MS", "die" (SIGKILL), "none"
 *
 * The first rule that fails a call ends it; those that delay let the next one look. */
#ifndef ORDERD_TESTS_FAULT_RULES_H
#define ORDERD_TESTS_FAULT_RULES_H

#include <stdbool.h>

enum fault_function {
    FAULT_ACCEPT,
    FAULT_CLOSE,
    FAULT_COMMIT, /* of SQLite: made, and said to have failed */
    FAULT_CONNECT,
    FAULT_FDATASYNC,
    FAULT_FSYNC,
    FAULT_FTRUNCATE,
    FAULT_LOCK,
    FAULT_MALLOC,
    FAULT_MAP,
    FAULT_MKDIR,
    FAULT_OPEN,
    FAULT_PREAD,
    FAULT_PWRITE,
    FAULT_READ,
    FAULT_RENAME,
    FAULT_STAT,
    FAULT_SYNCFS,
    FAULT_THREAD,
    FAULT_UNLINK,
    FAULT_WRITE,
    FAULT_FUNCTION_COUNT,
};

enum fault_kind {
    FAULT_NONE,  /* the call is made as it is */
    FAULT_ERROR, /* it is not made; errno is set */
    FAULT_SHORT, /* it is made with half of its bytes */
};

/* What becomes of this call. path: its file's name; NULL: that of the descriptor fd (-1: it has
 * none). Delays and deaths happen inside. */
enum fault_kind fault_decide(enum fault_function, const char *path, int fd);

#endif
