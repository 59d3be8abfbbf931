/* The named output: FILE.h5 and FILE.h5.journal/ (journals, lock, status and stop files). */
#ifndef DAM_RUN_OUTPUT_H
#define DAM_RUN_OUTPUT_H

#include <dam/error.h>
#include <stdbool.h>

/* Paths, all the caller's. Where FILE.h5 is a link, they are those of what it points to. */
struct dam_output_paths {
    char *file;      /* FILE.h5 */
    char *folder;    /* FILE.h5.journal */
    char *lock;      /* FILE.h5.journal/lock */
    char *status;    /* FILE.h5.journal/status */
    char *stop;      /* FILE.h5.journal/stop: its existence asks a run to drain */
    char *temporary; /* FILE.h5.journal/publish.h5: the file before its rename */
    bool unreadable; /* reading FILE.h5 is known to crash: never set here */
};

/* Fails with DAM_INPUT where FILE.h5 is a link of another user but root, else with DAM_MEMORY. */
enum dam_status dam_output_paths_new(struct dam_output_paths *paths, const char *file,
                                     struct dam_error *error) DAM_CHECKED;
void dam_output_paths_destroy(struct dam_output_paths *paths);

/* Can FILE.h5 be written: a name, not a directory or read-only, in a folder that is there and
 * writable? Changes nothing. Fails with DAM_INPUT. */
enum dam_status dam_output_check(const struct dam_output_paths *paths,
                                 struct dam_error *error) DAM_CHECKED;

/* Create the journal folder where missing and take its lock, which the kernel releases when the
 * process dies. Fails with DAM_INPUT when another run holds it (the text names host and pid) or the
 * folder cannot be made; DAM_FILE otherwise. Where the file system has no locks, it says so on
 * stderr and goes on. *descriptor keeps the lock. */
enum dam_status dam_output_lock(const struct dam_output_paths *paths, int *descriptor,
                                struct dam_error *error) DAM_CHECKED;

/* Is a run holding the lock now? */
bool dam_output_locked(const struct dam_output_paths *paths);

/* Remove FILE.h5 and everything in the journal folder that the program writes (but the lock). */
enum dam_status dam_output_discard(const struct dam_output_paths *paths,
                                   struct dam_error *error) DAM_CHECKED;

#endif
