/* exp, ln and integer powers that give the same bits on every CPU, for what decides: the C library
 * chooses among variants by CPU, whose last digits differ. Made of additions, multiplications and
 * divisions, whose rounding is fixed; the error is a few units in the last place. */
#ifndef DAM_PORTABLE_H
#define DAM_PORTABLE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0 or infinity where the result is out of range. */
double dam_portable_exp(double x);

/* x > 0 and finite. */
double dam_portable_log(double x);

/* x^n, by squaring. */
double dam_portable_power(double x, uint64_t n);

#ifdef __cplusplus
}
#endif

#endif
