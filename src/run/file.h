/* Small file operations that retry what POSIX lets fall short. */
#ifndef DAM_RUN_FILE_H
#define DAM_RUN_FILE_H

#include <dam/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "folder/name", a fresh string of the caller's; NULL when out of memory. */
char *dam_path_join(const char *folder, const char *name);

/* Write or read `size` bytes, at `offset`; short transfers and EINTR are retried. Fail with
 * DAM_FILE (DAM_DAMAGED when a read meets the file's end); `path` is for the message. */
enum dam_status dam_file_write_at(int descriptor, const void *data, size_t size, uint64_t offset,
                                  const char *path, struct dam_error *error) DAM_CHECKED;
enum dam_status dam_file_read_at(int descriptor, void *data, size_t size, uint64_t offset,
                                 const char *path, struct dam_error *error) DAM_CHECKED;

/* Create a file for writing: there was none by this name, no planted link is followed, and its mode
 * is that of the user's umask. A descriptor, or -1 and errno. */
int dam_file_create(const char *path);

/* Replace a file by these bytes, whole or not at all: a temporary file beside it, synced when
 * `durable`, and a rename. */
enum dam_status dam_file_replace(const char *path, const void *data, size_t size, int durable,
                                 struct dam_error *error) DAM_CHECKED;

/* The whole of a file, which is not a link, in a fresh buffer of the caller's, 0-terminated. */
enum dam_status dam_file_read(const char *path, char **data, size_t *size,
                              struct dam_error *error) DAM_CHECKED;

/* Give a finished file its name, in the same folder, and bring the folder to disk. What has that
 * name already is replaced, or else stays and the call fails with DAM_INPUT. */
enum dam_status dam_file_rename(const char *from, const char *to, bool replace,
                                struct dam_error *error) DAM_CHECKED;

/* Bring a file's or a folder's content to disk. */
enum dam_status dam_file_sync(const char *path, struct dam_error *error) DAM_CHECKED;

#endif
