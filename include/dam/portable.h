/* exp and ln that give the same bits on every CPU, for what decides: the C library chooses among
 * variants by CPU, whose last digits differ. Made of additions, multiplications and divisions,
 * whose rounding is fixed; the error is a few units in the last place. */
#ifndef DAM_PORTABLE_H
#define DAM_PORTABLE_H

#ifdef __cplusplus
extern "C" {
#endif

/* 0 or infinity where the result is out of range. */
double dam_portable_exp(double x);

/* x > 0 and finite. */
double dam_portable_log(double x);

#ifdef __cplusplus
}
#endif

#endif
