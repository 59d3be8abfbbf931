/* A study's `from`, before MPI starts: the result it names is read in a child process first. */
#ifndef DAM_CLI_SELECT_H
#define DAM_CLI_SELECT_H

#include "kinds/kind.h"

/* Where the study at `study_path`, with these overrides, takes rows over from a result, append the
 * override that holds them: overrides has room for it, and *selected, the string, is the caller's
 * to free (NULL: there is none). What else is wrong with the study is left to whoever runs it. */
enum dam_status dam_cli_select(const struct dam_kinds *kinds, const char *study_path,
                               const char **overrides, size_t *override_count, char **selected,
                               struct dam_error *error) DAM_CHECKED;

#endif
