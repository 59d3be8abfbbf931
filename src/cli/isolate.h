/* Reading a file that nobody vouches for in a child process: what a damaged one does to the HDF5
 * library (crash, loop for ever, ask for endless memory) ends the child, and the caller goes on. */
#ifndef DAM_CLI_ISOLATE_H
#define DAM_CLI_ISOLATE_H

#include <dam/error.h>

/* Reads, then prints to stdout and stderr as ever. Nothing it keeps outlives the child: a caller
 * that needs the content itself reads the file once here, to the last byte, and again on its own
 * when that went well. */
typedef enum dam_status dam_isolated(const char *file, const void *context,
                                     struct dam_error *error);

/* Run `body` in a child process; its status and error are the result. What it printed appears when
 * it has ended, on the caller's streams, whose failures are the caller's to see. Where it did not
 * end by itself nothing it printed appears, and this fails: with DAM_DAMAGED where a signal such as
 * SIGSEGV ended it or it took more CPU time than the file's size explains, DAM_MEMORY where it
 * wanted more memory than that, DAM_FILE where someone else ended it. Not with threads running, and
 * before MPI starts. */
enum dam_status dam_isolate(const char *file, dam_isolated *body, const void *context,
                            struct dam_error *error) DAM_CHECKED;

#endif
