/* How fast a classifier is trained, beside the matrix products that training cannot do without. */
#ifndef DAM_CLI_BENCH_TRAINING_H
#define DAM_CLI_BENCH_TRAINING_H

#include <dam/classifier.h>

struct dam_bench_training {
    enum dam_classifier_form form; /* rectified */
    int power;                     /* n */
    size_t memories;               /* K */
    size_t minibatch;              /* images */
};

/* Processor time of the thread: what others take of a busy machine is left out. */
struct dam_bench_epoch {
    size_t pairs;
    double minibatch;    /* s, the median: its share of the training part of an epoch */
    double sgemm;        /* s, the median: the bare calls that one needs, forward and backward */
    double quartiles[3]; /* of minibatch / sgemm, pair by pair */
};

/* Train on random images of 28 x 28 pixels, with the kernel in use, and call sgemm with the same
 * shapes, in turn for about `seconds`, at least once each. Test and validation passes are no part
 * of it. Fails with DAM_MEMORY. */
enum dam_status dam_bench_train(const struct dam_bench_training *setting, double seconds,
                                struct dam_bench_epoch *measured,
                                struct dam_error *error) DAM_CHECKED;

/* The code that the BLAS library runs on this CPU, by the library's name for it. */
const char *dam_bench_blas(void);

#endif
