/* A kind's tables on a terminal of 100 columns. */
#ifndef DAM_STUDY_DESCRIBE_H
#define DAM_STUDY_DESCRIBE_H

#include "study/schema.h"

enum { DAM_DESCRIBE_COLUMNS = 4, DAM_DESCRIBE_LENGTH = 64 };

/* One line of a table: a few short cells, and a doc that is wrapped into what is left. */
struct dam_describe_line {
    char cells[DAM_DESCRIBE_COLUMNS][DAM_DESCRIBE_LENGTH];
    const char *doc;
};

/* Write `count` lines, aligned; the first is the heading. A line with an empty first cell stands
 * alone: its doc is a title. */
void dam_describe_lines(FILE *out, const struct dam_describe_line *lines, size_t count);

/* Text wrapped at the page's width, the lines after the first indented. */
void dam_describe_text(FILE *out, const char *text, int indent);

#endif
