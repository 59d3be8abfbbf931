#include "run/file.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *dam_path_join(const char *folder, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static enum dam_status failed(const char *what, const char *path, struct dam_error *error) {
    return dam_fail(error, DAM_FILE, "%s: cannot %s: %s", path, what, strerror(errno));
}

enum dam_status dam_file_write_at(int descriptor, const void *data, size_t size, uint64_t offset,
                                  const char *path, struct dam_error *error) {
    const char *bytes = data;
    while (size > 0) {
        ssize_t written = pwrite(descriptor, bytes, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return failed("write", path, error);
        bytes += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return DAM_OK;
}

enum dam_status dam_file_read_at(int descriptor, void *data, size_t size, uint64_t offset,
                                 const char *path, struct dam_error *error) {
    char *bytes = data;
    while (size > 0) {
        ssize_t got = pread(descriptor, bytes, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed("read", path, error);
        if (got == 0)
            return dam_fail(error, DAM_DAMAGED, "%s: ends before byte %llu", path,
                            (unsigned long long)(offset + size));
        bytes += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return DAM_OK;
}

int dam_file_create(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
}

static enum dam_status write_new(const char *temporary, const void *data, size_t size, bool durable,
                                 struct dam_error *error) {
    /* What a crashed run left under this name is ours; a planted link is not followed. */
    if (unlink(temporary) != 0 && errno != ENOENT)
        return failed("replace", temporary, error);
    int descriptor = dam_file_create(temporary);
    if (descriptor < 0)
        return failed("create", temporary, error);
    enum dam_status status = dam_file_write_at(descriptor, data, size, 0, temporary, error);
    if (status == DAM_OK && durable && fsync(descriptor) != 0)
        status = failed("sync", temporary, error);
    if (close(descriptor) != 0 && status == DAM_OK)
        status = failed("close", temporary, error);
    return status;
}

enum dam_status dam_file_replace(const char *path, const void *data, size_t size, int durable,
                                 struct dam_error *error) {
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.new", path) < 0)
        return dam_fail(error, DAM_MEMORY, "%s: no memory for its name", path);
    enum dam_status status = write_new(temporary, data, size, durable, error);
    if (status == DAM_OK && rename(temporary, path) != 0)
        status = failed("rename to", path, error);
    if (status != DAM_OK)
        unlink(temporary);
    free(temporary);
    return status;
}

enum dam_status dam_file_read(const char *path, char **data, size_t *size,
                              struct dam_error *error) {
    /* Not to wait for the other end of a planted pipe. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        return failed("open", path, error);
    struct stat about;
    enum dam_status status = DAM_OK;
    *data = NULL;
    if (fstat(descriptor, &about) != 0)
        status = failed("stat", path, error);
    else if (!S_ISREG(about.st_mode))
        status = dam_fail(error, DAM_FILE, "%s: not a regular file", path);
    else if ((*data = malloc((size_t)about.st_size + 1)) == NULL)
        status = dam_fail(error, DAM_MEMORY, "%s: no memory for %lld bytes", path,
                          (long long)about.st_size);
    if (status == DAM_OK) {
        *size = (size_t)about.st_size;
        status = dam_file_read_at(descriptor, *data, *size, 0, path, error);
    }
    if (status == DAM_OK) {
        (*data)[*size] = '\0';
    } else {
        free(*data);
        *data = NULL;
    }
    close(descriptor);
    return status;
}

enum dam_status dam_file_sync(const char *path, struct dam_error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return failed("open", path, error);
    /* Some file systems do not sync folders and say so with EINVAL. */
    bool synced = fsync(descriptor) == 0 || errno == EINVAL;
    enum dam_status status = synced ? DAM_OK : failed("sync", path, error);
    close(descriptor);
    return status;
}

/* Without a moment at which another's file could be lost; not all file systems know the call. */
static int rename_unless_there(const char *from, const char *to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(from, to) == 0 ? unlink(from) : -1;
}

enum dam_status dam_file_rename(const char *from, const char *to, bool replace,
                                struct dam_error *error) {
    int failed_to = replace ? rename(from, to) : rename_unless_there(from, to);
    if (failed_to != 0 && errno == EEXIST)
        return dam_fail(error, DAM_INPUT, "%s: exists; remove it, or name another output", to);
    if (failed_to != 0)
        return dam_fail(error, DAM_FILE, "%s: cannot rename it to %s: %s", from, to,
                        strerror(errno));
    char *copy = strdup(to);
    if (copy == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: no memory for its name", to);
    enum dam_status status = dam_file_sync(dirname(copy), error);
    free(copy);
    return status;
}
