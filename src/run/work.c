#include "run/agree.h"
#include "run/batch.h"

enum dam_status dam_work(struct dam_work *work, struct dam_work_end *end, struct dam_error *error) {
    int rank;
    MPI_Comm_rank(work->comm, &rank);
    *end = (struct dam_work_end){0};
    enum dam_status status = rank == 0 ? dam_lead(work, end, error) : dam_follow(work, error);
    status = dam_agree(work->comm, status, error);
    int drained = end->drained;
    MPI_Bcast(&drained, 1, MPI_INT, 0, work->comm);
    end->drained = drained;
    return status;
}
