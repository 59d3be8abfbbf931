#include "run/share.h"
#include "run/agree.h"
#include "run/open.h"
#include <stdlib.h>
#include <string.h>

/* What rank 0 read, for the others to parse: name, text and overrides, each 0-terminated. */
struct packet {
    char *bytes;
    uint64_t size, text_length, override_count;
};

static enum dam_status pack(struct packet *packet, const struct dam_run_options *options,
                            const char *text, size_t length, struct dam_error *error) {
    size_t size = strlen(options->study_path) + 1 + length + 1;
    for (size_t o = 0; o < options->override_count; o++)
        size += strlen(options->overrides[o]) + 1;
    *packet = (struct packet){malloc(size), size, length, options->override_count};
    if (packet->bytes == NULL || size > INT32_MAX)
        return dam_fail(error, DAM_MEMORY, "no memory to share %zu bytes of study", size);
    char *at = stpcpy(packet->bytes, options->study_path) + 1;
    memcpy(at, text, length);
    at[length] = '\0';
    at += length + 1;
    for (size_t o = 0; o < options->override_count; o++)
        at = stpcpy(at, options->overrides[o]) + 1;
    return DAM_OK;
}

static enum dam_status read_on_root(const struct dam_kinds *kinds,
                                    const struct dam_run_options *options, struct packet *packet,
                                    struct dam_study **study, const struct dam_kind **kind,
                                    struct dam_error *error) {
    char *text;
    size_t length;
    enum dam_status status = dam_study_read(options->study_path, &text, &length, error);
    if (status != DAM_OK)
        return status;
    status = dam_open_text(kinds, options->study_path, text, length, options->overrides,
                           options->override_count, study, kind, error);
    if (status == DAM_OK)
        status = pack(packet, options, text, length, error);
    free(text);
    return status;
}

static enum dam_status parse_packet(const struct dam_kinds *kinds, const struct packet *packet,
                                    struct dam_study **study, const struct dam_kind **kind,
                                    struct dam_error *error) {
    const char **overrides = calloc(packet->override_count + 1, sizeof *overrides);
    if (overrides == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the overrides");
    const char *name = packet->bytes, *text = name + strlen(name) + 1;
    const char *at = text + packet->text_length + 1;
    for (size_t o = 0; o < packet->override_count; o++, at += strlen(at) + 1)
        overrides[o] = at;
    enum dam_status status = dam_open_text(kinds, name, text, packet->text_length, overrides,
                                           packet->override_count, study, kind, error);
    free(overrides);
    return status;
}

enum dam_status dam_share_study(MPI_Comm comm, const struct dam_kinds *kinds,
                                const struct dam_run_options *options, struct dam_study **study,
                                const struct dam_kind **kind, struct dam_error *error) {
    struct packet packet = {0};
    enum dam_status status = DAM_OK;
    int rank, size;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    if (rank == 0)
        status = read_on_root(kinds, options, &packet, study, kind, error);
    status = dam_agree(comm, status, error);
    if (status == DAM_OK && size > 1) {
        uint64_t sizes[3] = {packet.size, packet.text_length, packet.override_count};
        MPI_Bcast(sizes, 3, MPI_UINT64_T, 0, comm);
        if (rank != 0) {
            packet = (struct packet){malloc(sizes[0]), sizes[0], sizes[1], sizes[2]};
            if (packet.bytes == NULL)
                status = dam_fail(error, DAM_MEMORY, "no memory for the study's text");
        }
        status = dam_agree(comm, status, error);
        if (status == DAM_OK) {
            MPI_Bcast(packet.bytes, (int)packet.size, MPI_CHAR, 0, comm);
            if (rank != 0)
                status = parse_packet(kinds, &packet, study, kind, error);
            status = dam_agree(comm, status, error);
        }
    }
    free(packet.bytes);
    return status;
}
