#include "run/stop.h"
#include "run/mark.h"
#include <dam/error.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t drain_wanted;

static void on_drain(int signal) {
    (void)signal;
    drain_wanted = 1;
}

static void on_end(int signal) {
    (void)signal;
    dam_mark_leave();
    _exit(dam_exit_code(DAM_STOPPED));
}

static void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

/* The launcher, where one started this rank; 0 elsewhere. */
static pid_t launcher;

/* Sent when the thread that started this rank ends, which the launcher may survive: then this
 * process still has the same parent. The signal is one that does nothing by default. */
static void on_orphaned(int signal) {
    if (getppid() != launcher)
        on_end(signal);
}

static void watch_launcher(void) {
    if (getenv("OMPI_COMM_WORLD_SIZE") == NULL)
        return;
    launcher = getppid();
    handle(SIGURG, on_orphaned);
    prctl(PR_SET_PDEATHSIG, SIGURG);
}

void dam_stop_install(void) {
    handle(SIGUSR1, on_drain);
    handle(SIGTERM, on_end);
    handle(SIGINT, on_end);
    handle(SIGXCPU, on_end);
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) != 0 || hangup.sa_handler != SIG_IGN) /* as by nohup */
        handle(SIGHUP, on_end);
    handle(SIGPIPE, SIG_IGN);
    watch_launcher();
}

void dam_stop_ignore(void) {
    handle(SIGTERM, SIG_IGN);
    handle(SIGINT, SIG_IGN);
}

bool dam_stop_signalled(void) {
    return drain_wanted != 0;
}

double dam_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds until the allocation ends, infinity outside SLURM. */
static double allocation_left(void) {
    const char *text = getenv("SLURM_JOB_END_TIME");
    if (text == NULL)
        return INFINITY;
    char *end;
    errno = 0;
    long long at = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return INFINITY;
    double left = (double)at - (double)time(NULL);
    /* One that is long past is another job's, left in the environment. */
    return left > 0 ? left : INFINITY;
}

struct dam_deadline dam_deadline_new(double time_limit) {
    double left = allocation_left();
    if (!isinf(left))
        left -= fmin(60, 0.1 * left);
    if (time_limit > 0)
        left = fmin(left, time_limit);
    return (struct dam_deadline){dam_clock() + left};
}
