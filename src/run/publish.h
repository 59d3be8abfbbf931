/* Publishing: rows -> reduced cells -> one HDF5 file, whole or not at all. */
#ifndef DAM_RUN_PUBLISH_H
#define DAM_RUN_PUBLISH_H

#include "run/ledger.h"
#include "run/output.h"
#include <mpi.h>

struct dam_published {
    uint64_t cells, complete, partial, failed; /* cells by status */
    uint64_t failures;                         /* rows of /failures */
};

/* Write FILE.h5 from all rows. Collective; the same status on every rank. The file appears by a
 * rename once it has been read back; on failure the one before stays. `started`: seconds since
 * 1970. */
enum dam_status dam_publish(MPI_Comm comm, const struct dam_study *study,
                            const struct dam_kind *kind, struct dam_ledger *ledger,
                            const struct dam_output_paths *paths, double started,
                            struct dam_published *published, struct dam_error *error) DAM_CHECKED;

#endif
