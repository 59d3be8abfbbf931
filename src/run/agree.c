#include "run/agree.h"

enum dam_status dam_agree(MPI_Comm comm, enum dam_status status, struct dam_error *error) {
    int rank, size, first;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    int mine = status == DAM_OK ? size : rank;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm);
    if (first == size)
        return DAM_OK;
    int agreed = (int)status;
    MPI_Bcast(&agreed, 1, MPI_INT, first, comm);
    MPI_Bcast(error->text, DAM_ERROR_LENGTH, MPI_CHAR, first, comm);
    error->status = (enum dam_status)agreed;
    return error->status;
}
