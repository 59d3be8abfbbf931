#include "run/provenance.h"
#include "dam_version.h"
#include "run/agree.h"
#include "run/blas.h"
#include <assert.h>
#include <dam/kernel.h>
#include <dam/retrieval.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

enum { TEXT_LENGTH = DAM_PROVENANCE_LENGTH };

const char *dam_version_text(void) {
    return DAM_VERSION " (commit " DAM_COMMIT ")";
}

/* Each writes at most TEXT_LENGTH bytes about this rank or the whole program. */

static void version(char *text) {
    snprintf(text, TEXT_LENGTH, "%s", DAM_VERSION);
}

static void commit(char *text) {
    snprintf(text, TEXT_LENGTH, "%s", DAM_COMMIT);
}

static void compiler(char *text) {
#if defined(__clang__)
    snprintf(text, TEXT_LENGTH, "clang %s", __clang_version__);
#else
    snprintf(text, TEXT_LENGTH, "gcc %s", __VERSION__);
#endif
}

static void mpi(char *text) {
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    snprintf(text, TEXT_LENGTH, "%.*s", TEXT_LENGTH - 1, library);
}

static void hdf5(char *text) {
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, TEXT_LENGTH, "%u.%u.%u", major, minor, release);
}

static void blas(char *text) {
    dam_blas_core(text);
}

static void blas_version(char *text) {
    dam_blas_version_print(dam_blas_version(), text);
}

void dam_provenance_cpu(char text[DAM_PROVENANCE_LENGTH]) {
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[TEXT_LENGTH];
    snprintf(text, TEXT_LENGTH, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || value == NULL)
            continue;
        value[strcspn(value, "\n")] = '\0';
        snprintf(text, TEXT_LENGTH, "%s", value + 2);
        break;
    }
    if (file != NULL)
        fclose(file);
}

static void kernel(char *text) {
    snprintf(text, TEXT_LENGTH, "%s", dam_kernel_name());
}

static void system_name(char *text) {
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(text, TEXT_LENGTH, "%.60s %.60s %.60s", name.sysname, name.release, name.machine);
    else
        snprintf(text, TEXT_LENGTH, "unknown");
}

static void host(char *text) {
    struct utsname name;
    snprintf(text, TEXT_LENGTH, "%s", uname(&name) == 0 ? name.nodename : "unknown");
}

static void slurm(char *text) {
    static const char *const names[] = {"SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID",
                                        "SLURM_STEP_ID", "SLURM_RESTART_COUNT"};
    size_t length = 0;
    text[0] = '\0';
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const char *value = getenv(names[n]);
        if (value != NULL && length < TEXT_LENGTH)
            length += (size_t)snprintf(text + length, TEXT_LENGTH - length, "%s%s=%s",
                                       length == 0 ? "" : " ", names[n], value);
    }
}

/* One entry of /provenance: asked of rank 0, or of every rank and joined without repetition. */
static const struct source {
    const char *name, *doc;
    void (*ask)(char *text);
    int every_rank;
} sources[] = {
    {"version", "version of dam", version, 0},
    {"commit", "commit dam was built from", commit, 0},
    {"compiler", "compiler dam was built with", compiler, 0},
    {"mpi", "MPI library", mpi, 0},
    {"hdf5", "HDF5 library", hdf5, 0},
    {DAM_PROVENANCE_BLAS, "kernels OpenBLAS chose", blas, 1},
    {DAM_PROVENANCE_BLAS_VERSION, "OpenBLAS's version", blas_version, 1},
    {"cpu", "processor models of the ranks", dam_provenance_cpu, 1},
    {"kernel", "retrieval kernels of the ranks", kernel, 1},
    {"system", "operating systems of the ranks", system_name, 1},
    {"hosts", "hosts of the ranks", host, 1},
    {"slurm", "SLURM's names for the job; empty outside SLURM", slurm, 0},
};
enum { SOURCE_COUNT = sizeof sources / sizeof *sources, TIMES = 3 };

/* Different texts among `size` of TEXT_LENGTH bytes each, joined by commas. */
static char *join(const char *texts, int size) {
    char *joined = calloc((size_t)size, TEXT_LENGTH + 2);
    for (int rank = 0; joined != NULL && rank < size; rank++) {
        const char *text = texts + (size_t)rank * TEXT_LENGTH;
        int known = 0;
        for (int other = 0; other < rank && !known; other++)
            known = strcmp(text, texts + (size_t)other * TEXT_LENGTH) == 0;
        if (known)
            continue;
        if (rank > 0)
            strcat(joined, ", ");
        strcat(joined, text);
    }
    return joined;
}

static char *collect(const struct source *source, MPI_Comm comm) {
    int rank, size, length = 0;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    char mine[TEXT_LENGTH] = "";
    source->ask(mine);
    char *all = calloc((size_t)size, TEXT_LENGTH), *text = NULL;
    if (source->every_rank)
        MPI_Gather(mine, TEXT_LENGTH, MPI_CHAR, all, TEXT_LENGTH, MPI_CHAR, 0, comm);
    if (rank == 0)
        text = source->every_rank ? (all == NULL ? NULL : join(all, size)) : strdup(mine);
    free(all);
    if (text != NULL)
        length = (int)strlen(text);
    MPI_Bcast(&length, 1, MPI_INT, 0, comm);
    if (rank != 0)
        text = calloc(1, (size_t)length + 1);
    char spare[TEXT_LENGTH];
    /* A rank without memory still takes part. */
    if (text == NULL && length < TEXT_LENGTH)
        MPI_Bcast(spare, length, MPI_CHAR, 0, comm);
    else
        MPI_Bcast(text, length, MPI_CHAR, 0, comm);
    return text;
}

static char *time_text(double seconds, MPI_Comm comm) {
    char text[32] = "";
    time_t time = (time_t)seconds;
    struct tm utc;
    if (gmtime_r(&time, &utc) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    MPI_Bcast(text, sizeof text, MPI_CHAR, 0, comm);
    return strdup(text);
}

static char *number_text(int number) {
    char *text = NULL;
    return asprintf(&text, "%d", number) < 0 ? NULL : text;
}

enum dam_status dam_provenance_new(struct dam_provenance *provenance, MPI_Comm comm, double started,
                                   struct dam_error *error) {
    int size;
    MPI_Comm_size(comm, &size);
    provenance->count = SOURCE_COUNT + TIMES;
    provenance->items = calloc(provenance->count, sizeof *provenance->items);
    enum dam_status status = DAM_OK;
    if (provenance->items == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for the provenance");
    status = dam_agree(comm, status, error);
    if (status != DAM_OK)
        return status;
    struct dam_provenance_item *item = provenance->items;
    for (size_t s = 0; s < SOURCE_COUNT; s++)
        *item++ = (struct dam_provenance_item){sources[s].name, sources[s].doc,
                                               collect(&sources[s], comm)};
    *item++ = (struct dam_provenance_item){"ranks", "MPI ranks of the run that published this file",
                                           number_text(size)};
    *item++ = (struct dam_provenance_item){"started", "when that run began, UTC",
                                           time_text(started, comm)};
    *item++ = (struct dam_provenance_item){"published", "when this file was written, UTC",
                                           time_text((double)time(NULL), comm)};
    for (size_t i = 0; i < provenance->count; i++)
        if (provenance->items[i].text == NULL)
            status = dam_fail(error, DAM_MEMORY, "no memory for the provenance");
    return dam_agree(comm, status, error);
}

enum dam_status dam_provenance_add(struct dam_provenance *provenance, const char *name,
                                   const char *doc, const char *text, struct dam_error *error) {
    struct dam_provenance_item *items =
        reallocarray(provenance->items, provenance->count + 1, sizeof *items);
    char *copy = strdup(text);
    if (items != NULL)
        provenance->items = items;
    if (items == NULL || copy == NULL) {
        free(copy);
        return dam_fail(error, DAM_MEMORY, "no memory for the provenance");
    }
    items[provenance->count++] = (struct dam_provenance_item){name, doc, copy};
    return DAM_OK;
}

enum dam_status dam_provenance_set(struct dam_provenance *provenance, const char *name,
                                   const char *text, struct dam_error *error) {
    char *copy = strdup(text);
    if (copy == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the provenance");
    size_t i = 0;
    while (i < provenance->count && strcmp(provenance->items[i].name, name) != 0)
        i++;
    assert(i < provenance->count);
    free(provenance->items[i].text);
    provenance->items[i].text = copy;
    return DAM_OK;
}

void dam_provenance_destroy(struct dam_provenance *provenance) {
    for (size_t i = 0; provenance->items != NULL && i < provenance->count; i++)
        free(provenance->items[i].text);
    free(provenance->items);
    free(provenance->origins);
    *provenance = (struct dam_provenance){0};
}
