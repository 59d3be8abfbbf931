/* Numbers as text, strictly: what is not plainly a number is refused, never guessed at, and the
 * locale of the environment changes nothing. */
#ifndef DAM_STUDY_SCALAR_H
#define DAM_STUDY_SCALAR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Parameters keep this many significant digits, so that 0.1 + 0.2 and 0.3 are one value. */
enum { DAM_SCALAR_DIGITS = 12 };

/* Read a 0-terminated text. The readers return NULL and set *value, or return why the text is
 * refused: a static string that continues a sentence begun with the text ("is not ..."). */

/* Decimal digits with an optional minus; no underscores, leading zeros, hex or exponents. */
const char *dam_scalar_integer(const char *text, int64_t *value);

/* A finite decimal or scientific number, rounded to DAM_SCALAR_DIGITS; zero has no sign. Numbers
 * beyond a normal double, too large or too small, are refused. */
const char *dam_scalar_real(const char *text, double *value);

/* The fewest significant digits, from DAM_SCALAR_DIGITS up to 17, that read back to the same
 * double; nan and inf come out as such. Returns what snprintf returns. */
int dam_scalar_print(char *text, size_t size, double value);

/* Write a UTF-8 text as a double-quoted YAML scalar that reads back to itself. */
void dam_scalar_quote(FILE *out, const char *text);

/* A text for a message: at most 40 bytes, cut between UTF-8 characters and then marked "...".
 * Returns `excerpt`. */
enum { DAM_EXCERPT_LENGTH = 44 };
const char *dam_scalar_excerpt(char excerpt[DAM_EXCERPT_LENGTH], const char *text);

#endif
