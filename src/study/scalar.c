#include "study/scalar.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

#define LEADING_ZERO "has a leading zero (octal to some readers)"

static const char *skip_digits(const char *text) {
    return text + strspn(text, DIGITS);
}

/* 010 is ten to some readers and eight to others. */
static bool has_leading_zero(const char *digits) {
    return digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
}

/* [-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
static bool is_real(const char *text) {
    const char *mantissa = text + (*text == '-');
    const char *end = skip_digits(mantissa);
    size_t digits = (size_t)(end - mantissa);
    if (*end == '.') {
        const char *fraction = end + 1;
        end = skip_digits(fraction);
        digits += (size_t)(end - fraction);
    }
    if (digits == 0)
        return false;
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1;
        exponent += *exponent == '+' || *exponent == '-';
        end = skip_digits(exponent);
        if (end == exponent)
            return false;
    }
    return *end == '\0';
}

const char *dam_scalar_integer(const char *text, int64_t *value) {
    const char *digits = text + (*text == '-');
    const char *end = skip_digits(digits);
    if (strchr(text, ',') != NULL)
        return "is not an integer (a list is written [1, 2])";
    if (is_real(text) && strpbrk(text, "eE") != NULL)
        return "is not an integer (write 1000000, not 1e6)";
    if (end == digits || *end != '\0')
        return "is not an integer (decimal digits only)";
    if (has_leading_zero(digits))
        return LEADING_ZERO;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0)
        return "does not fit in 64 bits";
    *value = number;
    return NULL;
}

static bool is_zero(const char *real) {
    char after = real[strspn(real, "-0.")];
    return after == '\0' || after == 'e' || after == 'E';
}

/* Run in the C locale, for this thread alone. newlocale gives a static object for "C". */
static locale_t enter_c_locale(locale_t *c_locale) {
    *c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return uselocale(*c_locale);
}

static void leave_c_locale(locale_t c_locale, locale_t before) {
    uselocale(before);
    if (c_locale != (locale_t)0)
        freelocale(c_locale);
}

int dam_scalar_print(char *text, size_t size, double value) {
    locale_t c_locale, before = enter_c_locale(&c_locale);
    char digits[32];
    for (int precision = DAM_SCALAR_DIGITS; precision <= DBL_DECIMAL_DIG; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (!isfinite(value) || strtod(digits, NULL) == value)
            break;
    }
    leave_c_locale(c_locale, before);
    return snprintf(text, size, "%s", digits);
}

/* The double nearest to the text's first DAM_SCALAR_DIGITS significant digits. */
static double read_rounded(const char *text) {
    locale_t c_locale, before = enter_c_locale(&c_locale);
    char rounded[32];
    double number = strtod(text, NULL);
    if (isnormal(number)) {
        snprintf(rounded, sizeof rounded, "%.*g", DAM_SCALAR_DIGITS, number);
        number = strtod(rounded, NULL);
    }
    leave_c_locale(c_locale, before);
    return number;
}

const char *dam_scalar_real(const char *text, double *value) {
    if (!is_real(text))
        return "is not a finite decimal number (such as 0.5 or 1e-3)";
    if (has_leading_zero(text + (*text == '-')))
        return LEADING_ZERO;
    if (is_zero(text)) {
        *value = 0;
        return NULL;
    }
    double number = read_rounded(text);
    if (isinf(number))
        return "is too large for a double";
    if (!isnormal(number))
        return "is too small for a double";
    *value = number;
    return NULL;
}

/* The character that begins at *text, which moves past it. */
static uint32_t next_character(const char **text) {
    const unsigned char *bytes = (const unsigned char *)*text;
    int more = bytes[0] < 0x80 ? 0 : bytes[0] < 0xE0 ? 1 : bytes[0] < 0xF0 ? 2 : 3;
    uint32_t character = more == 0 ? bytes[0] : bytes[0] & (0x3Fu >> more);
    for (int i = 1; i <= more && bytes[i] != 0; i++, (*text)++)
        character = character << 6 | (bytes[i] & 0x3Fu);
    ++*text;
    return character;
}

void dam_scalar_quote(FILE *out, const char *text) {
    fputc('"', out);
    while (*text != '\0') {
        const char *begin = text;
        uint32_t character = next_character(&text);
        /* Line ends and what YAML does not print are escaped. */
        bool plain = (character >= 0x20 && character < 0x7F) ||
                     (character >= 0xA0 && character < 0x2028) ||
                     (character > 0x2029 && character < 0xFEFF);
        if (character == '"' || character == '\\')
            fprintf(out, "\\%c", (char)character);
        else if (plain)
            fwrite(begin, 1, (size_t)(text - begin), out);
        else
            fprintf(out, "\\U%08" PRIX32, character);
    }
    fputc('"', out);
}

const char *dam_scalar_excerpt(char excerpt[DAM_EXCERPT_LENGTH], const char *text) {
    size_t shown = DAM_EXCERPT_LENGTH - 4;
    size_t length = strnlen(text, shown + 1);
    bool cut = length > shown;
    if (cut)
        for (length = shown; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80;)
            length--;
    memcpy(excerpt, text, length);
    strcpy(excerpt + length, cut ? "..." : "");
    return excerpt;
}
