/* Runs a target on each file of its corpus, and on each prefix of it, without a fuzzer. Speaks TAP,
 * a line a file. A target that is not content aborts, so each file has a process of its own. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"

#define FILE_MAX          1048576
#define PREFIXES          256 /* of longer files not every one */
#define NAME_IS(s, start) (strncmp((s), (start), sizeof(start) - 1) == 0)

/* From memory of its own, so that a sanitizer sees every byte read past the end. */
static void run(const char *bytes, size_t len)
{
    uint8_t *exact = xalloc(len + !len);
    memcpy(exact, bytes, len);
    fuzz_accepted = false;
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

/* The child's exit status. */
static int replay_file(const char *path, const char *name)
{
    struct arena arena;
    struct fault fault;
    char *bytes;
    size_t len;
    arena_init(&arena, 4096);
    fault_begin(&fault, NULL);
    if (file_read(&arena, path, FILE_MAX, &bytes, &len, &fault)) {
        printf("# %s\n", fault.text);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < len; i += len / PREFIXES + 1)
        run(bytes, i);
    run(bytes, len);
    arena_fini(&arena);
    if (NAME_IS(name, "good-") && !fuzz_accepted)
        puts("# it was not accepted");
    else if (NAME_IS(name, "bad-") && fuzz_accepted)
        puts("# it was accepted");
    else
        return EXIT_SUCCESS;
    return EXIT_FAILURE;
}

static bool replay(const char *path, const char *name)
{
    int status;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (!pid)
        exit(replay_file(path, name)); /* by exit(), where leaks are looked for */
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_all(const char *folder)
{
    struct dirent **entries;
    int failed = 0;
    int count = scandir(folder, &entries, is_file, alphasort);
    if (count <= 0) {
        printf("1..1\nnot ok 1 - no corpus in %s\n", folder);
        return 1;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        assert(len > 0 && (size_t)len < sizeof path);
        bool is_good = replay(path, entries[i]->d_name);
        printf("%s %d - %s: %s\n", is_good ? "ok" : "not ok", i + 1, fuzz_name, entries[i]->d_name);
        failed += !is_good;
        free(entries[i]);
    }
    free(entries);
    return failed;
}

/* replay [FOLDER] */
int main(int argc, char **argv)
{
    const char *source = getenv("srcdir");
    char folder[4096];
    int len = snprintf(
        folder, sizeof folder, "%s/tests/fuzz/corpus/%s", source ? source : ".", fuzz_name);
    assert(len > 0 && (size_t)len < sizeof folder);
    return replay_all(argc > 1 ? argv[1] : folder) ? EXIT_FAILURE : EXIT_SUCCESS;
}
