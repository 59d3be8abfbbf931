/* A fuzzer of result files: whatever the bytes are, the commands that read them print whole lines
 * and end with a status. Each input is read in a child process: a crash, or a search without end,
 * inside the HDF5 library is not ours to mend, and the program itself has such a child
 * (src/cli/isolate.h). One that began in our code is a finding. */
#include "cli/isolate.h"
#include "cli/program.h"
#include "fuzz.h"
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <hdf5.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The commands under test, FILE.h5 follows. */
static const struct {
    struct dam_command command;
    const char *option; /* or NULL */
} commands[] = {
    {{.name = "verify", .run = dam_cli_verify}, NULL},
    {{.name = "show", .run = dam_cli_show}, NULL},
    {{.name = "show", .run = dam_cli_show}, "--csv"},
    {{.name = "show", .run = dam_cli_show}, "--table=failures"},
    {{.name = "show", .run = dam_cli_show}, "--table=search_path"},
    {{.name = "status", .run = dam_cli_status}, NULL},
    {{.name = "merge", .run = dam_cli_merge}, "-onowhere.h5"},
};

/* Of merge, the reading is under test, which comes before. */
static enum dam_status no_parallel(dam_parallel_body *body, void *context,
                                   struct dam_error *error) {
    (void)body;
    (void)context;
    (void)error;
    return DAM_OK;
}

/* In place of the program's: the child is there already, and sees all of an input's commands. */
enum dam_status dam_isolate(const char *file, dam_isolated *body, const void *context,
                            struct dam_error *error) {
    return body(file, context, error);
}

/* Coverage of the child, for libFuzzer in its parent; of size 0 in other builds. */
static uint8_t *counters, *shared_counters;
static size_t counter_count;

static void end_child(void) {
    if (counter_count > 0)
        memcpy(shared_counters, counters, counter_count);
    _exit(0);
}

/* Is the HDF5 library at work? Where a sanitizer or the C library noticed, for whom they worked is
 * further out. Our callback from H5Ovisit counts as the library, which costs little. */
static bool inside_hdf5(void) {
    void *frames[256];
    int count = backtrace(frames, sizeof frames / sizeof *frames);
    for (int f = 0; f < count; f++) {
        Dl_info module;
        if (dladdr(frames[f], &module) != 0 && strstr(module.dli_fname, "libhdf5") != NULL)
            return true;
    }
    /* Or so deep in it that its callers are out of sight. */
    return false;
}

/* Called by AddressSanitizer before it reports. */
void __asan_on_error(void);
void __asan_on_error(void) {
    if (inside_hdf5())
        end_child();
}

/* Huge sizes fail as they do within the program's bounds. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1:max_allocation_size_mb=1024:"
           "quarantine_size_mb=4:detect_leaks=0";
}

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };
static struct sigaction before[SIGNAL_COUNT];

/* Where the crash is ours, it happens again under whoever would have seen it first. */
static void crashed(int number) {
    if (inside_hdf5())
        end_child();
    for (size_t s = 0; s < SIGNAL_COUNT; s++)
        if (signals[s] == number)
            sigaction(number, &before[s], NULL);
    if (number == SIGXCPU || number == SIGABRT)
        raise(number);
}

static void catch_crashes(void) {
    static char stack[1 << 16];
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    FUZZ_EXPECT(sigaltstack(&alternative, NULL) == 0);
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER};
    for (size_t s = 0; s < SIGNAL_COUNT; s++)
        FUZZ_EXPECT(sigaction(signals[s], &action, &before[s]) == 0);
    FUZZ_EXPECT(setrlimit(RLIMIT_CPU, &(struct rlimit){3, RLIM_INFINITY}) == 0);
    FUZZ_EXPECT(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
}

static void run_command(size_t which, char *file) {
    char *argv[] = {(char *)commands[which].command.name, file, (char *)commands[which].option,
                    NULL};
    const struct dam_call call = {.command = &commands[which].command,
                                  .kinds = &dam_kinds,
                                  .parallel = no_parallel,
                                  .argc = commands[which].option != NULL ? 3 : 2,
                                  .argv = argv};
    char *output = NULL, *complaints = NULL;
    size_t output_size = 0, complaints_size = 0;
    stdout = open_memstream(&output, &output_size);
    stderr = open_memstream(&complaints, &complaints_size);
    FUZZ_EXPECT(stdout != NULL && stderr != NULL);
    struct dam_error error = {0};
    enum dam_status status = call.command->run(&call, &error);
    FUZZ_EXPECT(fclose(stdout) == 0 && fclose(stderr) == 0);
    fuzz_check_answer(status, &error, output, complaints);
    free(output);
    free(complaints);
}

static void live_as_child(char *file, int log) {
    dup2(log, STDERR_FILENO);
    catch_crashes();
    for (size_t c = 0; c < sizeof commands / sizeof *commands; c++)
        run_command(c, file);
    end_child();
}

static void prepare(int *log) {
    void *frame;
    backtrace(&frame, 1); /* loads what a handler of signals must not */
    FUZZ_EXPECT(H5dont_atexit() >= 0 && H5open() >= 0); /* once, not in each child */
    *log = memfd_create("log", MFD_CLOEXEC);
    counters = fuzz_counters(&counter_count);
    shared_counters =
        mmap(NULL, counter_count + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FUZZ_EXPECT(*log >= 0 && shared_counters != MAP_FAILED);
}

static void copy_log(int log) {
    char bytes[4096];
    ssize_t count;
    for (off_t at = 0; (count = pread(log, bytes, sizeof bytes, at)) > 0; at += count)
        if (write(STDERR_FILENO, bytes, (size_t)count) != count)
            return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int log = -1;
    if (log < 0)
        prepare(&log);
    FUZZ_EXPECT(ftruncate(log, 0) == 0 && lseek(log, 0, SEEK_SET) == 0);
    char *file = (char *)fuzz_file(data, size);
    pid_t child = fork();
    FUZZ_EXPECT(child >= 0);
    if (child == 0)
        live_as_child(file, log);
    int status;
    pid_t waited;
    while ((waited = waitpid(child, &status, 0)) < 0 && errno == EINTR)
        ; /* libFuzzer's alarm */
    FUZZ_EXPECT(waited == child);
    if (status != 0) {
        copy_log(log);
        fprintf(stderr, "the child ended with wait status %#x\n", status);
        abort();
    }
    if (counter_count > 0)
        memcpy(counters, shared_counters, counter_count);
    return 0;
}
