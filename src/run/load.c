#include "run/load.h"
#include "run/agree.h"
#include "run/file.h"
#include "run/payload.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_journal(const struct dirent *entry) {
    return strncmp(entry->d_name, "rows-", 5) == 0;
}

bool dam_load_any(const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_journal, NULL);
    for (int e = 0; e < count; e++)
        free(entries[e]);
    if (count >= 0)
        free(entries);
    return count > 0;
}

/* The journals' names on rank 0, each 0-terminated, one after the other. */
static enum dam_status list_names(const char *folder, char **names, int *size,
                                  struct dam_error *error) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_journal, alphasort);
    if (count < 0)
        return dam_fail(error, DAM_FILE, "%s: cannot read: %s", folder, strerror(errno));
    size_t length = 0;
    for (int e = 0; e < count; e++)
        length += strlen(entries[e]->d_name) + 1;
    *names = length > INT32_MAX ? NULL : malloc(length + 1);
    *size = 0;
    for (int e = 0; e < count; e++) {
        size_t each = strlen(entries[e]->d_name) + 1;
        if (*names != NULL)
            memcpy(*names + *size, entries[e]->d_name, each);
        *size += (int)each;
        free(entries[e]);
    }
    free(entries);
    if (*names == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: no memory for %d names", folder, count);
    return DAM_OK;
}

/* The list that rank 0 sees, on every rank: file systems may show it late elsewhere. */
static enum dam_status share_names(MPI_Comm comm, const char *folder, char **names, int *size,
                                   struct dam_error *error) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    *names = NULL;
    *size = 0;
    enum dam_status status = DAM_OK;
    if (rank == 0)
        status = list_names(folder, names, size, error);
    status = dam_agree(comm, status, error);
    if (status != DAM_OK)
        return status;
    MPI_Bcast(size, 1, MPI_INT, 0, comm);
    if (rank != 0 && (*names = malloc((size_t)*size + 1)) == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for %d bytes of names", *size);
    status = dam_agree(comm, status, error);
    if (status == DAM_OK)
        MPI_Bcast(*names, *size, MPI_CHAR, 0, comm);
    return status;
}

struct loading {
    const struct dam_cell_finder *finder;
    struct dam_ledger *ledger;
    struct dam_deaths *deaths;
    struct dam_restarts restarts;
    uint32_t file;
    bool retry_failed;
};

/* False where it is of a cell that the study no longer has: rows stay in the journal, should the
 * cell come back; or of no start. */
static bool find_item(const struct loading *loading, const struct dam_row *row,
                      struct dam_item *item) {
    *item = (struct dam_item){.cell = dam_cell_find(loading->finder, &row->cell),
                              .round = row->round,
                              .replica = row->replica,
                              .status = row->status,
                              .start_begin = row->start_begin,
                              .start_end = row->start_end,
                              .plan = row->plan};
    return item->cell != UINT32_MAX && row->start_begin < row->start_end;
}

static enum dam_status note_row(void *context, const struct dam_row *row, const void *payload,
                                uint32_t size, uint64_t offset, struct dam_error *error) {
    (void)payload;
    struct loading *loading = context;
    struct dam_entry entry = {
        .file = loading->file, .size = size, .offset = offset, .seconds = row->seconds};
    if (dam_restart_is(row)) {
        const struct dam_restart restart = {dam_cell_find(loading->finder, &row->cell),
                                            row->replica, loading->file};
        return restart.cell == UINT32_MAX ? DAM_OK
                                          : dam_restarts_add(&loading->restarts, &restart, error);
    }
    if (!find_item(loading, row, &entry.item))
        return DAM_OK;
    if (loading->retry_failed && row->status != DAM_OK) {
        struct dam_death wiped = {
            .item = entry.item, .file = loading->file, .ending = DAM_ENDING_LEFT};
        return dam_deaths_add(loading->deaths, &wiped, error);
    }
    return dam_ledger_add(loading->ledger, &entry, error);
}

/* The dealer asks for those that no row settles. */
static enum dam_status note_mark(struct loading *loading, const struct dam_mark *mark,
                                 struct dam_error *error) {
    struct dam_death death = {.file = loading->file,
                              .alone = mark->alone,
                              .ending = mark->ending,
                              .signal = mark->signal};
    if (!find_item(loading, &mark->row, &death.item) || mark->ending == DAM_ENDING_LEFT)
        return DAM_OK;
    memcpy(death.host, mark->host, sizeof death.host);
    return dam_deaths_add(loading->deaths, &death, error);
}

static enum dam_status load_file(struct loading *loading, const char *path,
                                 const struct dam_journal_identity *identity,
                                 struct dam_error *error) {
    struct dam_journal_state state;
    enum dam_status status = dam_journal_read(path, identity, note_row, loading, &state, error);
    if (status == DAM_OK && state.marked)
        status = note_mark(loading, &state.mark, error);
    loading->ledger->damaged += state.damaged;
    return status;
}

static enum dam_status load_files(MPI_Comm comm, const char *folder, const char *names, int size,
                                  const struct dam_journal_identity *identity,
                                  struct loading *loading, struct dam_error *error) {
    int rank, ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    enum dam_status status = DAM_OK;
    for (int at = 0; status == DAM_OK && at < size; at += (int)strlen(names + at) + 1) {
        char *path = dam_path_join(folder, names + at);
        if (path == NULL)
            return dam_fail(error, DAM_MEMORY, "no memory for a file's name");
        status = dam_ledger_add_file(loading->ledger, path, error);
        loading->file = (uint32_t)loading->ledger->file_count - 1;
        if (status == DAM_OK && loading->file % (uint32_t)ranks == (uint32_t)rank)
            status = load_file(loading, path, identity, error);
        free(path);
    }
    return status;
}

enum dam_status dam_load(MPI_Comm comm, const char *folder,
                         const struct dam_journal_identity *identity, const struct dam_study *study,
                         bool retry_failed, struct dam_ledger *ledger, struct dam_deaths *deaths,
                         struct dam_error *error) {
    char *names;
    int size;
    enum dam_status status = share_names(comm, folder, &names, &size, error);
    struct dam_cell_finder finder = {0};
    if (status == DAM_OK && size > 0) {
        status = dam_cell_finder_new(&finder, study, error);
        struct loading loading = {
            .finder = &finder, .ledger = ledger, .deaths = deaths, .retry_failed = retry_failed};
        if (status == DAM_OK)
            status = load_files(comm, folder, names, size, identity, &loading, error);
        status = dam_agree(comm, status, error);
        if (status == DAM_OK)
            status = dam_restarts_apply(comm, &loading.restarts, ledger, error);
        dam_restarts_destroy(&loading.restarts);
    }
    dam_cell_finder_destroy(&finder);
    free(names);
    return status;
}

/* Counts and places of what each rank sends, and their sum, on rank 0. */
static enum dam_status share_counts(MPI_Comm comm, size_t mine, int **counts, int **starts,
                                    size_t *all, struct dam_error *error) {
    int rank, size, count = (int)mine;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    *all = 0;
    *counts = calloc(2 * (size_t)size, sizeof **counts);
    enum dam_status status = DAM_OK;
    if (*counts == NULL || mine > INT32_MAX)
        status = dam_fail(error, DAM_MEMORY, "no memory to gather %zu rows", mine);
    status = dam_agree(comm, status, error);
    if (status != DAM_OK)
        return status;
    *starts = *counts + size;
    MPI_Gather(&count, 1, MPI_INT, *counts, 1, MPI_INT, 0, comm);
    for (int r = 0; rank == 0 && r < size; r++) {
        (*starts)[r] = (int)*all;
        *all += (size_t)(*counts)[r];
        if (*all > INT32_MAX)
            status = dam_fail(error, DAM_MEMORY, "no memory for the index of %zu rows", *all);
    }
    return dam_agree(comm, status, error);
}

/* A list of this rank's, of whose items `part` bytes are wanted. */
struct share {
    const void *items;
    size_t count, size, part;
};

/* Those parts of all ranks' shares, one after the other, on rank 0. */
static enum dam_status gather(MPI_Comm comm, const struct share *share, void **gathered,
                              size_t *count, struct dam_error *error) {
    int *counts, *starts = NULL, rank;
    MPI_Comm_rank(comm, &rank);
    enum dam_status status = share_counts(comm, share->count, &counts, &starts, count, error);
    if (status == DAM_OK && rank == 0 && (*gathered = calloc(*count + 1, share->part)) == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for the index of %zu rows", *count);
    status = dam_agree(comm, status, error);
    if (status == DAM_OK) {
        MPI_Datatype part, sent;
        MPI_Type_contiguous((int)share->part, MPI_BYTE, &part);
        MPI_Type_create_resized(part, 0, (MPI_Aint)share->size, &sent);
        MPI_Type_commit(&part);
        MPI_Type_commit(&sent);
        MPI_Gatherv(share->items, (int)share->count, sent, *gathered, counts, starts, part, 0,
                    comm);
        MPI_Type_free(&sent);
        MPI_Type_free(&part);
    }
    free(counts);
    return status;
}

static enum dam_status check_size(const struct dam_study *study, const struct dam_kind *kind,
                                  const struct dam_entry *entry, struct dam_error *error) {
    struct dam_cell cell;
    dam_study_cell(study, entry->item.cell, &cell);
    if (entry->item.status != DAM_OK || entry->size == kind->record_size(&cell))
        return DAM_OK;
    return dam_fail(error, DAM_DAMAGED,
                    "a row of cell %u has %u bytes instead of %zu: it is from another version of "
                    "dam; discard with --fresh",
                    entry->item.cell, entry->size, kind->record_size(&cell));
}

static size_t padded(size_t size) {
    return (size + 7) / 8 * 8;
}

/* The payloads of the known entries. */
static enum dam_status load_records(struct dam_stock *stock, const struct dam_ledger *ledger,
                                    const struct dam_study *study, const struct dam_kind *kind,
                                    struct dam_error *error) {
    const struct dam_entry *entries = stock->known.items;
    size_t count = stock->known.count, total = 0;
    for (size_t i = 0; i < count; i++)
        total += padded(entries[i].size);
    stock->records = calloc(count + 1, sizeof *stock->records);
    stock->bytes = malloc(total + 1);
    if (stock->records == NULL || stock->bytes == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for %zu bytes of records", total);
    struct dam_payload_reader reader;
    enum dam_status status = dam_payload_reader_new(&reader, ledger, error);
    unsigned char *at = stock->bytes;
    for (size_t i = 0; status == DAM_OK && i < count; i++) {
        status = check_size(study, kind, &entries[i], error);
        if (status == DAM_OK)
            status = dam_payload_read(&reader, &entries[i], at, error);
        stock->records[i] = at;
        at += padded(entries[i].size);
    }
    dam_payload_reader_destroy(&reader);
    stock->known.records = stock->records;
    return status;
}

/* One rank's rows are known where they are; of many, rank 0 keeps no more than it must: there can
 * be a hundred million. */
static enum dam_status gather_known(struct dam_stock *stock, MPI_Comm comm,
                                    struct dam_ledger *ledger, bool with_records,
                                    struct dam_error *error) {
    struct dam_known *known = &stock->known;
    int rank, size;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    void *items = ledger->entries;
    known->count = ledger->count;
    known->stride = sizeof(struct dam_entry);
    enum dam_status status = DAM_OK;
    if (size > 1) {
        known->stride = with_records ? sizeof(struct dam_entry) : sizeof(struct dam_item);
        const struct share mine = {ledger->entries, ledger->count, sizeof *ledger->entries,
                                   known->stride};
        status = gather(comm, &mine, &stock->gathered, &known->count, error);
        items = stock->gathered;
    }
    if (status == DAM_OK && rank == 0 && known->count > 0)
        qsort(items, known->count, known->stride, dam_item_compare);
    known->items = items;
    return status;
}

static void forget_known(struct dam_stock *stock) {
    free(stock->gathered);
    free(stock->records);
    free(stock->bytes);
    *stock = (struct dam_stock){.restarts = stock->restarts};
}

/* The known entries, and their records where they decide how the work goes on. */
static enum dam_status know(struct dam_stock *stock, MPI_Comm comm, struct dam_ledger *ledger,
                            const struct dam_study *study, const struct dam_kind *kind,
                            struct dam_error *error) {
    const bool with_records = kind->more != NULL || kind->keeps_state;
    int rank;
    MPI_Comm_rank(comm, &rank);
    enum dam_status status = gather_known(stock, comm, ledger, with_records, error);
    if (status == DAM_OK && rank == 0 && with_records)
        status = load_records(stock, ledger, study, kind, error);
    return dam_agree(comm, status, error);
}

/* Leave the rows of replicas out that cannot go on. */
static enum dam_status begin_broken_chains_anew(struct dam_stock *stock, MPI_Comm comm,
                                                const struct dam_output_paths *paths,
                                                bool retry_failed, struct dam_ledger *ledger,
                                                const struct dam_study *study,
                                                const struct dam_kind *kind,
                                                struct dam_error *error) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    enum dam_status status = DAM_OK;
    if (rank == 0)
        status = dam_restarts_find(&stock->restarts, &stock->known, paths, retry_failed, study,
                                   kind, error);
    status = dam_agree(comm, status, error);
    if (status == DAM_OK)
        status = dam_restarts_apply(comm, &stock->restarts, ledger, error);
    if (status != DAM_OK || stock->restarts.count == 0)
        return status;
    forget_known(stock);
    return know(stock, comm, ledger, study, kind, error);
}

static enum dam_status gather_deaths(MPI_Comm comm, struct dam_deaths *deaths,
                                     struct dam_error *error) {
    const struct share mine = {deaths->list, deaths->count, sizeof *deaths->list,
                               sizeof *deaths->list};
    struct dam_deaths all = {0};
    void *list = NULL;
    enum dam_status status = gather(comm, &mine, &list, &all.count, error);
    dam_deaths_destroy(deaths);
    all.list = list;
    all.capacity = all.count;
    *deaths = all;
    return status;
}

enum dam_status dam_stock_new(struct dam_stock *stock, MPI_Comm comm,
                              const struct dam_output_paths *paths, bool retry_failed,
                              struct dam_ledger *ledger, struct dam_deaths *deaths,
                              const struct dam_study *study, const struct dam_kind *kind,
                              struct dam_error *error) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    *stock = (struct dam_stock){0};
    enum dam_status status = know(stock, comm, ledger, study, kind, error);
    if (status == DAM_OK && kind->keeps_state)
        status =
            begin_broken_chains_anew(stock, comm, paths, retry_failed, ledger, study, kind, error);
    if (status == DAM_OK)
        status = gather_deaths(comm, deaths, error);
    if (status != DAM_OK)
        return status;
    if (rank == 0)
        status = dam_suspects_new(&stock->suspects, deaths, error);
    return dam_agree(comm, status, error);
}

void dam_stock_destroy(struct dam_stock *stock) {
    dam_suspects_destroy(&stock->suspects);
    dam_restarts_destroy(&stock->restarts);
    forget_known(stock);
}
