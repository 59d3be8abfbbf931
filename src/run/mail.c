#include "run/mail.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct dam_letter {
    struct dam_letter *next;
    MPI_Request request;
    char data[];
};

struct dam_mail dam_mail_new(MPI_Comm comm) {
    return (struct dam_mail){comm, NULL};
}

/* Free what has left. */
static void clear(struct dam_mail *mail, bool wait) {
    for (struct dam_letter **at = &mail->sent; *at != NULL;) {
        struct dam_letter *letter = *at;
        int left = 1;
        if (wait)
            MPI_Wait(&letter->request, MPI_STATUS_IGNORE);
        else
            MPI_Test(&letter->request, &left, MPI_STATUS_IGNORE);
        if (!left) {
            at = &letter->next;
            continue;
        }
        *at = letter->next;
        free(letter);
    }
}

void dam_mail_finish(struct dam_mail *mail) {
    clear(mail, true);
}

enum dam_status dam_mail_send(struct dam_mail *mail, int to, int tag, const void *data, size_t size,
                              struct dam_error *error) {
    clear(mail, false);
    struct dam_letter *letter = malloc(sizeof *letter + size);
    if (letter == NULL || size > INT32_MAX) {
        free(letter);
        return dam_fail(error, DAM_MEMORY, "no memory for a message of %zu bytes", size);
    }
    if (size > 0)
        memcpy(letter->data, data, size);
    MPI_Isend(letter->data, (int)size, MPI_BYTE, to, tag, mail->comm, &letter->request);
    letter->next = mail->sent;
    mail->sent = letter;
    return DAM_OK;
}

enum dam_status dam_mail_receive(struct dam_mail *mail, int tag, struct dam_message *message,
                                 bool *found, struct dam_error *error) {
    int arrived, size;
    MPI_Status about;
    MPI_Iprobe(MPI_ANY_SOURCE, tag, mail->comm, &arrived, &about);
    *found = arrived;
    if (!arrived)
        return DAM_OK;
    MPI_Get_count(&about, MPI_BYTE, &size);
    *message =
        (struct dam_message){.from = about.MPI_SOURCE, .tag = about.MPI_TAG, .size = (size_t)size};
    message->data = malloc((size_t)size + 1);
    if (message->data == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a message of %d bytes", size);
    MPI_Recv(message->data, size, MPI_BYTE, message->from, message->tag, mail->comm,
             MPI_STATUS_IGNORE);
    return DAM_OK;
}

void dam_mail_rest(void) {
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}
