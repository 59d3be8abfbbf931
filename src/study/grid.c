#include "study/grid.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ALLOWED_LENGTH = 256 };

static enum dam_status fail_memory(struct dam_error *error, uint64_t bytes) {
    return dam_fail(error, DAM_MEMORY, "out of memory: the study's cells need %" PRIu64 " bytes",
                    bytes);
}

/* The values that a block's raw cell `offset` (from 0) is given, before resolve(). */
static void set_given(const struct dam_grid *grid, const struct dam_block *block, uint64_t offset,
                      union dam_value *values, bool *given) {
    uint64_t rest = offset;
    for (size_t p = grid->schema->parameter_count; p-- > 0;) {
        const struct dam_axis *axis = block->axes[p];
        given[p] = axis != NULL;
        if (axis == NULL)
            values[p] = grid->schema->parameters[p].standard;
        else if (grid->draws > 0)
            values[p] = dam_axis_draw(axis, grid->seed, offset);
        else {
            values[p] = axis->values[rest % axis->count];
            rest /= axis->count;
        }
    }
}

/* Where the value of parameter p of a raw cell was written. */
static struct dam_place place_of_value(const struct dam_grid *grid, const struct dam_block *block,
                                       uint64_t offset, size_t p) {
    const struct dam_axis *axis = block->axes[p];
    if (axis == NULL)
        return block->place;
    if (axis->node->type != DAM_NODE_SEQUENCE || grid->draws > 0)
        return axis->node->place;
    for (size_t faster = p + 1; faster < grid->schema->parameter_count; faster++)
        if (block->axes[faster] != NULL)
            offset /= block->axes[faster]->count;
    const struct dam_node *item = axis->node->first;
    for (uint64_t i = offset % axis->count; i > 0; i--)
        item = item->next;
    return item->place;
}

/* Report that resolve() refused a raw cell, with the values it was given. */
static enum dam_status fail_cell(const struct dam_grid *grid, const struct dam_block *block,
                                 uint64_t offset, size_t blame, const char *reason,
                                 struct dam_error *error) {
    const struct dam_parameter *parameters = grid->schema->parameters;
    union dam_value values[DAM_PARAMETERS_MAX];
    bool given[DAM_PARAMETERS_MAX];
    char cell[512] = "", value[128];
    size_t used = 0;
    set_given(grid, block, offset, values, given);
    for (size_t p = 0; p < grid->schema->parameter_count && used < sizeof cell; p++) {
        if (!given[p] || parameters[p].role == DAM_BUDGET)
            continue;
        dam_value_print(value, sizeof value, parameters[p].type, parameters[p].choices, values[p]);
        used += (size_t)snprintf(cell + used, sizeof cell - used, "%s%s=%s", used > 0 ? ", " : "",
                                 parameters[p].name, value);
    }
    return dam_fail_at(error, place_of_value(grid, block, offset, blame), "%s: %s%s%s%s",
                       parameters[blame].name, reason, used > 0 ? " (in the cell " : "", cell,
                       used > 0 ? ")" : "");
}

/* All values of a raw cell, resolved. */
static enum dam_status make_values(const struct dam_grid *grid, const struct dam_block *block,
                                   uint64_t offset, union dam_value *values,
                                   struct dam_error *error) {
    bool given[DAM_PARAMETERS_MAX];
    set_given(grid, block, offset, values, given);
    if (grid->schema->resolve == NULL)
        return DAM_OK;
    size_t blame = 0;
    struct dam_error reason = {.text = "not allowed"};
    enum dam_status status = grid->schema->resolve(values, given, &blame, &reason);
    if (status == DAM_OK)
        return DAM_OK;
    assert(blame < grid->schema->parameter_count);
    if (status != DAM_INPUT)
        return dam_fail(error, status, "%s", reason.text);
    return fail_cell(grid, block, offset, blame, reason.text, error);
}

/* Without a resolve() to fill them in, required parameters must be given. */
static enum dam_status check_required(const struct dam_grid *grid, struct dam_error *error) {
    char allowed[ALLOWED_LENGTH];
    for (size_t b = 0; b < grid->block_count; b++)
        for (size_t p = 0; p < grid->schema->parameter_count; p++) {
            const struct dam_parameter *parameter = &grid->schema->parameters[p];
            bool missing = parameter->required && grid->blocks[b].axes[p] == NULL;
            if (!missing || (grid->schema->resolve != NULL && parameter->role != DAM_BUDGET))
                continue;
            dam_parameter_allowed(allowed, sizeof allowed, parameter);
            return dam_fail_at(error, grid->blocks[b].place, "%s: missing (%s); allowed: %s",
                               parameter->name, parameter->doc, allowed);
        }
    return DAM_OK;
}

static enum dam_status fail_too_many(const struct dam_grid *grid, const struct dam_block *block,
                                     struct dam_error *error) {
    char sizes[256] = "";
    size_t used = 0;
    for (size_t p = 0; p < grid->schema->parameter_count && used < sizeof sizes; p++) {
        const struct dam_axis *axis = block->axes[p];
        if (grid->draws == 0 && axis != NULL && axis->points > 1)
            used +=
                (size_t)snprintf(sizes + used, sizeof sizes - used, "%s%" PRIu64 " values of %s",
                                 used > 0 ? ", " : " (", axis->points, axis->parameter->name);
    }
    return dam_fail_at(error, block->place,
                       "the study has too many cells%s%s; allowed: fewer than %d", sizes,
                       used > 0 ? ")" : "", DAM_GRID_LIMIT);
}

/* Number the raw cells of all blocks. `expanded`: ranges have their values, else their points
 * stand for them. */
static enum dam_status number_cells(struct dam_grid *grid, bool expanded, struct dam_error *error) {
    uint64_t total = 0;
    for (size_t b = 0; b < grid->block_count; b++) {
        struct dam_block *block = &grid->blocks[b];
        block->first = total;
        block->count = grid->draws > 0 ? grid->draws : 1;
        for (size_t p = 0; p < grid->schema->parameter_count && grid->draws == 0; p++) {
            const struct dam_axis *axis = block->axes[p];
            uint64_t count = axis == NULL ? 1 : expanded ? axis->count : axis->points;
            if (__builtin_mul_overflow(block->count, count, &block->count))
                return fail_too_many(grid, block, error);
        }
        if (__builtin_add_overflow(total, block->count, &total) || total >= DAM_GRID_LIMIT)
            return fail_too_many(grid, block, error);
    }
    return DAM_OK;
}

static enum dam_status expand_axes(struct dam_grid *grid, struct dam_error *error) {
    uint64_t total = 0; /* axes are fewer than 2^32, points than 2^30 each */
    for (const struct dam_axis *axis = grid->axes; axis != NULL; axis = axis->next) {
        total += axis->points;
        if (total >= DAM_GRID_LIMIT)
            return dam_fail_at(error, axis->node->place,
                               "%s: the lists and ranges of the study have too many values; "
                               "allowed: fewer than %d",
                               axis->parameter->name, DAM_GRID_LIMIT);
    }
    enum dam_status status = DAM_OK;
    for (struct dam_axis *axis = grid->axes; axis != NULL && status == DAM_OK; axis = axis->next)
        status = dam_axis_expand(axis, error);
    return status;
}

/* A hash table with open addressing of the cells met so far. */
struct seen {
    uint32_t *slots; /* 0: empty, else a cell's index + 1 */
    size_t mask;     /* a power of two at least twice the cells, less 1 */
};

/* Is the hash new? Then remember it as that of cell `index`. */
static bool remember(struct seen *seen, const struct dam_hash *hashes, struct dam_hash hash,
                     size_t index) {
    size_t slot = hash.low & seen->mask;
    for (; seen->slots[slot] != 0; slot = (slot + 1) & seen->mask) {
        const struct dam_hash *other = &hashes[seen->slots[slot] - 1];
        if (other->low == hash.low && other->high == hash.high)
            return false;
    }
    seen->slots[slot] = (uint32_t)index + 1;
    return true;
}

static enum dam_status keep_first_cells(struct dam_grid *grid, struct seen *seen,
                                        struct dam_error *error) {
    union dam_value values[DAM_PARAMETERS_MAX];
    for (size_t b = 0; b < grid->block_count; b++) {
        const struct dam_block *block = &grid->blocks[b];
        for (uint64_t offset = 0; offset < block->count; offset++) {
            enum dam_status status = make_values(grid, block, offset, values, error);
            if (status != DAM_OK)
                return status;
            struct dam_hash hash = dam_cell_hash(grid->schema, values);
            if (!remember(seen, grid->hashes, hash, grid->cell_count))
                continue;
            grid->raw[grid->cell_count] = (uint32_t)(block->first + offset);
            grid->hashes[grid->cell_count++] = hash;
        }
    }
    return DAM_OK;
}

/* Give back what cells that were dropped left unused; failing to is no failure. */
static void trim(struct dam_grid *grid) {
    size_t room = grid->cell_count + 1; /* none left: realloc to 0 would free */
    void *raw = realloc(grid->raw, room * sizeof *grid->raw);
    grid->raw = raw != NULL ? raw : grid->raw;
    void *hashes = realloc(grid->hashes, room * sizeof *grid->hashes);
    grid->hashes = hashes != NULL ? hashes : grid->hashes;
}

enum dam_status dam_grid_unroll(struct dam_grid *grid, struct dam_error *error) {
    assert(grid->block_count > 0 && grid->schema->parameter_count <= DAM_PARAMETERS_MAX);
    enum dam_status status = check_required(grid, error);
    if (status == DAM_OK)
        status = number_cells(grid, false, error);
    if (status == DAM_OK)
        status = expand_axes(grid, error);
    if (status == DAM_OK)
        status = number_cells(grid, true, error);
    if (status != DAM_OK)
        return status;

    const struct dam_block *last = &grid->blocks[grid->block_count - 1];
    uint64_t raw_count = last->first + last->count; /* below 2^30, so nothing here overflows */
    size_t slots = 2;
    while (slots < 2 * raw_count)
        slots *= 2;
    struct seen seen = {.slots = calloc(slots, sizeof *seen.slots), .mask = slots - 1};
    grid->raw = malloc(raw_count * sizeof *grid->raw);
    grid->hashes = malloc(raw_count * sizeof *grid->hashes);
    if (seen.slots == NULL || grid->raw == NULL || grid->hashes == NULL)
        status = fail_memory(error, raw_count * (sizeof *grid->raw + sizeof *grid->hashes) +
                                        slots * sizeof *seen.slots);
    if (status == DAM_OK)
        status = keep_first_cells(grid, &seen, error);
    if (status == DAM_OK)
        trim(grid);
    free(seen.slots);
    return status;
}

void dam_grid_keep(struct dam_grid *grid, size_t first, size_t step) {
    size_t kept = 0;
    for (size_t c = first; c < grid->cell_count; c += step) {
        grid->raw[kept] = grid->raw[c];
        grid->hashes[kept++] = grid->hashes[c];
    }
    grid->cell_count = kept;
    trim(grid);
}

/* The block that holds a raw cell. */
static const struct dam_block *find_block(const struct dam_grid *grid, uint64_t raw) {
    size_t low = 0, high = grid->block_count; /* low's first <= raw < high's first */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (grid->blocks[middle].first <= raw)
            low = middle;
        else
            high = middle;
    }
    return &grid->blocks[low];
}

void dam_grid_cell(const struct dam_grid *grid, size_t index, struct dam_cell *cell) {
    assert(index < grid->cell_count);
    uint64_t raw = grid->raw[index];
    const struct dam_block *block = find_block(grid, raw);
    memset(cell, 0, sizeof *cell);
    enum dam_status status = make_values(grid, block, raw - block->first, cell->values, NULL);
    assert(status == DAM_OK); /* resolve() is a pure function and accepted this cell before */
    (void)status;
    cell->index = index;
    cell->replicas = block->replicas;
    cell->hash = grid->hashes[index];
}

void dam_grid_destroy(struct dam_grid *grid) {
    if (grid == NULL)
        return;
    while (grid->axes != NULL) {
        struct dam_axis *axis = grid->axes;
        grid->axes = axis->next;
        dam_axis_destroy(axis);
    }
    dam_documents_destroy(&grid->documents);
    free(grid->blocks);
    free(grid->raw);
    free(grid->hashes);
    free(grid);
}
