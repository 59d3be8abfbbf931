/* Mutations of result files that get past the first checksum: HDF5 protects the superblock and the
 * object headers, so after a change in place theirs are set right again. Two in five mutations are
 * libFuzzer's own. */
#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* The library's own: Jenkins' lookup3. */
uint32_t H5_checksum_metadata(const void *data, size_t size, uint32_t initial);

enum { SUPERBLOCK = 48, CHECKSUM = 4 };

static uint32_t next(uint32_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random;
}

static uint64_t little_endian(const uint8_t *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t b = size; b-- > 0;)
        value = value << 8 | bytes[b];
    return value;
}

/* The last four bytes of a block of `length` become the checksum of the others. */
static void seal(uint8_t *data, size_t size, uint64_t at, uint64_t length) {
    if (at > size || length > size - at || length < CHECKSUM)
        return;
    uint32_t sum = H5_checksum_metadata(data + at, length - CHECKSUM, 0);
    for (int b = 0; b < CHECKSUM; b++)
        data[at + length - CHECKSUM + b] = (uint8_t)(sum >> (8 * b));
}

/* Messages of an object header may go on in blocks elsewhere: "OCHK" at an address and a length
 * that a message of type 16 holds. */
static void seal_continuations(uint8_t *data, size_t size, size_t begin, size_t end,
                               size_t message_header) {
    while (begin + message_header <= end) {
        size_t length = little_endian(data + begin + 1, 2);
        size_t body = begin + message_header;
        if (data[begin] == 16 && length >= 16 && body + 16 <= end)
            seal(data, size, little_endian(data + body, 8), little_endian(data + body + 8, 8));
        begin = body + length;
    }
}

/* Version 2: signature, version, flags, optional times (16) and phase change (4), the size of the
 * first block in 1, 2, 4 or 8 bytes, messages, checksum. */
static void seal_object_header(uint8_t *data, size_t size, size_t at) {
    if (size - at < 16)
        return;
    uint8_t flags = data[at + 5];
    size_t width = (size_t)1 << (flags & 3);
    size_t start = at + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
    if (start + width > size)
        return;
    uint64_t length = little_endian(data + start, width);
    start += width;
    if (length > size - start)
        return;
    seal_continuations(data, size, start, start + length, flags & 4 ? 6 : 4);
    seal(data, size, at, start - at + length + CHECKSUM);
}

static void seal_all(uint8_t *data, size_t size) {
    seal(data, size, 0, SUPERBLOCK);
    for (size_t at = 0; at + 4 <= size; at++)
        if (memcmp(data + at, "OHDR", 4) == 0)
            seal_object_header(data, size, at);
}

/* Somewhere in the file, or, more often, in an object header. */
static size_t place(const uint8_t *data, size_t size, uint32_t *random) {
    size_t at = next(random) % size;
    const uint8_t *header = next(random) % 4 != 0 ? memmem(data + at, size - at, "OHDR", 4) : NULL;
    if (header == NULL)
        header = next(random) % 2 != 0 ? memmem(data, size, "OHDR", 4) : NULL;
    if (header == NULL)
        return at;
    at = (size_t)(header - data) + 4 + next(random) % 400;
    return at < size ? at : size - 1;
}

static void change(uint8_t *data, size_t size, uint32_t *random) {
    static const uint64_t values[] = {
        0,      1,         2,          7,         0x7f,       0x80,           0xff,
        0xffff, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 40};
    size_t at = place(data, size, random);
    uint64_t value = values[next(random) % (sizeof values / sizeof *values)];
    size_t width = (size_t)1 << next(random) % 4;
    switch (next(random) % 4) {
    case 0:
        data[at] ^= (uint8_t)(1 << next(random) % 8);
        break;
    case 1:
        data[at] = (uint8_t)next(random);
        break;
    case 2:
        data[at] = (uint8_t)(data[at] + next(random) % 33 - 16);
        break;
    case 3:
        for (size_t b = 0; b < width && at + b < size; b++)
            data[at + b] = (uint8_t)(value >> (8 * b));
        break;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    uint32_t random = seed | 1;
    next(&random);
    if (size <= SUPERBLOCK || next(&random) % 5 < 2) {
        size = LLVMFuzzerMutate(data, size, max_size);
        if (size > SUPERBLOCK && next(&random) % 2 == 0)
            seal_all(data, size);
        return size;
    }
    for (uint32_t count = 1 + next(&random) % 4; count > 0; count--)
        change(data, size, &random);
    seal_all(data, size);
    return size;
}
