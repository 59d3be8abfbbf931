/* Running a study: the whole of `dam run` below its command line. */
#ifndef DAM_RUN_RUN_H
#define DAM_RUN_RUN_H

#include "kinds/kind.h"
#include "study/study.h"
#include <mpi.h>

struct dam_run_options {
    const char *study_path;
    const char *output_path; /* FILE.h5 */
    const char *const *overrides;
    size_t override_count;
    double time_limit;      /* seconds of wall time after which to drain; 0: none */
    struct dam_slice slice; /* the part of the study's cells to run; 1/1: all */
    bool dry_run;           /* check everything, say what would be done, write nothing */
    bool fail_fast;         /* drain at the first failed task */
    bool retry_failed;      /* tasks that failed before are run again */
    const char *fault;      /* why the output that is there cannot be read; NULL: none is known */
    bool fresh;             /* discard the output and its journal first */
};

/* Run, or go on with, a study and publish its result file. Collective over `comm`, which is
 * duplicated. Options need only be valid on rank 0. Progress goes to stderr and the summary to
 * stdout, from rank 0 alone. Returns on every rank the same status: DAM_OK, DAM_TASKS when the
 * file was published but some tasks failed, DAM_STOPPED when work is left, or a failure, whose
 * text is in *error on rank 0. */
enum dam_status dam_run(MPI_Comm comm, const struct dam_kinds *kinds,
                        const struct dam_run_options *options, struct dam_error *error) DAM_CHECKED;

/* The file a study is published to when none is named: its stem with ".h5" in the current
 * directory. A fresh string of the caller's; NULL when out of memory. */
char *dam_run_default_output(const char *study_path);

#endif
