#include "run/run.h"
#include "run/agree.h"
#include "run/blas.h"
#include "run/load.h"
#include "run/open.h"
#include "run/output.h"
#include "run/publish.h"
#include "run/result_study.h"
#include "run/work.h"
#include "study/study.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One run of one study, as one rank sees it. */
struct run {
    MPI_Comm comm;
    int rank, size;
    const struct dam_kinds *kinds;
    const struct dam_run_options *options; /* on rank 0 only */
    double started;                        /* seconds since 1970 */
    struct dam_deadline deadline;

    struct dam_study *study;
    const struct dam_kind *kind;
    struct dam_journal_identity identity;
    struct dam_output_paths paths;
    int lock; /* on rank 0; -1 elsewhere */
    bool retry_failed;
    struct dam_slice slice;

    struct dam_ledger ledger; /* rows of earlier runs */
    struct dam_ledger rows;   /* of this one */
    struct dam_deaths deaths; /* in earlier runs */
    struct dam_journal *journal;
    struct dam_task_runner runner;
};

char *dam_run_default_output(const char *study_path) {
    const char *slash = strrchr(study_path, '/');
    const char *stem = slash == NULL ? study_path : slash + 1;
    const char *dot = strrchr(stem, '.');
    int length = (int)(dot == NULL || dot == stem ? strlen(stem) : (size_t)(dot - stem));
    char *output = NULL;
    return asprintf(&output, "%.*s.h5", length, stem) < 0 ? NULL : output;
}

/* ---- the study, on every rank ---- */

static enum dam_status parse(struct run *run, const char *name, const char *text, size_t length,
                             const char *const *overrides, size_t override_count,
                             struct dam_error *error) {
    enum dam_status status = dam_open_text(run->kinds, name, text, length, overrides,
                                           override_count, &run->study, &run->kind, error);
    if (status != DAM_OK)
        return status;
    dam_study_slice(run->study, run->slice);
    run->identity.schema_version = run->study->schema->version;
    run->identity.seed = run->study->seed;
    assert(strlen(run->study->schema->name) < sizeof run->identity.kind);
    strcpy(run->identity.kind, run->study->schema->name);
    if (run->kind->blas)
        dam_blas_core(run->identity.blas_core);
    return DAM_OK;
}

/* What rank 0 read, for the others to parse: name, text and overrides, each 0-terminated. */
struct packet {
    char *bytes;
    uint64_t size, text_length, override_count;
};

static enum dam_status pack(struct packet *packet, const struct dam_run_options *options,
                            const char *text, size_t length, struct dam_error *error) {
    size_t size = strlen(options->study_path) + 1 + length + 1;
    for (size_t o = 0; o < options->override_count; o++)
        size += strlen(options->overrides[o]) + 1;
    *packet = (struct packet){malloc(size), size, length, options->override_count};
    if (packet->bytes == NULL || size > INT32_MAX)
        return dam_fail(error, DAM_MEMORY, "no memory to share %zu bytes of study", size);
    char *at = stpcpy(packet->bytes, options->study_path) + 1;
    memcpy(at, text, length);
    at[length] = '\0';
    at += length + 1;
    for (size_t o = 0; o < options->override_count; o++)
        at = stpcpy(at, options->overrides[o]) + 1;
    return DAM_OK;
}

static enum dam_status read_on_root(struct run *run, struct packet *packet,
                                    struct dam_error *error) {
    const struct dam_run_options *options = run->options;
    char *text;
    size_t length;
    enum dam_status status = dam_study_read(options->study_path, &text, &length, error);
    if (status != DAM_OK)
        return status;
    status = parse(run, options->study_path, text, length, options->overrides,
                   options->override_count, error);
    if (status == DAM_OK)
        status = pack(packet, options, text, length, error);
    free(text);
    return status;
}

static enum dam_status parse_packet(struct run *run, const struct packet *packet,
                                    struct dam_error *error) {
    const char **overrides = calloc(packet->override_count + 1, sizeof *overrides);
    if (overrides == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the overrides");
    const char *name = packet->bytes, *text = name + strlen(name) + 1;
    const char *at = text + packet->text_length + 1;
    for (size_t o = 0; o < packet->override_count; o++, at += strlen(at) + 1)
        overrides[o] = at;
    enum dam_status status =
        parse(run, name, text, packet->text_length, overrides, packet->override_count, error);
    free(overrides);
    return status;
}

/* Rank 0 reads the file and finds its faults; the others get its text. */
static enum dam_status share_study(struct run *run, struct dam_error *error) {
    struct packet packet = {0};
    enum dam_status status = DAM_OK;
    if (run->rank == 0)
        status = read_on_root(run, &packet, error);
    status = dam_agree(run->comm, status, error);
    if (status == DAM_OK && run->size > 1) {
        uint64_t sizes[3] = {packet.size, packet.text_length, packet.override_count};
        MPI_Bcast(sizes, 3, MPI_UINT64_T, 0, run->comm);
        if (run->rank != 0) {
            packet = (struct packet){malloc(sizes[0]), sizes[0], sizes[1], sizes[2]};
            if (packet.bytes == NULL)
                status = dam_fail(error, DAM_MEMORY, "no memory for the study's text");
        }
        status = dam_agree(run->comm, status, error);
        if (status == DAM_OK) {
            MPI_Bcast(packet.bytes, (int)packet.size, MPI_CHAR, 0, run->comm);
            if (run->rank != 0)
                status = parse_packet(run, &packet, error);
            status = dam_agree(run->comm, status, error);
        }
    }
    free(packet.bytes);
    return status;
}

/* ---- checks before any work ---- */

/* Memory must do for the largest task as often as a node has ranks, and at the end for the rows and
 * results, of which every rank holds its share twice. */
static enum dam_status check_memory(struct run *run, struct dam_error *error) {
    MPI_Comm node;
    int ranks, most_ranks;
    MPI_Comm_split_type(run->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &ranks);
    MPI_Comm_free(&node);
    MPI_Allreduce(&ranks, &most_ranks, 1, MPI_INT, MPI_MAX, run->comm);
    if (run->rank != 0)
        return DAM_OK;
    struct dam_sizes sizes;
    dam_open_sizes(run->study, run->kind, &sizes);
    char need[32], all[32], have[32];
    double share = 2 * (sizes.journal_bytes + sizes.result_bytes) / run->size;
    double memory = dam_physical_memory();
    dam_bytes_text(have, memory);
    if (sizes.task_bytes * most_ranks > memory)
        return dam_fail(error, DAM_INPUT,
                        "%s: cell %s needs %s (%.0f bytes) on each rank, %s with %d on a node; "
                        "this one has %s: use fewer ranks a node or a smaller study",
                        run->options->study_path, sizes.largest,
                        dam_bytes_text(need, sizes.task_bytes), sizes.task_bytes,
                        dam_bytes_text(all, sizes.task_bytes * most_ranks), most_ranks, have);
    if (share * most_ranks > memory)
        return dam_fail(error, DAM_INPUT,
                        "%s: %zu cells make %s (%.0f bytes) of rows and results on each rank, %s "
                        "with %d on a node; this one has %s: use more nodes or a smaller study",
                        run->options->study_path, run->study->cell_count,
                        dam_bytes_text(need, share), share, dam_bytes_text(all, share * most_ranks),
                        most_ranks, have);
    return DAM_OK;
}

/* Has this output a journal folder of its own? A status file is the first thing a run leaves, but
 * for one that cannot write it. */
static bool has_journal(const struct run *run) {
    return access(run->paths.status, F_OK) == 0 || dam_load_any(run->paths.folder);
}

/* A result that is already there must be of this kind, schema and seed, and its journal with it:
 * else a run that is stopped would replace it by less. A file that cannot be read is ours only
 * where a journal says so. */
static enum dam_status check_published(const struct run *run, struct dam_error *error) {
    if (access(run->paths.file, F_OK) != 0)
        return DAM_OK;
    struct dam_result *result;
    struct dam_result_study found;
    struct dam_error why;
    enum dam_status status = run->options->fault == NULL
                                 ? dam_result_open(&result, run->paths.file, &why)
                                 : dam_fail(&why, DAM_DAMAGED, "%s", run->options->fault);
    if (status == DAM_OK) {
        status = dam_result_study_read(result, &found, &why);
        dam_result_close(result);
    }
    if (status != DAM_OK && has_journal(run))
        return DAM_OK; /* to be published anew */
    if (status != DAM_OK)
        return dam_fail(error, DAM_INPUT, "%s; remove it, or name another output with -o",
                        why.text);
    bool same = strcmp(found.kind, run->identity.kind) == 0 && found.seed == run->identity.seed &&
                found.version == run->identity.schema_version;
    if (run->options->fresh)
        status = DAM_OK;
    else if (found.seed_count > 1)
        status = dam_fail(error, DAM_INPUT,
                          "%s holds results of %zu seeds, merged: nothing can be added to it; name "
                          "another output with -o, or discard it with --fresh",
                          run->paths.file, found.seed_count);
    else if (!same)
        status = dam_fail(error, DAM_INPUT,
                          "%s holds results of kind %s, schema %u, seed %" PRIu64
                          "; this study is kind %s, schema %u, seed %" PRIu64
                          ": name another output with -o, or discard it with --fresh",
                          run->paths.file, found.kind, found.version, found.seed,
                          run->identity.kind, run->identity.schema_version, run->identity.seed);
    else if (!has_journal(run))
        status = dam_fail(error, DAM_INPUT,
                          "%s is finished and its journal is gone, so nothing can be added to it: "
                          "name another output with -o, or begin again with --fresh",
                          run->paths.file);
    dam_result_study_destroy(&found);
    return status;
}

/* Publishing would replace what the study's rows came from. */
static enum dam_status check_source(const struct run *run, struct dam_error *error) {
    struct stat output, source;
    if (run->study->from == NULL || stat(run->paths.file, &output) != 0 ||
        stat(run->study->from, &source) != 0)
        return DAM_OK;
    if (output.st_dev != source.st_dev || output.st_ino != source.st_ino)
        return DAM_OK;
    return dam_fail(error, DAM_INPUT,
                    "%s is the file that the study takes its rows from (from: %s): name another "
                    "output with -o",
                    run->paths.file, run->study->from);
}

static enum dam_status check_output(const struct run *run, struct dam_error *error) {
    enum dam_status status = dam_output_check(&run->paths, error);
    if (status == DAM_OK)
        status = check_source(run, error);
    return status == DAM_OK ? check_published(run, error) : status;
}

static enum dam_status take_output(struct run *run, struct dam_error *error) {
    enum dam_status status = check_output(run, error);
    if (status == DAM_OK)
        status = dam_output_lock(&run->paths, &run->lock, error);
    if (status == DAM_OK && run->options->fresh)
        status = dam_output_discard(&run->paths, error);
    if (status == DAM_OK && access(run->paths.stop, F_OK) == 0) {
        /* A request of the last run's time. */
        if (unlink(run->paths.stop) != 0)
            status =
                dam_fail(error, DAM_FILE, "%s: cannot remove it; do so to go on", run->paths.stop);
    }
    return status;
}

/* ---- the work ---- */

/* One number for this run's files on all ranks: the time, for people, but always later than those
 * of earlier runs, which a clock that was set back is not. */
static uint64_t next_stamp(const struct dam_ledger *ledger) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t stamp = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, earlier;
    for (size_t f = 0; f < ledger->file_count; f++)
        if (sscanf(strrchr(ledger->files[f], '/'), "/rows-%" SCNu64, &earlier) == 1 &&
            earlier >= stamp && earlier < UINT64_MAX)
            stamp = earlier + 1;
    return stamp;
}

static enum dam_status open_journal(struct run *run, struct dam_error *error) {
    uint64_t stamp = next_stamp(&run->ledger);
    MPI_Bcast(&stamp, 1, MPI_UINT64_T, 0, run->comm);
    char name[64];
    snprintf(name, sizeof name, "rows-%020" PRIu64 "-%06d", stamp, run->rank);
    enum dam_status status =
        dam_journal_new(&run->journal, run->paths.folder, name, &run->identity, error);
    if (status == DAM_OK)
        status = dam_ledger_add_file(&run->ledger, dam_journal_path(run->journal), error);
    run->runner = dam_task_runner_new(run->study, run->kind);
    run->runner.folder = run->paths.folder;
    run->runner.journal = run->journal;
    run->runner.ledger = &run->ledger;
    run->runner.rows = &run->rows;
    run->runner.file = (uint32_t)run->ledger.file_count - 1;
    if (status == DAM_OK)
        status = dam_task_tidy(&run->runner, error);
    return dam_agree(run->comm, status, error);
}

static void warn_of_damage(const struct run *run) {
    uint64_t damaged = run->ledger.damaged, all = 0;
    MPI_Reduce(&damaged, &all, 1, MPI_UINT64_T, MPI_SUM, 0, run->comm);
    if (run->rank == 0 && all > 0)
        fprintf(stderr,
                "dam: %s: %" PRIu64 " bytes belong to no whole row; what they held is done "
                "again\n",
                run->paths.folder, all);
}

static void warn_of_suspects(const struct run *run, const struct dam_suspects *suspects) {
    if (suspects->count > 0)
        fprintf(stderr,
                "dam: %s: %zu tasks were running when earlier runs died; those that are left wait "
                "until all else is done, and then run alone or in small groups\n",
                run->paths.folder, suspects->count);
}

/* Say so before anything new is done: in the journal, and to people. */
static enum dam_status begin_anew(struct run *run, const struct dam_restarts *restarts,
                                  struct dam_error *error) {
    if (restarts->count == 0)
        return DAM_OK;
    fprintf(stderr, "dam: %s: the states of %zu replicas are lost; these begin anew\n",
            run->paths.folder, restarts->count);
    return run->journal == NULL ? DAM_OK : dam_task_restart(&run->runner, restarts, error);
}

/* What earlier runs left, and the dealer that goes on from there: on rank 0. */
static enum dam_status take_stock(struct run *run, struct dam_stock *stock,
                                  struct dam_dealer **dealer, struct dam_error *error) {
    enum dam_status status = dam_stock_new(stock, run->comm, run->paths.folder, &run->ledger,
                                           &run->deaths, run->study, run->kind, error);
    if (status == DAM_OK && run->rank == 0)
        status = begin_anew(run, &stock->restarts, error);
    if (status == DAM_OK && run->rank == 0)
        status =
            dam_dealer_new(dealer, run->study, run->kind, &stock->known, &stock->suspects, error);
    return dam_agree(run->comm, status, error);
}

static enum dam_status work(struct run *run, struct dam_work_end *end, struct dam_error *error) {
    struct dam_stock stock;
    struct dam_work work = {.comm = run->comm, .runner = &run->runner, .deadline = run->deadline};
    enum dam_status status = take_stock(run, &stock, &work.dealer, error);
    if (status == DAM_OK && run->rank == 0) {
        warn_of_suspects(run, &stock.suspects);
        work.stop_path = run->paths.stop;
        work.status_path = run->paths.status;
        work.fail_fast = run->options->fail_fast;
    }
    if (status == DAM_OK)
        status = dam_work(&work, end, error);
    dam_dealer_destroy(work.dealer);
    dam_stock_destroy(&stock);
    enum dam_status synced = dam_journal_sync(run->journal, error);
    status = status != DAM_OK ? status : synced;
    if (status == DAM_OK)
        status = dam_ledger_join(&run->ledger, &run->rows, error);
    return dam_agree(run->comm, status, error);
}

/* ---- the end ---- */

static void summarise(const struct run *run, const struct dam_progress *progress,
                      const struct dam_published *published) {
    char took[32];
    printf("%s: %" PRIu64 " cells, %" PRIu64 " tasks", run->paths.file, published->cells,
           progress->done);
    if (published->partial > 0)
        printf(", %" PRIu64 " cells partial", published->partial);
    if (published->failed > 0)
        printf(", %" PRIu64 " cells failed (%" PRIu64 " tasks: see /failures)", published->failed,
               published->failures);
    printf("; %s on %d rank%s\n", dam_duration_text(took, progress->elapsed), run->size,
           run->size == 1 ? "" : "s");
    if (progress->phase == DAM_PHASE_STOPPED)
        printf("stopped with work left; start the same command again to go on\n");
}

static enum dam_status publish(struct run *run, struct dam_work_end *end, struct dam_error *error) {
    struct dam_published published;
    if (run->rank == 0)
        dam_progress_publish(run->paths.status, &end->progress, &end->told);
    enum dam_status status = dam_publish(run->comm, run->study, run->kind, &run->ledger,
                                         &run->paths, run->started, &published, error);
    if (status == DAM_OK && run->rank == 0) {
        end->progress.phase = end->drained ? DAM_PHASE_STOPPED : DAM_PHASE_FINISHED;
        end->progress.updated = (int64_t)time(NULL);
        dam_progress_publish(run->paths.status, &end->progress, &end->told);
        summarise(run, &end->progress, &published);
    }
    if (status != DAM_OK)
        return status;
    /* Nothing more to say: the summary has said it. */
    error->text[0] = '\0';
    bool fail_fast = run->rank == 0 && run->options->fail_fast;
    MPI_Bcast(&fail_fast, 1, MPI_C_BOOL, 0, run->comm);
    if (published.failures > 0 && (fail_fast || !end->drained))
        return DAM_TASKS;
    return end->drained ? DAM_STOPPED : DAM_OK;
}

static void print_dry_run(const struct run *run, const struct dam_dealer *dealer) {
    struct dam_dealer_counts counts = dam_dealer_counts(dealer);
    char time[32];
    printf("%s: kind %s, %zu cells, %" PRIu64 " tasks%s", run->options->study_path,
           run->kind->schema.name, run->study->cell_count, counts.total,
           run->kind->more != NULL ? " known so far" : "");
    if (counts.done > 0)
        printf(", %" PRIu64 " of them done", counts.done);
    printf("; about %s of core time; would write %s\n",
           dam_duration_text(time, counts.seconds_left), run->paths.file);
}

/* Say what would be done, with what an earlier run left in the journal. */
static enum dam_status dry_run(struct run *run, struct dam_error *error) {
    int journal = run->rank == 0 && !run->options->fresh && access(run->paths.folder, F_OK) == 0;
    MPI_Bcast(&journal, 1, MPI_INT, 0, run->comm);
    enum dam_status status = DAM_OK;
    if (run->rank == 0)
        status = check_output(run, error);
    status = dam_agree(run->comm, status, error);
    if (status == DAM_OK && journal)
        status = dam_load(run->comm, run->paths.folder, &run->identity, run->study,
                          run->retry_failed, &run->ledger, &run->deaths, error);
    if (status != DAM_OK)
        return status;
    struct dam_stock stock;
    struct dam_dealer *dealer = NULL;
    status = take_stock(run, &stock, &dealer, error);
    if (status == DAM_OK && run->rank == 0)
        print_dry_run(run, dealer);
    dam_dealer_destroy(dealer);
    dam_stock_destroy(&stock);
    return status;
}

static enum dam_status run_all(struct run *run, struct dam_error *error) {
    struct dam_work_end end = {0};
    enum dam_status status = DAM_OK;
    if (run->rank == 0)
        status = take_output(run, error);
    status = dam_agree(run->comm, status, error);
    if (status == DAM_OK)
        status = dam_load(run->comm, run->paths.folder, &run->identity, run->study,
                          run->retry_failed, &run->ledger, &run->deaths, error);
    if (status != DAM_OK)
        return status;
    warn_of_damage(run);
    status = open_journal(run, error);
    if (status == DAM_OK)
        status = work(run, &end, error);
    return status == DAM_OK ? publish(run, &end, error) : status;
}

/* What rank 0's options say to the others. */
static void share_options(struct run *run, bool *dry) {
    bool flags[2] = {false, false};
    if (run->rank == 0) {
        flags[0] = run->options->dry_run;
        flags[1] = run->options->retry_failed;
        run->slice = run->options->slice;
    }
    MPI_Bcast(flags, 2, MPI_C_BOOL, 0, run->comm);
    MPI_Bcast(&run->slice, sizeof run->slice, MPI_BYTE, 0, run->comm);
    *dry = flags[0];
    run->retry_failed = flags[1];
}

static enum dam_status share_paths(struct run *run, struct dam_error *error) {
    int length = run->rank == 0 ? (int)strlen(run->options->output_path) : 0;
    MPI_Bcast(&length, 1, MPI_INT, 0, run->comm);
    char *file = calloc(1, (size_t)length + 1);
    enum dam_status status = DAM_OK;
    if (file == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for the output's name");
    status = dam_agree(run->comm, status, error);
    if (status == DAM_OK) {
        if (run->rank == 0)
            memcpy(file, run->options->output_path, (size_t)length);
        MPI_Bcast(file, length, MPI_CHAR, 0, run->comm);
        status = dam_agree(run->comm, dam_output_paths_new(&run->paths, file, error), error);
    }
    free(file);
    return status;
}

enum dam_status dam_run(MPI_Comm comm, const struct dam_kinds *kinds,
                        const struct dam_run_options *options, struct dam_error *error) {
    struct run run = {.kinds = kinds, .options = options, .lock = -1};
    run.started = (double)time(NULL);
    MPI_Comm_dup(comm, &run.comm);
    MPI_Comm_rank(run.comm, &run.rank);
    MPI_Comm_size(run.comm, &run.size);
    run.deadline = dam_deadline_new(run.rank == 0 ? options->time_limit : 0);
    dam_stop_install();
    dam_mark_install();
    bool dry;
    share_options(&run, &dry);
    enum dam_status status = share_study(&run, error);
    if (status == DAM_OK && run.kind->blas)
        status = dam_blas_agree(run.comm, error);
    if (status == DAM_OK)
        status = dam_agree(run.comm, check_memory(&run, error), error);
    if (status == DAM_OK)
        status = dam_agree(run.comm, dam_open_prepare(run.study, run.kind, error), error);
    if (status == DAM_OK)
        status = share_paths(&run, error);
    if (status == DAM_OK)
        status = dry ? dry_run(&run, error) : run_all(&run, error);
    dam_task_runner_destroy(&run.runner);
    dam_journal_destroy(run.journal);
    dam_ledger_destroy(&run.ledger);
    dam_ledger_destroy(&run.rows);
    dam_deaths_destroy(&run.deaths);
    dam_output_paths_destroy(&run.paths);
    dam_study_destroy(run.study);
    if (run.lock >= 0)
        close(run.lock);
    if (status != DAM_PARALLEL) /* the others may not come */
        MPI_Comm_free(&run.comm);
    return status;
}
