#include "cli/isolate.h"
#include "run/open.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* What reading a whole file of this size takes is far below. */
struct bounds {
    rlim_t seconds; /* of CPU time */
    rlim_t bytes;   /* of memory, and of what is printed */
    rlim_t address_space;
};

/* Files in memory through which the child answers. */
struct answer {
    int out, err; /* what it printed */
    int end;      /* how the body ended: a struct dam_error, the last thing it does */
};

/* Bounds. */

static rlim_t at_most(rlim_t bound, int resource) {
    struct rlimit now;
    return getrlimit(resource, &now) == 0 && now.rlim_cur < bound ? now.rlim_cur : bound;
}

/* The libraries that are loaded reserve much. */
static double address_space_in_use(void) {
    double pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%lf", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * (double)sysconf(_SC_PAGESIZE);
}

/* A table's text is some ten times its bytes, and a file is read at a hundred megabytes a second
 * and printed at ten. */
static struct bounds bounds_for(const char *file) {
    struct stat about;
    double size = stat(file, &about) == 0 ? (double)about.st_size : 0;
    double bytes = 1e9 + 64 * size, physical = dam_physical_memory();
    if (bytes > physical)
        bytes = physical;
    return (struct bounds){
        .seconds = at_most(20 + (rlim_t)(size / 1e6), RLIMIT_CPU),
        .bytes = (rlim_t)bytes,
        .address_space = at_most((rlim_t)(address_space_in_use() + bytes), RLIMIT_AS),
    };
}

/* A bound that cannot be set is a protection less, but no reason to refuse the file. */
static void bound(int resource, rlim_t most) {
    struct rlimit limits;
    if (getrlimit(resource, &limits) != 0)
        return;
    limits.rlim_cur = most;
    setrlimit(resource, &limits);
}

/* The child. */

/* Ends without the handlers of atexit, MPI's and HDF5's, which are the caller's. */
static void live(const char *file, dam_isolated *body, const void *context, struct bounds bounds,
                 struct answer answer) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(answer.out, STDOUT_FILENO) < 0 || dup2(answer.err, STDERR_FILENO) < 0)
        _exit(1);
    bound(RLIMIT_CORE, 0);
    bound(RLIMIT_CPU, bounds.seconds);
    bound(RLIMIT_FSIZE, bounds.bytes);
    if (!SANITIZED) /* whose shadow alone is terabytes */
        bound(RLIMIT_AS, bounds.address_space);
    struct dam_error error = {0};
    error.status = body(file, context, &error);
    if (fflush(stdout) != 0 || ferror(stdout))
        error.status = dam_fail(&error, DAM_MEMORY, "%s: out of memory while printing", file);
    fflush(stderr);
    _exit(write(answer.end, &error, sizeof error) == sizeof error ? 0 : 1);
}

/* The caller. */

/* Never one of the standard streams' numbers, which are free where the stream is closed. */
static int memory_file(const char *name) {
    int made = memfd_create(name, MFD_CLOEXEC);
    if (made < 0 || made > STDERR_FILENO)
        return made;
    int moved = fcntl(made, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(made);
    return moved;
}

static void copy(int from, FILE *to) {
    char bytes[1 << 14];
    ssize_t count;
    for (off_t at = 0; (count = pread(from, bytes, sizeof bytes, at)) > 0; at += count)
        fwrite(bytes, 1, (size_t)count, to);
}

/* What was last said before abort() tells why: the C library on a corrupted heap, an assertion. */
static void last_line(int from, char *line, size_t size) {
    off_t length = lseek(from, 0, SEEK_END);
    off_t start = length < (off_t)size ? 0 : length - (off_t)size + 1;
    ssize_t count = pread(from, line, size - 1, start);
    if (count > 0 && line[count - 1] == '\n')
        count--;
    line[count > 0 ? count : 0] = '\0';
    char *before = strrchr(line, '\n');
    if (before != NULL)
        memmove(line, before + 1, strlen(before));
}

/* It ended before it could say how. */
static enum dam_status explain_death(const char *file, int wait_status, struct bounds bounds,
                                     int err, struct dam_error *error) {
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    const char *name = sigabbrev_np(number);
    char words[256] = "";
    if (number == SIGABRT)
        last_line(err, words, sizeof words);
    switch (number) {
    case SIGABRT:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
        return dam_fail(error, DAM_DAMAGED,
                        "%s: damaged: reading it crashed the HDF5 library (signal %d, %s%s%s)",
                        file, number, name, words[0] != '\0' ? ": " : "", words);
    case SIGXCPU:
        return dam_fail(error, DAM_DAMAGED,
                        "%s: damaged: reading it took more than %llu s of CPU time, far more than "
                        "a whole file of its size does",
                        file, (unsigned long long)bounds.seconds);
    case 0:
        return dam_fail(error, DAM_FILE, "%s: the process that read it ended with exit code %d",
                        file, WEXITSTATUS(wait_status));
    default:
        return dam_fail(error, DAM_FILE, "%s: the process that read it was ended by signal %d, %s",
                        file, number, name != NULL ? name : "?");
    }
}

static enum dam_status take_answer(const char *file, int wait_status, struct bounds bounds,
                                   struct answer answer, struct dam_error *error) {
    struct dam_error end;
    bool whole = pread(answer.end, &end, sizeof end, 0) == sizeof end &&
                 end.status < DAM_STATUS_COUNT; /* the child's memory may have been damaged */
    end.text[sizeof end.text - 1] = '\0';
    if (whole || SANITIZED) /* whose report stands there */
        copy(answer.err, stderr);
    if (!whole)
        return explain_death(file, wait_status, bounds, answer.err, error);
    copy(answer.out, stdout);
    if (end.status == DAM_OK)
        return DAM_OK;
    char size[32];
    if (end.status == DAM_MEMORY)
        return dam_fail(error, DAM_MEMORY, "%s; reading a file of its size may take %s here",
                        end.text, dam_bytes_text(size, (double)bounds.bytes));
    if (error != NULL)
        *error = end;
    return end.status;
}

static enum dam_status run(const char *file, dam_isolated *body, const void *context,
                           struct answer answer, struct dam_error *error) {
    struct bounds bounds = bounds_for(file);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would hide how the child ended */
    fflush(stdout);
    fflush(stderr);
    pid_t child = fork();
    if (child == 0)
        live(file, body, context, bounds, answer);
    int wait_status = 0;
    pid_t waited = child;
    while (child > 0 && (waited = waitpid(child, &wait_status, 0)) < 0 && errno == EINTR)
        ;
    if (child < 0 || waited < 0)
        return dam_fail(error, DAM_FILE, "%s: no process to read it in: %s", file, strerror(errno));
    return take_answer(file, wait_status, bounds, answer, error);
}

enum dam_status dam_isolate(const char *file, dam_isolated *body, const void *context,
                            struct dam_error *error) {
    struct answer answer = {memory_file("out"), memory_file("err"), memory_file("end")};
    enum dam_status status =
        answer.out < 0 || answer.err < 0 || answer.end < 0
            ? dam_fail(error, DAM_FILE, "%s: no memory to read it in: %s", file, strerror(errno))
            : run(file, body, context, answer, error);
    int descriptors[] = {answer.out, answer.err, answer.end};
    for (size_t d = 0; d < sizeof descriptors / sizeof *descriptors; d++)
        if (descriptors[d] >= 0)
            close(descriptors[d]);
    return status;
}
