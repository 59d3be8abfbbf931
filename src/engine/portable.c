#include <assert.h>
#include <dam/portable.h>
#include <math.h>

/* ln 2 in two parts: the first has zeros enough for its products with exponents to be exact. */
static const double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;

/* exp(x) = 2^k exp(r), |r| <= ln 2 / 2, by its series. */
double dam_portable_exp(double x) {
    enum { TERMS = 14 };
    if (!(x > -746))
        return 0;
    if (x > 710)
        return INFINITY;
    double k = floor(x * M_LOG2E + 0.5);
    double r = (x - k * ln2_high) - k * ln2_low;
    double sum = 1;
    for (int term = TERMS; term > 0; term--)
        sum = 1 + sum * r / term;
    return ldexp(sum, (int)k);
}

/* x = 2^k m, sqrt(1/2) <= m < sqrt 2; ln m = 2 artanh t, t = (m - 1) / (m + 1), by its series. */
double dam_portable_log(double x) {
    enum { LAST = 23 };
    assert(x > 0 && isfinite(x));
    int k;
    double m = frexp(x, &k);
    if (m < M_SQRT1_2) {
        m *= 2;
        k--;
    }
    double t = (m - 1) / (m + 1), sum = 0;
    for (int power = LAST; power >= 3; power -= 2)
        sum = (sum + 1.0 / power) * t * t;
    return k * ln2_high + (2 * t + (2 * t * sum + k * ln2_low));
}

double dam_portable_power(double x, uint64_t n) {
    double result = 1;
    for (; n > 0; n >>= 1, x *= x)
        if ((n & 1) != 0)
            result *= x;
    return result;
}
