#include "run/writer.h"
#include "run/agree.h"
#include "run/checksum.h"
#include "run/file.h"
#include "run/layout.h"
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 64 };

/* A block that was written, to be compared. */
struct written {
    struct dam_block block;
    hsize_t first; /* the rank's first row */
};

struct dam_writer {
    MPI_Comm comm; /* borrowed */
    int rank, size;
    char *path;
    hid_t file;
    struct written written[BLOCKS_MAX];
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
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t create = H5Pcreate(H5P_FILE_CREATE);
    writer->file = -1;
    if (access >= 0 && create >= 0 && H5Pset_fapl_mpio(access, comm, MPI_INFO_NULL) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 && plain_links(create))
        writer->file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    H5Pclose(access);
    H5Pclose(create);
    status = writer->file < 0 ? library_failed(path, "create the file", error) : DAM_OK;
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

enum dam_status dam_writer_group(struct dam_writer *writer, const char *path,
                                 struct dam_error *error) {
    hid_t create = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = -1;
    if (create >= 0 && plain_links(create))
        group = H5Gcreate2(writer->file, path, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Pclose(create);
    enum dam_status status =
        group < 0 ? library_failed(writer->path, "make a group", error) : DAM_OK;
    if (group >= 0)
        H5Gclose(group);
    return dam_agree(writer->comm, status, error);
}

static size_t row_bytes(const struct dam_block *block) {
    return block->type_size * (size_t)(block->width == 0 ? 1 : block->width);
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

static hid_t space_of(const struct dam_block *block, hsize_t rows) {
    if (block->scalar)
        return H5Screate(H5S_SCALAR);
    hsize_t extent[2] = {rows, block->width};
    return H5Screate_simple(block->width == 0 ? 1 : 2, extent, NULL);
}

/* Select this rank's rows in the file. */
static bool select_rows(hid_t space, const struct dam_block *block, hsize_t first) {
    if (block->rows == 0)
        return H5Sselect_none(space) >= 0;
    if (block->scalar)
        return H5Sselect_all(space) >= 0;
    hsize_t start[2] = {first, 0}, count[2] = {block->rows, block->width};
    return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
}

/* Write or read this rank's rows. */
static bool transfer(hid_t dataset, const struct dam_block *block, hsize_t first, void *read) {
    hid_t in_file = H5Dget_space(dataset);
    hid_t in_memory = space_of(block, block->rows);
    hid_t how = H5Pcreate(H5P_DATASET_XFER);
    bool done = in_file >= 0 && in_memory >= 0 && how >= 0 && select_rows(in_file, block, first) &&
                (block->rows > 0 || H5Sselect_none(in_memory) >= 0) &&
                H5Pset_dxpl_mpio(how, H5FD_MPIO_COLLECTIVE) >= 0;
    if (done && read != NULL)
        done = H5Dread(dataset, block->type, in_memory, in_file, how, read) >= 0;
    else if (done)
        done = H5Dwrite(dataset, block->type, in_memory, in_file, how,
                        block->data == NULL ? "" : block->data) >= 0;
    H5Pclose(how);
    H5Sclose(in_memory);
    H5Sclose(in_file);
    return done;
}

static hid_t create_dataset(struct dam_writer *writer, const struct dam_block *block,
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

enum dam_status dam_writer_put(struct dam_writer *writer, const struct dam_block *block,
                               struct dam_error *error) {
    assert(writer->count < BLOCKS_MAX);
    unsigned long long mine = block->rows, first = 0, all = 0;
    MPI_Exscan(&mine, &first, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, writer->comm);
    MPI_Allreduce(&mine, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, writer->comm);
    first = writer->rank == 0 ? 0 : first;
    uint32_t crc = checksum_in_order(writer, block);
    hid_t dataset = create_dataset(writer, block, all);
    bool put = dataset >= 0;
    /* Nobody may enter a collective write that another rank will not. */
    enum dam_status status = dam_agree(
        writer->comm, put ? DAM_OK : library_failed(writer->path, "make a dataset", error), error);
    if (status == DAM_OK) {
        /* An empty dataset has no place in the file, and HDF5 1.10 fails to write to it. */
        put = (all == 0 || transfer(dataset, block, first, NULL)) &&
              put_text(dataset, "unit", block->unit) && put_text(dataset, "doc", block->doc) &&
              put_attribute(dataset, "crc32c", H5T_STD_U32LE, &crc);
        status =
            dam_agree(writer->comm,
                      put ? DAM_OK : library_failed(writer->path, "write a dataset", error), error);
    }
    if (status != DAM_OK)
        return status;
    H5Dclose(dataset);
    if (all > 0)
        writer->written[writer->count++] = (struct written){*block, first};
    return DAM_OK;
}

enum dam_status dam_writer_note(struct dam_writer *writer, const char *path, const char *name,
                                const char *text, struct dam_error *error) {
    hid_t dataset = H5Dopen2(writer->file, path, H5P_DEFAULT);
    bool put = dataset >= 0 && put_text(dataset, name, text);
    if (dataset >= 0)
        H5Dclose(dataset);
    enum dam_status status = put ? DAM_OK : library_failed(writer->path, "note a column", error);
    return dam_agree(writer->comm, status, error);
}

static enum dam_status compare(struct dam_writer *writer, const struct written *written,
                               struct dam_error *error) {
    const struct dam_block *block = &written->block;
    size_t size = (size_t)block->rows * row_bytes(block);
    void *found = malloc(size + 1);
    if (found == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: no memory to read %s back", writer->path,
                        block->path);
    hid_t dataset = H5Dopen2(writer->file, block->path, H5P_DEFAULT);
    bool read = dataset >= 0 && transfer(dataset, block, written->first, found);
    enum dam_status status = DAM_OK;
    if (!read)
        status = library_failed(writer->path, "read the file back", error);
    else if (size > 0 && memcmp(found, block->data, size) != 0)
        status = dam_fail(error, DAM_DAMAGED,
                          "%s: %s was not written as it is; the journal is intact: start again, "
                          "with OMPI_MCA_fs_ufs_lock_algorithm=3 set",
                          writer->path, block->path);
    if (dataset >= 0)
        H5Dclose(dataset);
    free(found);
    return status;
}

static enum dam_status reopen(struct dam_writer *writer, struct dam_error *error) {
    bool closed = H5Fclose(writer->file) >= 0;
    writer->file = -1;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (closed && access >= 0 && H5Pset_fapl_mpio(access, writer->comm, MPI_INFO_NULL) >= 0)
        writer->file = H5Fopen(writer->path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    enum dam_status status = writer->file < 0
                                 ? library_failed(writer->path, "close and reopen the file", error)
                                 : DAM_OK;
    return dam_agree(writer->comm, status, error);
}

enum dam_status dam_writer_finish(struct dam_writer *writer, struct dam_error *error) {
    enum dam_status status = reopen(writer, error);
    for (size_t w = 0; status == DAM_OK && w < writer->count; w++)
        status = dam_agree(writer->comm, compare(writer, &writer->written[w], error), error);
    if (status == DAM_OK)
        status = dam_agree(writer->comm, dam_file_sync(writer->path, error), error);
    if (status == DAM_OK)
        dam_writer_destroy(writer);
    return status;
}
