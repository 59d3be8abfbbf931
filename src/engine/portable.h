/* exp and ln that give the same bits on every CPU, for what decides: the C library chooses among
 * variants by CPU, whose last digits differ. Made of additions, multiplications and divisions, whose
 * rounding is fixed; within 4 units in the last place of the true value. */
#ifndef DAM_ENGINE_PORTABLE_H
#define DAM_ENGINE_PORTABLE_H

/* 0 or infinity where the result is out of range. */
double dam_portable_exp(double x);

/* x > 0 and finite. */
double dam_portable_log(double x);

#endif
