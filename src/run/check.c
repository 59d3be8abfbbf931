#include "run/check.h"
#include "run/agree.h"
#include "run/load.h"
#include "run/open.h"
#include "run/result_study.h"
#include "run/writer.h"
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- memory ---- */

static int most_ranks_on_a_node(MPI_Comm comm) {
    MPI_Comm node;
    int ranks, most;
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &ranks);
    MPI_Comm_free(&node);
    MPI_Allreduce(&ranks, &most, 1, MPI_INT, MPI_MAX, comm);
    return most;
}

/* With so many ranks in all, and at most so many on a node. */
static enum dam_status check_sizes(const char *name, const struct dam_study *study,
                                   const struct dam_kind *kind, int ranks, int most_ranks,
                                   struct dam_error *error) {
    struct dam_sizes sizes;
    dam_open_sizes(study, kind, &sizes);
    char need[32], all[32], have[32];
    double share = 2 * (sizes.journal_bytes + sizes.result_bytes) / ranks;
    double memory = dam_physical_memory();
    dam_bytes_text(have, memory);
    if (sizes.row_bytes > DAM_ROW_BYTES_MAX)
        return dam_fail(error, DAM_INPUT,
                        "%s: /%s takes %s (%.0f bytes) in each cell, and a result file holds at "
                        "most %d bytes of it: use fewer replicas (further ones with another seed, "
                        "in a file of their own), smaller cells, or leave it out where it is "
                        "optional",
                        name, sizes.longest_rows, dam_bytes_text(need, sizes.row_bytes),
                        sizes.row_bytes, DAM_ROW_BYTES_MAX);
    if (sizes.task_bytes * most_ranks > memory)
        return dam_fail(error, DAM_INPUT,
                        "%s: cell %s needs %s (%.0f bytes) on each rank, %s with %d on a node; "
                        "this one has %s: use fewer ranks a node or a smaller study",
                        name, sizes.largest, dam_bytes_text(need, sizes.task_bytes),
                        sizes.task_bytes, dam_bytes_text(all, sizes.task_bytes * most_ranks),
                        most_ranks, have);
    if (share * most_ranks > memory)
        return dam_fail(error, DAM_INPUT,
                        "%s: %zu cells make %s (%.0f bytes) of rows and results on each rank, %s "
                        "with %d on a node; this one has %s: use more nodes or a smaller study",
                        name, study->cell_count, dam_bytes_text(need, share), share,
                        dam_bytes_text(all, share * most_ranks), most_ranks, have);
    return DAM_OK;
}

enum dam_status dam_check_memory(MPI_Comm comm, const char *name, const struct dam_study *study,
                                 const struct dam_kind *kind, struct dam_error *error) {
    int rank, size, most_ranks = most_ranks_on_a_node(comm);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    enum dam_status status = DAM_OK;
    if (rank == 0)
        status = check_sizes(name, study, kind, size, most_ranks, error);
    return dam_agree(comm, status, error);
}

/* ---- the output ---- */

/* Has this output a journal folder of its own? A status file is the first thing a run leaves, but
 * for one that cannot write it. */
static bool has_journal(const struct dam_output_paths *paths) {
    return access(paths->status, F_OK) == 0 || dam_load_any(paths->folder);
}

/* A result that is already there must be of this kind, schema and seed, and its journal with it:
 * else a run that is stopped would replace it by less. A file that cannot be read is ours only
 * where a journal says so. */
static enum dam_status check_published(const struct dam_output_paths *paths,
                                       const struct dam_journal_identity *identity, bool fresh,
                                       const char *fault, struct dam_error *error) {
    if (access(paths->file, F_OK) != 0)
        return DAM_OK;
    struct dam_result *result;
    struct dam_result_study found;
    struct dam_error why;
    enum dam_status status = fault == NULL ? dam_result_open(&result, paths->file, &why)
                                           : dam_fail(&why, DAM_DAMAGED, "%s", fault);
    if (status == DAM_OK) {
        status = dam_result_study_read(result, &found, &why);
        dam_result_close(result);
    }
    if (status != DAM_OK && has_journal(paths))
        return DAM_OK; /* to be published anew */
    if (status != DAM_OK)
        return dam_fail(error, DAM_INPUT, "%s; remove it, or name another output with -o",
                        why.text);
    bool same = strcmp(found.kind, identity->kind) == 0 && found.seed == identity->seed &&
                found.version == identity->schema_version;
    if (fresh)
        status = DAM_OK;
    else if (found.seed_count > 1)
        status = dam_fail(error, DAM_INPUT,
                          "%s holds results of %zu seeds, merged: nothing can be added to it; name "
                          "another output with -o, or discard it with --fresh",
                          paths->file, found.seed_count);
    else if (!same)
        status = dam_fail(error, DAM_INPUT,
                          "%s holds results of kind %s, schema %u, seed %" PRIu64
                          "; this study is kind %s, schema %u, seed %" PRIu64
                          ": name another output with -o, or discard it with --fresh",
                          paths->file, found.kind, found.version, found.seed, identity->kind,
                          identity->schema_version, identity->seed);
    else if (!has_journal(paths))
        status = dam_fail(error, DAM_INPUT,
                          "%s is finished and its journal is gone, so nothing can be added to it: "
                          "name another output with -o, or begin again with --fresh",
                          paths->file);
    dam_result_study_destroy(&found);
    return status;
}

/* Publishing would replace what the study's rows came from. */
static enum dam_status check_source(const struct dam_output_paths *paths, const char *from,
                                    struct dam_error *error) {
    struct stat output, source;
    if (from == NULL || stat(paths->file, &output) != 0 || stat(from, &source) != 0)
        return DAM_OK;
    if (output.st_dev != source.st_dev || output.st_ino != source.st_ino)
        return DAM_OK;
    return dam_fail(error, DAM_INPUT,
                    "%s is the file that the study takes its rows from (from: %s): name another "
                    "output with -o",
                    paths->file, from);
}

enum dam_status dam_check_output(const struct dam_output_paths *paths,
                                 const struct dam_study *study,
                                 const struct dam_journal_identity *identity, bool fresh,
                                 const char *fault, struct dam_error *error) {
    enum dam_status status = dam_output_check(paths, error);
    if (status == DAM_OK)
        status = check_source(paths, study->from, error);
    return status == DAM_OK ? check_published(paths, identity, fresh, fault, error) : status;
}
