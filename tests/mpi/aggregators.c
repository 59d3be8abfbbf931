/* aggregators FILE COUNT: write result files in a loop, on all ranks, and read each back without
 * the writer. Rows are of odd sizes, and of uneven numbers on the ranks, so that what they write
 * meets within pages and blocks of the disk. Exit code 1 after the first file that is not as it
 * should be.
 */
#include "run/environment.h"
#include "run/writer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATASETS = 6, ROW_MAX = 57 };

static const char *const paths[DATASETS] = {"/a", "/b", "/c", "/d", "/e", "/f"};

static size_t row_size(int file, int dataset) {
    return 1 + (size_t)(13 * file + 29 * dataset) % ROW_MAX;
}

/* Some ranks have none. */
static size_t rows_of(int file, int dataset, int rank) {
    unsigned mixed = (unsigned)(file * 2654435761u + dataset * 40503u + rank * 9176u) >> 7;
    return mixed % 5 == 0 ? 0 : mixed % 3000;
}

static unsigned char byte_of(int file, int dataset, size_t at) {
    return (unsigned char)(251 * at + 7 * (size_t)file + 31 * (size_t)dataset + (at >> 8));
}

static hid_t type_of(size_t size) {
    return H5Tcreate(H5T_OPAQUE, size);
}

static enum dam_status write_file(MPI_Comm comm, const char *path, int file,
                                  struct dam_error *error) {
    struct dam_writer *writer;
    unsigned char *rows[DATASETS] = {NULL};
    hid_t types[DATASETS];
    int rank;
    MPI_Comm_rank(comm, &rank);
    enum dam_status status = dam_writer_new(&writer, comm, path, error);
    for (int d = 0; d < DATASETS; d++) {
        size_t size = row_size(file, d), count = rows_of(file, d, rank), before = 0;
        for (int r = 0; r < rank; r++)
            before += rows_of(file, d, r);
        rows[d] = malloc(size * count + 1);
        for (size_t b = 0; b < size * count; b++)
            rows[d][b] = byte_of(file, d, size * before + b);
        types[d] = type_of(size);
        const struct dam_block block = {.path = paths[d],
                                        .type = types[d],
                                        .type_size = size,
                                        .rows = count,
                                        .data = rows[d],
                                        .unit = "1",
                                        .doc = "bytes"};
        if (status == DAM_OK)
            status = dam_writer_put(writer, &block, error);
    }
    if (status == DAM_OK)
        status = dam_writer_finish(writer, error);
    for (int d = 0; d < DATASETS; d++) {
        free(rows[d]);
        H5Tclose(types[d]);
    }
    return status;
}

static enum dam_status check_dataset(hid_t opened, int file, int dataset, size_t rows,
                                     struct dam_error *error) {
    size_t size = row_size(file, dataset);
    unsigned char *bytes = malloc(size * rows + 1);
    hid_t type = type_of(size), found = H5Dopen2(opened, paths[dataset], H5P_DEFAULT);
    enum dam_status status = DAM_OK;
    if (rows > 0 && H5Dread(found, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
        status = dam_fail(error, DAM_LIBRARY, "file %d: %s cannot be read", file, paths[dataset]);
    for (size_t b = 0; status == DAM_OK && b < size * rows; b++)
        if (bytes[b] != byte_of(file, dataset, b))
            status = dam_fail(error, DAM_DAMAGED, "file %d: %s: byte %zu is not what was written",
                              file, paths[dataset], b);
    H5Dclose(found);
    H5Tclose(type);
    free(bytes);
    return status;
}

static enum dam_status check_file(const char *path, int file, int ranks, struct dam_error *error) {
    hid_t opened = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    enum dam_status status = DAM_OK;
    for (int d = 0; status == DAM_OK && d < DATASETS; d++) {
        size_t rows = 0;
        for (int r = 0; r < ranks; r++)
            rows += rows_of(file, d, r);
        status = check_dataset(opened, file, d, rows, error);
    }
    H5Fclose(opened);
    return status;
}

int main(int argc, char **argv) {
    struct dam_error error = {0};
    enum dam_status status = dam_environment_prepare(&error);
    if (argc != 3 || status != DAM_OK || MPI_Init(NULL, NULL) != MPI_SUCCESS)
        return 2;
    int rank, ranks, count = atoi(argv[2]), file = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (; status == DAM_OK && file < count; file++) {
        status = write_file(MPI_COMM_WORLD, argv[1], file, &error);
        if (status == DAM_OK && rank == 0)
            status = check_file(argv[1], file, ranks, &error);
        MPI_Bcast(&status, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
    if (status != DAM_OK && rank == 0)
        fprintf(stderr, "%s\n", error.text);
    if (status == DAM_OK && rank == 0)
        printf("%d files\n", file);
    MPI_Finalize();
    return dam_exit_code(status);
}
