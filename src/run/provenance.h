/* What made a result: versions, machine, job. The part of a file that may differ between runs. */
#ifndef DAM_RUN_PROVENANCE_H
#define DAM_RUN_PROVENANCE_H

#include <dam/error.h>
#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

/* The items that name OpenBLAS's core type and version. */
#define DAM_PROVENANCE_BLAS         "blas_core"
#define DAM_PROVENANCE_BLAS_VERSION "blas_version"

/* A run's result file that a merged one was made from: a row of /provenance/sources. Texts are
 * 0-padded, cut where they are longer, and empty where that file has none. */
struct dam_origin {
    int64_t results_crc32c, cells;
    char file[240], slice[24], version[24], commit[48], started[24], ranks[16];
};

struct dam_provenance {
    struct dam_provenance_item {
        const char *name, *doc;
        char *text;
    } * items;
    size_t count;
    struct dam_origin *origins; /* of a merged file; else none */
    size_t origin_count;
};

/* Collective: every rank gets the same texts. `started` is seconds since 1970. */
enum dam_status dam_provenance_new(struct dam_provenance *provenance, MPI_Comm comm, double started,
                                   struct dam_error *error) DAM_CHECKED;

/* Add one item; the text is copied, name and doc are borrowed. Not collective. */
enum dam_status dam_provenance_add(struct dam_provenance *provenance, const char *name,
                                   const char *doc, const char *text,
                                   struct dam_error *error) DAM_CHECKED;

/* Replace the text of an item that is there. Not collective. */
enum dam_status dam_provenance_set(struct dam_provenance *provenance, const char *name,
                                   const char *text, struct dam_error *error) DAM_CHECKED;
void dam_provenance_destroy(struct dam_provenance *provenance);

enum { DAM_PROVENANCE_LENGTH = 256 }; /* of a text about one rank */

/* The model of this machine's CPU, or "unknown". */
void dam_provenance_cpu(char text[DAM_PROVENANCE_LENGTH]);

/* "0.1.0 (commit abc1234)", for dam --version. */
const char *dam_version_text(void);

#endif
