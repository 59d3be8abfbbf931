#include "engine/kernels/amx.h"

#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not every compiler's __builtin_cpu_supports knows AMX. Linux saves the tiles of those processes
 * only that have asked for it (arch_prctl of arch/x86/include/uapi/asm/prctl.h); threads inherit
 * it. */
bool dam_amx_runs_here(void) {
    enum { LEAF = 7, TILE = 1 << 24, INT8 = 1 << 25 };
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d;
    return __get_cpuid_count(LEAF, 0, &a, &b, &c, &d) && (d & TILE) != 0 && (d & INT8) != 0 &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* Palette 1. In memory for good: GCC 12 takes _tile_loadconfig to read only its first eight
 * bytes. */
static const struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} shapes __attribute__((aligned(64), used)) = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

void dam_amx_enter(void) {
    _tile_loadconfig(&shapes);
}

void dam_amx_leave(void) {
    _tile_release();
}
