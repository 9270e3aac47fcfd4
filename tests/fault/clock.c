/* What a program takes for the time of day: the real one, moved by the seconds that stand in the file
   $MOVED_CLOCK. Monotonic clocks stay as they are. libfaketime 0.9.10 breaks clock_nanosleep() on an
   absolute monotonic time, by which Python sleeps. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long moved_s(void)
{
    static int file = -1;
    char text[32];
    ssize_t length;
    if (file < 0) {
        const char *path = getenv("MOVED_CLOCK");
        if (path == NULL || (file = open(path, O_RDONLY | O_CLOEXEC)) < 0)
            return 0;
    }
    length = pread(file, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    long result = syscall(SYS_clock_gettime, id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += moved_s();
    return (int)result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec found;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into)
{
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (into != NULL)
        *into = found.tv_sec;
    return found.tv_sec;
}
