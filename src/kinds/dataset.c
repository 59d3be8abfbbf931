#include "kinds/dataset.h"
#include <assert.h>
#include <dam/random.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { CLASSES = 10, FILES_MAX = 5 };
enum { TRAIN, TEST, PARTS };

const char *const dam_dataset_names[] = {
    [DAM_DATASET_MNIST] = "mnist",     [DAM_DATASET_FASHION_MNIST] = "fashion-mnist",
    [DAM_DATASET_CIFAR10] = "cifar10", [DAM_DATASET_SYNTHETIC] = "synthetic",
    [DAM_DATASET_COUNT] = NULL,
};

/* Fill *images from the files (their paths, in the table's order); of the synthetic set, make the
 * part. */
typedef enum dam_status part_maker(struct dam_images *images, int part, char *const *paths,
                                   size_t path_count, struct dam_error *error);
static part_maker read_idx, read_cifar10, make_synthetic;

/* Where Debian's packages put theirs. */
static const char packages_folder[] = "/usr/share/datasets";

/* What a name stands for. */
struct definition {
    part_maker *make;
    size_t channels, side;
    const char *package; /* of Debian, which has it too; NULL: none */
    struct {
        size_t images;
        const char *files[FILES_MAX]; /* with or without ".gz" */
        struct dam_hash content;      /* zeros: not known */
    } parts[PARTS];
};

static const struct definition definitions[DAM_DATASET_COUNT] = {
    [DAM_DATASET_MNIST] =
        {.make = read_idx,
         .channels = 1,
         .side = 28,
         .parts = {{.images = 60000,
                    .files = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                    .content = {UINT64_C(0x2f2e421dba68659b), UINT64_C(0x27d65f62b1aec919)}},
                   {.images = 10000,
                    .files = {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                    .content = {UINT64_C(0x63b876f908e66e1a), UINT64_C(0xe7caca03d3d24319)}}}},
    [DAM_DATASET_FASHION_MNIST] =
        {.make = read_idx,
         .channels = 1,
         .side = 28,
         .package = "dataset-fashion-mnist",
         .parts = {{.images = 60000,
                    .files = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                    .content = {UINT64_C(0xd63ca463ce92538f), UINT64_C(0x64f6fd9abdd425f6)}},
                   {.images = 10000,
                    .files = {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                    .content = {UINT64_C(0x80ee86a35542c403), UINT64_C(0x8ebd5e17d64abf8c)}}}},
    /* Its content is not pinned here: jobs/fetch-data.sh checks the published sum of the archive,
     * and only the numbers of images are checked below. */
    [DAM_DATASET_CIFAR10] = {.make = read_cifar10,
                             .channels = 3,
                             .side = 32,
                             .parts = {{.images = 50000,
                                        .files = {"data_batch_1.bin", "data_batch_2.bin",
                                                  "data_batch_3.bin", "data_batch_4.bin",
                                                  "data_batch_5.bin"}},
                                       {.images = 10000, .files = {"test_batch.bin"}}}},
    [DAM_DATASET_SYNTHETIC] =
        {.make = make_synthetic,
         .channels = 1,
         .side = 8,
         .parts = {{.images = 2000,
                    .content = {UINT64_C(0x9d487308e0ea28db), UINT64_C(0x9726ddcb3d3148aa)}},
                   {.images = 500,
                    .content = {UINT64_C(0x4d155139eda79ca7), UINT64_C(0x7495b92a977c13e1)}}}},
};

/* ---- the content of a part ---- */

static enum dam_status read_idx(struct dam_images *images, int part, char *const *paths,
                                size_t path_count, struct dam_error *error) {
    (void)part;
    assert(path_count == 2);
    (void)path_count;
    return dam_images_read_idx(images, paths[0], paths[1], CLASSES, error);
}

static enum dam_status read_cifar10(struct dam_images *images, int part, char *const *paths,
                                    size_t path_count, struct dam_error *error) {
    (void)part;
    return dam_images_read_cifar10(images, (const char *const *)paths, path_count, error);
}

/* Prototypes of random bits. Image i is of class i mod 10: its prototype with each bit turned with
 * probability 1/4, as dark or bright bytes. The nearest class mean is the right one for about 96 of
 * 100 test images. */
static enum dam_status make_synthetic(struct dam_images *images, int part, char *const *paths,
                                      size_t path_count, struct dam_error *error) {
    (void)paths;
    (void)path_count;
    const struct definition *definition = &definitions[DAM_DATASET_SYNTHETIC];
    size_t side = definition->side, size = side * side, count = definition->parts[part].images;
    *images = (struct dam_images){.count = count,
                                  .height = side,
                                  .width = side,
                                  .channels = 1,
                                  .pixels = malloc(count * size),
                                  .labels = malloc(count),
                                  .classes = CLASSES};
    if (images->pixels == NULL || images->labels == NULL)
        return dam_fail(error, DAM_MEMORY, "synthetic: no memory for %zu images", count);

    uint64_t prototypes[CLASSES];
    struct dam_stream stream = dam_stream_open(0, DAM_PURPOSE_SYNTHETIC, NULL, 0, 0);
    dam_stream_fill(&stream, prototypes, CLASSES);
    stream = dam_stream_open(0, DAM_PURPOSE_SYNTHETIC, NULL, 0, 1 + (uint64_t)part);
    for (size_t i = 0; i < count; i++) {
        images->labels[i] = (uint8_t)(i % CLASSES);
        uint64_t turned = dam_stream_next64(&stream) & dam_stream_next64(&stream);
        uint64_t bits = prototypes[i % CLASSES] ^ turned;
        for (size_t pixel = 0; pixel < size; pixel++)
            images->pixels[i * size + pixel] =
                (uint8_t)((bits >> pixel & 1) << 7 | dam_stream_below(&stream, 128));
    }
    return DAM_OK;
}

/* ---- its files ---- */

/* "FOLDER/FILE.gz" or "FOLDER/FILE", what there is; NULL where neither is, or without memory. */
static char *find_file(const char *folder, const char *file) {
    static const char *const endings[] = {".gz", ""};
    for (size_t e = 0; e < 2; e++) {
        char *path;
        if (asprintf(&path, "%s/%s%s", folder, file, endings[e]) < 0)
            return NULL;
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

static bool has_file(const char *folder, const char *file) {
    char *path = find_file(folder, file);
    bool found = path != NULL;
    free(path);
    return found;
}

static enum dam_status not_found(enum dam_dataset_name name, const char *data,
                                 struct dam_error *error) {
    const struct definition *definition = &definitions[name];
    char package[256] = "", installed[256] = "";
    if (definition->package != NULL) {
        snprintf(installed, sizeof installed, " or in %s/%s", packages_folder,
                 dam_dataset_names[name]);
        snprintf(package, sizeof package, "install the package %s, or ", definition->package);
    }
    return dam_fail(error, DAM_FILE,
                    "data set %s: no %s (or .gz) in %s/%s%s%s; %sfetch it with jobs/fetch-data.sh, "
                    "which says what to set DAM_DATA to",
                    dam_dataset_names[name], definition->parts[TRAIN].files[0],
                    data != NULL ? data : "$DAM_DATA", dam_dataset_names[name],
                    data != NULL ? "" : " (DAM_DATA is not set)", installed, package);
}

/* NULL: it is not set, and empty is as good as that. */
static const char *data_folder(void) {
    const char *data = getenv("DAM_DATA");
    return data != NULL && data[0] != '\0' ? data : NULL;
}

/* Look where it can be, DAM_DATA before the system: a place that has its first file is the one. The
 * folder is the caller's. */
static enum dam_status find_folder(enum dam_dataset_name name, char **folder,
                                   struct dam_error *error) {
    const struct definition *definition = &definitions[name];
    const char *data = data_folder();
    const char *const parents[] = {data, definition->package != NULL ? packages_folder : NULL};
    for (size_t p = 0; p < 2; p++) {
        if (parents[p] == NULL)
            continue;
        if (asprintf(folder, "%s/%s", parents[p], dam_dataset_names[name]) < 0) {
            *folder = NULL;
            return dam_fail(error, DAM_MEMORY, "%s: no memory for a path", dam_dataset_names[name]);
        }
        if (has_file(*folder, definition->parts[TRAIN].files[0]))
            return DAM_OK;
        free(*folder);
        *folder = NULL;
    }
    return not_found(name, data, error);
}

static enum dam_status find_files(const char *const *files, const char *folder,
                                  char *paths[FILES_MAX], size_t *count, struct dam_error *error) {
    for (*count = 0; *count < FILES_MAX && files[*count] != NULL; ++*count) {
        paths[*count] = find_file(folder, files[*count]);
        if (paths[*count] == NULL)
            return dam_fail(error, DAM_FILE,
                            "%s/%s (or .gz) is missing beside the other files of the set; "
                            "jobs/fetch-data.sh fetches it",
                            folder, files[*count]);
    }
    return DAM_OK;
}

/* ---- what it must be ---- */

/* Of the pixels, seeded by the labels. */
static struct dam_hash content_of(const struct dam_images *images) {
    size_t size = images->count * dam_images_pixels(images);
    XXH128_hash_t hash =
        XXH3_128bits_withSeed(images->pixels, size, XXH3_64bits(images->labels, images->count));
    return (struct dam_hash){.low = hash.low64, .high = hash.high64};
}

static enum dam_status check_part(enum dam_dataset_name name, int part, const char *where,
                                  const struct dam_images *images, struct dam_error *error) {
    static const char *const words[PARTS] = {"training", "test"};
    const struct definition *definition = &definitions[name];
    size_t side = definition->side, count = definition->parts[part].images;
    if (images->count != count || images->channels != definition->channels ||
        images->height != side || images->width != side)
        return dam_fail(error, DAM_DAMAGED,
                        "%s: %zu %s images of %zu x %zu x %zu bytes, expected %zu of %zu x %zu x "
                        "%zu as %s has; jobs/fetch-data.sh fetches it",
                        where, images->count, words[part], images->channels, images->height,
                        images->width, count, definition->channels, side, side,
                        dam_dataset_names[name]);
    struct dam_hash known = definition->parts[part].content, found = content_of(images);
    bool pinned = known.low != 0 || known.high != 0;
    if (pinned && (found.low != known.low || found.high != known.high))
        return dam_fail(error, DAM_DAMAGED,
                        "%s: the %s images or labels are not those of %s (XXH3 %016llx%016llx, "
                        "expected %016llx%016llx); jobs/fetch-data.sh fetches them",
                        where, words[part], dam_dataset_names[name], (unsigned long long)found.high,
                        (unsigned long long)found.low, (unsigned long long)known.high,
                        (unsigned long long)known.low);
    return DAM_OK;
}

/* ---- loading ---- */

static enum dam_status load_part(enum dam_dataset_name name, int part, const char *folder,
                                 struct dam_images *images, struct dam_error *error) {
    char *paths[FILES_MAX] = {NULL};
    size_t path_count;
    const struct definition *definition = &definitions[name];
    enum dam_status status =
        find_files(definition->parts[part].files, folder, paths, &path_count, error);
    if (status == DAM_OK)
        status = definition->make(images, part, paths, path_count, error);
    if (status == DAM_OK)
        status = check_part(name, part, folder, images, error);
    for (size_t p = 0; p < FILES_MAX; p++)
        free(paths[p]);
    return status;
}

/* Tasks share what was loaded: reading MNIST takes longer than many a task. */
static struct dam_dataset loaded[DAM_DATASET_COUNT];

static void destroy(struct dam_dataset *dataset) {
    dam_images_destroy(&dataset->train);
    dam_images_destroy(&dataset->test);
}

enum dam_status dam_dataset_load(enum dam_dataset_name name, const struct dam_dataset **dataset,
                                 struct dam_error *error) {
    assert(name >= 0 && name < DAM_DATASET_COUNT);
    struct dam_dataset *own = &loaded[name];
    *dataset = own;
    if (own->test.count > 0)
        return DAM_OK;
    char *folder = NULL;
    bool has_files = definitions[name].parts[TRAIN].files[0] != NULL;
    enum dam_status status = has_files ? find_folder(name, &folder, error) : DAM_OK;
    const char *where = has_files ? folder : dam_dataset_names[name];
    if (status == DAM_OK)
        status = load_part(name, TRAIN, where, &own->train, error);
    if (status == DAM_OK)
        status = load_part(name, TEST, where, &own->test, error);
    free(folder);
    if (status != DAM_OK) {
        destroy(own);
        *dataset = NULL;
    }
    return status;
}

struct dam_dataset_size dam_dataset_size(enum dam_dataset_name name) {
    const struct definition *definition = &definitions[name];
    struct dam_dataset_size size = {
        .pixels = definition->channels * definition->side * definition->side,
        .train = definition->parts[TRAIN].images,
        .test = definition->parts[TEST].images,
        .classes = CLASSES,
    };
    size.bytes = (size.train + size.test) * (size.pixels + 1);
    return size;
}

void dam_dataset_release(void) {
    for (int name = 0; name < DAM_DATASET_COUNT; name++)
        destroy(&loaded[name]);
}
