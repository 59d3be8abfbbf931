/* Agreement of all ranks on success, before a collective call returns. */
#ifndef DAM_RUN_AGREE_H
#define DAM_RUN_AGREE_H

#include <dam/error.h>
#include <mpi.h>

/* Collective. Returns on every rank the status of the lowest rank whose status is not DAM_OK, with
 * that rank's error text, or DAM_OK. */
enum dam_status dam_agree(MPI_Comm comm, enum dam_status status, struct dam_error *error);

#endif
