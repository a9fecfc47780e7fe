/* Calls of the C library that fail on request, for tests of what a server does when its disk fails.
 *
 * Loaded before everything else (LD_PRELOAD). In the folder that FAILING_CALLS names, a file that is called after a call
 * makes it fail, for paths that end in the text of the file, as long as the file is there:
 *
 *     rename  fsync  fdatasync   Input/output error
 *     write                      No space left on device
 *     open                       Read-only file system, where something would be made or written
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int (*open_file)(const char *, int, ...);

static int must_fail(const char *call, const char *path) {
    const char *folder = getenv("FAILING_CALLS");
    char name[4096], wanted[256];
    if (!folder || !path) return 0;
    snprintf(name, sizeof name, "%s/%s", folder, call);
    if (!open_file) open_file = dlsym(RTLD_NEXT, "open64");
    int request = open_file(name, O_RDONLY | O_CLOEXEC);
    if (request < 0) return 0;
    ssize_t length = read(request, wanted, sizeof wanted);
    close(request);
    if (length < 0) return 0;
    size_t all = strlen(path), end = (size_t)length;
    return all >= end && memcmp(path + all - end, wanted, end) == 0;
}

static int must_fail_for(const char *call, int file) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return must_fail(call, path);
}

static int fail(int error) {
    errno = error;
    return -1;
}

int fsync(int file) {
    int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
    return must_fail_for("fsync", file) ? fail(EIO) : next(file);
}

int fdatasync(int file) {
    int (*next)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return must_fail_for("fdatasync", file) ? fail(EIO) : next(file);
}

ssize_t write(int file, const void *bytes, size_t length) {
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return must_fail_for("write", file) ? fail(ENOSPC) : next(file, bytes, length);
}

int rename(const char *from, const char *to) {
    int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return must_fail("rename", to) ? fail(EIO) : next(from, to);
}

int open64(const char *path, int flags, ...) {
    if (!open_file) open_file = dlsym(RTLD_NEXT, "open64");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (flags & (O_WRONLY | O_RDWR | O_CREAT) && must_fail("open", path)) return fail(EROFS);
    return open_file(path, flags, mode);
}

int mkdir(const char *path, mode_t mode) {
    int (*next)(const char *, mode_t) = dlsym(RTLD_NEXT, "mkdir");
    return must_fail("open", path) ? fail(EROFS) : next(path, mode);
}
