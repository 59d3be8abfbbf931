/* Bringing every row to the rank that owns its cell. */
#ifndef DAM_RUN_EXCHANGE_H
#define DAM_RUN_EXCHANGE_H

#include "run/ledger.h"
#include <mpi.h>

/* A row and its payload in memory. Begins with the item, for dam_item_compare and dam_cover. */
struct dam_held_row {
    struct dam_item item;
    double seconds;
    size_t size;
    const void *payload; /* aligned to 8 bytes */
};

/* All rows of this rank's cells, in dam_item_compare's order. */
struct dam_holding {
    struct dam_held_row *rows;
    size_t count;
    void **buffers;
    size_t buffer_count;
};

/* The first cell that `rank` of `size` owns: ranks own contiguous blocks of nearly equal counts;
 * rank `size` gives the end. */
size_t dam_first_cell(size_t cells, int rank, int size);

/* Collective. Reads the payloads of the ledger's entries from their files and redistributes them.
 * The ledger's entries are put in dam_item_compare's order. */
enum dam_status dam_exchange(MPI_Comm comm, struct dam_ledger *ledger, size_t cells,
                             struct dam_holding *holding, struct dam_error *error) DAM_CHECKED;
void dam_holding_destroy(struct dam_holding *holding);

#endif
