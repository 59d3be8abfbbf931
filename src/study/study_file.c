/* Reading a study's file. */
#include "study/study.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_LIMIT = 16 << 20 /* bytes */ };

static enum dam_status fail_path(struct dam_error *error, const char *path, const char *problem) {
    return dam_fail(error, DAM_INPUT, "%s: %s; name a study file in YAML", path, problem);
}

/* Read up to `size` bytes until the end of the file. Returns the bytes read or -1 with errno. */
static ssize_t read_all(int file, char *buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t part = read(file, buffer + done, size - done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        if (part == 0)
            break;
        done += (size_t)part;
    }
    return (ssize_t)done;
}

static enum dam_status check_content(const char *path, const char *text, size_t length,
                                     struct dam_error *error) {
    if (length == 0)
        return fail_path(error, path, "the file is empty");
    if (length > FILE_LIMIT)
        return fail_path(error, path, "larger than 16 MiB, too large for a study");
    if (memchr(text, '\0', length) != NULL)
        return fail_path(error, path, "a binary file (it holds zero bytes)");
    return DAM_OK;
}

enum dam_status dam_study_read(const char *path, char **text, size_t *length,
                               struct dam_error *error) {
    struct stat information;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail_path(error, path, strerror(errno));
    enum dam_status status = DAM_OK;
    char *buffer = NULL;
    if (fstat(file, &information) == 0 && S_ISDIR(information.st_mode))
        status = fail_path(error, path, "a directory");
    /* One byte over the limit tells that there is more; one ends the text. */
    if (status == DAM_OK && (buffer = malloc(FILE_LIMIT + 2)) == NULL)
        status = dam_fail(error, DAM_MEMORY, "%s: out of memory", path);
    if (status == DAM_OK) {
        ssize_t size = read_all(file, buffer, FILE_LIMIT + 1);
        if (size < 0)
            status = fail_path(error, path, strerror(errno));
        else
            status = check_content(path, buffer, *length = (size_t)size, error);
    }
    close(file);
    if (status != DAM_OK) {
        free(buffer);
        return status;
    }
    buffer[*length] = '\0';
    char *fitting = realloc(buffer, *length + 1);
    *text = fitting != NULL ? fitting : buffer;
    return DAM_OK;
}
