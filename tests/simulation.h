/* What the tests of kinds that simulate networks share: cells and columns by name, and networks by
 * definition, in which every update compares two energies E(s) = - sum_mu F(h_mu) summed with GMP.
 * Only the random streams are the program's. Whatever fails fails the test. */
#ifndef DAM_TESTS_SIMULATION_H
#define DAM_TESTS_SIMULATION_H

#include "kinds/kinds.h"
#include "study/study.h"
#include <gmp.h>

/* The kind under test, which the test defines. */
extern const struct dam_kind *const kind;

enum { SEED = 5 };

/* ---- studies, cells and columns by name ---- */

/* The only cell of a study of these parameters. */
struct dam_cell cell_of(const char *parameters);
union dam_value value(const struct dam_cell *cell, const char *name);
bool same_cell(const char *one, const char *other);
/* The study is, with a message that holds this. */
void assert_refused(const char *parameters, const char *message);
size_t column(const char *name);
void assert_near(double got, double expected, double tolerance);

/* ---- networks ---- */

struct network {
    const struct dam_cell *cell; /* borrowed */
    uint32_t set;
    int neurons, memories;
    int8_t *patterns; /* [K][N] */
    int8_t *spins;    /* [N] */
    mpz_t *function;  /* F(x) at x + N */
    mpz_t here, there;
};

/* The cell's pattern set of that number. */
struct network network_new(const struct dam_cell *cell, int memories, uint32_t set);
void network_destroy(struct network *net);

/* Of the spins with a memory. */
int network_overlap(const struct network *net, int memory);
/* Are they the memory (sign 1) or its negative (-1), spin by spin? */
bool network_is(const struct network *net, int memory, int sign);
/* Neurons whose flip would lower the energy. */
int network_unstable(struct network *net);

/* Let the spins be what a start begins with: random (returns -1), or the memory returned, still
 * without noise. */
int network_begin(struct network *net, uint64_t start);
void network_set(struct network *net, int memory);
/* Flip the cell's share of noise. */
void network_disturb(struct network *net, uint64_t start);

struct relaxation {
    int64_t sweeps, flips;
    bool quiet; /* the last sweep was; else max_sweeps ended it */
};
struct relaxation network_relax(struct network *net, uint64_t start);

#endif
