/* The reads FAILING_FROM to FAILING_TO (counted from 1) of the file FAILING_PATH fail with FAILING_ERRNO:
   what a server of files that was away, or a disk with a bad place, answers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int descriptor)
{
    static int reads;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (strcmp(path, getenv("FAILING_PATH")))
        return 0;
    reads++;
    return reads >= atoi(getenv("FAILING_FROM")) && reads <= atoi(getenv("FAILING_TO"));
}

static ssize_t read_at(const char *name, int descriptor, void *bytes, size_t length, off64_t offset)
{
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, name);
    if (fails(descriptor)) {
        errno = atoi(getenv("FAILING_ERRNO"));
        return -1;
    }
    return real(descriptor, bytes, length, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t length, off64_t offset)
{
    return read_at("pread64", descriptor, bytes, length, offset);
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset)
{
    return read_at("pread", descriptor, bytes, length, offset);
}
