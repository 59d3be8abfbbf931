#include "run/output.h"
#include "run/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One's own link, or the system's, is meant; in a folder that others can write to, another's may
 * have been planted to have a file of mine replaced. */
static bool is_trusted(const struct stat *link) {
    return link->st_uid == geteuid() || link->st_uid == 0;
}

enum dam_status dam_output_paths_new(struct dam_output_paths *paths, const char *file,
                                     struct dam_error *error) {
    *paths = (struct dam_output_paths){0};
    struct stat about;
    bool is_link = lstat(file, &about) == 0 && S_ISLNK(about.st_mode);
    if (is_link && !is_trusted(&about))
        return dam_fail(error, DAM_INPUT,
                        "%s: is a link of another user (id %lu); name the file it points to, or "
                        "another output, with -o",
                        file, (unsigned long)about.st_uid);
    /* Publishing replaces a file by renaming another: of a link, it must be the target. */
    if (is_link)
        paths->file = realpath(file, NULL);
    if (paths->file == NULL)
        paths->file = strdup(file);
    if (paths->file == NULL || asprintf(&paths->folder, "%s.journal", paths->file) < 0)
        paths->folder = NULL;
    if (paths->folder != NULL) {
        paths->lock = dam_path_join(paths->folder, "lock");
        paths->status = dam_path_join(paths->folder, "status");
        paths->stop = dam_path_join(paths->folder, "stop");
        paths->temporary = dam_path_join(paths->folder, "publish.h5");
    }
    if (paths->file != NULL && paths->folder != NULL && paths->lock != NULL &&
        paths->status != NULL && paths->stop != NULL && paths->temporary != NULL)
        return DAM_OK;
    dam_output_paths_destroy(paths);
    return dam_fail(error, DAM_MEMORY, "%s: no memory for its name", file);
}

void dam_output_paths_destroy(struct dam_output_paths *paths) {
    free(paths->file);
    free(paths->folder);
    free(paths->lock);
    free(paths->status);
    free(paths->stop);
    free(paths->temporary);
    *paths = (struct dam_output_paths){0};
}

/* A process that dies lets go of a record lock, on any node that shares the file. */
static struct flock whole_file(short type) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static enum dam_status check_parent(const char *file, struct dam_error *error) {
    char *copy = strdup(file);
    if (copy == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: no memory for its name", file);
    const char *folder = dirname(copy);
    struct stat about;
    enum dam_status status = DAM_OK;
    if (stat(folder, &about) != 0 || access(folder, W_OK) != 0)
        status = dam_fail(error, DAM_INPUT, "%s: cannot write in the folder %s: %s", file, folder,
                          strerror(errno));
    else if (!S_ISDIR(about.st_mode))
        status = dam_fail(error, DAM_INPUT, "%s: %s is not a folder", file, folder);
    free(copy);
    return status;
}

enum dam_status dam_output_check(const struct dam_output_paths *paths, struct dam_error *error) {
    const char *file = paths->file;
    struct stat about;
    if (file[0] == '\0')
        return dam_fail(error, DAM_INPUT, "the output has no name; give one with -o FILE.h5");
    if (stat(file, &about) != 0) {
        if (errno == ENOENT)
            return check_parent(file, error);
        return dam_fail(error, DAM_INPUT, "%s: cannot be the output: %s", file, strerror(errno));
    }
    if (S_ISDIR(about.st_mode))
        return dam_fail(error, DAM_INPUT,
                        "%s: is a directory; name a file with -o, such as %s/result.h5", file,
                        file);
    if (!S_ISREG(about.st_mode))
        return dam_fail(error, DAM_INPUT, "%s: is not a regular file; name another with -o", file);
    /* The rename that publishes would replace a read-only file: that is not what it says. */
    if ((about.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0 || access(file, W_OK) != 0)
        return dam_fail(error, DAM_INPUT, "%s: is read-only; name another output with -o", file);
    return DAM_OK;
}

static enum dam_status make_folder(const struct dam_output_paths *paths, struct dam_error *error) {
    if (mkdir(paths->folder, 0777) == 0)
        return DAM_OK;
    int failure = errno;
    struct stat about;
    if (failure == EEXIST && lstat(paths->folder, &about) == 0 && S_ISDIR(about.st_mode))
        return DAM_OK;
    return dam_fail(error, DAM_INPUT,
                    "%s: cannot make the journal folder: %s; name an output in a "
                    "folder you can write to with -o",
                    paths->folder, strerror(failure == EEXIST ? ENOTDIR : failure));
}

static enum dam_status held(const struct dam_output_paths *paths, int descriptor,
                            struct dam_error *error) {
    char holder[256] = "";
    ssize_t length = pread(descriptor, holder, sizeof holder - 1, 0);
    holder[length < 0 ? 0 : length] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return dam_fail(error, DAM_INPUT,
                    "%s: another run is writing it (%s); wait for it, or stop it "
                    "with: touch %s",
                    paths->file, holder, paths->stop);
}

/* Why a lock could not be taken. A file system without locks is no reason not to run. */
static enum dam_status not_locked(const struct dam_output_paths *paths, int descriptor,
                                  struct dam_error *error) {
    if (errno == EACCES || errno == EAGAIN)
        return held(paths, descriptor, error);
    if (errno != ENOSYS && errno != EOPNOTSUPP && errno != ENOLCK)
        return dam_fail(error, DAM_FILE, "%s: cannot lock: %s", paths->lock, strerror(errno));
    fprintf(stderr,
            "dam: %s: cannot be locked here (%s): see yourself that no other run writes it\n",
            paths->file, strerror(errno));
    return DAM_OK;
}

static void sign(int descriptor) {
    char host[128] = "", text[256];
    gethostname(host, sizeof host - 1);
    int length = snprintf(text, sizeof text, "host %s, pid %ld\n", host, (long)getpid());
    /* Only for people to read: a failure costs nothing. */
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)length, 0) < 0)
        return;
}

enum dam_status dam_output_lock(const struct dam_output_paths *paths, int *descriptor,
                                struct dam_error *error) {
    enum dam_status status = make_folder(paths, error);
    if (status != DAM_OK)
        return status;
    int lock = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (lock < 0)
        return dam_fail(error, DAM_INPUT, "%s: cannot open: %s; name another output with -o",
                        paths->lock, strerror(errno));
    struct flock whole = whole_file(F_WRLCK);
    if (fcntl(lock, F_SETLK, &whole) != 0) {
        status = not_locked(paths, lock, error);
        if (status != DAM_OK) {
            close(lock);
            return status;
        }
    }
    sign(lock);
    *descriptor = lock;
    return DAM_OK;
}

bool dam_output_locked(const struct dam_output_paths *paths) {
    int lock = open(paths->lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
        return false;
    struct flock whole = whole_file(F_WRLCK);
    bool locked = fcntl(lock, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    close(lock);
    return locked;
}

/* The names the program itself gives to files in the journal folder. */
static bool ours(const char *name) {
    return strncmp(name, "rows-", 5) == 0 || strncmp(name, "state-", 6) == 0 ||
           strncmp(name, "publish.h5", 10) == 0 || strncmp(name, "status", 6) == 0 ||
           strcmp(name, "stop") == 0;
}

enum dam_status dam_output_discard(const struct dam_output_paths *paths, struct dam_error *error) {
    if (unlink(paths->file) != 0 && errno != ENOENT)
        return dam_fail(error, DAM_FILE, "%s: cannot remove: %s", paths->file, strerror(errno));
    DIR *folder = opendir(paths->folder);
    if (folder == NULL)
        return dam_fail(error, DAM_FILE, "%s: cannot read: %s", paths->folder, strerror(errno));
    enum dam_status status = DAM_OK;
    for (struct dirent *entry; status == DAM_OK && (entry = readdir(folder)) != NULL;)
        if (ours(entry->d_name) && unlinkat(dirfd(folder), entry->d_name, 0) != 0)
            status = dam_fail(error, DAM_FILE, "%s/%s: cannot remove: %s", paths->folder,
                              entry->d_name, strerror(errno));
    closedir(folder);
    return status;
}
