/* Where libFuzzer counts coverage; a file that is compiled without it, since clang would take these
 * names for those that it makes itself. */
#include "fuzz.h"

extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));

uint8_t *fuzz_counters(size_t *count) {
    *count = (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs);
    return __start___sancov_cntrs;
}
