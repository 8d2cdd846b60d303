/* Counting calls, and saying what has been done.
 *
 * Special difficulty: it runs inside calls of malloc, of any thread, before main() and after it. So
 * nothing here allocates, the log is written by bare system calls, and what a call of ours calls
 * again is passed on (is_inside). Own calls of the dynamic linker's happen once, in the
 * constructor.
 *
 * Never changes errno but to fail a call. */
#include "rules.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX  32
#define FIELD_SIZE 256
#define PATH_SIZE  512
#define LINE_SIZE  2048
#define FRAMES_MAX 32
#define OWN_FRAMES 8 /* at least as many as are ours, or the sanitizer's, at the top of a chain */
#define SITES_MAX  65536 /* a power of two, and far more than there are */

struct rule {
    enum fault_function function;
    enum fault_kind kind;
    const char *action;
    int error;
    int delay_ms;
    bool is_deadly;
    bool is_counting; /* and does nothing */
    long nth;
    const char *path;
    const char *arm;
    const char *thread;
    const char *from;
    int after; /* 0: from the beginning */
    int depth;
    _Atomic long count;
    _Atomic bool is_made;
    _Atomic uint64_t *sites;
};

/* Where this object lies; from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static struct rule rules[RULES_MAX];
static int rule_count;
static _Atomic bool is_active;
static const char *log_path;
static char settings[4096];
static _Atomic uint64_t site_tables[RULES_MAX][SITES_MAX];
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

static const char *const names[FAULT_FUNCTION_COUNT] = {
    [FAULT_ACCEPT] = "accept",
    [FAULT_CLOSE] = "close",
    [FAULT_COMMIT] = "commit",
    [FAULT_CONNECT] = "connect",
    [FAULT_FDATASYNC] = "fdatasync",
    [FAULT_FSYNC] = "fsync",
    [FAULT_FTRUNCATE] = "ftruncate",
    [FAULT_LOCK] = "lock",
    [FAULT_MALLOC] = "malloc",
    [FAULT_MAP] = "map",
    [FAULT_MKDIR] = "mkdir",
    [FAULT_OPEN] = "open",
    [FAULT_PREAD] = "pread",
    [FAULT_PWRITE] = "pwrite",
    [FAULT_READ] = "read",
    [FAULT_RENAME] = "rename",
    [FAULT_STAT] = "stat",
    [FAULT_SYNCFS] = "syncfs",
    [FAULT_THREAD] = "thread",
    [FAULT_UNLINK] = "unlink",
    [FAULT_WRITE] = "write",
};

static const struct {
    const char *name;
    int number;
} errors[] = {
    {"EACCES", EACCES},
    {"EAGAIN", EAGAIN},
    {"ECONNABORTED", ECONNABORTED},
    {"ECONNREFUSED", ECONNREFUSED},
    {"ECONNRESET", ECONNRESET},
    {"EDQUOT", EDQUOT},
    {"EINTR", EINTR},
    {"EIO", EIO},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOLCK", ENOLCK},
    {"ENOMEM", ENOMEM},
    {"ENOSPC", ENOSPC},
    {"EPIPE", EPIPE},
    {"EROFS", EROFS},
};

/* The log */

static void say(const char *line, int len)
{
    if (!log_path || len <= 0)
        return;
    long fd =
        syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)!syscall(SYS_write, fd, line, len < LINE_SIZE ? len : LINE_SIZE - 1);
    (void)syscall(SYS_close, fd);
}

static bool is_own(const void *address)
{
    return (uintptr_t)address >= (uintptr_t)__ehdr_start && (uintptr_t)address < (uintptr_t)_end;
}

/* The first after our own; what is above them is the sanitizer's. */
static int first_caller(void *const *frames, int count)
{
    int i = 0;
    while (i < count && !is_own(frames[i]))
        i++;
    while (i < count && is_own(frames[i]))
        i++;
    return i;
}

/* object+offset of each caller, for addr2line. */
static void describe_callers(char *out, size_t size)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    size_t used = 0;
    Dl_info info;
    out[0] = '\0';
    for (int i = first_caller(frames, count); i < count && used < size; i++) {
        if (!dladdr(frames[i], &info) || !info.dli_fname)
            continue;
        const char *slash = strrchr(info.dli_fname, '/');
        int put = snprintf(out + used, size - used, "%s%s+%#lx", used ? "," : "",
            slash ? slash + 1 : info.dli_fname,
            (unsigned long)((uintptr_t)frames[i] - (uintptr_t)info.dli_fbase));
        used += put > 0 ? (size_t)put : 0;
    }
}

static void say_made(const struct rule *rule, long call, const char *path)
{
    char callers[1024];
    char line[LINE_SIZE];
    describe_callers(callers, sizeof callers);
    say(line,
        snprintf(line, sizeof line, "fault function=%s call=%ld do=%s path=%.500s callers=%s\n",
            names[rule->function], call, rule->action, path, callers));
}

/* Reading the rules */

static void give_up(const char *what, const char *text)
{
    char line[LINE_SIZE];
    int len = snprintf(line, sizeof line, "failing.so: %s: \"%s\"\n", what, text);
    (void)!syscall(SYS_write, STDERR_FILENO, line, len);
    _exit(70);
}

static void take_function(struct rule *rule, const char *name)
{
    for (int i = 0; i < FAULT_FUNCTION_COUNT; i++) {
        if (!strcmp(name, names[i])) {
            rule->function = (enum fault_function)i;
            return;
        }
    }
    give_up("no such function", name);
}

static void take_action(struct rule *rule, const char *text)
{
    rule->action = text;
    if (!strcmp(text, "none")) {
        rule->is_counting = true;
    } else if (!strcmp(text, "short")) {
        rule->kind = FAULT_SHORT;
    } else if (!strcmp(text, "die")) {
        rule->is_deadly = true;
    } else if (!strncmp(text, "delay=", 6)) {
        rule->delay_ms = (int)strtol(text + 6, NULL, 10);
    } else {
        rule->kind = FAULT_ERROR;
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
            rule->error = strcmp(text, errors[i].name) ? rule->error : errors[i].number;
        if (!rule->error)
            give_up("no such action", text);
    }
}

static void take_field(struct rule *rule, char *field)
{
    char *value = strchr(field, '=');
    if (!value)
        give_up("no value", field);
    *value++ = '\0';
    if (!strcmp(field, "nth"))
        rule->nth = strtol(value, NULL, 10);
    else if (!strcmp(field, "path"))
        rule->path = value;
    else if (!strcmp(field, "arm"))
        rule->arm = value;
    else if (!strcmp(field, "thread"))
        rule->thread = value;
    else if (!strcmp(field, "from"))
        rule->from = value;
    else if (!strcmp(field, "after"))
        rule->after = (int)strtol(value, NULL, 10);
    else if (!strcmp(field, "sites"))
        rule->depth = (int)strtol(value, NULL, 10);
    else if (!strcmp(field, "do"))
        take_action(rule, value);
    else
        give_up("no such field", field);
}

static void take_rule(char *text)
{
    if (rule_count == RULES_MAX)
        give_up("too many rules", text);
    struct rule *rule = &rules[rule_count];
    char *rest;
    take_function(rule, strtok_r(text, ":", &rest));
    for (char *field; (field = strtok_r(NULL, ":", &rest));)
        take_field(rule, field);
    if (!rule->action)
        give_up("nothing to do", names[rule->function]);
    if (rule->depth + OWN_FRAMES > FRAMES_MAX)
        give_up("too deep", names[rule->function]);
    if (rule->after < 0 || rule->after > rule_count)
        give_up("not after an earlier rule", names[rule->function]);
    rule->sites = site_tables[rule_count];
    rule_count++;
}

__attribute__((constructor)) static void begin(void)
{
    const char *program = getenv("FAULT_PROGRAM");
    const char *text = getenv("FAULTS");
    if (!program || !text || strcmp(program, program_invocation_short_name))
        return;
    void *frames[2];
    (void)backtrace(frames, 2); /* the first call loads a library */
    log_path = getenv("FAULT_LOG");
    if (strlen(text) >= sizeof settings)
        give_up("too long", "FAULTS");
    (void)strcpy(settings, text);
    char *rest;
    for (char *rule = strtok_r(settings, " ", &rest); rule; rule = strtok_r(NULL, " ", &rest))
        take_rule(rule);
    atomic_store(&is_active, true);
}

__attribute__((destructor)) static void end(void)
{
    if (!atomic_load(&is_active))
        return;
    for (int i = 0; i < rule_count; i++) {
        char line[LINE_SIZE];
        say(line, snprintf(line, sizeof line, "calls rule=%d function=%s count=%ld\n", i + 1,
                      names[rules[i].function], atomic_load(&rules[i].count)));
    }
}

/* Does a rule count this call? */

static bool is_new_site(struct rule *rule)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, rule->depth + OWN_FRAMES);
    int left = rule->depth;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int i = first_caller(frames, count); i < count && left > 0; i++, left--)
        hash = (hash ^ (uintptr_t)frames[i]) * UINT64_C(1099511628211);
    hash += !hash;
    for (size_t at = hash % SITES_MAX, tries = 0; tries < SITES_MAX;
         at = (at + 1) % SITES_MAX, tries++) {
        uint64_t seen = 0;
        if (atomic_compare_exchange_strong(&rule->sites[at], &seen, hash))
            return true;
        if (seen == hash)
            return false;
    }
    return false;
}

/* The library, or program, that made the call. */
static bool is_from(const char *pattern)
{
    void *frames[OWN_FRAMES + 1];
    Dl_info info;
    int count = backtrace(frames, OWN_FRAMES + 1);
    int i = first_caller(frames, count);
    if (i >= count || !dladdr(frames[i], &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    return !fnmatch(pattern, slash ? slash + 1 : info.dli_fname, 0);
}

static bool is_thread(const char *name)
{
    char own[16] = "";
    (void)prctl(PR_GET_NAME, own, 0L, 0L, 0L);
    return !strcmp(own, name);
}

static bool is_armed(const struct rule *rule)
{
    if (rule->after && !atomic_load(&rules[rule->after - 1].is_made))
        return false;
    return !rule->arm || !syscall(SYS_faccessat, AT_FDCWD, rule->arm, F_OK);
}

static bool counts(struct rule *rule, const char *path)
{
    if (!is_armed(rule) || (rule->thread && !is_thread(rule->thread)))
        return false;
    if (rule->path && fnmatch(rule->path, path, 0))
        return false;
    return (!rule->from || is_from(rule->from)) && (!rule->depth || is_new_site(rule));
}

/* What a rule does */

static void wait_ms(int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (syscall(SYS_nanosleep, &left, &left) && errno == EINTR)
        ;
}

static enum fault_kind make(struct rule *rule, long call, const char *path)
{
    say_made(rule, call, path);
    atomic_store(&rule->is_made, true);
    if (rule->is_deadly)
        (void)syscall(SYS_kill, getpid(), SIGKILL);
    if (rule->delay_ms)
        wait_ms(rule->delay_ms);
    if (rule->kind == FAULT_ERROR)
        errno = rule->error;
    return rule->kind;
}

static const char *name_of(const char *path, int fd, char out[PATH_SIZE])
{
    char link[64];
    if (path)
        return path;
    out[0] = '\0';
    if (fd < 0)
        return out;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long len = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_SIZE - 1);
    out[len > 0 ? len : 0] = '\0';
    return out;
}

static enum fault_kind decide(enum fault_function function, const char *path, int fd)
{
    char buffer[PATH_SIZE];
    const char *name = NULL;
    for (int i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (rule->function != function)
            continue;
        name = name ? name : name_of(path, fd, buffer);
        if (!counts(rule, name))
            continue;
        long call = atomic_fetch_add(&rule->count, 1) + 1;
        if (rule->is_counting || (rule->nth && call != rule->nth))
            continue;
        enum fault_kind kind = make(rule, call, name);
        if (kind != FAULT_NONE)
            return kind;
    }
    return FAULT_NONE;
}

enum fault_kind fault_decide(enum fault_function function, const char *path, int fd)
{
    if (!atomic_load(&is_active) || is_inside)
        return FAULT_NONE;
    is_inside = true;
    int before = errno;
    enum fault_kind kind = decide(function, path, fd);
    if (kind != FAULT_ERROR)
        errno = before;
    is_inside = false;
    return kind;
}
