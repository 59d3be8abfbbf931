/* One training of a classifier (dam/classifier.h) on a data set: the protocol of Krotov & Hopfield
 * 2016, section 4. */
#ifndef DAM_KINDS_TRAINING_H
#define DAM_KINDS_TRAINING_H

#include "kinds/dataset.h"
#include <dam/classifier.h>
#include <dam/minibatches.h>
#include <dam/retrieval.h>

/* By enum dam_classifier_form and enum dam_activation, NULL at the end. */
extern const char *const dam_classifier_form_names[], *const dam_activation_names[];

/* Epoch e, from 0, has the temperature start + (end - start) min(e / ramp, 1) and the rate
 * learning_rate decay^e. */
struct dam_training_settings {
    enum dam_dataset_name dataset;
    struct dam_classifier_model model; /* visible and classes follow from the data set */
    double learning_rate, decay, momentum;
    double temperature_start, temperature_end;
    uint64_t ramp; /* epochs */
    double initial_mean, initial_sd;
    enum dam_minibatch_order order;
    size_t minibatch;
    size_t validation; /* images held out, the same for all trainings of a seed */
    size_t training;   /* images trained on, of the others; 0: all of them */

    uint64_t seed;
    struct dam_hash cell;
    uint32_t replica;
};

/* Images that are trained on: settings->training, or all that are left. */
size_t dam_training_images(const struct dam_training_settings *settings);

/* T of an epoch, from 0: of its steps, and of the answers after it. */
double dam_training_temperature(const struct dam_training_settings *settings, uint64_t epoch);

/* Bytes of memory, the data set apart. */
double dam_training_bytes(const struct dam_training_settings *settings);

struct dam_training;

/* A training before its first epoch; the data set is loaded, and borrowed until the end. *training
 * is the caller's, to be freed with dam_training_destroy, also after a failure. Fails as
 * dam_dataset_load and dam_minibatches_new do, and with DAM_MEMORY. */
enum dam_status dam_training_new(struct dam_training **training,
                                 const struct dam_training_settings *settings,
                                 struct dam_error *error) DAM_CHECKED;

/* The same on other images of the data set's size, to be trained on: settings->training of them.
 * There may be no test images; of both parts, `classes` is set. They are borrowed. */
enum dam_status dam_training_new_on(struct dam_training **training,
                                    const struct dam_training_settings *settings,
                                    const struct dam_dataset *dataset,
                                    struct dam_error *error) DAM_CHECKED;
void dam_training_destroy(struct dam_training *training);

/* All that later epochs depend on, as a malloc'd blob of the caller's. */
enum dam_status dam_training_save(struct dam_training *training, void **blob, size_t *size,
                                  struct dam_error *error) DAM_CHECKED;

/* Take up what another training with these settings saved. Fails with DAM_DAMAGED. */
enum dam_status dam_training_load(struct dam_training *training, const void *blob, size_t size,
                                  struct dam_error *error) DAM_CHECKED;

/* Epochs made. */
uint64_t dam_training_epochs(const struct dam_training *training);

/* The memories of a blob, pixels and then class entries, [K][visible + classes], and the epochs
 * that it has made. Fails with
 * DAM_DAMAGED where it is of another size. */
enum dam_status dam_training_memories(const struct dam_training_settings *settings,
                                      const void *blob, size_t size, float *memories,
                                      uint64_t *epochs, struct dam_error *error) DAM_CHECKED;

/* Wrong answers, per cent. */
struct dam_training_errors {
    double train;      /* of each minibatch as it was met, before its step */
    double validation; /* after the epoch; NaN where no images are held out */
    double test;       /* after the epoch */
};

/* One epoch. Fails with DAM_STOPPED, in the middle of it, where poll says so. */
enum dam_status dam_training_epoch(struct dam_training *training, struct dam_poll poll,
                                   struct dam_training_errors *errors,
                                   struct dam_error *error) DAM_CHECKED;

/* What a part of a training did; an epoch is one. */
struct dam_training_part {
    double learnt, steps; /* images, and minibatches of them */
    double answered;      /* images of which nothing is learnt */
};
struct dam_training_part dam_training_part_of_epoch(const struct dam_training_settings *settings);

/* Do some of what an epoch does, learning and answering by turns, in its proportions, piece by
 * piece, for its time alone: poll, which must be there, is asked before the first piece, whatever
 * it says, and after each, until it says true. No more epochs are made. */
void dam_training_some(struct dam_training *training, struct dam_poll poll,
                       struct dam_training_part *part);

#endif
