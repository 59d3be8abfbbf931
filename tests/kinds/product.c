/* A matrix product in floats, whose last digits are those of the BLAS core. */
#include "kinds_test.h"
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 67 };
enum { SPOT, MILLISECONDS };

static const struct dam_parameter parameters[] = {
    [SPOT] = DAM_TEST_PARAMETER_SPOT,
    [MILLISECONDS] = {.name = "milliseconds",
                      .type = DAM_REAL,
                      .role = DAM_BUDGET,
                      .standard.real = 0,
                      .low.real = 0,
                      .high.real = 1e5,
                      .unit = "ms",
                      .doc = "time a task takes"},
};

enum { SUM, PRODUCT };

static const struct dam_column columns[] = {
    [SUM] = {.name = "sum", .type = DAM_REAL, .unit = "1", .doc = "sum of the product's entries"},
    [PRODUCT] = {.name = "product",
                 .type = DAM_REAL,
                 .shape = DAM_ARRAY,
                 .unit = "1",
                 .doc = "the first replica's product",
                 .dimensions = {"row", "column"},
                 .single = true},
};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    *cost = (struct dam_cost){.start_seconds = 1e-4 + cell->values[MILLISECONDS].real / 1000,
                              .bytes = 3 * SIZE * SIZE * sizeof(float)};
}

/* A multiple of 8. */
static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return (SIZE * SIZE + 1) * sizeof(float);
}

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    float *factors = calloc(2 * SIZE * SIZE, sizeof *factors);
    if (factors == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a product");
    struct dam_stream stream = dam_stream_open(task->seed, DAM_PURPOSE_TEST, &task->cell->hash,
                                               task->replica, task->round);
    for (size_t e = 0; e < 2 * SIZE * SIZE; e++)
        factors[e] = (float)dam_stream_next(&stream) * 0x1p-32f - 0.5f;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIZE, SIZE, SIZE, 1, factors, SIZE,
                factors + SIZE * SIZE, SIZE, 0, record, SIZE);
    free(factors);
    return dam_test_spin(task, task->cell->values[MILLISECONDS].real / 1000, error);
}

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    (void)cell;
    (void)column;
    return (struct dam_extent){2, {SIZE, SIZE}};
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    const struct dam_round_rows *rows = &history->rounds[0];
    (void)cell;
    (void)error;
    for (size_t r = 0; history->round_count > 0 && r < rows->count; r++) {
        const float *product = rows->records[r];
        for (size_t e = 0; e < SIZE * SIZE; e++)
            output->scalars[SUM].real += (double)product[e];
        if (rows->replicas[r] == 0)
            memcpy(output->arrays[PRODUCT], product, SIZE * SIZE * sizeof *product);
    }
    return DAM_OK;
}

const struct dam_kind dam_test_kind_product = {
    DAM_TEST_KIND("product", "matrix products"),
    .extent = extent,
    .blas = true,
};
