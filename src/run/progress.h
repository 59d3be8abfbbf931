/* How far a run is: the line on stderr, and the status file in the journal folder that
 * `dam status` reads while the run goes on and after it. */
#ifndef DAM_RUN_PROGRESS_H
#define DAM_RUN_PROGRESS_H

#include <dam/error.h>
#include <stdbool.h>
#include <stdint.h>

enum dam_phase {
    DAM_PHASE_RUNNING,
    DAM_PHASE_DRAINING,
    DAM_PHASE_PUBLISHING,
    DAM_PHASE_FINISHED,
    DAM_PHASE_STOPPED
};

/* One snapshot. Tasks are records: a replica's block of starts. */
struct dam_progress {
    enum dam_phase phase;
    uint64_t total, done, failed; /* tasks; `done` includes the failed and those of earlier runs */
    uint64_t cells, cells_done;   /* done: nothing is left of them, nor will be */
    bool open; /* further rounds may be asked for: `total` and `remaining` are of what is known */
    int ranks;
    double rate;      /* tasks finished per second in this run; 0 while unknown */
    double elapsed;   /* s since this run began */
    double remaining; /* s, from the predicted cost of what is left; NaN while unknown */
    int64_t updated;  /* seconds since 1970 */
};

/* May further tasks be asked for, so that `total` is not all of them? */
bool dam_progress_is_open(const struct dam_progress *progress);

/* Write FILE.h5.journal/status whole, by rename; read it. Reading fails with DAM_FILE where there
 * is none and DAM_DAMAGED where it makes no sense. */
enum dam_status dam_progress_write(const char *path, const struct dam_progress *progress,
                                   struct dam_error *error) DAM_CHECKED;
enum dam_status dam_progress_read(const char *path, struct dam_progress *progress,
                                  struct dam_error *error) DAM_CHECKED;

/* dam_progress_write for a run, which goes on without the file: a failure is told on stderr, unless
 * *told, which becomes true. Rank 0 only. */
void dam_progress_publish(const char *path, const struct dam_progress *progress, bool *told);

/* "running", "draining", ... */
const char *dam_phase_name(enum dam_phase phase);

/* "1 h 02 min", "42 s": a duration for people. Returns text. */
char *dam_duration_text(char text[32], double seconds);

/* The line on stderr: on a terminal a bar redrawn a few times a second, else one line every
 * 30 s. */
struct dam_progress_line {
    bool terminal;
    double last; /* s, monotonic, of the last line */
};
struct dam_progress_line dam_progress_line_new(void);
void dam_progress_line_show(struct dam_progress_line *line, const struct dam_progress *progress,
                            bool last);

#endif
