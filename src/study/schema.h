/* The tables that declare a kind's parameters: the one place where a name, type, range, default,
 * unit or doc is written. Parsing, range checks, messages, `dam describe`, the content hash and
 * the result file's columns all come from them. */
#ifndef DAM_STUDY_SCHEMA_H
#define DAM_STUDY_SCHEMA_H

#include <dam/error.h>
#include <dam/random.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum dam_type { DAM_INTEGER, DAM_REAL, DAM_CHOICE };

/* What a parameter is to a cell. */
enum dam_role {
    DAM_SCIENCE, /* part of the cell's identity; may be a grid axis; a column of the result */
    DAM_DERIVED, /* may be a grid axis, but only another way to give a science parameter: not part
                    of the identity; a column of the result, filled in by resolve() */
    DAM_BUDGET   /* how much work: one value per block, not part of the identity, no column */
};

/* integer holds integers and choices (an index into the parameter's choices). */
union dam_value {
    int64_t integer;
    double real;
};

struct dam_parameter {
    const char *name;
    enum dam_type type;
    enum dam_role role;
    bool required;              /* has no default; resolve() may still fill it in (K from load) */
    bool standard_varies;       /* where it was not given, resolve() may take another default */
    union dam_value standard;   /* the default */
    union dam_value low, high;  /* inclusive range of integers and reals */
    bool low_open, high_open;   /* reals: low or high itself is not allowed */
    const char *const *choices; /* NULL-terminated names, for DAM_CHOICE */
    const char *unit;           /* "1" for pure numbers */
    const char *doc;            /* one sentence, no full stop */
};

enum { DAM_PARAMETERS_MAX = 32, DAM_IDENTITY_LENGTH = 2048 };

struct dam_schema {
    const char *name;      /* of the kind */
    const char *summary;   /* one line */
    const char *reference; /* paper */
    uint32_t version;      /* raised when a result's meaning changes: part of every identity */
    const struct dam_parameter *parameters; /* in the order of the cells' axes */
    size_t parameter_count;                 /* at most DAM_PARAMETERS_MAX */

    /* The kind decides itself how many replicas a cell has, and these parameters say when there are
     * enough ("precision"): a study gives none. NULL: the study decides. */
    const char *replicas_by;

    /* Check one cell's values together and fill in what depends on others: what was not given and
     * is derived, required or has a default that varies, and science parameters without effect (set
     * to one value, so that cells which mean the same are the same). given[p]: the study gave it.
     * On failure (DAM_INPUT) *blame is the index of the parameter to point at. NULL: nothing to
     * do. */
    enum dam_status (*resolve)(union dam_value *values, const bool *given, size_t *blame,
                               struct dam_error *error);
};

/* One cell: a value for every parameter of the schema, by index. */
struct dam_cell {
    size_t index; /* among the study's cells */
    union dam_value values[DAM_PARAMETERS_MAX];
    uint32_t replicas;
    struct dam_hash hash;
};

/* The value of an integer or choice that the schema declares by this name. */
int64_t dam_cell_integer(const struct dam_schema *schema, const struct dam_cell *cell,
                         const char *name);

/* The parameters every study has besides its kind's: seed and replicas (both DAM_BUDGET). */
extern const struct dam_parameter dam_common_parameters[];
extern const size_t dam_common_parameter_count;
enum { DAM_COMMON_SEED, DAM_COMMON_REPLICAS };

/* A value as text that reads back to itself: integers in decimal, reals with up to 17 digits
 * (12 suffice for parameters), choices by name. Returns what snprintf returns. */
int dam_value_print(char *text, size_t size, enum dam_type type, const char *const *choices,
                    union dam_value value);

/* What a parameter allows, for messages and describe: "integer 1..32766", "power | rectified". */
int dam_parameter_allowed(char *text, size_t size, const struct dam_parameter *parameter);

/* The canonical identity of a cell: "capacity/1;N=100;K=200": kind, version, and the science
 * parameters that differ from their defaults, in the table's order; and its XXH3 128-bit hash.
 * text has room for DAM_IDENTITY_LENGTH bytes. */
void dam_cell_identity(const struct dam_schema *schema, const union dam_value *values, char *text);
struct dam_hash dam_cell_hash(const struct dam_schema *schema, const union dam_value *values);

/* Write the kind's summary, reference and parameter tables for a terminal of 100 columns. */
void dam_schema_describe(FILE *out, const struct dam_schema *schema);

/* The candidate nearest to a misspelt name (edit distance at most a third of its length,
 * rounded up; ignoring case), or NULL. */
const char *dam_nearest(const char *name, const char *const *candidates, size_t count);

#endif
