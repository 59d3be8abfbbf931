/* Two-sided messages that never block the sender, and a way to look for arrived ones.
 *
 * A coordinator that answers two-sided messages is the dealing that works everywhere (one-sided
 * counters stall or abort across TCP). Messages between two ranks arrive in the order sent. */
#ifndef DAM_RUN_MAIL_H
#define DAM_RUN_MAIL_H

#include <dam/error.h>
#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

struct dam_mail {
    MPI_Comm comm; /* borrowed */
    struct dam_letter *sent;
};

struct dam_mail dam_mail_new(MPI_Comm comm);

/* Wait until everything sent has left, and free it. Its receivers must take it. */
void dam_mail_finish(struct dam_mail *mail);

/* Send a copy of `size` bytes. Fails with DAM_MEMORY. */
enum dam_status dam_mail_send(struct dam_mail *mail, int to, int tag, const void *data, size_t size,
                              struct dam_error *error) DAM_CHECKED;

/* One arrived message with tag `tag` (or MPI_ANY_TAG), in a fresh buffer of the caller's. */
struct dam_message {
    int from, tag;
    size_t size;
    void *data;
};

/* *found is false when none has arrived. */
enum dam_status dam_mail_receive(struct dam_mail *mail, int tag, struct dam_message *message,
                                 bool *found, struct dam_error *error) DAM_CHECKED;

/* Give the processor away for a moment: what an idle rank does between looks. */
void dam_mail_rest(void);

#endif
