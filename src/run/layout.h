/* The columns of a table and their place in a row: of /results and the kind's own tables from what
 * the kind declares, of others from a list. */
#ifndef DAM_RUN_LAYOUT_H
#define DAM_RUN_LAYOUT_H

#include "kinds/kind.h"
#include <hdf5.h>

/* What became of a cell: the last column. */
enum dam_cell_status { DAM_CELL_COMPLETE, DAM_CELL_PARTIAL, DAM_CELL_FAILED };
extern const char *const dam_cell_status_names[]; /* NULL-terminated */

/* The name of the column that tells rows of several seeds apart. */
extern const char *const dam_seed_column;

/* DAM_FIELD_PLAIN: of another table than /results. */
enum dam_field_role { DAM_FIELD_PLAIN, DAM_FIELD_PARAMETER, DAM_FIELD_RESULT, DAM_FIELD_STATUS };

/* One column: 8 bytes for integers and reals, a 0-padded string for choices and other texts. */
struct dam_field {
    const char *name, *unit, *doc;
    enum dam_type type;         /* DAM_CHOICE: text */
    const char *const *choices; /* NULL: any text */
    enum dam_field_role role;
    size_t source; /* index in the parameter or result table; SIZE_MAX: the seed */
    size_t offset, size;
};

struct dam_layout {
    const struct dam_field *fields;
    size_t count;
    size_t row_size; /* bytes; packed, where the layout is made here */
};

/* The parameter columns (science and derived, in the table's order), the scalar result columns,
 * the status. */
enum dam_status dam_layout_new(struct dam_layout *layout, const struct dam_kind *kind,
                               struct dam_error *error) DAM_CHECKED;

/* The same behind a first column `seed`, an integer: for files that several seeds share. */
enum dam_status dam_layout_new_with_seed(struct dam_layout *layout, const struct dam_kind *kind,
                                         struct dam_error *error) DAM_CHECKED;

/* dam_cell_column and the columns of one of the kind's tables: a row is one of dam_rows. */
enum dam_status dam_layout_new_of_table(struct dam_layout *layout,
                                        const struct dam_kind_table *table,
                                        struct dam_error *error) DAM_CHECKED;

/* Free a layout that was made by one of these. */
void dam_layout_destroy(struct dam_layout *layout);

/* "parameter", "result", "status"; NULL for DAM_FIELD_PLAIN. */
const char *dam_field_role_name(enum dam_field_role role);

/* The packed compound type of a row in the file, little-endian; negative on failure. The caller
 * closes it. */
hid_t dam_layout_type(const struct dam_layout *layout);

/* A 0-padded string type of `size` bytes (at least 1); negative on failure. */
hid_t dam_string_type(size_t size);

/* The type of an integer (DAM_INTEGER) or a real (DAM_REAL) in the file, `single` for 32 bits:
 * never to be closed. */
hid_t dam_number_type(enum dam_type type, bool single);

/* Write one row of a layout without seed. NaNs get one bit pattern. */
void dam_layout_fill(const struct dam_layout *layout, const struct dam_cell *cell,
                     const union dam_value *results, enum dam_cell_status status, void *row);

/* The parameters of a row that dam_layout_fill wrote, or another program: false where a choice is
 * none of the kind's. Budgets, which have no column, are left alone. */
bool dam_layout_parameters(const struct dam_layout *layout, const void *row,
                           union dam_value *values);

/* What became of a row's cell: an enum dam_cell_status, or -1 where the row says none. */
int dam_layout_status(const struct dam_layout *layout, const void *row);

/* x, or the one NaN that files hold. */
double dam_canonical(double x);

#endif
