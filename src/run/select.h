/* The rows of a result file that a study takes over. */
#ifndef DAM_RUN_SELECT_H
#define DAM_RUN_SELECT_H

#include "kinds/kind.h"
#include "study/selection.h"

/* Choose among the complete rows of the file's /results and write them as an override of the study,
 * "selected=[{...}, ...]": of each row the values of the kind's science parameters that the file
 * has as parameters and the study does not give itself. Where the kind reads a dataset of its
 * source: as parameters or results, of which the study must give none; and besides the row's number
 * (DAM_SOURCE_ROW), the CRC-32C of its part (DAM_SOURCE_CRC) and its replicas. *override is a fresh
 * string of the caller's. The text of *note is a line about values of `each` that have no row left;
 * empty where all have. Fails with DAM_INPUT where there is no such file (or none yet), no such
 * column, no row left, a source of another kind that this one does not read, or with fewer replicas
 * than the study asks for; DAM_DAMAGED; DAM_MEMORY. The file is taken to be whole. Not
 * collective. */
enum dam_status dam_select(const struct dam_selection *selection, const struct dam_kind *kind,
                           char **override, struct dam_error *note,
                           struct dam_error *error) DAM_CHECKED;

#endif
