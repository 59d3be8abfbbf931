#include <dam/error.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int exit_code;
    const char *text;
} statuses[] = {
#define STATUS_ENTRY(name, code, meaning) [name] = {code, meaning},
    DAM_STATUS_LIST(STATUS_ENTRY)
#undef STATUS_ENTRY
};

/* End a text that did not fit in "...", without half a UTF-8 character before it. */
static void mark_cut(char text[static DAM_ERROR_LENGTH]) {
    size_t end = DAM_ERROR_LENGTH - sizeof "...";
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, "...", sizeof "...");
}

/* C0, DEL, and C1 as UTF-8 writes it (C2 80 .. C2 9F): all that can move a terminal's cursor. */
char *dam_printable(char *text) {
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
    }
    return text;
}

enum dam_status dam_fail(struct dam_error *error, enum dam_status status, const char *format, ...) {
    assert(status > DAM_OK && status < DAM_STATUS_COUNT);
    if (error == NULL)
        return status;

    /* A buffer of its own, so that error->text may be among the arguments. */
    char text[DAM_ERROR_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        snprintf(text, sizeof text, "%s", dam_status_text(status));
    else if ((size_t)length >= sizeof text)
        mark_cut(text);
    dam_printable(text);

    error->status = status;
    memcpy(error->text, text, sizeof text);
    return status;
}

const char *dam_status_text(enum dam_status status) {
    assert(status >= DAM_OK && status < DAM_STATUS_COUNT);
    return statuses[status].text;
}

int dam_exit_code(enum dam_status status) {
    assert(status >= DAM_OK && status < DAM_STATUS_COUNT);
    return statuses[status].exit_code;
}
