/* Which kernel runs. */
#include "engine/kernels/classifier.h"
#include "engine/kernels/kernel.h"
#include "engine/kernels/tensor.h"

#include <dam/kernel.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* A kernel is a way to sum over memories, one to use couplings of three, one to train classifiers,
 * and on some CPUs tiles. */
struct kernel {
    const struct dam_kernel *sums;
    const struct dam_tensor_kernel *tensor;
    const struct dam_classifier_kernel *classifier; /* of what CPUs run that run the sums */
    const struct dam_tile_kernel *tiles;            /* or NULL */
};

/* From the most portable to the fastest. */
static const struct kernel kernels[] = {
    {&dam_kernel_generic, &dam_tensor_kernel_generic, &dam_classifier_kernel_generic, NULL},
#ifdef DAM_KERNELS_X86
    {&dam_kernel_avx2, &dam_tensor_kernel_generic, &dam_classifier_kernel_avx2, NULL},
    {&dam_kernel_avx512, &dam_tensor_kernel_generic, &dam_classifier_kernel_avx512, NULL},
    {&dam_kernel_avx512, &dam_tensor_kernel_vnni, &dam_classifier_kernel_avx512,
     &dam_tile_kernel_vnni},
    {&dam_kernel_avx512, &dam_tensor_kernel_amx, &dam_classifier_kernel_avx512,
     &dam_tile_kernel_amx},
#endif
};
enum { KERNEL_COUNT = sizeof kernels / sizeof *kernels };

static struct kernel here[KERNEL_COUNT]; /* those that this CPU can run */
static const char *names[KERNEL_COUNT + 1];
static size_t count, chosen;

static bool runs_here(const struct kernel *kernel) {
    return (kernel->sums->runs_here == NULL || kernel->sums->runs_here()) &&
           (kernel->tensor->runs_here == NULL || kernel->tensor->runs_here()) &&
           (kernel->tiles == NULL || kernel->tiles->runs_here());
}

static void look(void) {
    for (size_t k = 0; k < KERNEL_COUNT; k++) {
        if (!runs_here(&kernels[k]))
            continue;
        here[count] = kernels[k];
        names[count++] = kernels[k].tiles ? kernels[k].tiles->name : kernels[k].sums->name;
    }
    chosen = count - 1;
}

static void look_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look);
}

const struct dam_kernel *dam_kernel_chosen(void) {
    look_once();
    return here[chosen].sums;
}

const struct dam_tensor_kernel *dam_tensor_kernel_chosen(void) {
    look_once();
    return here[chosen].tensor;
}

const struct dam_classifier_kernel *dam_classifier_kernel_chosen(void) {
    look_once();
    return here[chosen].classifier;
}

const char *dam_classifier_kernel_name(void) {
    return dam_classifier_kernel_chosen()->name;
}

const struct dam_tile_kernel *dam_tile_kernel_chosen(void) {
    look_once();
    return here[chosen].tiles;
}

const char *const *dam_kernel_names(void) {
    look_once();
    return names;
}

const char *dam_kernel_name(void) {
    look_once();
    return names[chosen];
}

enum dam_status dam_kernel_choose(const char *name, struct dam_error *error) {
    look_once();
    if (name == NULL) {
        chosen = count - 1;
        return DAM_OK;
    }
    for (size_t k = 0; k < count; k++) {
        if (strcmp(names[k], name) == 0) {
            chosen = k;
            return DAM_OK;
        }
    }
    char known[128] = "";
    for (size_t k = 0; k < count; k++) {
        strncat(known, k > 0 ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, names[k], sizeof known - strlen(known) - 1);
    }
    return dam_fail(error, DAM_INPUT, "kernel '%s': this CPU runs %s", name, known);
}
