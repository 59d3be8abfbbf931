#include "cli/select.h"
#include "cli/isolate.h"
#include "cli/program.h"
#include "run/open.h"
#include "run/select.h"
#include "run/verify.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct attempt {
    const struct dam_kinds *kinds;
    const struct dam_selection *selection;
};

/* Keep the first line of all that is wrong. */
static void keep_first(void *context, const char *line) {
    struct dam_error *first = context;
    if (first->text[0] == '\0')
        dam_fail(first, DAM_DAMAGED, "%s", line);
}

/* In a child process: is the file whole, and can it be chosen from? */
static enum dam_status try_file(const char *file, const void *context, struct dam_error *error) {
    const struct attempt *attempt = context;
    struct dam_verification verification;
    struct dam_error first = {0}, note;
    char *selected;
    enum dam_status status =
        dam_verify(file, attempt->kinds, keep_first, &first, &verification, error);
    if (status == DAM_DAMAGED && first.text[0] != '\0')
        return dam_fail(error, DAM_DAMAGED, "%s; 'dam verify' tells all that is wrong", first.text);
    if (status == DAM_OK || status == DAM_FILE) /* no such file: said with the study's line */
        status = dam_select(attempt->selection,
                            dam_kinds_find(attempt->kinds, attempt->selection->schema->name),
                            &selected, &note, error);
    return status;
}

static enum dam_status select_rows(const struct dam_kinds *kinds,
                                   const struct dam_selection *selection, char **selected,
                                   struct dam_error *error) {
    const struct attempt attempt = {kinds, selection};
    const struct dam_kind *kind = dam_kinds_find(kinds, selection->schema->name);
    struct dam_error note;
    enum dam_status status = dam_isolate(selection->path, try_file, &attempt, error);
    if (status == DAM_OK)
        status = dam_select(selection, kind, selected, &note, error);
    if (status == DAM_OK)
        dam_program_complain(&note);
    return status;
}

/* A pipe can be read only once, by whoever runs the study. */
static bool is_plain_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

enum dam_status dam_cli_select(const struct dam_kinds *kinds, const char *study_path,
                               const char **overrides, size_t *override_count, char **selected,
                               struct dam_error *error) {
    *selected = NULL;
    char *text;
    size_t length;
    struct dam_selection *selection;
    struct dam_error ignored;
    if (!is_plain_file(study_path) ||
        dam_study_read(study_path, &text, &length, &ignored) != DAM_OK)
        return DAM_OK;
    enum dam_status status = dam_open_selection(kinds, study_path, text, length, overrides,
                                                *override_count, &selection, &ignored);
    free(text);
    if (status != DAM_OK || selection == NULL)
        return DAM_OK;
    status = select_rows(kinds, selection, selected, error);
    if (status != DAM_OK && status != DAM_INPUT) { /* which says itself where the study is wrong */
        struct dam_error cause = *error;
        dam_fail_at(error, selection->place, "from: %s", cause.text);
        error->status = status;
    }
    if (status == DAM_OK)
        overrides[(*override_count)++] = *selected;
    dam_selection_destroy(selection);
    return status;
}
