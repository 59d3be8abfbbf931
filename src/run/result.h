/* Reading result files. A file is not trusted: sizes are checked against the file's before memory
 * is taken, and what dam does not write (links, other types, other layouts, references to other
 * files) is refused. Nothing here is collective. */
#ifndef DAM_RUN_RESULT_H
#define DAM_RUN_RESULT_H

#include "study/schema.h"
#include <dam/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dam_stored { DAM_STORED_INTEGER, DAM_STORED_UNSIGNED, DAM_STORED_REAL, DAM_STORED_TEXT };

enum { DAM_RANK_MAX = 4 };

/* A member of a compound dataset, or the one nameless column of a plain one. unit, doc and role
 * are "" where the file has none. */
struct dam_result_column {
    char *name;
    enum dam_stored type;
    size_t offset, size; /* bytes within a row; 4 or 8 for numbers */
    char *unit, *doc, *role;
};

/* A dataset, read whole. A row is one element: a compound value, or one number or text. */
struct dam_result_dataset {
    int rank; /* 0: a scalar, which has one row */
    uint64_t extent[DAM_RANK_MAX];
    bool compound;
    size_t row_count, row_size;
    size_t column_count;
    struct dam_result_column *columns;
    char *unit, *doc;
    bool has_checksum;
    uint32_t checksum;    /* the attribute, not the bytes' own */
    unsigned char *bytes; /* row_count * row_size, as stored: little-endian, row-major */
};

/* An open result file. paths: every dataset's, "/results" and so on, in alphabetical order. */
struct dam_result {
    struct dam_result_handle *handle;
    char *name;
    uint64_t file_size;
    size_t path_count;
    char **paths;
};

/* Open for reading. *result is the caller's, to be freed with dam_result_close. Fails with DAM_FILE
 * where there is no such file, DAM_DAMAGED where it is no whole HDF5 file, DAM_MEMORY. */
enum dam_status dam_result_open(struct dam_result **result, const char *file,
                                struct dam_error *error) DAM_CHECKED;
void dam_result_close(struct dam_result *result);

/* Is there a dataset of that path? */
bool dam_result_has(const struct dam_result *result, const char *path);

/* Read one dataset, by its path; free it with dam_result_dataset_destroy. Fails with DAM_DAMAGED
 * where it is missing or not as dam writes it, DAM_MEMORY. */
enum dam_status dam_result_read(const struct dam_result *result, const char *path,
                                struct dam_result_dataset **dataset,
                                struct dam_error *error) DAM_CHECKED;
void dam_result_dataset_destroy(struct dam_result_dataset *dataset);

/* The same without its bytes, which are NULL: what a dataset of any size is. */
enum dam_status dam_result_describe(const struct dam_result *result, const char *path,
                                    struct dam_result_dataset **dataset,
                                    struct dam_error *error) DAM_CHECKED;

/* Show the bytes behind `count` indices of the first dimension, from `first` on (a scalar has index
 * 0 alone), to `visit`: in their order, in pieces of whole elements and of at most
 * DAM_RESULT_PIECE bytes (an element that is longer is a piece), so that memory does not grow with
 * the dataset. Fails as dam_result_read; DAM_DAMAGED where there are fewer indices. */
enum { DAM_RESULT_PIECE = 1 << 20 };
typedef void dam_result_visit(void *context, const unsigned char *bytes, size_t size);
enum dam_status dam_result_scan(const struct dam_result *result, const char *path, uint64_t first,
                                uint64_t count, dam_result_visit *visit, void *context,
                                struct dam_error *error) DAM_CHECKED;

/* The column of that name, or NULL. */
const struct dam_result_column *dam_result_find(const struct dam_result_dataset *dataset,
                                                const char *name);

/* Are the column's values of this type, as dam writes it? Their size is left open. */
bool dam_result_stores(const struct dam_result_column *column, enum dam_type type);

/* One value. The column's type must be that of the function; text is not 0-terminated, its length
 * goes to *length without the padding. */
int64_t dam_result_integer(const struct dam_result_dataset *dataset, size_t row,
                           const struct dam_result_column *column);
uint64_t dam_result_unsigned(const struct dam_result_dataset *dataset, size_t row,
                             const struct dam_result_column *column);
double dam_result_real(const struct dam_result_dataset *dataset, size_t row,
                       const struct dam_result_column *column);
const char *dam_result_text(const struct dam_result_dataset *dataset, size_t row,
                            const struct dam_result_column *column, size_t *length);
/* Is the text of this row exactly `text`? */
bool dam_result_text_is(const struct dam_result_dataset *dataset, size_t row,
                        const struct dam_result_column *column, const char *text);

/* One part of a row of a dataset of 32-bit floats: what lies behind one index of each of the first
 * two dimensions. */
struct dam_result_floats {
    int rank; /* of a row: without the first dimension */
    uint64_t extent[DAM_RANK_MAX];
    size_t count;  /* of the part's values */
    float *values; /* row-major */
};

/* Read one part; free its values. Fails with DAM_INPUT where there is no such row or part,
 * DAM_DAMAGED where the dataset is missing or of another type or shape, DAM_MEMORY. */
enum dam_status dam_result_floats_part_read(const struct dam_result *result, const char *path,
                                            uint64_t row, uint64_t part,
                                            struct dam_result_floats *floats,
                                            struct dam_error *error) DAM_CHECKED;

/* The one value of a dataset: an unsigned number; a text, as a fresh 0-terminated string of the
 * caller's. Fails with DAM_DAMAGED where it is missing or anything else, DAM_MEMORY. */
enum dam_status dam_result_number_read(const struct dam_result *result, const char *path,
                                       uint64_t *number, struct dam_error *error) DAM_CHECKED;
enum dam_status dam_result_text_read(const struct dam_result *result, const char *path, char **text,
                                     struct dam_error *error) DAM_CHECKED;

#endif
