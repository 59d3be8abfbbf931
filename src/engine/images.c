#include <dam/images.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- a file, compressed or not ---- */

/* Not gzread: it ignores what lies behind a compressed stream, as gzip does. */
struct reader {
    const char *path;
    int descriptor;
    uint64_t size;      /* on disk */
    unsigned char *raw; /* [RAW_SIZE]; avail_in bytes at next_in are still to be taken, */
    z_stream stream;    /* compressed or not */
    bool compressed;
    bool between; /* at the end of a compressed stream */
    struct dam_error *error;
};

enum { RAW_SIZE = 1 << 17, WINDOW_OF_GZIP = 15 + 16 };

#define DAMAGED(reader, ...) dam_fail((reader)->error, DAM_DAMAGED, __VA_ARGS__)

static enum dam_status cannot_read(const struct reader *reader, const char *reason) {
    return dam_fail(reader->error, DAM_FILE, "%s: cannot be read: %s", reader->path, reason);
}

static enum dam_status no_memory(const struct reader *reader, uint64_t bytes) {
    return dam_fail(reader->error, DAM_MEMORY, "%s: no memory for its %llu bytes", reader->path,
                    (unsigned long long)bytes);
}

/* Without O_NONBLOCK a pipe nobody writes to would be waited for. */
static enum dam_status open_file(struct reader *reader) {
    struct stat about;
    reader->descriptor = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader->descriptor < 0 || fstat(reader->descriptor, &about) != 0)
        return cannot_read(reader, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return cannot_read(reader, S_ISDIR(about.st_mode) ? "it is a folder" : "it is no file");
    if (about.st_size == 0)
        return DAMAGED(reader, "%s: empty; fetch it again", reader->path);
    reader->size = (uint64_t)about.st_size;
    return DAM_OK;
}

/* Where nothing is left, read more; at the end of the file nothing still is. */
static enum dam_status refill(struct reader *reader) {
    if (reader->stream.avail_in > 0)
        return DAM_OK;
    ssize_t got;
    do
        got = read(reader->descriptor, reader->raw, RAW_SIZE);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return cannot_read(reader, strerror(errno));
    reader->stream.next_in = reader->raw;
    reader->stream.avail_in = (unsigned)got;
    return DAM_OK;
}

/* By its first two bytes. */
static enum dam_status recognise(struct reader *reader) {
    reader->raw = malloc(RAW_SIZE);
    if (reader->raw == NULL)
        return no_memory(reader, reader->size);
    enum dam_status status = refill(reader);
    reader->compressed = status == DAM_OK && reader->stream.avail_in > 1 &&
                         reader->raw[0] == 0x1f && reader->raw[1] == 0x8b;
    if (reader->compressed && inflateInit2(&reader->stream, WINDOW_OF_GZIP) != Z_OK) {
        reader->compressed = false;
        status = no_memory(reader, reader->size);
    }
    return status;
}

/* To be closed in any case. */
static enum dam_status reader_open(struct reader *reader, const char *path,
                                   struct dam_error *error) {
    *reader = (struct reader){.path = path, .error = error, .descriptor = -1};
    enum dam_status status = open_file(reader);
    return status == DAM_OK ? recognise(reader) : status;
}

static void reader_close(struct reader *reader) {
    if (reader->compressed)
        inflateEnd(&reader->stream);
    if (reader->descriptor >= 0)
        close(reader->descriptor);
    free(reader->raw);
}

static void copy_bytes(z_stream *stream) {
    unsigned count = stream->avail_in < stream->avail_out ? stream->avail_in : stream->avail_out;
    memcpy(stream->next_out, stream->next_in, count);
    stream->next_in += count;
    stream->avail_in -= count;
    stream->next_out += count;
    stream->avail_out -= count;
}

/* What lies behind a stream is another one. */
static enum dam_status begin_another(struct reader *reader) {
    if (reader->stream.next_in[0] != 0x1f)
        return DAMAGED(reader, "%s: goes on after the end of its compressed data; fetch it again",
                       reader->path);
    (void)inflateReset(&reader->stream); /* fails only where it has not begun */
    reader->between = false;
    return DAM_OK;
}

/* A stream's end is checked as gzip does (length, CRC). */
static enum dam_status unpack(struct reader *reader) {
    z_stream *stream = &reader->stream;
    enum dam_status status = reader->between ? begin_another(reader) : DAM_OK;
    if (status != DAM_OK)
        return status;
    switch (inflate(stream, Z_NO_FLUSH)) {
    case Z_STREAM_END:
        reader->between = true;
        return DAM_OK;
    case Z_OK:
    case Z_BUF_ERROR: /* no progress until there is more */
        return DAM_OK;
    case Z_MEM_ERROR:
        return no_memory(reader, reader->size);
    default:
        return DAMAGED(reader, "%s: its compressed data is damaged (%s); fetch it again",
                       reader->path, stream->msg != NULL ? stream->msg : "no reason given");
    }
}

/* Up to avail_out bytes of what the file holds, unpacked: fewer only at its end. */
static enum dam_status read_piece(struct reader *reader) {
    while (reader->stream.avail_out > 0) {
        enum dam_status status = refill(reader);
        if (status != DAM_OK)
            return status;
        if (reader->stream.avail_in == 0)
            return !reader->compressed || reader->between
                       ? DAM_OK
                       : DAMAGED(reader, "%s: cut off within its compressed data; fetch it again",
                                 reader->path);
        if (!reader->compressed)
            copy_bytes(&reader->stream);
        else if ((status = unpack(reader)) != DAM_OK)
            return status;
    }
    return DAM_OK;
}

/* Read up to `size` bytes: fewer only at the end. */
static enum dam_status read_up_to(struct reader *reader, void *data, uint64_t size,
                                  uint64_t *count) {
    enum { PIECE = 1 << 30 }; /* the library counts in 32 bits */
    *count = 0;
    while (*count < size) {
        const unsigned piece = size - *count < PIECE ? (unsigned)(size - *count) : PIECE;
        reader->stream.next_out = (unsigned char *)data + *count;
        reader->stream.avail_out = piece;
        enum dam_status status = read_piece(reader);
        *count += piece - reader->stream.avail_out;
        if (status != DAM_OK || reader->stream.avail_out > 0)
            return status;
    }
    return DAM_OK;
}

/* `what` is for the message: "its header". */
static enum dam_status read_all(struct reader *reader, void *data, uint64_t size,
                                const char *what) {
    uint64_t count;
    enum dam_status status = read_up_to(reader, data, size, &count);
    if (status == DAM_OK && count < size)
        return DAMAGED(reader, "%s: ends after %llu of the %llu bytes of %s; fetch it again",
                       reader->path, (unsigned long long)count, (unsigned long long)size, what);
    return status;
}

static enum dam_status read_end(struct reader *reader) {
    unsigned char byte;
    uint64_t count;
    enum dam_status status = read_up_to(reader, &byte, 1, &count);
    if (status == DAM_OK && count > 0)
        return DAMAGED(reader,
                       "%s: goes on after the last byte its header tells of; fetch it again",
                       reader->path);
    return status;
}

/* ---- IDX: 0, 0, type, dimensions; a big-endian size for each; the bytes ---- */

enum { IDX_BYTES = 0x08, IDX_DIMENSIONS_MAX = 4 };

struct idx {
    int dimensions;
    uint64_t sizes[IDX_DIMENSIONS_MAX]; /* 1 beyond `dimensions` */
    uint64_t bytes;
};

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum dam_status read_magic(struct reader *reader, const char *what, int least, int most,
                                  int *dimensions) {
    unsigned char magic[4];
    enum dam_status status = read_all(reader, magic, sizeof magic, "an IDX header");
    if (status != DAM_OK)
        return status;
    if (magic[0] != 0 || magic[1] != 0)
        return dam_fail(reader->error, DAM_DAMAGED,
                        "%s: no IDX file: begins with 0x%08x, expected 0x%08x of IDX %s",
                        reader->path, big_endian(magic), IDX_BYTES << 8 | least, what);
    if (magic[2] != IDX_BYTES)
        return dam_fail(reader->error, DAM_DAMAGED,
                        "%s: IDX of the type 0x%02x, expected 0x%02x, unsigned bytes, of %s",
                        reader->path, magic[2], IDX_BYTES, what);
    *dimensions = magic[3];
    if (*dimensions < least || *dimensions > most)
        return dam_fail(reader->error, DAM_DAMAGED,
                        "%s: IDX of %d dimensions, expected %d%s of %s; is it the right file?",
                        reader->path, *dimensions, least, least < most ? " or 4" : "", what);
    return DAM_OK;
}

/* A byte of a deflated stream becomes 1032 at most, so that a file that claims more is damaged. */
static enum dam_status check_sizes(const struct reader *reader, struct idx *idx) {
    enum { INFLATION_MAX = 1032 };
    bool overflows = false;
    idx->bytes = 1;
    for (int d = 0; d < IDX_DIMENSIONS_MAX; d++) {
        if (idx->sizes[d] == 0)
            return DAMAGED(reader, "%s: its header tells of size 0 in dimension %d; fetch it again",
                           reader->path, d + 1);
        overflows |= __builtin_mul_overflow(idx->bytes, idx->sizes[d], &idx->bytes);
    }
    if (overflows || idx->bytes / INFLATION_MAX > reader->size)
        return DAMAGED(
            reader,
            "%s: its header tells of %llu x %llu x %llu x %llu bytes, more than a file of %llu "
            "bytes can hold; fetch it again",
            reader->path, (unsigned long long)idx->sizes[0], (unsigned long long)idx->sizes[1],
            (unsigned long long)idx->sizes[2], (unsigned long long)idx->sizes[3],
            (unsigned long long)reader->size);
    if (idx->bytes > DAM_IMAGES_BYTES_MAX || idx->bytes > SIZE_MAX)
        return dam_fail(reader->error, DAM_MEMORY,
                        "%s: %llu bytes of pixels; sets of up to %llu are read", reader->path,
                        (unsigned long long)idx->bytes, (unsigned long long)DAM_IMAGES_BYTES_MAX);
    return DAM_OK;
}

/* The whole file: of `least` to `most` dimensions, its bytes in a fresh array. */
static enum dam_status read_idx(const char *path, const char *what, int least, int most,
                                struct idx *idx, uint8_t **bytes, struct dam_error *error) {
    struct reader reader;
    unsigned char sizes[4 * IDX_DIMENSIONS_MAX];
    enum dam_status status = reader_open(&reader, path, error);
    if (status == DAM_OK)
        status = read_magic(&reader, what, least, most, &idx->dimensions);
    if (status == DAM_OK)
        status = read_all(&reader, sizes, 4 * (uint64_t)idx->dimensions, "an IDX header");
    if (status == DAM_OK) {
        for (int d = 0; d < IDX_DIMENSIONS_MAX; d++)
            idx->sizes[d] = d < idx->dimensions ? big_endian(sizes + (ptrdiff_t)4 * d) : 1;
        status = check_sizes(&reader, idx);
    }
    if (status == DAM_OK && (*bytes = malloc(idx->bytes)) == NULL)
        status = no_memory(&reader, idx->bytes);
    if (status == DAM_OK)
        status = read_all(&reader, *bytes, idx->bytes, what);
    if (status == DAM_OK)
        status = read_end(&reader);
    reader_close(&reader);
    return status;
}

/* ---- images ---- */

/* From [height][width][channels] to [channels][height][width], image by image. */
static bool make_planar(struct dam_images *images) {
    size_t size = dam_images_pixels(images), places = size / images->channels;
    uint8_t *interleaved = malloc(size);
    if (interleaved == NULL)
        return false;
    for (size_t i = 0; i < images->count; i++) {
        uint8_t *planes = images->pixels + i * size;
        memcpy(interleaved, planes, size);
        for (size_t c = 0; c < images->channels; c++)
            for (size_t place = 0; place < places; place++)
                planes[c * places + place] = interleaved[place * images->channels + c];
    }
    free(interleaved);
    return true;
}

static enum dam_status read_idx_images(struct dam_images *images, const char *path,
                                       struct dam_error *error) {
    struct idx idx;
    enum dam_status status = read_idx(path, "images", 3, 4, &idx, &images->pixels, error);
    if (status != DAM_OK)
        return status;
    images->count = idx.sizes[0];
    images->height = idx.sizes[1];
    images->width = idx.sizes[2];
    images->channels = idx.sizes[3];
    if (images->channels > 1 && !make_planar(images))
        return dam_fail(error, DAM_MEMORY, "%s: no memory for an image more", path);
    return DAM_OK;
}

static enum dam_status check_label(const char *path, size_t image, int label, int classes,
                                   struct dam_error *error) {
    if (label < classes)
        return DAM_OK;
    return dam_fail(error, DAM_DAMAGED,
                    "%s: the label of image %zu is %d, expected 0 .. %d; fetch it again", path,
                    image + 1, label, classes - 1);
}

static enum dam_status read_idx_labels(struct dam_images *images, const char *images_path,
                                       const char *path, int classes, struct dam_error *error) {
    struct idx idx;
    enum dam_status status = read_idx(path, "labels", 1, 1, &idx, &images->labels, error);
    if (status == DAM_OK && idx.sizes[0] != images->count)
        return dam_fail(error, DAM_DAMAGED,
                        "%s: %llu labels, expected %zu, one for each image of %s; are they of one "
                        "set?",
                        path, (unsigned long long)idx.sizes[0], images->count, images_path);
    for (size_t i = 0; status == DAM_OK && i < images->count; i++)
        status = check_label(path, i, images->labels[i], classes, error);
    images->classes = classes;
    return status;
}

enum dam_status dam_images_read_idx(struct dam_images *images, const char *images_path,
                                    const char *labels_path, int classes, struct dam_error *error) {
    assert(classes >= 1 && classes <= 256);
    *images = (struct dam_images){0};
    enum dam_status status = read_idx_images(images, images_path, error);
    if (status == DAM_OK && labels_path != NULL)
        status = read_idx_labels(images, images_path, labels_path, classes, error);
    if (status != DAM_OK)
        dam_images_destroy(images);
    return status;
}

/* ---- CIFAR-10 ---- */

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, CLASSES = 10 };

/* Room for one image more, doubled where it is used up. */
static enum dam_status make_room(const struct reader *reader, struct dam_images *images,
                                 size_t *room) {
    if (images->count < *room)
        return DAM_OK;
    size_t wanted = *room > 0 ? 2 * *room : 4096;
    if (wanted > DAM_IMAGES_BYTES_MAX / PIXELS)
        return dam_fail(reader->error, DAM_MEMORY,
                        "%s: more than %zu images; sets of up to %llu bytes are read", reader->path,
                        images->count, (unsigned long long)DAM_IMAGES_BYTES_MAX);
    uint8_t *pixels = realloc(images->pixels, wanted * PIXELS);
    if (pixels != NULL)
        images->pixels = pixels;
    uint8_t *labels = realloc(images->labels, wanted);
    if (labels != NULL)
        images->labels = labels;
    if (pixels == NULL || labels == NULL)
        return no_memory(reader, wanted * (PIXELS + 1));
    *room = wanted;
    return DAM_OK;
}

static enum dam_status append_records(struct reader *reader, struct dam_images *images,
                                      size_t *room) {
    uint8_t record[1 + PIXELS];
    for (size_t first = images->count;; images->count++) {
        uint64_t got;
        enum dam_status status = read_up_to(reader, record, sizeof record, &got);
        if (status != DAM_OK || got == 0)
            return status;
        if (got < sizeof record)
            return DAMAGED(
                reader, "%s: ends after %llu of the %zu bytes of image %zu; fetch it again",
                reader->path, (unsigned long long)got, sizeof record, images->count - first + 1);
        status =
            check_label(reader->path, images->count - first, record[0], CLASSES, reader->error);
        if (status == DAM_OK)
            status = make_room(reader, images, room);
        if (status != DAM_OK)
            return status;
        images->labels[images->count] = record[0];
        memcpy(images->pixels + images->count * PIXELS, record + 1, PIXELS);
    }
}

enum dam_status dam_images_read_cifar10(struct dam_images *images, const char *const *paths,
                                        size_t path_count, struct dam_error *error) {
    assert(path_count >= 1);
    *images = (struct dam_images){
        .height = SIDE, .width = SIDE, .channels = CHANNELS, .classes = CLASSES};
    enum dam_status status = DAM_OK;
    size_t room = 0;
    for (size_t f = 0; status == DAM_OK && f < path_count; f++) {
        struct reader reader;
        size_t before = images->count;
        status = reader_open(&reader, paths[f], error);
        if (status == DAM_OK)
            status = append_records(&reader, images, &room);
        if (status == DAM_OK && images->count == before)
            status = DAMAGED(&reader, "%s: empty once unpacked; fetch it again", paths[f]);
        reader_close(&reader);
    }
    if (status != DAM_OK)
        dam_images_destroy(images);
    return status;
}

void dam_images_destroy(struct dam_images *images) {
    free(images->pixels);
    free(images->labels);
    *images = (struct dam_images){0};
}
