#include "run/writer.h"
#include "run/agree.h"
#include "run/checksum.h"
#include "run/file.h"
#include "run/layout.h"
#include "run/mail.h"
#include "run/stop.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS_MAX = 64 };

/* A block that has its place in the file. */
struct placed {
    struct dam_block block;
    hsize_t first;   /* the rank's first row */
    uint64_t offset; /* of the dataset's first row in the file, in bytes */
};

struct dam_writer {
    MPI_Comm comm; /* borrowed */
    int rank, size;
    char *path;
    hid_t file; /* while it is laid out, on rank 0 alone; -1: not open */
    struct placed blocks[BLOCKS_MAX];
    size_t count;
};

static enum dam_status library_failed(const char *path, const char *what, struct dam_error *error) {
    return dam_fail(error, DAM_LIBRARY,
                    "%s: HDF5 cannot %s; is the disk full? Nothing published was changed", path,
                    what);
}

/* Times would make equal files differ. Links and attributes lie side by side with their checksum:
 * HDF5 1.10 reads past its buffers where the older or the dense forms are damaged. */
enum { COMPACT_MAX = 1000 };

static bool plain_links(hid_t create) {
    return H5Pset_obj_track_times(create, false) >= 0 &&
           H5Pset_link_phase_change(create, COMPACT_MAX, 0) >= 0;
}

/* What lies there is replaced; a planted link is not followed. HDF5 takes no lock: the output has
 * one of its own, and some file systems have none. */
static hid_t create_file(const char *path) {
    unlink(path);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t create = H5Pcreate(H5P_FILE_CREATE);
    hid_t file = -1;
    if (access >= 0 && create >= 0 && H5Pset_file_locking(access, false, true) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 && plain_links(create))
        file = H5Fcreate(path, H5F_ACC_EXCL, create, access);
    H5Pclose(access);
    H5Pclose(create);
    return file;
}

enum dam_status dam_writer_new(struct dam_writer **made, MPI_Comm comm, const char *path,
                               struct dam_error *error) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    struct dam_writer *writer = calloc(1, sizeof *writer);
    if (writer != NULL)
        writer->path = strdup(path);
    bool memory = writer != NULL && writer->path != NULL;
    enum dam_status status =
        memory ? DAM_OK : dam_fail(error, DAM_MEMORY, "%s: no memory to write it", path);
    status = dam_agree(comm, status, error);
    if (status != DAM_OK) {
        if (writer != NULL)
            free(writer->path);
        free(writer);
        return status;
    }
    writer->comm = comm;
    MPI_Comm_rank(comm, &writer->rank);
    MPI_Comm_size(comm, &writer->size);
    writer->file = writer->rank == 0 ? create_file(path) : -1;
    if (writer->rank == 0 && writer->file < 0)
        status = library_failed(path, "create the file", error);
    status = dam_agree(comm, status, error);
    if (status != DAM_OK) {
        dam_writer_destroy(writer);
        return status;
    }
    *made = writer;
    return DAM_OK;
}

void dam_writer_destroy(struct dam_writer *writer) {
    if (writer == NULL)
        return;
    if (writer->file >= 0)
        H5Fclose(writer->file);
    free(writer->path);
    free(writer);
}

static bool make_group(const struct dam_writer *writer, const char *path) {
    hid_t create = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = -1;
    if (create >= 0 && plain_links(create))
        group = H5Gcreate2(writer->file, path, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Pclose(create);
    return group >= 0 && H5Gclose(group) >= 0;
}

enum dam_status dam_writer_group(struct dam_writer *writer, const char *path,
                                 struct dam_error *error) {
    enum dam_status status = DAM_OK;
    if (writer->rank == 0 && !make_group(writer, path))
        status = library_failed(writer->path, "make a group", error);
    return dam_agree(writer->comm, status, error);
}

static size_t row_bytes(const struct dam_block *block) {
    size_t size = block->type_size;
    for (int d = 0; d < block->extent.rank; d++)
        size *= block->extent.sizes[d];
    return size;
}

/* The checksum of all ranks' rows one after the other: passed from rank to rank. */
static uint32_t checksum_in_order(const struct dam_writer *writer, const struct dam_block *block) {
    uint32_t crc = 0;
    if (writer->rank > 0)
        MPI_Recv(&crc, 1, MPI_UINT32_T, writer->rank - 1, 0, writer->comm, MPI_STATUS_IGNORE);
    crc = dam_checksum(crc, block->data, (size_t)block->rows * row_bytes(block));
    if (writer->rank < writer->size - 1)
        MPI_Send(&crc, 1, MPI_UINT32_T, writer->rank + 1, 0, writer->comm);
    MPI_Bcast(&crc, 1, MPI_UINT32_T, writer->size - 1, writer->comm);
    return crc;
}

static bool put_attribute(hid_t object, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool put = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return put;
}

static bool put_text(hid_t object, const char *name, const char *text) {
    hid_t type = dam_string_type(strlen(text));
    bool put = type >= 0 && put_attribute(object, name, type, text);
    if (type >= 0)
        H5Tclose(type);
    return put;
}

/* Rows, and the dimensions behind them. */
struct shape {
    int rank;
    hsize_t sizes[1 + DAM_DIMENSIONS_MAX];
};

static struct shape shape_of(const struct dam_block *block, hsize_t rows) {
    struct shape shape = {1 + block->extent.rank, {rows}};
    for (int d = 0; d < block->extent.rank; d++)
        shape.sizes[1 + d] = block->extent.sizes[d];
    return shape;
}

static hid_t space_of(const struct dam_block *block, hsize_t rows) {
    if (block->scalar)
        return H5Screate(H5S_SCALAR);
    struct shape shape = shape_of(block, rows);
    return H5Screate_simple(shape.rank, shape.sizes, NULL);
}

/* Select this rank's rows in the file. */
static bool select_rows(hid_t space, const struct dam_block *block, hsize_t first) {
    if (block->rows == 0)
        return H5Sselect_none(space) >= 0;
    if (block->scalar)
        return H5Sselect_all(space) >= 0;
    const hsize_t start[1 + DAM_DIMENSIONS_MAX] = {first};
    struct shape count = shape_of(block, block->rows);
    return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count.sizes, NULL) >= 0;
}

/* Read this rank's rows. */
static bool read_rows(hid_t dataset, const struct placed *placed, void *rows) {
    const struct dam_block *block = &placed->block;
    hid_t in_file = H5Dget_space(dataset);
    hid_t in_memory = space_of(block, block->rows);
    hid_t how = H5Pcreate(H5P_DATASET_XFER);
    bool read = in_file >= 0 && in_memory >= 0 && how >= 0 &&
                select_rows(in_file, block, placed->first) &&
                (block->rows > 0 || H5Sselect_none(in_memory) >= 0) &&
                H5Pset_dxpl_mpio(how, H5FD_MPIO_COLLECTIVE) >= 0 &&
                H5Dread(dataset, block->type, in_memory, in_file, how, rows) >= 0;
    H5Pclose(how);
    H5Sclose(in_memory);
    H5Sclose(in_file);
    return read;
}

static hid_t create_dataset(const struct dam_writer *writer, const struct dam_block *block,
                            hsize_t rows) {
    hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = space_of(block, rows), dataset = -1;
    /* Every byte is written, so nothing needs filling first. */
    if (create >= 0 && space >= 0 && H5Pset_obj_track_times(create, false) >= 0 &&
        H5Pset_attr_phase_change(create, COMPACT_MAX, 0) >= 0 &&
        H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(create, H5D_FILL_TIME_NEVER) >= 0)
        dataset = H5Dcreate2(writer->file, block->path, block->type, space, H5P_DEFAULT, create,
                             H5P_DEFAULT);
    H5Sclose(space);
    H5Pclose(create);
    return dataset;
}

/* Make the dataset with its attributes; its rows come later. */
static bool place(const struct dam_writer *writer, struct placed *placed, hsize_t rows,
                  uint32_t crc) {
    const struct dam_block *block = &placed->block;
    hid_t dataset = create_dataset(writer, block, rows);
    bool made = dataset >= 0 && put_text(dataset, "unit", block->unit) &&
                put_text(dataset, "doc", block->doc) &&
                put_attribute(dataset, "crc32c", H5T_STD_U32LE, &crc);
    haddr_t offset = made && rows > 0 ? H5Dget_offset(dataset) : 0;
    placed->offset = offset;
    return dataset >= 0 && H5Dclose(dataset) >= 0 && made && offset != HADDR_UNDEF;
}

enum dam_status dam_writer_put(struct dam_writer *writer, const struct dam_block *block,
                               struct dam_error *error) {
    assert(writer->count < BLOCKS_MAX);
    unsigned long long mine = block->rows, first = 0, all = 0;
    MPI_Exscan(&mine, &first, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, writer->comm);
    MPI_Allreduce(&mine, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, writer->comm);
    struct placed placed = {.block = *block, .first = writer->rank == 0 ? 0 : first};
    uint32_t crc = checksum_in_order(writer, block);
    enum dam_status status = DAM_OK;
    if (writer->rank == 0 && !place(writer, &placed, all, crc))
        status = library_failed(writer->path, "make a dataset", error);
    /* An empty dataset has no place in the file, and HDF5 1.10 fails to read it. */
    if (all > 0)
        writer->blocks[writer->count++] = placed;
    return dam_agree(writer->comm, status, error);
}

static bool note(const struct dam_writer *writer, const char *path, const char *name,
                 const char *text) {
    hid_t dataset = H5Dopen2(writer->file, path, H5P_DEFAULT);
    bool put = dataset >= 0 && put_text(dataset, name, text);
    return dataset >= 0 && H5Dclose(dataset) >= 0 && put;
}

enum dam_status dam_writer_note(struct dam_writer *writer, const char *path, const char *name,
                                const char *text, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    if (writer->rank == 0 && !note(writer, path, name, text))
        status = library_failed(writer->path, "note a column", error);
    return dam_agree(writer->comm, status, error);
}

/* ---- rows ---- */

/* HDF5 can neither close its file nor be ended: only the whole program can. All ranks know it, and
 * rank 0 tells. */
static enum dam_status abandon(struct dam_writer *writer, struct dam_error *error) {
    writer->file = -1;
    if (writer->rank != 0)
        error->text[0] = '\0';
    return error->status = DAM_PARALLEL;
}

/* Everything but the rows reaches the file, and every rank learns where its rows go. */
static enum dam_status end_layout(struct dam_writer *writer, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    if (writer->rank == 0) {
        if (H5Fclose(writer->file) < 0)
            status = library_failed(writer->path, "lay out the file", error);
        writer->file = -1;
    }
    for (size_t b = 0; b < writer->count; b++)
        MPI_Bcast(&writer->blocks[b].offset, 1, MPI_UINT64_T, 0, writer->comm);
    /* HDF5 1.10 crashes as the program ends where a file could not be closed. */
    return dam_agree(writer->comm, status, error) == DAM_OK ? DAM_OK : abandon(writer, error);
}

/* ---- calls that all ranks are in together ---- */

/* How long a rank whose part has failed waits for the others to come out of theirs. */
static const double patience_seconds = 5;

/* dam_agree after a call that may have failed here while others are still inside it, waiting for
 * this rank. They wait for it without end, but who has failed does not: it alone returns
 * DAM_PARALLEL then, for main to end all. */
static enum dam_status meet(const struct dam_writer *writer, enum dam_status status,
                            struct dam_error *error) {
    MPI_Request all_here;
    int here = 0;
    MPI_Ibarrier(writer->comm, &all_here);
    if (status == DAM_OK)
        MPI_Wait(&all_here, MPI_STATUS_IGNORE);
    for (double end = dam_clock() + patience_seconds; status != DAM_OK && !here;) {
        MPI_Test(&all_here, &here, MPI_STATUS_IGNORE);
        if (!here && dam_clock() > end)
            return error->status = DAM_PARALLEL;
        if (!here)
            dam_mail_rest();
    }
    return dam_agree(writer->comm, status, error);
}

static enum dam_status parallel_failed(const struct dam_writer *writer, const char *what,
                                       int failure, struct dam_error *error) {
    char why[MPI_MAX_ERROR_STRING];
    int length;
    if (MPI_Error_string(failure, why, &length) != MPI_SUCCESS)
        why[0] = '\0';
    return dam_fail(error, DAM_FILE,
                    "%s: cannot %s: %s; is the disk full, or the quota? Nothing published was "
                    "changed",
                    writer->path, what, why);
}

/* One collective write: each rank's rows, which follow each other without gaps. */
static enum dam_status write_block(const struct dam_writer *writer, MPI_File file,
                                   const struct placed *placed, struct dam_error *error) {
    const struct dam_block *block = &placed->block;
    size_t size = row_bytes(block);
    if (size > DAM_ROW_BYTES_MAX || block->rows > INT32_MAX)
        return dam_fail(error, DAM_MEMORY,
                        "%s: %s: rows of %zu bytes are too large to be written, allowed: %d; put "
                        "the largest cells in a file of their own",
                        writer->path, block->path, size, DAM_ROW_BYTES_MAX);
    MPI_Offset offset = (MPI_Offset)(placed->offset + placed->first * size);
    MPI_Datatype row;
    MPI_Type_contiguous((int)size, MPI_BYTE, &row);
    MPI_Type_commit(&row);
    MPI_Status about;
    int failure = MPI_File_write_at_all(file, offset, block->data, (int)block->rows, row, &about);
    MPI_Type_free(&row);
    return failure == MPI_SUCCESS ? DAM_OK : parallel_failed(writer, "write rows", failure, error);
}

/* Open MPI's collective opening hangs where one rank cannot open the file: each tries it alone. */
static enum dam_status try_open(const struct dam_writer *writer, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    int descriptor = open(writer->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0)
        status = dam_fail(error, DAM_FILE, "%s: cannot open it: %s; nothing published was changed",
                          writer->path, strerror(errno));
    else
        close(descriptor);
    return dam_agree(writer->comm, status, error);
}

static enum dam_status write_blocks(const struct dam_writer *writer, struct dam_error *error) {
    MPI_File file;
    if (try_open(writer, error) != DAM_OK)
        return error->status;
    int failure = MPI_File_open(writer->comm, writer->path, MPI_MODE_RDWR, MPI_INFO_NULL, &file);
    enum dam_status status = DAM_OK;
    if (failure != MPI_SUCCESS)
        status = parallel_failed(writer, "open it to write", failure, error);
    status = meet(writer, status, error);
    if (status != DAM_OK)
        return status;
    for (size_t b = 0; status == DAM_OK && b < writer->count; b++)
        status = meet(writer, write_block(writer, file, &writer->blocks[b], error), error);
    if (status == DAM_OK) {
        failure = MPI_File_sync(file);
        if (failure != MPI_SUCCESS)
            status = parallel_failed(writer, "bring it to disk", failure, error);
        status = meet(writer, status, error);
    }
    if (status == DAM_PARALLEL)
        return status;
    failure = MPI_File_close(&file);
    if (status == DAM_OK && failure != MPI_SUCCESS)
        status = parallel_failed(writer, "close", failure, error);
    return meet(writer, status, error);
}

/* ---- what arrived ---- */

static enum dam_status reopen(struct dam_writer *writer, struct dam_error *error) {
    if (try_open(writer, error) != DAM_OK)
        return error->status;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_fapl_mpio(access, writer->comm, MPI_INFO_NULL) >= 0)
        writer->file = H5Fopen(writer->path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    enum dam_status status =
        writer->file < 0 ? library_failed(writer->path, "read the file back", error) : DAM_OK;
    status = meet(writer, status, error);
    if (status == DAM_OK || status == DAM_PARALLEL)
        return status;
    /* Ranks that did open it would wait for the others to close it. */
    return abandon(writer, error);
}

static enum dam_status compare(const struct dam_writer *writer, const struct placed *placed,
                               struct dam_error *error) {
    const struct dam_block *block = &placed->block;
    size_t size = (size_t)block->rows * row_bytes(block);
    void *found = malloc(size + 1);
    hid_t dataset = found == NULL ? -1 : H5Dopen2(writer->file, block->path, H5P_DEFAULT);
    enum dam_status status = DAM_OK;
    if (found == NULL)
        status =
            dam_fail(error, DAM_MEMORY, "%s: no memory to read %s back", writer->path, block->path);
    else if (dataset < 0)
        status = library_failed(writer->path, "find a dataset again", error);
    /* Nobody may enter a collective read that another rank will not. */
    status = dam_agree(writer->comm, status, error);
    if (status == DAM_OK && !read_rows(dataset, placed, found))
        status = library_failed(writer->path, "read the file back", error);
    else if (status == DAM_OK && size > 0 && memcmp(found, block->data, size) != 0)
        status =
            dam_fail(error, DAM_DAMAGED,
                     "%s: %s is not on disk as it was written; nothing finished is lost: see "
                     "that the disk is sound and OMPI_MCA_fs_ufs_lock_algorithm is 3, and start "
                     "again",
                     writer->path, block->path);
    if (dataset >= 0)
        H5Dclose(dataset);
    free(found);
    return meet(writer, status, error);
}

enum dam_status dam_writer_finish(struct dam_writer *writer, struct dam_error *error) {
    enum dam_status status = end_layout(writer, error);
    if (status == DAM_OK)
        status = write_blocks(writer, error);
    if (status == DAM_OK)
        status = reopen(writer, error);
    for (size_t b = 0; status == DAM_OK && b < writer->count; b++)
        status = compare(writer, &writer->blocks[b], error);
    if (status == DAM_OK)
        dam_writer_destroy(writer);
    return status;
}
