/* A fuzzer of image sets. The first byte of an input chooses the reader and how its files are made
 * of the rest: IDX images and labels, divided after as many bytes as two more bytes say, or files
 * of CIFAR-10; as they are, or compressed here, since no mutation finds a stream's checksum. Files
 * that are taken must be exactly what an independent reading of the same bytes says, and others may
 * not be taken. */
#include "fuzz.h"
#include <dam/images.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CIFAR10 = 1, COMPRESSED = 2, UNLABELLED = 4, CUT = 8 }; /* bits of the first byte */
enum { RECORD = 3073, CLASSES = 10 };

struct bytes {
    const uint8_t *data;
    size_t size;
};

static const char *path_of(int file) {
    static char paths[2][FUZZ_PATH];
    snprintf(paths[file], FUZZ_PATH, "%s/file-%d", fuzz_folder(), file);
    return paths[file];
}

static void write_file(const char *path, struct bytes bytes, bool compressed) {
    gzFile file = gzopen(path, compressed ? "wb1" : "wbT");
    FUZZ_EXPECT(file != NULL);
    FUZZ_EXPECT(bytes.size == 0 ||
                gzwrite(file, bytes.data, (unsigned)bytes.size) == (int)bytes.size);
    FUZZ_EXPECT(gzclose(file) == Z_OK);
}

/* A compressed file has more than the 16 bytes that can be asked for. */
static void cut_file(const char *path, int bytes) {
    struct stat about;
    FUZZ_EXPECT(stat(path, &about) == 0 && about.st_size > bytes);
    FUZZ_EXPECT(truncate(path, about.st_size - bytes) == 0);
}

/* Bytes that zlib would unpack: what they hold is not known here. */
static bool is_packed(struct bytes bytes) {
    return bytes.size >= 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b;
}

/* Elements of an IDX file that is whole, its sizes filled in; 0 of any other. */
static size_t idx_elements(struct bytes file, int least, int most, size_t sizes[4]) {
    if (file.size < 4 || memcmp(file.data, "\0\0\x08", 3) != 0)
        return 0;
    int dimensions = file.data[3];
    if (dimensions < least || dimensions > most || file.size < 4 + 4 * (size_t)dimensions)
        return 0;
    size_t elements = 1;
    for (int d = 0; d < 4; d++) {
        const uint8_t *at = file.data + 4 + (ptrdiff_t)4 * d;
        sizes[d] = d >= dimensions
                       ? 1
                       : (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
        if (sizes[d] > file.size) /* so that the product cannot overflow: inputs are short */
            return 0;
        elements *= sizes[d];
        if (elements > file.size)
            return 0;
    }
    return file.size - 4 - 4 * (size_t)dimensions == elements ? elements : 0;
}

/* Every label of a set that was read is in range, and every byte can be read. */
static void check_whole(const struct dam_images *images) {
    FUZZ_EXPECT(images->count >= 1 && dam_images_pixels(images) >= 1);
    unsigned sum = 0;
    for (size_t i = 0; i < images->count * dam_images_pixels(images); i++)
        sum += images->pixels[i];
    FUZZ_EXPECT(sum <= 255 * images->count * dam_images_pixels(images));
    for (size_t i = 0; images->labels != NULL && i < images->count; i++)
        FUZZ_EXPECT(images->labels[i] < images->classes);
}

static void check_idx(const struct dam_images *images, struct bytes files[2], bool labelled,
                      bool taken) {
    size_t sizes[4], others[4];
    size_t elements = idx_elements(files[0], 3, 4, sizes);
    size_t labels = labelled ? idx_elements(files[1], 1, 1, others) : 0;
    bool good = elements > 0 && (!labelled || labels == sizes[0]);
    const uint8_t *own = files[1].data + 8, *pixels = files[0].data + files[0].size - elements;
    for (size_t i = 0; good && i < labels; i++)
        good = own[i] < CLASSES;
    FUZZ_EXPECT(good == taken);
    if (!taken)
        return;
    FUZZ_EXPECT(images->count == sizes[0] && images->height == sizes[1] &&
                images->width == sizes[2] && images->channels == sizes[3]);
    FUZZ_EXPECT(labels == 0 || memcmp(images->labels, own, labels) == 0);
    size_t places = sizes[1] * sizes[2];
    for (size_t i = 0; i < elements; i++) {
        size_t image = i / (places * sizes[3]), place = i / sizes[3] % places, c = i % sizes[3];
        FUZZ_EXPECT(images->pixels[(image * sizes[3] + c) * places + place] == pixels[i]);
    }
}

static void check_cifar10(const struct dam_images *images, struct bytes files[2], bool taken) {
    bool good = true;
    for (size_t f = 0, image = 0; f < 2; f++) {
        good = good && files[f].size > 0 && files[f].size % RECORD == 0;
        for (size_t at = 0; good && at < files[f].size; at += RECORD, image++) {
            const uint8_t *record = files[f].data + at;
            good = record[0] < CLASSES;
            if (!taken)
                continue;
            FUZZ_EXPECT(image < images->count && images->labels[image] == record[0]);
            FUZZ_EXPECT(memcmp(images->pixels + image * (RECORD - 1), record + 1, RECORD - 1) == 0);
        }
    }
    FUZZ_EXPECT(good == taken);
}

static enum dam_status read_files(struct dam_images *images, int how, struct dam_error *error) {
    const char *const paths[] = {path_of(0), path_of(1)};
    if (how & CIFAR10)
        return dam_images_read_cifar10(images, paths, 2, error);
    return dam_images_read_idx(images, paths[0], how & UNLABELLED ? NULL : paths[1], CLASSES,
                               error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3)
        return 0;
    int how = data[0];
    size_t rest = size - 3, first = (size_t)data[1] << 8 | data[2];
    first = first < rest ? first : rest;
    struct bytes files[2] = {{data + 3, first}, {data + 3 + first, rest - first}};
    bool compressed = (how & COMPRESSED) != 0, cut = compressed && (how & CUT) != 0;
    for (int f = 0; f < 2; f++)
        write_file(path_of(f), files[f], compressed);
    if (cut)
        cut_file(path_of(0), 1 + (how >> 4));

    struct dam_images images;
    struct dam_error error = {0};
    enum dam_status status = read_files(&images, how, &error);
    fuzz_check_answer(status, &error, "", "");
    FUZZ_EXPECT(status == DAM_OK || (images.pixels == NULL && images.labels == NULL));
    if (status == DAM_OK)
        check_whole(&images);
    bool known = compressed || (!is_packed(files[0]) && !is_packed(files[1]));
    if (cut)
        FUZZ_EXPECT(status != DAM_OK);
    else if (known && how & CIFAR10)
        check_cifar10(&images, files, status == DAM_OK);
    else if (known)
        check_idx(&images, files, (how & UNLABELLED) == 0, status == DAM_OK);
    dam_images_destroy(&images);
    return 0;
}
