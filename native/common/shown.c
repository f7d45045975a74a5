#include "shown.h"

#include <errno.h>
#include <string.h>

void shown(const struct json *object, const char *name, char *out, size_t size)
{
    const struct json value = json_member(object, name);
    static const char more[] = "...";
    int error;

    /* What does not fit is looked at up to its cut, which may lie behind what json_text wrote. */
    memset(out, 0, size);
    error = json_text(&value, out, size, NULL);
    if (error == -EPROTO) {
        out[0] = '\0';
    } else if (error == -ERANGE) {
        /* Cut between characters of UTF-8, never within one. */
        size_t end = size - sizeof(more);

        while (end > 0 && ((unsigned char)out[end] & 0xc0) == 0x80)
            end--;
        memcpy(out + end, more, sizeof(more));
    }
    for (; *out != '\0'; out++)
        if ((unsigned char)*out < 0x20 || *out == 0x7f)
            *out = ' ';
}
