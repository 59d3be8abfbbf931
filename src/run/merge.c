#include "run/merge.h"
#include "run/agree.h"
#include "run/array.h"
#include "run/choose.h"
#include "run/compare.h"
#include "run/contents.h"
#include "run/file.h"
#include "run/output.h"
#include "run/source.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Joining, on rank 0. */
struct join {
    const struct dam_kinds *kinds;
    const struct dam_merge_options *options;
    struct dam_source *sources;
    size_t source_count, row_count; /* row_count: of all sources */
    uint32_t *studies;              /* [source_count] the first source with the same study */

    struct dam_choice *choices; /* [results.count] the output's rows */
    struct dam_results results;
    uint64_t *seeds;
    size_t seed_count;
    char *text, *resolved;
    struct dam_provenance provenance;
};

static enum dam_status no_memory(const char *what, size_t count, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "no memory to merge %zu %s", count, what);
}

static bool is_array(const struct dam_kind *kind, size_t column) {
    return kind->columns[column].shape == DAM_ARRAY;
}

/* ---- reading ---- */

static enum dam_status read_sources(struct join *join, struct dam_error *error) {
    const struct dam_merge_options *options = join->options;
    join->sources = calloc(options->file_count, sizeof *join->sources);
    join->studies = calloc(options->file_count, sizeof *join->studies);
    if (join->sources == NULL || join->studies == NULL || options->file_count > UINT32_MAX)
        return no_memory("files", options->file_count, error);
    enum dam_status status = DAM_OK;
    for (size_t s = 0; status == DAM_OK && s < options->file_count; s++) {
        status = dam_source_read(&join->sources[s], options->files[s], join->kinds,
                                 s == 0 ? NULL : &join->sources[0], error);
        join->row_count += join->sources[s].results.count;
        join->source_count = s + 1;
    }
    return status;
}

/* ---- studies and seeds ---- */

static bool same_study(const struct dam_source *one, const struct dam_source *other) {
    return strcmp(one->text, other->text) == 0 && strcmp(one->resolved, other->resolved) == 0 &&
           one->seed_count == other->seed_count &&
           memcmp(one->seeds, other->seeds, one->seed_count * sizeof *one->seeds) == 0;
}

static void find_studies(struct join *join) {
    for (size_t s = 0; s < join->source_count; s++) {
        uint32_t first = 0;
        while (!same_study(&join->sources[first], &join->sources[s]))
            first++;
        join->studies[s] = first;
    }
}

static int compare_seeds(const void *left, const void *right) {
    const uint64_t *one = left, *other = right;
    return dam_compare(*one, *other);
}

static enum dam_status unite_seeds(struct join *join, struct dam_error *error) {
    size_t count = 0, all = 0;
    for (size_t s = 0; s < join->source_count; s++)
        all += join->sources[s].seed_count;
    join->seeds = calloc(all, sizeof *join->seeds);
    if (join->seeds == NULL)
        return no_memory("seeds", all, error);
    for (size_t s = 0; s < join->source_count; s++) {
        const struct dam_source *source = &join->sources[s];
        memcpy(join->seeds + count, source->seeds, source->seed_count * sizeof *source->seeds);
        count += source->seed_count;
    }
    qsort(join->seeds, count, sizeof *join->seeds, compare_seeds);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || join->seeds[i] != join->seeds[join->seed_count - 1])
            join->seeds[join->seed_count++] = join->seeds[i];
    return DAM_OK;
}

/* ---- the output's rows ---- */

static enum dam_status allocate(struct join *join, struct dam_error *error) {
    struct dam_results *results = &join->results;
    results->kind = join->sources[0].results.kind;
    enum dam_status status = join->seed_count > 1
                                 ? dam_layout_new_with_seed(&results->layout, results->kind, error)
                                 : dam_layout_new(&results->layout, results->kind, error);
    if (status != DAM_OK)
        return status;
    results->rows = calloc(results->count + 1, results->layout.row_size);
    results->timings = calloc(results->count + 1, sizeof *results->timings);
    results->extents = calloc(results->kind->column_count + 1, sizeof *results->extents);
    results->arrays = calloc(results->kind->column_count + 1, sizeof *results->arrays);
    results->tables = dam_tables_new(results->kind);
    if (results->rows == NULL || results->timings == NULL || results->extents == NULL ||
        results->arrays == NULL || results->tables == NULL)
        return no_memory("rows", results->count, error);
    return DAM_OK;
}

static void fill_rows(struct join *join) {
    struct dam_results *results = &join->results;
    size_t skip = dam_seed_bytes(join->seed_count);
    for (size_t i = 0; i < results->count; i++) {
        const struct dam_choice *from = &join->choices[i];
        const struct dam_source *source = &join->sources[from->source];
        size_t source_skip = dam_seed_bytes(source->seed_count);
        unsigned char *row = results->rows + i * results->layout.row_size;
        memcpy(row, &from->seed, skip);
        memcpy(row + skip, dam_source_row(source, from->row) + source_skip,
               results->layout.row_size - skip);
        results->timings[i] = source->results.timings[from->row];
        results->timings[i].cell = (int64_t)i;
        int state = dam_layout_status(&results->layout, row);
        results->complete += state == DAM_CELL_COMPLETE;
        results->partial += state == DAM_CELL_PARTIAL;
        results->failed += state == DAM_CELL_FAILED;
    }
}

/* One array column, padded to the largest of the sources. The sources' own are given up: all of a
 * large array need not be in memory twice. */
static enum dam_status fill_array(struct join *join, size_t column, struct dam_error *error) {
    struct dam_results *results = &join->results;
    const struct dam_column *declared = &results->kind->columns[column];
    struct dam_extent *extent = &results->extents[column];
    *extent = dam_array_least(declared);
    for (size_t s = 0; s < join->source_count; s++)
        dam_array_widen(extent, &join->sources[s].results.extents[column]);
    if (!dam_results_room(results, column))
        return no_memory("rows of arrays", results->count, error);
    for (size_t i = 0; results->arrays[column] != NULL && i < results->count; i++) {
        const struct dam_choice *from = &join->choices[i];
        const struct dam_results *source = &join->sources[from->source].results;
        dam_array_place(declared, dam_results_elements(results, column, i), extent,
                        dam_results_elements(source, column, from->row), &source->extents[column]);
    }
    for (size_t s = 0; s < join->source_count; s++) {
        free(join->sources[s].results.arrays[column]);
        join->sources[s].results.arrays[column] = NULL;
    }
    return DAM_OK;
}

/* One of the kind's tables: the chosen cells' rows, under their new numbers. The sources' own are
 * given up, as those of arrays. */
static enum dam_status fill_table(struct join *join, size_t t, struct dam_error *error) {
    struct dam_rows *to = &join->results.tables[t];
    for (size_t i = 0; i < join->results.count; i++) {
        const struct dam_choice *from = &join->choices[i];
        const struct dam_source *source = &join->sources[from->source];
        size_t count, first = dam_source_table(source, t, from->row, &count);
        for (size_t r = first; r < first + count; r++) {
            enum dam_status status =
                dam_rows_add(to, dam_rows_row(&source->results.tables[t], r), error);
            if (status != DAM_OK)
                return status;
            dam_rows_row(to, to->count - 1)[0].integer = (int64_t)i;
        }
    }
    for (size_t s = 0; s < join->source_count; s++)
        dam_rows_destroy(&join->sources[s].results.tables[t]);
    return DAM_OK;
}

/* ---- the output's failures ---- */

/* Row of the output that a row of a source became. */
struct arrival {
    uint32_t source;
    size_t row, to;
};

static int compare_arrivals(const void *left, const void *right) {
    const struct arrival *one = left, *other = right;
    int order = dam_compare(one->source, other->source);
    return order != 0 ? order : dam_compare(one->row, other->row);
}

static int compare_failures(const void *left, const void *right) {
    const struct dam_failure *one = left, *other = right;
    const int64_t keys[][2] = {{one->cell, other->cell},
                               {one->round, other->round},
                               {one->replica, other->replica},
                               {one->start_begin, other->start_begin}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (keys[k][0] != keys[k][1])
            return keys[k][0] < keys[k][1] ? -1 : 1;
    return 0;
}

static void add_failures(struct join *join, size_t s, const struct arrival *arrivals) {
    struct dam_results *results = &join->results;
    const struct dam_results *from = &join->sources[s].results;
    for (size_t f = 0; f < from->failure_count; f++) {
        const struct arrival wanted = {.source = (uint32_t)s,
                                       .row = (size_t)from->failures[f].cell};
        const struct arrival *found =
            bsearch(&wanted, arrivals, results->count, sizeof *arrivals, compare_arrivals);
        if (found == NULL)
            continue; /* another source's row stands for it */
        results->failures[results->failure_count] = from->failures[f];
        results->failures[results->failure_count++].cell = (int64_t)found->to;
    }
}

static enum dam_status fill_failures(struct join *join, struct dam_error *error) {
    struct dam_results *results = &join->results;
    size_t all = 0;
    for (size_t s = 0; s < join->source_count; s++)
        all += join->sources[s].results.failure_count;
    if (all == 0)
        return DAM_OK;
    struct arrival *arrivals = calloc(results->count + 1, sizeof *arrivals);
    results->failures = calloc(all, sizeof *results->failures);
    enum dam_status status = DAM_OK;
    if (arrivals == NULL || results->failures == NULL) {
        status = no_memory("failures", all, error);
    } else {
        for (size_t i = 0; i < results->count; i++)
            arrivals[i] = (struct arrival){join->choices[i].source, join->choices[i].row, i};
        qsort(arrivals, results->count, sizeof *arrivals, compare_arrivals);
        for (size_t s = 0; s < join->source_count; s++)
            add_failures(join, s, arrivals);
        qsort(results->failures, results->failure_count, sizeof *results->failures,
              compare_failures);
    }
    free(arrivals);
    return status;
}

static enum dam_status fill(struct join *join, struct dam_error *error) {
    enum dam_status status = allocate(join, error);
    if (status != DAM_OK)
        return status;
    fill_rows(join);
    for (size_t c = 0; status == DAM_OK && c < join->results.kind->column_count; c++)
        if (is_array(join->results.kind, c))
            status = fill_array(join, c, error);
    for (size_t t = 0; status == DAM_OK && t < join->results.kind->table_count; t++)
        status = fill_table(join, t, error);
    return status == DAM_OK ? fill_failures(join, error) : status;
}

/* ---- /study and /provenance ---- */

/* In front of each study's text where a file holds several. */
static const char STUDY_MARK[] = "# study of ";

static void put_printable(FILE *out, const char *name) {
    for (; *name != '\0'; name++)
        fputc((unsigned char)*name < ' ' ? '?' : *name, out);
}

/* Is this what join_texts made? The resolved text of one study has no comments. */
static bool has_several(const struct dam_source *source) {
    return strncmp(source->resolved, STUDY_MARK, sizeof STUDY_MARK - 1) == 0;
}

/* The different studies' texts (or resolved ones) one after the other, each under the name of its
 * first file; those that were joined before keep the names they have. */
static char *join_texts(const struct join *join, bool resolved) {
    char *joined = NULL;
    size_t length;
    FILE *out = open_memstream(&joined, &length);
    if (out == NULL)
        return NULL;
    bool several = false;
    for (size_t s = 0; s < join->source_count; s++)
        several = several || join->studies[s] > 0;
    for (size_t s = 0; s < join->source_count; s++) {
        const struct dam_source *source = &join->sources[s];
        const char *text = resolved ? source->resolved : source->text;
        if (join->studies[s] != s)
            continue;
        if (several && !has_several(source)) {
            fputs(STUDY_MARK, out);
            put_printable(out, source->name);
            fputc('\n', out);
        }
        fputs(text, out);
        if (several && text[0] != '\0' && text[strlen(text) - 1] != '\n')
            fputc('\n', out);
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(joined);
        return NULL;
    }
    return joined;
}

static char *command_of(const struct dam_merge_options *options) {
    char *command = NULL;
    size_t length;
    FILE *out = open_memstream(&command, &length);
    if (out == NULL)
        return NULL;
    fputs("dam merge", out);
    for (size_t f = 0; f < options->file_count; f++)
        fprintf(out, " %s", options->files[f]);
    fprintf(out, " -o %s", options->output);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(command);
        return NULL;
    }
    return command;
}

static enum dam_status unite_origins(struct join *join, struct dam_error *error) {
    struct dam_provenance *provenance = &join->provenance;
    size_t all = 0;
    for (size_t s = 0; s < join->source_count; s++)
        all += join->sources[s].origin_count;
    provenance->origins = calloc(all + 1, sizeof *provenance->origins);
    if (provenance->origins == NULL)
        return no_memory("sources", all, error);
    for (size_t s = 0; s < join->source_count; s++)
        for (size_t o = 0; o < join->sources[s].origin_count; o++)
            provenance->origins[provenance->origin_count++] = join->sources[s].origins[o];
    return DAM_OK;
}

static enum dam_status describe(struct join *join, MPI_Comm alone, double started,
                                struct dam_error *error) {
    join->text = join_texts(join, false);
    join->resolved = join_texts(join, true);
    char *command = command_of(join->options);
    enum dam_status status = DAM_OK;
    if (join->text == NULL || join->resolved == NULL || command == NULL)
        status = no_memory("studies", join->source_count, error);
    if (status == DAM_OK)
        status = dam_provenance_new(&join->provenance, alone, started, error);
    if (status == DAM_OK && join->sources[0].blas_core != NULL) /* merging computes nothing */
        status = dam_provenance_set(&join->provenance, DAM_PROVENANCE_BLAS,
                                    join->sources[0].blas_core, error);
    if (status == DAM_OK && join->sources[0].blas_core != NULL)
        status = dam_provenance_set(&join->provenance, DAM_PROVENANCE_BLAS_VERSION,
                                    join->sources[0].blas_version, error);
    if (status == DAM_OK)
        status = dam_provenance_add(&join->provenance, "command", "command that merged this file",
                                    command, error);
    if (status == DAM_OK)
        status = unite_origins(join, error);
    free(command);
    return status;
}

/* ---- the output ---- */

static enum dam_status check_output(const char *output, struct dam_error *error) {
    struct dam_output_paths paths;
    struct stat about;
    enum dam_status status = dam_output_paths_new(&paths, output, error);
    if (status != DAM_OK)
        return status;
    if (lstat(output, &about) == 0)
        status =
            dam_fail(error, DAM_INPUT, "%s: exists; remove it, or name another with -o", output);
    else if (lstat(paths.folder, &about) == 0)
        status = dam_fail(error, DAM_INPUT,
                          "%s: has a run's journal, %s, whose next start would replace it; remove "
                          "that, or name another output with -o",
                          output, paths.folder);
    else
        status = dam_output_check(&paths, error);
    dam_output_paths_destroy(&paths);
    return status;
}

static enum dam_status write_output(const struct join *join, MPI_Comm alone,
                                    struct dam_error *error) {
    const struct dam_contents contents = {.results = &join->results,
                                          .text = join->text,
                                          .resolved = join->resolved,
                                          .seeds = join->seeds,
                                          .seed_count = join->seed_count,
                                          .provenance = &join->provenance};
    const char *output = join->options->output;
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.merge-%ld", output, (long)getpid()) < 0)
        return dam_fail(error, DAM_MEMORY, "%s: no memory for its name", output);
    enum dam_status status = dam_contents_write(alone, &contents, temporary, error);
    if (status == DAM_OK) {
        status = dam_file_rename(temporary, output, false, error);
        if (status != DAM_OK)
            unlink(temporary);
    }
    free(temporary);
    return status;
}

static void join_destroy(struct join *join) {
    for (size_t s = 0; s < join->source_count; s++)
        dam_source_destroy(&join->sources[s]);
    free(join->sources);
    free(join->studies);
    free(join->choices);
    free(join->seeds);
    free(join->text);
    free(join->resolved);
    dam_results_destroy(&join->results);
    dam_provenance_destroy(&join->provenance);
}

static enum dam_status merge(struct join *join, MPI_Comm alone, struct dam_error *error) {
    double started = (double)time(NULL);
    enum dam_status status = check_output(join->options->output, error);
    if (status == DAM_OK)
        status = read_sources(join, error);
    if (status != DAM_OK)
        return status;
    find_studies(join);
    status = unite_seeds(join, error);
    if (status == DAM_OK)
        status = dam_choose(join->sources, join->source_count, join->studies, join->kinds,
                            &join->choices, &join->results.count, error);
    if (status == DAM_OK)
        status = fill(join, error);
    if (status == DAM_OK)
        status = describe(join, alone, started, error);
    return status == DAM_OK ? write_output(join, alone, error) : status;
}

enum dam_status dam_merge(MPI_Comm comm, const struct dam_kinds *kinds,
                          const struct dam_merge_options *options, struct dam_merged *merged,
                          struct dam_error *error) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm alone;
    MPI_Comm_split(comm, rank == 0 ? 0 : MPI_UNDEFINED, 0, &alone);
    enum dam_status status = DAM_OK;
    if (rank == 0) {
        struct join join = {.kinds = kinds, .options = options};
        status = merge(&join, alone, error);
        *merged = (struct dam_merged){.cells = join.results.count,
                                      .partial = join.results.partial,
                                      .failed = join.results.failed,
                                      .repeated = join.row_count - join.results.count,
                                      .seeds = join.seed_count};
        join_destroy(&join);
        MPI_Comm_free(&alone);
    }
    return dam_agree(comm, status, error);
}
