#include "run/run.h"
#include "run/agree.h"
#include "run/blas.h"
#include "run/check.h"
#include "run/load.h"
#include "run/open.h"
#include "run/output.h"
#include "run/publish.h"
#include "run/share.h"
#include "run/work.h"
#include "study/study.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One run of one study, as one rank sees it. */
struct run {
    MPI_Comm comm;
    int rank, size;
    const struct dam_run_options *options; /* on rank 0 only */
    double started;                        /* seconds since 1970 */
    struct dam_deadline deadline;

    struct dam_study *study;
    const struct dam_kind *kind;
    struct dam_journal_identity identity;
    struct dam_output_paths paths;
    int lock; /* on rank 0; -1 elsewhere */
    bool retry_failed;
    bool unreadable; /* the output, as options->fault says */
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

/* ---- the output ---- */

static enum dam_status check_output(const struct run *run, struct dam_error *error) {
    return dam_check_output(&run->paths, run->study, &run->identity, run->options->fresh,
                            run->options->fault, error);
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
    enum dam_status status =
        dam_stock_new(stock, run->comm, &run->paths, run->retry_failed, &run->ledger, &run->deaths,
                      run->study, run->kind, error);
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
    bool flags[3] = {false, false, false};
    if (run->rank == 0) {
        flags[0] = run->options->dry_run;
        flags[1] = run->options->retry_failed;
        flags[2] = run->options->fault != NULL;
        run->slice = run->options->slice;
    }
    MPI_Bcast(flags, 3, MPI_C_BOOL, 0, run->comm);
    MPI_Bcast(&run->slice, sizeof run->slice, MPI_BYTE, 0, run->comm);
    *dry = flags[0];
    run->retry_failed = flags[1];
    run->unreadable = flags[2];
}

/* The part of the study that this run is about, and what its journals are told apart by. */
static void identify(struct run *run) {
    dam_study_slice(run->study, run->slice);
    run->identity.schema_version = run->study->schema->version;
    run->identity.seed = run->study->seed;
    assert(strlen(run->study->schema->name) < sizeof run->identity.kind);
    strcpy(run->identity.kind, run->study->schema->name);
    if (run->kind->blas) {
        dam_blas_core(run->identity.blas_core);
        run->identity.blas_version = dam_blas_version();
    }
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
        run->paths.unreadable = run->unreadable;
    }
    free(file);
    return status;
}

enum dam_status dam_run(MPI_Comm comm, const struct dam_kinds *kinds,
                        const struct dam_run_options *options, struct dam_error *error) {
    struct run run = {.options = options, .lock = -1};
    run.started = (double)time(NULL);
    MPI_Comm_dup(comm, &run.comm);
    MPI_Comm_rank(run.comm, &run.rank);
    MPI_Comm_size(run.comm, &run.size);
    run.deadline = dam_deadline_new(run.rank == 0 ? options->time_limit : 0);
    dam_stop_install();
    dam_mark_install();
    bool dry;
    share_options(&run, &dry);
    enum dam_status status =
        dam_share_study(run.comm, kinds, options, &run.study, &run.kind, error);
    if (status == DAM_OK)
        identify(&run);
    if (status == DAM_OK && run.kind->blas)
        status = dam_blas_agree(run.comm, error);
    if (status == DAM_OK)
        status = dam_check_memory(run.comm, run.rank == 0 ? options->study_path : NULL, run.study,
                                  run.kind, error);
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
