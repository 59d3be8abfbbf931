#include "run/checksum.h"
#include <isa-l/crc.h>

uint32_t dam_checksum(uint32_t before, const void *data, size_t size) {
    enum { PIECE = 1 << 30 };                     /* the library counts in int */
    unsigned char *bytes = (unsigned char *)data; /* it only reads them */
    uint32_t crc = ~before;
    while (size > 0) {
        size_t piece = size < PIECE ? size : PIECE;
        crc = crc32_iscsi(bytes, (int)piece, crc);
        bytes += piece;
        size -= piece;
    }
    return ~crc;
}
