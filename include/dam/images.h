/* Sets of labelled images, read from the files they are published as: IDX (MNIST, Fashion-MNIST)
 * and CIFAR-10's binary version, each plain or compressed by gzip. */
#ifndef DAM_IMAGES_H
#define DAM_IMAGES_H

#include <dam/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The pixels of a set take no more: 4 GiB. */
#define DAM_IMAGES_BYTES_MAX (UINT64_C(1) << 32)

/* Both arrays are owned. */
struct dam_images {
    size_t count;                   /* at least 1 */
    size_t height, width, channels; /* each at least 1 */
    uint8_t *pixels;                /* [count][channels][height][width], 0 .. 255 */
    uint8_t *labels;                /* [count], 0 .. classes - 1; NULL: no labels were read */
    int classes;
};

/* Bytes of one image's pixels. */
static inline size_t dam_images_pixels(const struct dam_images *images) {
    return images->channels * images->height * images->width;
}

/* The pixels of one image as networks see them: -1 .. 1. */
static inline void dam_images_show(const struct dam_images *images, size_t image, float *values) {
    const size_t pixels = dam_images_pixels(images);
    for (size_t i = 0; i < pixels; i++)
        values[i] = (float)images->pixels[image * pixels + i] * (2.0f / 255) - 1;
}

/* Each reader sets *images, to zeros where it fails; the caller destroys what it read. A failure is
 * DAM_FILE: a file cannot be opened or read; DAM_DAMAGED: it is of another format, cut, too long or
 * has a label out of range, or the files do not belong together; DAM_MEMORY: it is larger than
 * DAM_IMAGES_BYTES_MAX or the memory at hand. What a damaged header asks for is not allocated where
 * the file cannot hold it. Behind a compressed stream only further streams may follow: other
 * bytes, which gzip ignores, are damage. */

/* IDX files of unsigned bytes: the images have the dimensions [count][height][width] or
 * [count][height][width][channels], the labels [count]. labels_path may be NULL: none are read, and
 * `classes` (1 .. 256) is then 0 in *images. */
enum dam_status dam_images_read_idx(struct dam_images *images, const char *images_path,
                                    const char *labels_path, int classes,
                                    struct dam_error *error) DAM_CHECKED;

/* Files of records, a label and 3 planes of 32 x 32 pixels each, one file after the other. */
enum dam_status dam_images_read_cifar10(struct dam_images *images, const char *const *paths,
                                        size_t path_count, struct dam_error *error) DAM_CHECKED;

void dam_images_destroy(struct dam_images *images);

#ifdef __cplusplus
}
#endif

#endif
