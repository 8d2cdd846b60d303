/* The configuration's file. One that is taken is printed, with comments and without, as a file that
 * is taken and prints the same. One that is refused has problems, each a line that names its place.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/config.h"
#include "core/file.h"
#include "core/text.h"

const char fuzz_name[] = "config";

/* Its values are paths below the folder of the file, which has to be the same again. */
static enum err open_bytes(struct arena *arena, const void *bytes, size_t len, struct config **out,
    struct buffer *problems)
{
    int fd = memfd_create("orderd-fuzz", MFD_CLOEXEC);
    assert(fd >= 0);
    assert(write(fd, bytes, len) == (ssize_t)len);
    const char *path = arena_printf(arena, "/proc/self/fd/%d", fd);
    enum err e = config_open(out, path, problems, NULL);
    assert(!close(fd));
    return e;
}

static void check_print(struct arena *arena, const struct config *config, bool with_comments)
{
    struct buffer printed, again;
    struct config *read;
    buffer_begin(&printed, arena, 16384);
    buffer_begin(&again, arena, 16384);
    config_print(config, &printed, with_comments);
    assert(!open_bytes(arena, printed.data, printed.len, &read, NULL));
    config_print(read, &again, with_comments);
    assert(printed.len == again.len && !memcmp(printed.data, again.data, again.len));
    config_close(read);
}

static void check_problems(const struct buffer *problems)
{
    static const char start[] = "/proc/self/fd/";
    assert(problems->len && problems->data[problems->len - 1] == '\n');
    assert(text_is_utf8(problems->data, problems->len));
    for (const char *line = problems->data; *line; line = strchr(line, '\n') + 1) {
        assert(!strncmp(line, start, sizeof start - 1));
        for (size_t i = 0; line[i] != '\n'; i++)
            assert(line[i] == '\t' || !text_has_control(line + i, 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buffer problems;
    struct config *config;
    arena_init(&arena, 65536);
    buffer_begin(&problems, &arena, 1024);
    enum err e = open_bytes(&arena, data, size, &config, &problems);
    fuzz_accepted = !e;
    if (e) {
        assert(e == ERR_CONFIG);
        check_problems(&problems);
    } else {
        assert(!problems.len);
        check_print(&arena, config, false);
        check_print(&arena, config, true);
        config_close(config);
    }
    arena_fini(&arena);
    return 0;
}
