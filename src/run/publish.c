#include "run/publish.h"
#include "run/agree.h"
#include "run/exchange.h"
#include "run/file.h"
#include "run/open.h"
#include "run/provenance.h"
#include "run/reduce.h"
#include "run/writer.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_MAX = 64 };

static enum dam_status no_memory(const char *what, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "no memory to publish %s", what);
}

/* Types and texts that live until the file is finished. */
struct keep {
    int rank;
    hid_t types[KEPT_MAX];
    size_t type_count;
    char paths[KEPT_MAX][64];
    size_t path_count;
    char *resolved;
    uint64_t seed;
    uint32_t schema;
    struct dam_provenance provenance;
};

static hid_t keep_type(struct keep *keep, hid_t type) {
    if (type >= 0)
        keep->types[keep->type_count++] = type;
    return type;
}

static const char *keep_path(struct keep *keep, const char *group, const char *name) {
    assert(keep->path_count < KEPT_MAX);
    char *path = keep->paths[keep->path_count++];
    snprintf(path, sizeof keep->paths[0], "%s/%s", group, name);
    return path;
}

static void keep_destroy(struct keep *keep) {
    for (size_t t = 0; t < keep->type_count; t++)
        H5Tclose(keep->types[t]);
    free(keep->resolved);
    dam_provenance_destroy(&keep->provenance);
}

/* `text` must live as long as `keep`. */
static enum dam_status put_text(struct dam_writer *writer, struct keep *keep, const char *path,
                                const char *text, const char *doc, struct dam_error *error) {
    size_t length = strlen(text);
    struct dam_block block = {.path = path,
                              .type = keep_type(keep, dam_string_type(length)),
                              .type_size = length == 0 ? 1 : length,
                              .scalar = 1,
                              .rows = keep->rank == 0,
                              .data = text,
                              .unit = "1",
                              .doc = doc};
    return dam_writer_put(writer, &block, error);
}

static enum dam_status put_study(struct dam_writer *writer, const struct dam_results *results,
                                 struct keep *keep, struct dam_error *error) {
    const struct dam_study *study = results->study;
    keep->seed = study->seed;
    keep->schema = study->schema->version;
    enum dam_status status = dam_writer_group(writer, "/study", error);
    if (status == DAM_OK)
        status =
            put_text(writer, keep, "/study/kind", study->schema->name, "kind of experiment", error);
    if (status == DAM_OK)
        status =
            put_text(writer, keep, "/study/text", study->text,
                     "the study file, with overrides from the command line as comments", error);
    if (status == DAM_OK)
        status = put_text(writer, keep, "/study/resolved", keep->resolved,
                          "the same study with every default filled in", error);
    const struct dam_block seed = {.path = "/study/seed",
                                   .type = H5T_STD_U64LE,
                                   .type_size = sizeof keep->seed,
                                   .scalar = 1,
                                   .rows = keep->rank == 0,
                                   .data = &keep->seed,
                                   .unit = "1",
                                   .doc = "seed of every random stream"};
    if (status == DAM_OK)
        status = dam_writer_put(writer, &seed, error);
    const struct dam_block schema = {.path = "/study/schema_version",
                                     .type = H5T_STD_U32LE,
                                     .type_size = sizeof keep->schema,
                                     .scalar = 1,
                                     .rows = keep->rank == 0,
                                     .data = &keep->schema,
                                     .unit = "1",
                                     .doc = "version of the kind's tables"};
    return status == DAM_OK ? dam_writer_put(writer, &schema, error) : status;
}

/* The attributes NAME.unit and NAME.doc, and NAME.role where there is one, of a column. */
static enum dam_status note_column(struct dam_writer *writer, const char *dataset, const char *name,
                                   const char *unit, const char *doc, const char *role,
                                   struct dam_error *error) {
    const struct {
        const char *name, *text;
    } notes[] = {{"unit", unit}, {"doc", doc}, {"role", role}};
    enum dam_status status = DAM_OK;
    for (size_t n = 0; status == DAM_OK && n < sizeof notes / sizeof *notes; n++) {
        char attribute[128];
        if (notes[n].text == NULL)
            continue;
        snprintf(attribute, sizeof attribute, "%s.%s", name, notes[n].name);
        status = dam_writer_note(writer, dataset, attribute, notes[n].text, error);
    }
    return status;
}

static enum dam_status note_fields(struct dam_writer *writer, const struct dam_layout *layout,
                                   struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t f = 0; status == DAM_OK && f < layout->count; f++) {
        const struct dam_field *field = &layout->fields[f];
        status = note_column(writer, "/results", field->name, field->unit, field->doc,
                             dam_field_role_name(field->role), error);
    }
    return status;
}

static enum dam_status put_results(struct dam_writer *writer, const struct dam_results *results,
                                   struct keep *keep, struct dam_error *error) {
    struct dam_block block = {.path = "/results",
                              .type = keep_type(keep, dam_layout_type(&results->layout)),
                              .type_size = results->layout.row_size,
                              .rows = results->count,
                              .data = results->rows,
                              .unit = "1",
                              .doc = results->kind->schema.summary};
    enum dam_status status = dam_writer_put(writer, &block, error);
    if (status == DAM_OK)
        status = note_fields(writer, &results->layout, error);
    for (size_t c = 0; status == DAM_OK && c < results->kind->column_count; c++) {
        const struct dam_column *column = &results->kind->columns[c];
        if (column->shape != DAM_ARRAY)
            continue;
        const char *path = keep_path(keep, "", column->name);
        struct dam_block array = {.path = path,
                                  .type = dam_number_type(column->type),
                                  .type_size = sizeof(double),
                                  .width = results->widths[c],
                                  .rows = results->count,
                                  .data = results->arrays[c],
                                  .unit = column->unit,
                                  .doc = column->doc};
        status = dam_writer_put(writer, &array, error);
    }
    return status;
}

/* A member of a compound type; text is its length, 0 for 8-byte numbers. */
struct member {
    const char *name;
    size_t offset, text;
    bool real;
    const char *unit, *doc;
};

/* Put a table of `count` members whose type is yet to be made. */
static enum dam_status put_table(struct dam_writer *writer, struct keep *keep,
                                 struct dam_block block, const struct member *members, size_t count,
                                 struct dam_error *error) {
    block.type = keep_type(keep, H5Tcreate(H5T_COMPOUND, block.type_size));
    for (size_t m = 0; m < count; m++) {
        const struct member *member = &members[m];
        hid_t of = member->text > 0 ? keep_type(keep, dam_string_type(member->text))
                                    : dam_number_type(member->real ? DAM_REAL : DAM_INTEGER);
        H5Tinsert(block.type, member->name, member->offset, of);
    }
    enum dam_status status = dam_writer_put(writer, &block, error);
    for (size_t m = 0; status == DAM_OK && m < count; m++)
        status = note_column(writer, block.path, members[m].name, members[m].unit, members[m].doc,
                             NULL, error);
    return status;
}

static enum dam_status put_failures(struct dam_writer *writer, const struct dam_results *results,
                                    struct keep *keep, struct dam_error *error) {
    static const struct member members[] = {
        {"cell", offsetof(struct dam_failure, cell), 0, false, "1", "row of /results"},
        {"round", offsetof(struct dam_failure, round), 0, false, "1", "round of the cell"},
        {"replica", offsetof(struct dam_failure, replica), 0, false, "1", "replica of the cell"},
        {"start_begin", offsetof(struct dam_failure, start_begin), 0, false, "1",
         "first start of the task"},
        {"start_end", offsetof(struct dam_failure, start_end), 0, false, "1",
         "start after the last one of the task"},
        {"status", offsetof(struct dam_failure, status), DAM_STATUS_LENGTH, false, "1",
         "class of the failure"},
        {"message", offsetof(struct dam_failure, message), DAM_MESSAGE_LENGTH, false, "1",
         "what happened"},
    };
    struct dam_block block = {
        .path = "/failures",
        .type_size = sizeof(struct dam_failure),
        .rows = results->failure_count,
        .data = results->failures,
        .unit = "1",
        .doc = "tasks that failed: cell, round, replica, starts begin .. end - 1, what happened",
    };
    return put_table(writer, keep, block, members, sizeof members / sizeof *members, error);
}

static enum dam_status put_provenance(struct dam_writer *writer, const struct dam_results *results,
                                      struct keep *keep, struct dam_error *error) {
    static const struct member members[] = {
        {"cell", offsetof(struct dam_timing, cell), 0, false, "1", "row of /results"},
        {"tasks", offsetof(struct dam_timing, tasks), 0, false, "tasks",
         "tasks of the cell in this file"},
        {"seconds", offsetof(struct dam_timing, seconds), 0, true, "s", "wall time of those tasks"},
        {"predicted", offsetof(struct dam_timing, predicted), 0, true, "s",
         "time predicted for all tasks of the cell on the reference core"},
    };
    enum dam_status status = dam_writer_group(writer, "/provenance", error);
    for (size_t i = 0; status == DAM_OK && i < keep->provenance.count; i++) {
        const struct dam_provenance_item *item = &keep->provenance.items[i];
        const char *path = keep_path(keep, "/provenance", item->name);
        status = put_text(writer, keep, path, item->text, item->doc, error);
    }
    if (status != DAM_OK)
        return status;
    struct dam_block block = {
        .path = "/provenance/timing",
        .type_size = sizeof(struct dam_timing),
        .rows = results->count,
        .data = results->timings,
        .unit = "s",
        .doc = "of each cell: tasks in this file, their wall time, and the time predicted for all "
               "its tasks on the reference core",
    };
    return put_table(writer, keep, block, members, sizeof members / sizeof *members, error);
}

/* Put the finished file in its place. */
static enum dam_status put_in_place(const struct dam_output_paths *paths, struct dam_error *error) {
    if (rename(paths->temporary, paths->file) != 0)
        return dam_fail(error, DAM_FILE, "%s: cannot rename it to %s: %s", paths->temporary,
                        paths->file, strerror(errno));
    char *copy = strdup(paths->file);
    if (copy == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: no memory for its name", paths->file);
    enum dam_status status = dam_file_sync(dirname(copy), error);
    free(copy);
    return status;
}

/* Is there room for the file? Ask before any of it is written, by taking the room for a moment. */
static enum dam_status check_room(const struct dam_output_paths *paths, uint64_t bytes,
                                  struct dam_error *error) {
    int descriptor = open(paths->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return dam_fail(error, DAM_FILE, "%s: cannot create: %s", paths->temporary,
                        strerror(errno));
    int failure = posix_fallocate(descriptor, 0, (off_t)bytes);
    close(descriptor);
    unlink(paths->temporary);
    if (failure == 0 || failure == EOPNOTSUPP || failure == EINVAL)
        return DAM_OK;
    char size[32];
    return dam_fail(error, DAM_FILE,
                    "%s: no room for a result file of %s: %s; the journal is intact: make room and "
                    "start again",
                    paths->temporary, dam_bytes_text(size, (double)bytes), strerror(failure));
}

/* A little more than all datasets take. */
static uint64_t file_bytes(MPI_Comm comm, const struct dam_results *results,
                           const struct keep *keep) {
    uint64_t bytes = results->count * (results->layout.row_size + sizeof(struct dam_timing)) +
                     results->failure_count * sizeof(struct dam_failure);
    for (size_t c = 0; c < results->kind->column_count; c++)
        bytes += results->count * results->widths[c] * sizeof(double);
    MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_UINT64_T, MPI_SUM, comm);
    return bytes + results->study->text_length + strlen(keep->resolved) + (1 << 17);
}

static enum dam_status make_room(MPI_Comm comm, const struct dam_results *results,
                                 const struct keep *keep, const struct dam_output_paths *paths,
                                 struct dam_error *error) {
    uint64_t bytes = file_bytes(comm, results, keep);
    enum dam_status status = DAM_OK;
    if (keep->rank == 0) {
        /* What a crashed run left here is replaced; a planted link is not followed. */
        unlink(paths->temporary);
        status = check_room(paths, bytes, error);
    }
    return dam_agree(comm, status, error);
}

static enum dam_status put_everything(struct dam_writer *writer, const struct dam_results *results,
                                      struct keep *keep, struct dam_error *error) {
    enum dam_status status = put_study(writer, results, keep, error);
    if (status == DAM_OK)
        status = put_results(writer, results, keep, error);
    if (status == DAM_OK)
        status = put_failures(writer, results, keep, error);
    if (status == DAM_OK)
        status = put_provenance(writer, results, keep, error);
    return status == DAM_OK ? dam_writer_finish(writer, error) : status;
}

static enum dam_status write_file(MPI_Comm comm, const struct dam_results *results,
                                  struct keep *keep, const struct dam_output_paths *paths,
                                  struct dam_error *error) {
    struct dam_writer *writer;
    enum dam_status status = make_room(comm, results, keep, paths, error);
    if (status == DAM_OK)
        status = dam_writer_new(&writer, comm, paths->temporary, error);
    if (status != DAM_OK)
        return status;
    status = put_everything(writer, results, keep, error);
    if (status != DAM_OK) {
        if (keep->rank == 0)
            unlink(paths->temporary);
        dam_writer_destroy(writer);
        return status;
    }
    if (keep->rank == 0)
        status = put_in_place(paths, error);
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
    struct dam_holding holding;
    struct dam_results results = {0};
    struct keep keep = {.resolved = dam_study_resolved(study)};
    MPI_Comm_rank(comm, &keep.rank);
    enum dam_status status = keep.resolved == NULL ? no_memory("the study", error) : DAM_OK;
    status = dam_agree(comm, status, error);
    if (status == DAM_OK) {
        status = dam_exchange(comm, ledger, study->cell_count, &holding, error);
        if (status == DAM_OK)
            status = dam_results_new(&results, comm, study, kind, &holding, error);
        dam_holding_destroy(&holding);
    }
    if (status == DAM_OK)
        status = dam_provenance_new(&keep.provenance, comm, started, error);
    if (status == DAM_OK)
        status = write_file(comm, &results, &keep, paths, error);
    if (status == DAM_OK)
        tally(comm, &results, published);
    dam_results_destroy(&results);
    keep_destroy(&keep);
    return status;
}
