/* The data sets that trainings learn, by name. What a name stands for is fixed: it is part of a
 * cell's identity, so other content under the name is refused. */
#ifndef DAM_KINDS_DATASET_H
#define DAM_KINDS_DATASET_H

#include <dam/images.h>

enum dam_dataset_name {
    DAM_DATASET_MNIST,
    DAM_DATASET_FASHION_MNIST,
    DAM_DATASET_CIFAR10,
    DAM_DATASET_SYNTHETIC, /* made, not read: 8 x 8 pixels near one of ten prototypes, for tests */
    DAM_DATASET_COUNT
};

/* By their number, NULL at the end. */
extern const char *const dam_dataset_names[];

/* Of ten classes each, with labels. */
struct dam_dataset {
    struct dam_images train, test;
};

/* The data set, in memory until dam_dataset_release(): read and checked at the first call that
 * succeeds, from DAM_DATA/NAME or where a package of the system put it. Fails with DAM_FILE where
 * it is not found, DAM_DAMAGED where its content is another, and as dam/images.h says. One thread
 * alone may call. */
enum dam_status dam_dataset_load(enum dam_dataset_name name, const struct dam_dataset **dataset,
                                 struct dam_error *error) DAM_CHECKED;

/* What is known of a data set without loading it. */
struct dam_dataset_size {
    size_t pixels; /* of an image */
    size_t train, test;
    int classes;
    size_t bytes; /* in memory, once loaded */
};
struct dam_dataset_size dam_dataset_size(enum dam_dataset_name name);

/* Forget every data set that was loaded. */
void dam_dataset_release(void);

#endif
