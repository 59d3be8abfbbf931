#include "run/exchange.h"
#include "run/agree.h"
#include "run/payload.h"
#include <stdlib.h>
#include <string.h>

/* MPI counts in int: longer transfers go in pieces. */
enum { PIECE = 1 << 28 };

size_t dam_first_cell(size_t cells, int rank, int size) {
    size_t each = cells / (size_t)size, rest = cells % (size_t)size, r = (size_t)rank;
    return r * each + (r < rest ? r : rest);
}

static size_t padded(size_t size) {
    return (size + 7) / 8 * 8;
}

/* The entries of the cells first .. end - 1: ledger->entries[from .. to - 1]. */
static void range_of(const struct dam_ledger *ledger, size_t first, size_t end, size_t *from,
                     size_t *to) {
    size_t bounds[2] = {first, end}, found[2];
    for (int b = 0; b < 2; b++) {
        size_t low = 0, high = ledger->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (ledger->entries[middle].item.cell < bounds[b])
                low = middle + 1;
            else
                high = middle;
        }
        found[b] = low;
    }
    *from = found[0];
    *to = found[1];
}

/* Entries from .. to - 1, each followed by its payload, in a fresh buffer. */
static enum dam_status pack(const struct dam_ledger *ledger, size_t from, size_t to, char **buffer,
                            uint64_t *size, struct dam_error *error) {
    *size = 0;
    for (size_t i = from; i < to; i++)
        *size += sizeof(struct dam_entry) + padded(ledger->entries[i].size);
    *buffer = calloc(1, *size + 1);
    if (*buffer == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for %llu bytes of rows",
                        (unsigned long long)*size);
    struct dam_payload_reader reader;
    enum dam_status status = dam_payload_reader_new(&reader, ledger, error);
    char *at = *buffer;
    for (size_t i = from; status == DAM_OK && i < to; i++) {
        const struct dam_entry *entry = &ledger->entries[i];
        memcpy(at, entry, sizeof *entry);
        status = dam_payload_read(&reader, entry, at + sizeof *entry, error);
        at += sizeof *entry + padded(entry->size);
    }
    dam_payload_reader_destroy(&reader);
    return status;
}

static uint64_t pieces(uint64_t size) {
    return (size + PIECE - 1) / PIECE;
}

static int piece_size(uint64_t size, uint64_t piece) {
    uint64_t left = size > piece * PIECE ? size - piece * PIECE : 0;
    return (int)(left < PIECE ? left : PIECE);
}

/* Send one buffer and receive another; the two sizes are known. */
static void swap(MPI_Comm comm, int to, const char *send, uint64_t send_size, int from,
                 char *receive, uint64_t receive_size) {
    uint64_t rounds =
        pieces(send_size) > pieces(receive_size) ? pieces(send_size) : pieces(receive_size);
    for (uint64_t piece = 0; piece < rounds; piece++) {
        MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
        int out = piece_size(send_size, piece), in = piece_size(receive_size, piece);
        if (in > 0)
            MPI_Irecv(receive + piece * PIECE, in, MPI_BYTE, from, 0, comm, &requests[0]);
        if (out > 0)
            MPI_Isend(send + piece * PIECE, out, MPI_BYTE, to, 0, comm, &requests[1]);
        MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    }
}

/* Note the rows of a packed buffer. */
static enum dam_status unpack(struct dam_holding *holding, char *buffer, uint64_t size,
                              struct dam_error *error) {
    size_t count = 0;
    for (char *at = buffer; at < buffer + size; count++)
        at += sizeof(struct dam_entry) + padded(((struct dam_entry *)(void *)at)->size);
    struct dam_held_row *rows =
        reallocarray(holding->rows, holding->count + count + 1, sizeof *rows);
    if (rows == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for %zu rows", holding->count + count);
    holding->rows = rows;
    for (char *at = buffer; at < buffer + size;) {
        const struct dam_entry *entry = (void *)at;
        rows[holding->count++] = (struct dam_held_row){
            .item = entry->item,
            .seconds = entry->seconds,
            .size = entry->size,
            .payload = entry + 1,
        };
        at += sizeof *entry + padded(entry->size);
    }
    return DAM_OK;
}

/* One step of the exchange: send to rank + step, receive from rank - step. */
static enum dam_status step_once(MPI_Comm comm, struct dam_ledger *ledger, size_t cells, int step,
                                 struct dam_holding *holding, struct dam_error *error) {
    int rank, size;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    int to = (rank + step) % size, from = (rank - step + size) % size;
    size_t begin, end;
    range_of(ledger, dam_first_cell(cells, to, size), dam_first_cell(cells, to + 1, size), &begin,
             &end);
    char *packed = NULL, *arrived = NULL;
    uint64_t packed_size = 0, arriving = 0;
    enum dam_status status = pack(ledger, begin, end, &packed, &packed_size, error);
    MPI_Sendrecv(&packed_size, 1, MPI_UINT64_T, to, 0, &arriving, 1, MPI_UINT64_T, from, 0, comm,
                 MPI_STATUS_IGNORE);
    if (status == DAM_OK && step > 0 && (arrived = malloc(arriving + 1)) == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for %llu bytes of rows",
                          (unsigned long long)arriving);
    status = dam_agree(comm, status, error);
    if (status == DAM_OK && step > 0)
        swap(comm, to, packed, packed_size, from, arrived, arriving);
    if (step > 0) {
        free(packed);
        packed = arrived;
    }
    if (status == DAM_OK)
        status = unpack(holding, packed, arriving, error);
    holding->buffers[holding->buffer_count++] = packed;
    return dam_agree(comm, status, error);
}

enum dam_status dam_exchange(MPI_Comm comm, struct dam_ledger *ledger, size_t cells,
                             struct dam_holding *holding, struct dam_error *error) {
    int size;
    MPI_Comm_size(comm, &size);
    if (ledger->count > 0)
        qsort(ledger->entries, ledger->count, sizeof *ledger->entries, dam_item_compare);
    *holding = (struct dam_holding){.buffers = calloc((size_t)size, sizeof *holding->buffers)};
    enum dam_status status = DAM_OK;
    if (holding->buffers == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory to exchange rows of %d ranks", size);
    status = dam_agree(comm, status, error);
    for (int step = 0; status == DAM_OK && step < size; step++)
        status = step_once(comm, ledger, cells, step, holding, error);
    if (status == DAM_OK && holding->count > 0)
        qsort(holding->rows, holding->count, sizeof *holding->rows, dam_item_compare);
    return status;
}

void dam_holding_destroy(struct dam_holding *holding) {
    for (size_t b = 0; b < holding->buffer_count; b++)
        free(holding->buffers[b]);
    free(holding->buffers);
    free(holding->rows);
    *holding = (struct dam_holding){0};
}
