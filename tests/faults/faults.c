/* A library to preload into the program, which makes chosen system calls fail as a bad disk, a
 * full one or a jumping clock would. It acts in programs alone whose names begin with "dam".
 *
 *     DAM_FAULT=CALLS:PATH:FROM:WHAT[:RANK]
 *
 * CALLS, one or several joined by commas (pwrite, pwritev, write, fsync, fdatasync, open, rename,
 * posix_fallocate, fcntl), whose path holds PATH, or ends with it where PATH ends with "$" (of
 * rename, the new path; of fcntl, locks alone) are counted together. From the FROM-th on, the first
 * being 1, of every rank or of RANK alone, WHAT happens: a number is the errno they fail with,
 * "short" writes half of the bytes, "kill" is a SIGKILL before the call.
 *
 *     DAM_CLOCK=OFFSET:SWING   calendar time is OFFSET s from true, and SWING s more at every other
 *                              look
 *
 * Counts may miss a call where two threads make one at the same moment. Sanitizers and preloaded
 * libraries do not get on: tests that need this one run in a release build. */
#undef _FILE_OFFSET_BITS /* the names with and without 64 are defined apart */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool on, is_short, is_kill;
    char calls[96], path[64];
    long from, seen;
    int number;
} fault;

static struct {
    bool on;
    double offset, swing;
    long looks;
} shifted;

static void read_fault(const char *text) {
    char what[16], rank[16] = "";
    const char *mine = getenv("OMPI_COMM_WORLD_RANK");
    int found = sscanf(text, "%95[^:]:%63[^:]:%ld:%15[^:]:%15s", fault.calls, fault.path,
                       &fault.from, what, rank);
    if (found < 4) {
        fprintf(stderr, "DAM_FAULT: cannot read '%s'\n", text);
        abort();
    }
    fault.is_short = strcmp(what, "short") == 0;
    fault.is_kill = strcmp(what, "kill") == 0;
    fault.number = atoi(what);
    fault.on = rank[0] == '\0' || (mine != NULL && strcmp(mine, rank) == 0);
}

static void read_clock(const char *text) {
    shifted.on = sscanf(text, "%lf:%lf", &shifted.offset, &shifted.swing) == 2;
}

__attribute__((constructor)) static void read_environment(void) {
    const char *of_calls = getenv("DAM_FAULT"), *of_time = getenv("DAM_CLOCK");
    if (strncmp(program_invocation_short_name, "dam", 3) != 0)
        return;
    if (of_calls != NULL)
        read_fault(of_calls);
    if (of_time != NULL)
        read_clock(of_time);
}

static bool is_among(const char *call) {
    size_t length = strlen(call);
    for (const char *at = fault.calls; (at = strstr(at, call)) != NULL; at += length)
        if ((at == fault.calls || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static bool is_meant(const char *path) {
    size_t length = strlen(path), wanted = strlen(fault.path);
    if (wanted == 0 || fault.path[wanted - 1] != '$')
        return strstr(path, fault.path) != NULL;
    wanted--;
    return length >= wanted && strncmp(path + length - wanted, fault.path, wanted) == 0;
}

/* Is this call hit? One that is to fail has errno set. */
static bool hits(const char *call, const char *path) {
    if (!fault.on || !is_among(call) || !is_meant(path) || ++fault.seen < fault.from)
        return false;
    if (fault.is_kill)
        raise(SIGKILL);
    errno = fault.number;
    return true;
}

static bool hits_open(const char *call, int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    int before = errno;
    ssize_t length = fault.on ? readlink(link, path, sizeof path - 1) : -1;
    errno = before;
    if (length < 0)
        return false;
    path[length] = '\0';
    return hits(call, path);
}

/* The C library's own function. */
#define OWN(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* Libraries that are built for large files on every machine call it by its other name. */
#define ALSO(name) __typeof__(name) name##64 __attribute__((alias(#name)))

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    if (hits_open("pwrite", descriptor)) {
        if (!fault.is_short)
            return -1;
        size = (size + 1) / 2;
    }
    return OWN(pwrite)(descriptor, data, size, offset);
}
ALSO(pwrite);

ssize_t write(int descriptor, const void *data, size_t size) {
    if (hits_open("write", descriptor)) {
        if (!fault.is_short)
            return -1;
        size = (size + 1) / 2;
    }
    return OWN(write)(descriptor, data, size);
}

/* Short: of the first piece alone, half. */
ssize_t pwritev(int descriptor, const struct iovec *pieces, int count, off_t offset) {
    if (hits_open("pwritev", descriptor)) {
        if (!fault.is_short)
            return -1;
        return OWN(pwrite)(descriptor, pieces[0].iov_base, (pieces[0].iov_len + 1) / 2, offset);
    }
    return OWN(pwritev)(descriptor, pieces, count, offset);
}
ALSO(pwritev);

int fsync(int descriptor) {
    return hits_open("fsync", descriptor) ? -1 : OWN(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    return hits_open("fdatasync", descriptor) ? -1 : OWN(fdatasync)(descriptor);
}

int posix_fallocate(int descriptor, off_t offset, off_t size) {
    return hits_open("posix_fallocate", descriptor)
               ? fault.number
               : OWN(posix_fallocate)(descriptor, offset, size);
}
ALSO(posix_fallocate);

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return hits("open", path) ? -1 : OWN(open)(path, flags, mode);
}
ALSO(open);

int rename(const char *from, const char *to) {
    return hits("rename", to) ? -1 : OWN(rename)(from, to);
}

int fcntl(int descriptor, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    bool locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK;
    return locks && hits_open("fcntl", descriptor) ? -1 : OWN(fcntl)(descriptor, command, argument);
}
ALSO(fcntl);

/* ---- the clock ---- */

static struct timespec shift(struct timespec now) {
    if (!shifted.on)
        return now;
    now.tv_sec += (time_t)(shifted.offset + (shifted.looks++ % 2 == 0 ? 0 : shifted.swing));
    return now;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = OWN(clock_gettime)(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        *now = shift(*now);
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int status = OWN(gettimeofday)(now, zone);
    struct timespec then = shift((struct timespec){now->tv_sec, 1000 * now->tv_usec});
    *now = (struct timeval){then.tv_sec, then.tv_nsec / 1000};
    return status;
}

time_t time(time_t *out) {
    time_t now = shift((struct timespec){.tv_sec = OWN(time)(NULL)}).tv_sec;
    if (out != NULL)
        *out = now;
    return now;
}
