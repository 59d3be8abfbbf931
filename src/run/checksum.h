/* CRC-32C of journals and datasets. */
#ifndef DAM_RUN_CHECKSUM_H
#define DAM_RUN_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `data` appended to bytes whose checksum is `before` (0 for none), so that
 * dam_checksum(dam_checksum(0, a), b) is that of a followed by b. "123456789": 0xe3069283. */
uint32_t dam_checksum(uint32_t before, const void *data, size_t size);

#endif
