/* Which kernel runs. */
#include "engine/kernels/kernel.h"

#include <dam/kernel.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* From the most portable to the fastest. */
static const struct dam_kernel *const kernels[] = {
    &dam_kernel_generic,
};
enum { KERNEL_COUNT = sizeof kernels / sizeof *kernels };

static const struct dam_kernel *here[KERNEL_COUNT]; /* those that this CPU can run */
static const char *names[KERNEL_COUNT + 1];
static size_t count;
static const struct dam_kernel *chosen;

static void look(void) {
    for (size_t k = 0; k < KERNEL_COUNT; k++) {
        if (kernels[k]->runs_here != NULL && !kernels[k]->runs_here())
            continue;
        here[count] = kernels[k];
        names[count++] = kernels[k]->name;
    }
    chosen = here[count - 1];
}

static void look_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look);
}

const struct dam_kernel *dam_kernel_chosen(void) {
    look_once();
    return chosen;
}

const char *const *dam_kernel_names(void) {
    look_once();
    return names;
}

const char *dam_kernel_name(void) {
    return dam_kernel_chosen()->name;
}

enum dam_status dam_kernel_choose(const char *name, struct dam_error *error) {
    look_once();
    if (name == NULL) {
        chosen = here[count - 1];
        return DAM_OK;
    }
    for (size_t k = 0; k < count; k++) {
        if (strcmp(names[k], name) == 0) {
            chosen = here[k];
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
