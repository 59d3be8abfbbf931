/* The journal: append-only files of finished rows, one per rank and run. The only thing that must
 * survive a crash.
 *
 * A file is a header (magic with the format's number, byte order, kind, schema version, seed,
 * CRC-32C), the mark of the task in hand, and frames:
 *
 *     marker u32 | payload size u32 | CRC-32C u32 | 0 u32 | struct dam_row | payload
 *
 * in the machine's byte order. The CRC covers the frame's place in the file, the size, the row and
 * the payload, and starts from that of the header's identity, so that neither a frame of another
 * study nor bytes of one within a payload ever pass for one. A torn or damaged frame is skipped,
 * and reading goes on at the next whole one.
 */
#ifndef DAM_RUN_JOURNAL_H
#define DAM_RUN_JOURNAL_H

#include "run/mark.h"
#include "run/row.h"
#include <dam/error.h>
#include <stddef.h>
#include <stdint.h>

/* What all rows of one output have in common. */
struct dam_journal_identity {
    char kind[16];      /* 0-padded, as is ... */
    char blas_core[16]; /* ... the core type of kinds whose results pass through BLAS */
    uint32_t schema_version;
    uint32_t blas_version; /* ... and OpenBLAS's version, as dam_blas_version() has it; else 0 */
    uint64_t seed;
};

enum { DAM_PAYLOAD_MAX = 1 << 30 };

/* One rank's journal of this run. The file is created when the first task begins. */
struct dam_journal;

/* *journal is the caller's. `folder` and `name` are copied. Starts the thread that syncs the file
 * to disk every second. */
enum dam_status dam_journal_new(struct dam_journal **journal, const char *folder, const char *name,
                                const struct dam_journal_identity *identity,
                                struct dam_error *error) DAM_CHECKED;

/* Note the task in hand, before it runs; signal handlers add how it ended. The slot's place is
 * written over each time: nothing else keeps it. */
enum dam_status dam_journal_begin(struct dam_journal *journal, const struct dam_mark *mark,
                                  struct dam_error *error) DAM_CHECKED;

/* Append one row; it is in the operating system's hands when this returns. *offset is where the
 * payload lies in the file. On failure (DAM_FILE) the file ends with the row before. */
enum dam_status dam_journal_append(struct dam_journal *journal, const struct dam_row *row,
                                   const void *payload, uint32_t size, uint64_t *offset,
                                   struct dam_error *error) DAM_CHECKED;

/* Bring every row to disk. Also reports a failure of the background sync. */
enum dam_status dam_journal_sync(struct dam_journal *journal, struct dam_error *error) DAM_CHECKED;

/* The path of the file, which is there after the first task began. */
const char *dam_journal_path(const struct dam_journal *journal);

/* Say that the rank left in order, sync and close; a file without rows is removed. NULL is
 * allowed. */
void dam_journal_destroy(struct dam_journal *journal);

/* What a reader is given for each whole row. `offset` is the payload's. Returning anything but
 * DAM_OK ends the reading with that status. */
typedef enum dam_status dam_row_visitor(void *context, const struct dam_row *row,
                                        const void *payload, uint32_t size, uint64_t offset,
                                        struct dam_error *error);

/* What a reader learns of a file besides its rows. */
struct dam_journal_state {
    uint64_t damaged; /* bytes that belong to no whole frame */
    bool marked;
    struct dam_mark mark; /* where `marked`: the last task that was begun */
};

/* Read one journal file. Fails with DAM_INPUT when a sound header names another kind, schema
 * version, seed, byte order or format. */
enum dam_status dam_journal_read(const char *path, const struct dam_journal_identity *identity,
                                 dam_row_visitor *visit, void *context,
                                 struct dam_journal_state *state,
                                 struct dam_error *error) DAM_CHECKED;

#endif
