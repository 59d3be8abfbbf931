#include <dam/features.h>
#include <dam/portable.h>

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* What one image needs besides its overlaps. */
struct workspace {
    float *overlaps; /* [count][memories] */
    double *parts;   /* what each memory adds to each class's potential, [memories][classes] */
};

static const float *class_entries(const struct dam_features *features, size_t memory) {
    return features->entries + memory * features->stride + features->model->visible;
}

void dam_features_connections(const struct dam_features *features, double cutoff,
                              uint64_t *connections) {
    for (size_t mu = 0; mu < features->model->memories; mu++) {
        const float *entries = class_entries(features, mu);
        int on = 0;
        for (int a = 0; a < features->model->classes; a++)
            on += (double)entries[a] > cutoff;
        connections[on]++;
    }
}

double dam_features_bytes(const struct dam_classifier_model *model, size_t count) {
    double memories = (double)model->memories;
    return memories * ((double)count * sizeof(float) + model->classes * sizeof(double));
}

/* ---- one image ---- */

static double rectified_power(double x, int power) {
    return x > 0 ? dam_portable_power(x, (uint64_t)power) : 0;
}

static double sum_of(const float *entries, int count) {
    double sum = 0;
    for (int a = 0; a < count; a++)
        sum += (double)entries[a];
    return sum;
}

/* The largest argument of F that the image meets, or 0. */
static double largest_argument(const struct dam_features *features, const float *overlaps) {
    const struct dam_classifier_model *model = features->model;
    double largest = 0;
    for (size_t mu = 0; mu < model->memories; mu++) {
        const float *entries = class_entries(features, mu);
        double top = (double)overlaps[mu];
        if (model->form == DAM_CLASSIFIER_MEMORY) {
            double most = 0;
            for (int a = 0; a < model->classes; a++)
                most = fmax(most, (double)entries[a]);
            top += 2 * most - sum_of(entries, model->classes);
        }
        largest = fmax(largest, top);
    }
    return largest;
}

/* In units of 1 / n for the rectified dual form: parts are only compared. */
static double activation(const struct dam_features *features, double overlap, double unit) {
    switch (features->model->activation) {
    case DAM_ACTIVATION_RECTIFIED:
        return rectified_power(overlap * unit, features->model->power - 1);
    case DAM_ACTIVATION_LOGISTIC:
        return 1 / (1 + exp(-overlap / features->temperature));
    case DAM_ACTIVATION_TANH:
        return tanh(overlap / features->temperature);
    }
    assert(!"an activation of the enum");
    return 0;
}

/* Fill parts; what no class can tell apart, where all arguments are negative, is 0. */
static void find_parts(const struct dam_features *features, const float *overlaps, double *parts) {
    const struct dam_classifier_model *model = features->model;
    double largest = largest_argument(features, overlaps);
    double unit = largest > 0 ? 1 / largest : 0;
    for (size_t mu = 0; mu < model->memories; mu++, parts += model->classes) {
        const float *entries = class_entries(features, mu);
        double overlap = (double)overlaps[mu];
        if (model->form == DAM_CLASSIFIER_DUAL) {
            double active = activation(features, overlap, unit);
            for (int a = 0; a < model->classes; a++)
                parts[a] = (double)entries[a] * active;
            continue;
        }
        double off = overlap - sum_of(entries, model->classes);
        double without = rectified_power(off * unit, model->power);
        for (int a = 0; a < model->classes; a++)
            parts[a] =
                rectified_power((off + 2 * (double)entries[a]) * unit, model->power) - without;
    }
}

static int find_winner(const struct dam_classifier_model *model, const double *parts) {
    double potentials[DAM_CLASSIFIER_CLASSES_MAX] = {0};
    for (size_t mu = 0; mu < model->memories; mu++)
        for (int a = 0; a < model->classes; a++)
            potentials[a] += parts[mu * (size_t)model->classes + (size_t)a];
    return dam_classifier_answer(potentials, model->classes);
}

static size_t count_contributing(const struct dam_classifier_model *model, const double *parts,
                                 int winner, double share) {
    const size_t classes = (size_t)model->classes;
    double largest = 0;
    for (size_t mu = 0; mu < model->memories; mu++)
        largest = fmax(largest, parts[mu * classes + (size_t)winner]);
    size_t contributing = 0;
    for (size_t mu = 0; mu < model->memories; mu++)
        contributing += parts[mu * classes + (size_t)winner] > share * largest;
    return largest > 0 ? contributing : 0;
}

/* ---- all images ---- */

enum dam_status dam_features_contributions(const struct dam_features *features, const float *images,
                                           const uint8_t *labels, size_t count, double share,
                                           uint64_t *contributing, uint64_t *errors,
                                           struct dam_error *error) {
    const struct dam_classifier_model *model = features->model;
    const size_t memories = model->memories;
    assert(model->classes <= DAM_CLASSIFIER_CLASSES_MAX && features->stride <= INT_MAX);
    assert(share >= 0 && share <= 1 && memories <= INT_MAX && count <= INT_MAX);
    assert(features->stride >= model->visible + (size_t)model->classes);
    struct workspace workspace = {.overlaps = calloc(count, memories * sizeof(float)),
                                  .parts =
                                      calloc(memories, (size_t)model->classes * sizeof(double))};
    enum dam_status status = DAM_OK;
    if (workspace.overlaps == NULL || workspace.parts == NULL)
        status =
            dam_fail(error, DAM_MEMORY, "no memory for overlaps of %zu images with %zu memories",
                     count, memories);
    if (status == DAM_OK && count > 0)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)memories,
                    (int)model->visible, 1, images, (int)model->visible, features->entries,
                    (int)features->stride, 0, workspace.overlaps, (int)memories);
    for (size_t image = 0; status == DAM_OK && image < count; image++) {
        find_parts(features, workspace.overlaps + image * memories, workspace.parts);
        int winner = find_winner(model, workspace.parts);
        contributing[count_contributing(model, workspace.parts, winner, share)]++;
        *errors += winner != labels[image];
    }
    free(workspace.overlaps);
    free(workspace.parts);
    return status;
}
