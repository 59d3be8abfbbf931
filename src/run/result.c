#define H5_USE_110_API /* H5Ovisit and its callback's type changed in 1.12 */
#include "run/result.h"
#include "run/result_handle.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    COLUMNS_MAX = 4096,
    ATTRIBUTE_MAX = 1 << 16, /* bytes of a unit or a doc */
    NAME_MAX_LENGTH = 1024   /* of a column */
};

static enum dam_status no_memory(const char *name, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "%s: out of memory while reading", name);
}

/* Opening. */

static enum dam_status file_size(const char *name, uint64_t *size, struct dam_error *error) {
    struct stat status;
    if (stat(name, &status) != 0)
        return dam_fail(error, DAM_FILE, "%s: %s", name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return dam_fail(error, DAM_FILE, "%s: is a directory, not a result file", name);
    if (!S_ISREG(status.st_mode))
        return dam_fail(error, DAM_FILE, "%s: is not a regular file", name);
    if (status.st_size == 0)
        return dam_fail(error, DAM_DAMAGED, "%s: is empty", name);
    *size = (uint64_t)status.st_size;
    return DAM_OK;
}

/* Called for every object that hard links reach; soft and external links are not followed. */
static herr_t collect(hid_t file, const char *name, const H5O_info_t *info, void *context) {
    (void)file;
    struct dam_result *result = context;
    if (info->type != H5O_TYPE_DATASET)
        return 0;
    char **paths = realloc(result->paths, (result->path_count + 1) * sizeof *paths);
    if (!paths)
        return -1;
    result->paths = paths;
    size_t size = strlen(name) + 2;
    char *path = malloc(size);
    if (!path)
        return -1;
    path[0] = '/';
    memcpy(path + 1, name, size - 1);
    paths[result->path_count++] = path;
    return 0;
}

static hid_t open_file(const char *name) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0)
        return -1;
    hid_t file = -1;
    /* Strong: closing the file closes whatever a failure left open in it. */
    if (H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0)
        file = H5Fopen(name, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

enum dam_status dam_result_open(struct dam_result **result, const char *name,
                                struct dam_error *error) {
    *result = NULL;
    uint64_t size = 0;
    enum dam_status status = file_size(name, &size, error);
    if (status != DAM_OK)
        return status;
    struct dam_result *opened = calloc(1, sizeof *opened);
    if (opened) {
        opened->file_size = size;
        opened->name = strdup(name);
        opened->handle = calloc(1, sizeof *opened->handle);
    }
    if (!opened || !opened->name || !opened->handle) {
        if (opened)
            free(opened->name);
        free(opened);
        return no_memory(name, error);
    }

    struct dam_result_handle *handle = opened->handle;
    /* After some damaged files HDF5 cannot end cleanly and prints so at exit; all is closed here.
     */
    H5dont_atexit();
    H5Eget_auto2(H5E_DEFAULT, &handle->report, &handle->report_context);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    htri_t foreign = H5Fis_hdf5(name);
    handle->file = open_file(name);
    if (handle->file < 0 && foreign == 0)
        status = dam_fail(error, DAM_DAMAGED, "%s: is not an HDF5 file", name);
    else if (handle->file < 0)
        status = dam_fail(error, DAM_DAMAGED,
                          "%s: cannot be opened: truncated, damaged, unreadable or being written; "
                          "running its study again publishes it anew from the journal",
                          name);
    else if (H5Ovisit(handle->file, H5_INDEX_NAME, H5_ITER_INC, collect, opened) < 0)
        status = dam_fail(error, DAM_DAMAGED,
                          "%s: its contents cannot be listed; the file is damaged, and running its "
                          "study again publishes it anew from the journal",
                          name);
    if (status != DAM_OK) {
        dam_result_close(opened);
        return status;
    }
    *result = opened;
    return DAM_OK;
}

void dam_result_close(struct dam_result *result) {
    if (!result)
        return;
    if (result->handle->file >= 0)
        H5Fclose(result->handle->file);
    H5Eset_auto2(H5E_DEFAULT, result->handle->report, result->handle->report_context);
    for (size_t p = 0; p < result->path_count; p++)
        free(result->paths[p]);
    free(result->paths);
    free(result->handle);
    free(result->name);
    free(result);
}

/* Types. */

static bool stored_type(hid_t type, enum dam_stored *stored) {
    if (H5Tget_class(type) == H5T_STRING) {
        *stored = DAM_STORED_TEXT;
        return H5Tis_variable_str(type) == 0;
    }
    const struct {
        hid_t type;
        enum dam_stored stored;
    } known[] = {
        {H5T_STD_I64LE, DAM_STORED_INTEGER},  {H5T_STD_I32LE, DAM_STORED_INTEGER},
        {H5T_STD_U64LE, DAM_STORED_UNSIGNED}, {H5T_STD_U32LE, DAM_STORED_UNSIGNED},
        {H5T_IEEE_F64LE, DAM_STORED_REAL},    {H5T_IEEE_F32LE, DAM_STORED_REAL},
    };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
        if (H5Tequal(type, known[k].type) > 0) {
            *stored = known[k].stored;
            return true;
        }
    return false;
}

/* A string attribute as a fresh string; "" where there is none or it is no fixed-length string.
 * NULL when out of memory. */
static char *text_attribute(hid_t dataset, const char *column, const char *what) {
    char name[NAME_MAX_LENGTH + 16];
    snprintf(name, sizeof name, "%s%s%s", column, column[0] ? "." : "", what);
    char *text = NULL;
    hid_t attribute = H5Aexists(dataset, name) > 0 ? H5Aopen(dataset, name, H5P_DEFAULT) : -1;
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    size_t size = type >= 0 ? H5Tget_size(type) : 0;
    enum dam_stored stored;
    if (type >= 0 && space >= 0 && stored_type(type, &stored) && stored == DAM_STORED_TEXT &&
        H5Sget_simple_extent_npoints(space) == 1 && size > 0 && size <= ATTRIBUTE_MAX) {
        text = calloc(size + 1, 1);
        if (text && H5Aread(attribute, type, text) < 0)
            text[0] = '\0';
    } else {
        text = calloc(1, 1);
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return text;
}

static void checksum_attribute(hid_t dataset, struct dam_result_dataset *read) {
    if (H5Aexists(dataset, "crc32c") <= 0)
        return;
    hid_t attribute = H5Aopen(dataset, "crc32c", H5P_DEFAULT);
    if (attribute < 0)
        return;
    hid_t type = H5Aget_type(attribute);
    hid_t space = H5Aget_space(attribute);
    read->has_checksum = type >= 0 && space >= 0 && H5Tequal(type, H5T_STD_U32LE) > 0 &&
                         H5Sget_simple_extent_npoints(space) == 1 &&
                         H5Aread(attribute, H5T_NATIVE_UINT32, &read->checksum) >= 0;
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    H5Aclose(attribute);
}

/* Reading one dataset. `complaint` says what is wrong where the status is DAM_DAMAGED. */

static enum dam_status read_shape(hid_t space, struct dam_result_dataset *read,
                                  const char **complaint) {
    hsize_t extent[H5S_MAX_RANK];
    H5S_class_t class = H5Sget_simple_extent_type(space);
    int rank = class == H5S_SCALAR ? 0 : H5Sget_simple_extent_ndims(space);
    *complaint = "has a shape that dam does not write";
    if ((class != H5S_SCALAR && class != H5S_SIMPLE) || rank < 0 || rank > DAM_RANK_MAX)
        return DAM_DAMAGED;
    if (rank > 0 && H5Sget_simple_extent_dims(space, extent, NULL) != rank)
        return DAM_DAMAGED;
    read->rank = rank;
    size_t count = 1;
    for (int d = 0; d < rank; d++) {
        read->extent[d] = extent[d];
        *complaint = "claims more elements than the file has bytes";
        if (__builtin_mul_overflow(count, extent[d], &count))
            return DAM_DAMAGED;
    }
    read->row_count = count;
    return DAM_OK;
}

static enum dam_status read_column(hid_t dataset, hid_t type, const char *name, size_t offset,
                                   size_t row_size, struct dam_result_column *column,
                                   const char **complaint) {
    *complaint = "has a type that dam does not write";
    column->offset = offset;
    column->size = H5Tget_size(type);
    if (!stored_type(type, &column->type) || column->size == 0 || offset > row_size ||
        column->size > row_size - offset || strlen(name) > NAME_MAX_LENGTH)
        return DAM_DAMAGED;
    column->name = strdup(name);
    column->unit = text_attribute(dataset, name, "unit");
    column->doc = text_attribute(dataset, name, "doc");
    column->role = text_attribute(dataset, name, "role");
    return column->name && column->unit && column->doc && column->role ? DAM_OK : DAM_MEMORY;
}

static enum dam_status read_columns(hid_t dataset, hid_t type, struct dam_result_dataset *read,
                                    const char **complaint) {
    *complaint = "has a type that dam does not write";
    read->row_size = H5Tget_size(type);
    read->compound = H5Tget_class(type) == H5T_COMPOUND;
    int count = read->compound ? H5Tget_nmembers(type) : 1;
    if (read->row_size == 0 || count < 1 || count > COLUMNS_MAX)
        return DAM_DAMAGED;
    read->columns = calloc((size_t)count, sizeof *read->columns);
    if (!read->columns)
        return DAM_MEMORY;
    read->column_count = (size_t)count;
    if (!read->compound)
        return read_column(dataset, type, "", 0, read->row_size, &read->columns[0], complaint);

    enum dam_status status = DAM_OK;
    for (unsigned c = 0; c < (unsigned)count && status == DAM_OK; c++) {
        hid_t member = H5Tget_member_type(type, c);
        char *name = H5Tget_member_name(type, c);
        if (member >= 0 && name)
            status = read_column(dataset, member, name, H5Tget_member_offset(type, c),
                                 read->row_size, &read->columns[c], complaint);
        else
            status = DAM_DAMAGED;
        H5free_memory(name);
        if (member >= 0)
            H5Tclose(member);
    }
    return status;
}

/* Only what lies in this file, uncompressed, can be of the size it claims. */
static bool stored_plainly(hid_t dataset) {
    hid_t creation = H5Dget_create_plist(dataset);
    if (creation < 0)
        return false;
    H5D_layout_t layout = H5Pget_layout(creation);
    bool plain =
        (layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) && H5Pget_external_count(creation) == 0;
    H5Pclose(creation);
    return plain;
}

static enum dam_status check_bytes(hid_t dataset, uint64_t file_bytes,
                                   const struct dam_result_dataset *read, const char **complaint) {
    size_t size;
    *complaint = "claims more bytes than the file has";
    if (__builtin_mul_overflow(read->row_count, read->row_size, &size) || size > file_bytes)
        return DAM_DAMAGED;
    *complaint = "is not stored as dam stores it";
    if (!stored_plainly(dataset) || (size > 0 && H5Dget_storage_size(dataset) != size))
        return DAM_DAMAGED;
    return DAM_OK;
}

static enum dam_status read_bytes(hid_t dataset, hid_t type, struct dam_result_dataset *read,
                                  const char **complaint) {
    size_t size = read->row_count * read->row_size;
    read->bytes = malloc(size > 0 ? size : 1);
    if (!read->bytes)
        return DAM_MEMORY;
    *complaint = "cannot be read";
    /* The memory type is the stored one, so that HDF5 converts nothing. */
    if (size > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read->bytes) < 0)
        return DAM_DAMAGED;
    return DAM_OK;
}

/* `whole`: with its bytes. */
static enum dam_status read_dataset(hid_t dataset, uint64_t file_bytes, bool whole,
                                    struct dam_result_dataset *read, const char **complaint) {
    *complaint = "cannot be read";
    hid_t type = H5Dget_type(dataset);
    hid_t space = H5Dget_space(dataset);
    enum dam_status status = type >= 0 && space >= 0 ? DAM_OK : DAM_DAMAGED;
    if (status == DAM_OK)
        status = read_shape(space, read, complaint);
    if (status == DAM_OK)
        status = read_columns(dataset, type, read, complaint);
    if (status == DAM_OK)
        status = check_bytes(dataset, file_bytes, read, complaint);
    if (status == DAM_OK && whole)
        status = read_bytes(dataset, type, read, complaint);
    if (status == DAM_OK) {
        read->unit = text_attribute(dataset, "", "unit");
        read->doc = text_attribute(dataset, "", "doc");
        checksum_attribute(dataset, read);
        status = read->unit && read->doc ? DAM_OK : DAM_MEMORY;
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return status;
}

/* Only paths that hard links reach are opened: a link could lead into another file. */
bool dam_result_has(const struct dam_result *result, const char *path) {
    for (size_t p = 0; p < result->path_count; p++)
        if (strcmp(result->paths[p], path) == 0)
            return true;
    return false;
}

static enum dam_status read_path(const struct dam_result *result, const char *path, bool whole,
                                 struct dam_result_dataset **dataset, struct dam_error *error) {
    *dataset = NULL;
    if (!dam_result_has(result, path))
        return dam_fail(error, DAM_DAMAGED, "%s: %s: no such dataset; is this dam's result file?",
                        result->name, path);
    struct dam_result_dataset *read = calloc(1, sizeof *read);
    if (!read)
        return no_memory(result->name, error);
    const char *complaint = "cannot be opened";
    enum dam_status status = DAM_DAMAGED;
    hid_t opened = H5Dopen(result->handle->file, path, H5P_DEFAULT);
    if (opened >= 0) {
        status = read_dataset(opened, result->file_size, whole, read, &complaint);
        H5Dclose(opened);
    }
    if (status == DAM_OK) {
        *dataset = read;
        return DAM_OK;
    }
    dam_result_dataset_destroy(read);
    if (status == DAM_MEMORY)
        return no_memory(result->name, error);
    return dam_fail(error, DAM_DAMAGED, "%s: %s: %s", result->name, path, complaint);
}

enum dam_status dam_result_read(const struct dam_result *result, const char *path,
                                struct dam_result_dataset **dataset, struct dam_error *error) {
    return read_path(result, path, true, dataset, error);
}

enum dam_status dam_result_describe(const struct dam_result *result, const char *path,
                                    struct dam_result_dataset **dataset, struct dam_error *error) {
    return read_path(result, path, false, dataset, error);
}

void dam_result_dataset_destroy(struct dam_result_dataset *dataset) {
    if (!dataset)
        return;
    for (size_t c = 0; c < dataset->column_count; c++) {
        free(dataset->columns[c].name);
        free(dataset->columns[c].unit);
        free(dataset->columns[c].doc);
        free(dataset->columns[c].role);
    }
    free(dataset->columns);
    free(dataset->unit);
    free(dataset->doc);
    free(dataset->bytes);
    free(dataset);
}
