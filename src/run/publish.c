#include "run/publish.h"
#include "run/agree.h"
#include "run/contents.h"
#include "run/exchange.h"
#include "run/file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum dam_status reduce(MPI_Comm comm, const struct dam_study *study,
                              const struct dam_kind *kind, const struct dam_output_paths *paths,
                              struct dam_ledger *ledger, struct dam_results *results,
                              struct dam_error *error) {
    struct dam_holding holding;
    enum dam_status status = dam_exchange(comm, ledger, study->cell_count, &holding, error);
    if (status == DAM_OK)
        status = dam_results_new(results, comm, study, kind, paths, &holding, error);
    dam_holding_destroy(&holding);
    return status;
}

static enum dam_status ask_provenance(MPI_Comm comm, const struct dam_study *study, double started,
                                      struct dam_provenance *provenance, struct dam_error *error) {
    enum dam_status status = dam_provenance_new(provenance, comm, started, error);
    if (status != DAM_OK)
        return status;
    char slice[32];
    snprintf(slice, sizeof slice, "%" PRIu32 "/%" PRIu32, study->slice.index, study->slice.count);
    status = dam_provenance_add(provenance, "slice", "part I/N of the study's cells that it holds",
                                slice, error);
    return dam_agree(comm, status, error);
}

static enum dam_status write_file(MPI_Comm comm, const struct dam_contents *contents,
                                  const struct dam_output_paths *paths, struct dam_error *error) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    enum dam_status status = dam_contents_write(comm, contents, paths->temporary, error);
    if (status != DAM_OK)
        return status;
    if (rank == 0)
        status = dam_file_rename(paths->temporary, paths->file, true, error);
    return dam_agree(comm, status, error);
}

static void tally(MPI_Comm comm, const struct dam_results *results,
                  struct dam_published *published) {
    uint64_t counts[5] = {results->count, results->complete, results->partial, results->failed,
                          results->failure_count};
    MPI_Allreduce(MPI_IN_PLACE, counts, 5, MPI_UINT64_T, MPI_SUM, comm);
    *published = (struct dam_published){counts[0], counts[1], counts[2], counts[3], counts[4]};
}

enum dam_status dam_publish(MPI_Comm comm, const struct dam_study *study,
                            const struct dam_kind *kind, struct dam_ledger *ledger,
                            const struct dam_output_paths *paths, double started,
                            struct dam_published *published, struct dam_error *error) {
    struct dam_results results = {0};
    struct dam_provenance provenance = {0};
    char *resolved = dam_study_resolved(study);
    const struct dam_contents contents = {.results = &results,
                                          .text = study->text,
                                          .resolved = resolved,
                                          .seeds = &study->seed,
                                          .seed_count = 1,
                                          .provenance = &provenance};
    enum dam_status status = DAM_OK;
    if (resolved == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory to publish the study");
    status = dam_agree(comm, status, error);
    if (status == DAM_OK)
        status = reduce(comm, study, kind, paths, ledger, &results, error);
    if (status == DAM_OK)
        status = ask_provenance(comm, study, started, &provenance, error);
    if (status == DAM_OK)
        status = write_file(comm, &contents, paths, error);
    if (status == DAM_OK)
        tally(comm, &results, published);
    dam_results_destroy(&results);
    dam_provenance_destroy(&provenance);
    free(resolved);
    return status;
}
