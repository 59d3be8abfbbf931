/* What must hold before a run begins: memory for its tasks and its result, and an output that it
 * may write. Nothing is changed here. */
#ifndef DAM_RUN_CHECK_H
#define DAM_RUN_CHECK_H

#include "kinds/kind.h"
#include "run/journal.h"
#include "run/output.h"
#include "study/study.h"
#include <mpi.h>

/* Memory must do for the largest task as often as a node has ranks, and at the end for the rows and
 * results, of which every rank holds its share twice; and no row of the result file may be longer
 * than can be written. Collective; the same status on every rank.
 * `name`: of the study, for the message; on rank 0 only. Fails with DAM_INPUT. */
enum dam_status dam_check_memory(MPI_Comm comm, const char *name, const struct dam_study *study,
                                 const struct dam_kind *kind, struct dam_error *error) DAM_CHECKED;

/* The output must be one that can be written, must not be the file that the study takes its rows
 * from, and what it holds already must be a result that this run can add to or, where `fresh`, that
 * may be discarded. `fault`: why what is there cannot be read; NULL: none is known. Not collective.
 * Fails with DAM_INPUT, DAM_MEMORY. */
enum dam_status dam_check_output(const struct dam_output_paths *paths,
                                 const struct dam_study *study,
                                 const struct dam_journal_identity *identity, bool fresh,
                                 const char *fault, struct dam_error *error) DAM_CHECKED;

#endif
