/* Errors: one status code and one line of text.
 *
 * Every function that can fail for a reason outside the program (a file, the input, memory, MPI,
 * HDF5) returns an enum dam_status and takes a struct dam_error that it fills when the status is
 * not DAM_OK. Breaking a documented precondition is a programming error and asserts instead.
 */
#ifndef DAM_ERROR_H
#define DAM_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* name, exit code of the program, meaning */
#define DAM_STATUS_LIST(X)                                                                         \
    X(DAM_OK, 0, "success")                                                                        \
    X(DAM_MEMORY, 1, "out of memory")                                                              \
    X(DAM_FILE, 1, "a file could not be read or written")                                          \
    X(DAM_DAMAGED, 1, "a file's content is damaged")                                               \
    X(DAM_PARALLEL, 1, "an MPI call failed")                                                       \
    X(DAM_LIBRARY, 1, "an HDF5 call failed")                                                       \
    X(DAM_INPUT, 2, "bad usage or bad study")                                                      \
    X(DAM_TASKS, 3, "some tasks failed")                                                           \
    X(DAM_STOPPED, 75, "stopped cleanly with work left")                                           \
    X(DAM_CRASHED, 1, "the task ended its rank")

#define DAM_STATUS_ENUM(name, code, text) name,
enum dam_status { DAM_STATUS_LIST(DAM_STATUS_ENUM) DAM_STATUS_COUNT };
#undef DAM_STATUS_ENUM

enum { DAM_ERROR_LENGTH = 1024 };

/* The text is one line without a line end: what, where, and what to do. */
struct dam_error {
    enum dam_status status;
    char text[DAM_ERROR_LENGTH];
};

#if defined(__GNUC__)
#define DAM_CHECKED            __attribute__((warn_unused_result))
#define DAM_PRINTF(text, rest) __attribute__((format(printf, text, rest)))
#else
#define DAM_CHECKED
#define DAM_PRINTF(text, rest)
#endif

/* Fill *error (which may be NULL) and return `status`. Control characters in the text are
 * replaced, so that a hostile input cannot break the line. Not collective. */
enum dam_status dam_fail(struct dam_error *error, enum dam_status status, const char *format, ...)
    DAM_PRINTF(3, 4);

/* Replace, in place, each control character of a text by '?': what could move a terminal's cursor
 * in words that come from a file. Returns text. */
char *dam_printable(char *text);

/* The short meaning of a status, a static string. */
const char *dam_status_text(enum dam_status status);

/* The program's exit code for a status. */
int dam_exit_code(enum dam_status status);

#ifdef __cplusplus
}
#endif

#endif
