/* Writing an HDF5 file by all ranks, checked before anyone sees it.
 *
 * Rank 0 lays the file out: groups, datasets without their rows, attributes. Then all ranks write
 * each dataset by one collective call of MPI's, every rank its own contiguous block of rows,
 * without gaps; all read theirs back through HDF5 and compare. Datasets carry `unit`, `doc` and
 * `crc32c` attributes; contents depend on the data alone, not on how many ranks wrote them.
 *
 * Why not through HDF5 all the way: where a write fails on one rank, HDF5 1.10 leaves the others
 * waiting in the barriers of its metadata for ever. A failure that Open MPI's layer below hides, as
 * 4.1 does, shows when the rows are read back. */
#ifndef DAM_RUN_WRITER_H
#define DAM_RUN_WRITER_H

#include "kinds/kind.h"
#include <hdf5.h>
#include <mpi.h>

struct dam_writer;

/* Bytes of one row of a dataset, which MPI counts by int. */
enum { DAM_ROW_BYTES_MAX = INT32_MAX };

/* One dataset as this rank sees it. All but rows and data must agree on all ranks. */
struct dam_block {
    const char *path;         /* "/results"; its group must exist */
    hid_t type;               /* in the file and in memory, byte for byte */
    size_t type_size;         /* bytes of one element */
    struct dam_extent extent; /* of a row's elements: behind the rows; rank 0: one */
    int scalar;               /* a single value, held by rank 0 (rows = 1 there, 0 elsewhere) */
    hsize_t rows;             /* of this rank: blocks follow each other in rank order */
    const void *data;         /* rows x extent elements; must live until dam_writer_finish */
    const char *unit, *doc;
};

/* Create `path` (an existing file there is replaced). Collective, as all functions here; each
 * returns the same status on every rank. */
enum dam_status dam_writer_new(struct dam_writer **writer, MPI_Comm comm, const char *path,
                               struct dam_error *error) DAM_CHECKED;

enum dam_status dam_writer_group(struct dam_writer *writer, const char *path,
                                 struct dam_error *error) DAM_CHECKED;

enum dam_status dam_writer_put(struct dam_writer *writer, const struct dam_block *block,
                               struct dam_error *error) DAM_CHECKED;

/* Attach a text attribute to a dataset that was put. */
enum dam_status dam_writer_note(struct dam_writer *writer, const char *dataset, const char *name,
                                const char *text, struct dam_error *error) DAM_CHECKED;

/* Write the rows, read every block back and compare, bring it all to disk. Frees the writer, but
 * for one that failed. DAM_PARALLEL: HDF5 cannot close the file, and the program must end at
 * once. */
enum dam_status dam_writer_finish(struct dam_writer *writer, struct dam_error *error) DAM_CHECKED;

/* Close and free; NULL is allowed. Collective. */
void dam_writer_destroy(struct dam_writer *writer);

#endif
