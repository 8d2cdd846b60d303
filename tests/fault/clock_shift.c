/* Preloaded into a program: its wall clock is off by as many seconds as a file says, and changes
 * when the file does. The monotonic clock, and the kernel's own idea of the time, are left alone:
 * so a wait that was made up from the wall clock is wrong by the same amount and shows.
 *
 * ORDERD_CLOCK_SHIFT names the file: eight bytes, an int64_t of the machine. It is mapped, so that
 * a program without a free descriptor still sees it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const _Atomic int64_t *shift_s;

__attribute__((constructor)) static void map_shift(void)
{
    const char *path = getenv("ORDERD_CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        abort(); /* a test that shifts nothing proves nothing */
    void *mapped = mmap(NULL, sizeof *shift_s, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED || close(fd))
        abort();
    shift_s = mapped;
}

static int64_t shift(void)
{
    return shift_s ? *shift_s : 0; /* other libraries are set up before this one */
}

EXPORT int clock_gettime(clockid_t id, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, id, now);
    if (!rc && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
        now->tv_sec += shift();
    return rc;
}

EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int rc = (int)syscall(SYS_gettimeofday, now, zone);
    if (!rc)
        now->tv_sec += shift();
    return rc;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
