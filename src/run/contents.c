#include "run/contents.h"
#include "run/agree.h"
#include "run/array.h"
#include "run/file.h"
#include "run/open.h"
#include "run/writer.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_MAX = 64 };

/* Types and texts that live until the file is finished. */
struct keep {
    MPI_Comm comm;
    int rank;
    hid_t types[KEPT_MAX];
    size_t type_count;
    char paths[KEPT_MAX][64];
    size_t path_count;
};

static hid_t keep_type(struct keep *keep, hid_t type) {
    assert(keep->type_count < KEPT_MAX);
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

static enum dam_status put_study(struct dam_writer *writer, const struct dam_contents *contents,
                                 struct keep *keep, struct dam_error *error) {
    const struct dam_schema *schema = &contents->results->kind->schema;
    const bool single = contents->seed_count == 1;
    const struct {
        const char *path, *text, *doc;
    } texts[] = {
        {"/study/kind", schema->name, "kind of experiment"},
        {"/study/text", contents->text,
         "the study file, with overrides from the command line as comments"},
        {"/study/resolved", contents->resolved, "the same study with every default filled in"},
    };
    const struct dam_block numbers[] = {
        {.path = "/study/seed",
         .type = H5T_STD_U64LE,
         .type_size = sizeof *contents->seeds,
         .scalar = single,
         .rows = keep->rank == 0 ? contents->seed_count : 0,
         .data = contents->seeds,
         .unit = "1",
         .doc = single ? "seed of every random stream" : "seeds of the random streams"},
        {.path = "/study/schema_version",
         .type = H5T_STD_U32LE,
         .type_size = sizeof schema->version,
         .scalar = 1,
         .rows = keep->rank == 0,
         .data = &schema->version,
         .unit = "1",
         .doc = "version of the kind's tables"},
    };
    enum dam_status status = dam_writer_group(writer, "/study", error);
    for (size_t t = 0; status == DAM_OK && t < sizeof texts / sizeof *texts; t++)
        status = put_text(writer, keep, texts[t].path, texts[t].text, texts[t].doc, error);
    for (size_t n = 0; status == DAM_OK && n < sizeof numbers / sizeof *numbers; n++)
        status = dam_writer_put(writer, &numbers[n], error);
    return status;
}

/* The attributes NAME.unit and NAME.doc, and NAME.role where there is one, of a column. */
static enum dam_status note_field(struct dam_writer *writer, const char *dataset,
                                  const struct dam_field *field, struct dam_error *error) {
    const struct {
        const char *name, *text;
    } notes[] = {
        {"unit", field->unit}, {"doc", field->doc}, {"role", dam_field_role_name(field->role)}};
    enum dam_status status = DAM_OK;
    for (size_t n = 0; status == DAM_OK && n < sizeof notes / sizeof *notes; n++) {
        char attribute[128];
        if (notes[n].text == NULL)
            continue;
        snprintf(attribute, sizeof attribute, "%s.%s", field->name, notes[n].name);
        status = dam_writer_note(writer, dataset, attribute, notes[n].text, error);
    }
    return status;
}

/* `rows` and `data` are this rank's; they and the path live as long as `keep`. */
static enum dam_status put_table(struct dam_writer *writer, struct keep *keep,
                                 const struct dam_table *table, size_t rows, const void *data,
                                 struct dam_error *error) {
    const struct dam_layout *layout = &table->layout;
    struct dam_block block = {.path = table->path,
                              .type = keep_type(keep, dam_layout_type(layout)),
                              .type_size = layout->row_size,
                              .rows = rows,
                              .data = data,
                              .unit = table->unit,
                              .doc = table->doc};
    enum dam_status status = dam_writer_put(writer, &block, error);
    for (size_t f = 0; status == DAM_OK && f < layout->count; f++)
        status = note_field(writer, table->path, &layout->fields[f], error);
    return status;
}

/* "cell, replica, epoch" */
static enum dam_status note_dimensions(struct dam_writer *writer, const char *path,
                                       const struct dam_column *column, struct dam_error *error) {
    char names[256];
    int length = snprintf(names, sizeof names, "%s", dam_cell_column.name);
    for (int d = 0; d < dam_array_rank(column); d++)
        length +=
            snprintf(names + length, sizeof names - (size_t)length, ", %s", column->dimensions[d]);
    return dam_writer_note(writer, path, "dimensions", names, error);
}

static enum dam_status put_array(struct dam_writer *writer, const struct dam_results *results,
                                 size_t c, struct keep *keep, struct dam_error *error) {
    const struct dam_column *column = &results->kind->columns[c];
    struct dam_block array = {.path = keep_path(keep, "", column->name),
                              .type = dam_number_type(column->type, column->single),
                              .type_size = dam_array_element_size(column),
                              .extent = results->extents[c],
                              .rows = results->count,
                              .data = results->arrays[c],
                              .unit = column->unit,
                              .doc = column->doc};
    enum dam_status status = dam_writer_put(writer, &array, error);
    if (status == DAM_OK && column->dimensions[0] != NULL)
        status = note_dimensions(writer, array.path, column, error);
    return status;
}

static enum dam_status put_kind_table(struct dam_writer *writer, const struct dam_results *results,
                                      size_t t, struct keep *keep, struct dam_error *error) {
    const struct dam_kind_table *declared = &results->kind->tables[t];
    const struct dam_rows *rows = &results->tables[t];
    struct dam_table table = {
        .path = keep_path(keep, "", declared->name), .unit = declared->unit, .doc = declared->doc};
    enum dam_status status = dam_layout_new_of_table(&table.layout, declared, error);
    status = dam_agree(keep->comm, status, error);
    if (status == DAM_OK)
        status = put_table(writer, keep, &table, rows->count, rows->values, error);
    dam_layout_destroy(&table.layout);
    return status;
}

static enum dam_status put_results(struct dam_writer *writer, const struct dam_results *results,
                                   struct keep *keep, struct dam_error *error) {
    const struct dam_kind *kind = results->kind;
    const struct dam_table table = {
        .path = "/results", .layout = results->layout, .unit = "1", .doc = kind->schema.summary};
    enum dam_status status = put_table(writer, keep, &table, results->count, results->rows, error);
    for (size_t c = 0; status == DAM_OK && c < kind->column_count; c++)
        if (results->extents[c].rank > 0 &&
            dam_array_size(&kind->columns[c], &results->extents[c]) > 0)
            status = put_array(writer, results, c, keep, error);
    for (size_t t = 0; status == DAM_OK && t < kind->table_count; t++)
        status = put_kind_table(writer, results, t, keep, error);
    return status;
}

#define PLACE(row, name) .offset = offsetof(struct row, name), .size = sizeof((struct row *)0)->name
static const struct dam_field failure_fields[] = {
    {.name = "cell", PLACE(dam_failure, cell), .unit = "1", .doc = "row of /results"},
    {.name = "round", PLACE(dam_failure, round), .unit = "1", .doc = "round of the cell"},
    {.name = "replica", PLACE(dam_failure, replica), .unit = "1", .doc = "replica of the cell"},
    {.name = "start_begin",
     PLACE(dam_failure, start_begin),
     .unit = "1",
     .doc = "first start of the task"},
    {.name = "start_end",
     PLACE(dam_failure, start_end),
     .unit = "1",
     .doc = "start after the last one of the task"},
    {.name = "status",
     PLACE(dam_failure, status),
     .type = DAM_CHOICE,
     .unit = "1",
     .doc = "class of the failure"},
    {.name = "message",
     PLACE(dam_failure, message),
     .type = DAM_CHOICE,
     .unit = "1",
     .doc = "what happened"},
};
const struct dam_table dam_failure_table = {
    .path = "/failures",
    .layout = {failure_fields, sizeof failure_fields / sizeof *failure_fields,
               sizeof(struct dam_failure)},
    .unit = "1",
    .doc = "tasks that failed: cell, round, replica, starts begin .. end - 1, what happened",
};

static const struct dam_field timing_fields[] = {
    {.name = "cell", PLACE(dam_timing, cell), .unit = "1", .doc = "row of /results"},
    {.name = "tasks",
     PLACE(dam_timing, tasks),
     .unit = "tasks",
     .doc = "tasks of the cell in this file"},
    {.name = "seconds",
     PLACE(dam_timing, seconds),
     .type = DAM_REAL,
     .unit = "s",
     .doc = "wall time of those tasks"},
    {.name = "predicted",
     PLACE(dam_timing, predicted),
     .type = DAM_REAL,
     .unit = "s",
     .doc = "time predicted for all tasks of its rounds on the reference core"},
};
const struct dam_table dam_timing_table = {
    .path = "/provenance/timing",
    .layout = {timing_fields, sizeof timing_fields / sizeof *timing_fields,
               sizeof(struct dam_timing)},
    .unit = "s",
    .doc =
        "of each cell: tasks in this file, their wall time, and the time predicted for all tasks "
        "of its rounds on the reference core",
};

#define TEXT(field) .name = #field, PLACE(dam_origin, field), .type = DAM_CHOICE, .unit = "1"
static const struct dam_field origin_fields[] = {
    {TEXT(file), .doc = "name of the file, as it was given"},
    {.name = "results_crc32c",
     PLACE(dam_origin, results_crc32c),
     .unit = "1",
     .doc = "CRC-32C of its /results"},
    {.name = "cells", PLACE(dam_origin, cells), .unit = "cells", .doc = "rows of its /results"},
    {TEXT(slice), .doc = "part I/N of its study's cells"},
    {TEXT(version), .doc = "version of dam that wrote it"},
    {TEXT(commit), .doc = "commit of that dam"},
    {TEXT(started), .doc = "when the run that wrote it began, UTC"},
    {TEXT(ranks), .doc = "MPI ranks of that run"},
};
#undef TEXT
#undef PLACE
const struct dam_table dam_origin_table = {
    .path = "/provenance/sources",
    .layout = {origin_fields, sizeof origin_fields / sizeof *origin_fields,
               sizeof(struct dam_origin)},
    .unit = "1",
    .doc = "the result files of runs that this one was merged from",
};

static enum dam_status put_provenance(struct dam_writer *writer,
                                      const struct dam_contents *contents, struct keep *keep,
                                      struct dam_error *error) {
    const struct dam_provenance *provenance = contents->provenance;
    enum dam_status status = dam_writer_group(writer, "/provenance", error);
    for (size_t i = 0; status == DAM_OK && i < provenance->count; i++) {
        const struct dam_provenance_item *item = &provenance->items[i];
        const char *path = keep_path(keep, "/provenance", item->name);
        status = put_text(writer, keep, path, item->text, item->doc, error);
    }
    if (status == DAM_OK)
        status = put_table(writer, keep, &dam_timing_table, contents->results->count,
                           contents->results->timings, error);
    if (status == DAM_OK && provenance->origin_count > 0)
        status =
            put_table(writer, keep, &dam_origin_table,
                      keep->rank == 0 ? provenance->origin_count : 0, provenance->origins, error);
    return status;
}

static enum dam_status put_everything(struct dam_writer *writer,
                                      const struct dam_contents *contents, struct keep *keep,
                                      struct dam_error *error) {
    enum dam_status status = put_study(writer, contents, keep, error);
    if (status == DAM_OK)
        status = put_results(writer, contents->results, keep, error);
    if (status == DAM_OK)
        status = put_table(writer, keep, &dam_failure_table, contents->results->failure_count,
                           contents->results->failures, error);
    if (status == DAM_OK)
        status = put_provenance(writer, contents, keep, error);
    return status == DAM_OK ? dam_writer_finish(writer, error) : status;
}

/* A little more than all datasets take. */
static uint64_t file_bytes(MPI_Comm comm, const struct dam_contents *contents) {
    const struct dam_results *results = contents->results;
    uint64_t bytes = results->count * (results->layout.row_size + sizeof(struct dam_timing)) +
                     results->failure_count * sizeof(struct dam_failure);
    for (size_t c = 0; c < results->kind->column_count; c++)
        if (results->arrays[c] != NULL)
            bytes +=
                results->count * dam_array_size(&results->kind->columns[c], &results->extents[c]);
    for (size_t t = 0; t < results->kind->table_count; t++)
        bytes += results->tables[t].count * results->tables[t].width * sizeof(union dam_value);
    MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_UINT64_T, MPI_SUM, comm);
    return bytes + strlen(contents->text) + strlen(contents->resolved) +
           contents->seed_count * sizeof *contents->seeds +
           contents->provenance->origin_count * sizeof(struct dam_origin) + (1 << 17);
}

/* Is there room for the file? Ask before any of it is written, by taking the room for a moment. */
static enum dam_status check_room(const char *path, uint64_t bytes, struct dam_error *error) {
    unlink(path); /* what a crash left; a planted link is not followed */
    int descriptor = dam_file_create(path);
    if (descriptor < 0)
        return dam_fail(error, DAM_FILE, "%s: cannot create: %s", path, strerror(errno));
    int failure = posix_fallocate(descriptor, 0, (off_t)bytes);
    close(descriptor);
    unlink(path);
    if (failure == 0 || failure == EOPNOTSUPP || failure == EINVAL)
        return DAM_OK;
    char size[32];
    return dam_fail(error, DAM_FILE,
                    "%s: no room for a result file of %s: %s; nothing finished is lost: make room "
                    "and start again",
                    path, dam_bytes_text(size, (double)bytes), strerror(failure));
}

enum dam_status dam_contents_write(MPI_Comm comm, const struct dam_contents *contents,
                                   const char *path, struct dam_error *error) {
    struct keep keep = {.comm = comm};
    struct dam_writer *writer;
    MPI_Comm_rank(comm, &keep.rank);
    uint64_t bytes = file_bytes(comm, contents);
    enum dam_status status = keep.rank == 0 ? check_room(path, bytes, error) : DAM_OK;
    status = dam_agree(comm, status, error);
    if (status != DAM_OK)
        return status;
    status = dam_writer_new(&writer, comm, path, error);
    if (status == DAM_OK) {
        status = put_everything(writer, contents, &keep, error);
        if (status != DAM_OK)
            dam_writer_destroy(writer);
    }
    if (status != DAM_OK && keep.rank == 0)
        unlink(path);
    keep_destroy(&keep);
    return status;
}
