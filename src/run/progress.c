#include "run/progress.h"
#include "run/file.h"
#include "run/stop.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const phases[] = {
    [DAM_PHASE_RUNNING] = "running",       [DAM_PHASE_DRAINING] = "draining",
    [DAM_PHASE_PUBLISHING] = "publishing", [DAM_PHASE_FINISHED] = "finished",
    [DAM_PHASE_STOPPED] = "stopped",
};
enum { PHASE_COUNT = sizeof phases / sizeof *phases };

const char *dam_phase_name(enum dam_phase phase) {
    return phases[phase];
}

enum dam_status dam_progress_write(const char *path, const struct dam_progress *progress,
                                   struct dam_error *error) {
    char text[512];
    int length =
        snprintf(text, sizeof text,
                 "phase %s\ntotal %" PRIu64 "\ndone %" PRIu64 "\nfailed %" PRIu64 "\ncells %" PRIu64
                 "\ncells_done %" PRIu64 "\nopen %d\nranks %d\nrate %.17g\nelapsed %.17g\n"
                 "remaining %.17g\nupdated %" PRId64 "\n",
                 phases[progress->phase], progress->total, progress->done, progress->failed,
                 progress->cells, progress->cells_done, progress->open, progress->ranks,
                 progress->rate, progress->elapsed, progress->remaining, progress->updated);
    return dam_file_replace(path, text, (size_t)length, 0, error);
}

enum dam_status dam_progress_read(const char *path, struct dam_progress *progress,
                                  struct dam_error *error) {
    char *text, phase[16] = "";
    int open = 0;
    size_t size;
    enum dam_status status = dam_file_read(path, &text, &size, error);
    if (status != DAM_OK)
        return status;
    *progress = (struct dam_progress){0};
    int fields =
        sscanf(text,
               "phase %15s\ntotal %" SCNu64 "\ndone %" SCNu64 "\nfailed %" SCNu64 "\ncells %" SCNu64
               "\ncells_done %" SCNu64 "\nopen %d\nranks %d\nrate %lf\nelapsed %lf\n"
               "remaining %lf\nupdated %" SCNd64,
               phase, &progress->total, &progress->done, &progress->failed, &progress->cells,
               &progress->cells_done, &open, &progress->ranks, &progress->rate, &progress->elapsed,
               &progress->remaining, &progress->updated);
    free(text);
    int found = -1;
    for (int p = 0; p < PHASE_COUNT; p++)
        if (strcmp(phase, phases[p]) == 0)
            found = p;
    if (fields != 12 || found < 0)
        return dam_fail(error, DAM_DAMAGED, "%s: not a status file", path);
    progress->phase = (enum dam_phase)found;
    progress->open = open != 0;
    return DAM_OK;
}

bool dam_progress_is_open(const struct dam_progress *progress) {
    return progress->open && progress->cells_done < progress->cells;
}

void dam_progress_publish(const char *path, const struct dam_progress *progress, bool *told) {
    struct dam_error error;
    if (dam_progress_write(path, progress, &error) == DAM_OK || *told)
        return;
    *told = true;
    fprintf(stderr, "dam: %s; `dam status` will not know how far the run is\n", error.text);
}

char *dam_duration_text(char text[32], double seconds) {
    if (!isfinite(seconds))
        snprintf(text, 32, "?");
    else if (seconds > 0 && seconds < 0.0995)
        snprintf(text, 32, "%.2g ms", 1e3 * seconds);
    else if (seconds < 9.95)
        snprintf(text, 32, "%.1f s", fmax(0, seconds));
    else if (seconds < 60)
        snprintf(text, 32, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%d min %02d s", (int)(seconds / 60), (int)fmod(seconds, 60));
    else if (seconds < 86400)
        snprintf(text, 32, "%d h %02d min", (int)(seconds / 3600), (int)fmod(seconds / 60, 60));
    else
        snprintf(text, 32, "%.0f d %02d h", floor(seconds / 86400), (int)fmod(seconds / 3600, 24));
    return text;
}

/* mpirun hands its ranks a pipe and copies it to its own stderr: what that is, /proc tells. */
static bool parent_has_terminal(void) {
    char link[64], target[64];
    snprintf(link, sizeof link, "/proc/%ld/comm", (long)getppid());
    FILE *file = fopen(link, "r");
    bool mpirun = file != NULL && fgets(target, sizeof target, file) != NULL &&
                  (strcmp(target, "mpirun\n") == 0 || strcmp(target, "mpiexec\n") == 0 ||
                   strcmp(target, "orterun\n") == 0);
    if (file != NULL)
        fclose(file);
    snprintf(link, sizeof link, "/proc/%ld/fd/2", (long)getppid());
    ssize_t length = mpirun ? readlink(link, target, sizeof target - 1) : -1;
    target[length < 0 ? 0 : length] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

struct dam_progress_line dam_progress_line_new(void) {
    bool terminal = isatty(STDERR_FILENO) == 1 || parent_has_terminal();
    /* A terminal is drawn to at once; a log waits for its first 30 s. */
    return (struct dam_progress_line){terminal, terminal ? -INFINITY : dam_clock()};
}

/* How much is done, as a share of 1 and in words. Where more may be asked for, only cells are known
 * to be all that there are. */
static double print_done(char *text, size_t size, const struct dam_progress *progress) {
    uint64_t done = progress->done, total = progress->total;
    if (dam_progress_is_open(progress)) {
        snprintf(text, size, "%" PRIu64 " of %" PRIu64 " cells, %" PRIu64 " tasks",
                 progress->cells_done, progress->cells, done);
        done = progress->cells_done;
        total = progress->cells;
    } else {
        snprintf(text, size, "%" PRIu64 " of %" PRIu64 " tasks", done, total);
    }
    return total == 0 ? 1 : (double)done / (double)total;
}

/* What is to come, in words: with the comma in front. */
static void print_left(char *text, size_t size, const struct dam_progress *progress) {
    char left[32];
    text[0] = '\0';
    if (progress->phase != DAM_PHASE_RUNNING)
        snprintf(text, size, ", %s", dam_phase_name(progress->phase));
    else if (!dam_progress_is_open(progress))
        snprintf(text, size, ", left %s", dam_duration_text(left, progress->remaining));
}

static void print_line(const struct dam_progress *progress, bool terminal) {
    enum { WIDTH = 30 };
    char bar[WIDTH + 1], done[96], left[48];
    double share = print_done(done, sizeof done, progress);
    print_left(left, sizeof left, progress);
    int filled = (int)(share * WIDTH);
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    if (terminal)
        fprintf(stderr, "\r[%s] ", bar);
    fprintf(stderr, "%3.0f %%  %s, %.3g a second%s", floor(100 * share), done, progress->rate,
            left);
    if (progress->failed > 0)
        fprintf(stderr, ", %" PRIu64 " FAILED", progress->failed);
    fprintf(stderr, terminal ? "\x1b[K" : "\n");
}

void dam_progress_line_show(struct dam_progress_line *line, const struct dam_progress *progress,
                            bool last) {
    double now = dam_clock(), every = line->terminal ? 0.2 : 30;
    if (!last && now - line->last < every)
        return;
    if (last && !line->terminal)
        return;
    print_line(progress, line->terminal);
    if (last)
        fputc('\n', stderr);
    fflush(stderr);
    line->last = now;
}
