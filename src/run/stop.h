/* Outside requests to stop, read at safe points.
 *
 * Drain (finish the tasks in hand, publish, exit 75): SIGUSR1, a time limit, the end of a SLURM
 * allocation, a stop file. At once (sync the journal, exit 75): SIGTERM, SIGINT, SIGHUP and
 * SIGXCPU, because a rank lives about a second after mpirun was told to end; and the death of the
 * launcher, since the ranks of a killed mpirun would hold the output's lock for another second.
 *
 * Signal handlers reach nothing but globals, so this file and mark.c have the program's only
 * ones. */
#ifndef DAM_RUN_STOP_H
#define DAM_RUN_STOP_H

#include <stdbool.h>

/* Install the handlers. */
void dam_stop_install(void);

/* All is done and the exit code known: from now on SIGTERM and SIGINT do not change it. A launcher
 * sends them to the other ranks as soon as one has exited with a code that is not 0. */
void dam_stop_ignore(void);

/* Has SIGUSR1 come? */
bool dam_stop_signalled(void);

/* When a drain is due, in seconds of the monotonic clock; infinity: never. */
struct dam_deadline {
    double at;
};

/* The earlier of `time_limit` seconds from now (0: none) and shortly before the end of the SLURM
 * allocation, where the environment names it: a tenth of the time left, at most a minute. */
struct dam_deadline dam_deadline_new(double time_limit);

/* Seconds on the monotonic clock. */
double dam_clock(void);

#endif
