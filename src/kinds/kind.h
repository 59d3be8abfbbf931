/* A kind of experiment is data: one struct of tables and functions in one source file.
 *
 * A cell's work is divided into replicas and a replica into starts (a kind without starts has one
 * per replica). The unit of work and of identity is a record: (cell, round, replica, a range of
 * starts). Records of one replica are merged exactly, so that the division into ranges never
 * shows; reductions see whole replicas, in order.
 *
 * Nothing here is collective: a task runs on one rank.
 */
#ifndef DAM_KINDS_KIND_H
#define DAM_KINDS_KIND_H

#include "kinds/rows.h"
#include "study/schema.h"
#include <dam/retrieval.h>

enum { DAM_PLAN_MAX = 256 };

/* The row of the source's /results, from 0; and the CRC-32C of its part of the dataset. */
#define DAM_SOURCE_ROW "source_row"
#define DAM_SOURCE_CRC "source_crc"
#define DAM_PARAMETERS_SOURCE(first)                                                               \
    [first] = {.name = DAM_SOURCE_ROW,                                                             \
               .type = DAM_INTEGER,                                                                \
               .required = true,                                                                   \
               .low.integer = 0,                                                                   \
               .high.integer = UINT32_MAX,                                                         \
               .unit = "1",                                                                        \
               .doc = "row of the source's /results, from 0; filled in by from"},                  \
    [(first) + 1] = {.name = DAM_SOURCE_CRC,                                                       \
                     .type = DAM_INTEGER,                                                          \
                     .required = true,                                                             \
                     .low.integer = 0,                                                             \
                     .high.integer = UINT32_MAX,                                                   \
                     .unit = "1",                                                                  \
                     .doc = "CRC-32C of what that row holds; filled in by from"}

enum dam_shape {
    DAM_SCALAR, /* a column of /results */
    DAM_ARRAY   /* a dataset of its own, [cell] and up to DAM_DIMENSIONS_MAX dimensions more; what a
                   cell's part does not reach is padded with zeros (NaN for reals) */
};

enum { DAM_DIMENSIONS_MAX = 3 };

/* How much of an array column a cell has: sizes[0 .. rank - 1], row-major; a size may be 0. */
struct dam_extent {
    int rank;
    size_t sizes[DAM_DIMENSIONS_MAX];
};

/* One entry of a result table. */
struct dam_column {
    const char *name;
    enum dam_type type;
    enum dam_shape shape;
    const char *const *choices; /* NULL-terminated, for DAM_CHOICE */
    const char *unit;
    const char *doc;

    /* Of arrays alone. */
    const char *dimensions[DAM_DIMENSIONS_MAX]; /* names of those behind the cell; none: one,
                                                   nameless */
    bool single;                                /* reals of 32 bits, in reduce() as in the file */
    bool from_state; /* what a replica's last state holds, single, its first dimension "replica":
                        where the state is lost, taken over from the published result, in which all
                        else by replica, which must tell its records apart, is the same */
    bool optional;   /* no dataset where no cell has an element; else every size is at least 1 */
};

/* What has another number of rows in every cell: a dataset of its own, whose rows follow the cells'
 * order. Its first column is dam_cell_column, which it does not declare. */
struct dam_kind_table {
    const char *name;
    const struct dam_column *columns; /* scalar integers and reals */
    size_t column_count;              /* at least 1 */
    const char *unit, *doc;
};
extern const struct dam_column dam_cell_column;

/* Predicted cost on the reference core, from the cell's science alone: the size of a block of
 * starts follows from it, which no result shows. */
struct dam_cost {
    double replica_seconds; /* set-up, paid by every block of starts */
    double start_seconds;   /* each start */
    double bytes;           /* memory of one running task */
    double state_bytes;     /* of the state that a replica keeps on disk */
};

/* What one round of a cell asks for. */
struct dam_round {
    uint32_t replicas;
    uint64_t starts; /* of each replica */
    uint32_t plan_size;
    unsigned char plan[DAM_PLAN_MAX]; /* the kind's own, handed to every task of the round */
};

/* What run() is given. */
struct dam_task {
    const struct dam_cell *cell;
    uint64_t seed;
    uint32_t round;
    uint32_t replica;
    uint64_t start_begin, start_end; /* starts begin .. end - 1 */
    const struct dam_round *plan;
    struct dam_poll poll; /* to be called every few milliseconds; true: return DAM_STOPPED */

    /* Kinds that keep a state: the blob that the same replica left in the round before; NULL, 0 in
     * round 0. */
    const void *state;
    size_t state_size;
    /* Kinds that read another result: what the same replica of the cell's row holds there, `reads`
     * without its first two dimensions: source_extents[0] lists of source_extents[1]. */
    const float *source;
    size_t source_extents[2];

    /* The blob for the next round, which run() must leave: malloc'd, taken over by the caller. */
    void **next_state;
    size_t *next_state_size;
};

/* The complete rounds of a cell, oldest first. */
struct dam_round_rows {
    struct dam_round plan;
    size_t count;               /* whole replicas present: all of them but in the last round of a */
    const uint32_t *replicas;   /* stopped run; their numbers, increasing */
    const void *const *records; /* merged over starts, one a replica */
};
struct dam_history {
    size_t round_count;
    const struct dam_round_rows *rounds;

    /* In reduce() of kinds that keep a state; NULL elsewhere. The blob that a replica left in the
     * last of these rounds that it is whole in: malloc'd, the caller's, to be asked for once. NULL,
     * 0 where it is whole in none, and where the blob is lost or damaged: then columns from_state
     * are taken over from the published result, or the cell is published as failed, with a line in
     * /failures. At the start of a run, which reduces what is done to see whether it can be
     * published, it is always NULL. Fails with DAM_MEMORY. */
    enum dam_status (*state)(void *context, uint32_t replica, void **state, size_t *size,
                             struct dam_error *error);
    void *state_context;
};

/* Where reduce() writes: scalars[c] for a scalar column, arrays[c] (zeroed, extent(c) elements of
 * int64_t, double, or float where single) for an array column c of the result table; and tables[t],
 * to whose rows (none at first) it adds, each a value for every column that the kind's table t
 * declares. */
struct dam_output {
    union dam_value *scalars;
    void *const *arrays;
    struct dam_rows *tables;
};

struct dam_kind {
    struct dam_schema schema;
    const struct dam_column *columns;
    size_t column_count;
    const struct dam_kind_table *tables;
    size_t table_count;

    void (*cost)(const struct dam_cell *cell, struct dam_cost *cost);

    /* Starts of each replica; NULL: one. */
    uint64_t (*starts)(const struct dam_cell *cell);

    /* Bytes of a record, a multiple of 8: a function of the cell alone; records are plain bytes,
     * without padding or pointers. */
    size_t (*record_size)(const struct dam_cell *cell);

    /* See to what tasks of this cell need besides the study, such as a data set: called on every
     * rank before the first task, and cheap where it has been called before. Failing on any rank,
     * nothing is run. NULL: they need nothing. */
    enum dam_status (*prepare)(const struct dam_cell *cell, struct dam_error *error);

    /* Fill the record (zeroed) of one task. A pure function of the task. Failing fails only the
     * task. */
    enum dam_status (*run)(const struct dam_task *task, void *record, struct dam_error *error);

    /* Do a small part of one start of the task, for planning: set up, ask the poll, and then go on
     * piece by piece, such as single steps of a training, asking the poll after each, until it says
     * true, which is no failure. What the first call says is not heeded: planning measures from
     * there to the last one, set-up apart. Pieces should be in the proportions of a whole start;
     * *share: how much of it they were, by cost(). Leaves neither record nor state. For kinds whose
     * starts are longer than planning should take; NULL: it measures whole ones. */
    enum dam_status (*part)(const struct dam_task *task, double *share, struct dam_error *error);

    /* Add the record of other starts of the same replica; exact and commutative. NULL where
     * `starts` is NULL. */
    void (*merge)(const struct dam_cell *cell, void *into, const void *record);

    /* The sizes of array column c in this cell, of the column's rank; budgets may decide them. The
     * dataset has the largest of all cells in each dimension. NULL where no column is an array. */
    struct dam_extent (*extent)(const struct dam_cell *cell, size_t column);

    /* Each round of a replica hands a state to its next; `starts` is NULL then. The states of old
     * rounds are removed: where plans depend on all replicas, none can be added later. */
    bool keeps_state;

    /* A dataset "/NAME" of 32-bit floats, [cell][replica][..][..], of the result that studies of
     * this kind name by `from`: each task is given its replica's part. The kind's science
     * parameters DAM_SOURCE_ROW and DAM_SOURCE_CRC, both integers, are then filled in by `from`, so
     * that another content makes other cells. NULL: it reads none. */
    const char *reads;

    /* Results pass through BLAS: all ranks and runs of an output must use the same core type and
     * version of it. */
    bool blas;

    /* Turn a cell's rows, and the last states where it asks for them, into its results. A pure
     * function; may use libm. count may be 0. What the rows show, such as a budget below what is
     * done, should fail with DAM_INPUT without a look at the states, since kinds that keep them are
     * asked at the start too, before anything is done: then nothing is. Where it shows only later,
     * the cell is published as failed, with what was written until then and a line in /failures.
     * Failing otherwise, nothing is published. */
    enum dam_status (*reduce)(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error);

    /* Ask for another round after the complete ones: fill *next and return true, or return
     * false. Called with no rounds first. NULL: one round of the study's replicas and starts. */
    bool (*more)(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next);

    /* Fill the record (zeroed) of a task with what would be typical, without doing it: then
     * planning asks more() as a run would. Quick; it may use libm, since no result depends on it.
     * NULL: a kind that asks for rounds is planned for the first of each cell alone. */
    void (*imagine)(const struct dam_task *task, void *record);
};

/* The kinds a program knows. */
struct dam_kinds {
    const struct dam_kind *const *list;
    size_t count;
};

/* The kind of that name, or NULL. */
const struct dam_kind *dam_kinds_find(const struct dam_kinds *kinds, const char *name);

/* The project's own kinds. */
extern const struct dam_kinds dam_kinds;

/* The kind's parameters, result columns and tables for `dam describe`. */
void dam_kind_describe(FILE *out, const struct dam_kind *kind);

#endif
