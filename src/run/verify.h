/* Is a result file whole, and what its kind says it should be? */
#ifndef DAM_RUN_VERIFY_H
#define DAM_RUN_VERIFY_H

#include "kinds/kind.h"

struct dam_verification {
    size_t datasets, problems;
    uint64_t bytes;     /* of the file */
    bool kind_compared; /* the file's kind and schema version are among `kinds` */
};

/* Check every dataset's checksum, unit and doc, and the columns against the kind's tables where
 * its version is known. `report` is called with one line for each problem. Fails with DAM_DAMAGED
 * where there are any, with an empty text since all is said; with DAM_FILE, DAM_DAMAGED and a text
 * where the file cannot be opened; DAM_MEMORY. */
enum dam_status dam_verify(const char *file, const struct dam_kinds *kinds,
                           void (*report)(void *context, const char *line), void *context,
                           struct dam_verification *verification,
                           struct dam_error *error) DAM_CHECKED;

#endif
