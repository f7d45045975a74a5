#include "pem.h"

#include "../common/base64.h"

#include <string.h>

enum { LINE_LIMIT = 256, TEXT_LIMIT = 6 * 1024 };

static bool is_line(const char *line, const char *edge, const char *label)
{
    const size_t edge_length = strlen(edge);
    const size_t label_length = strlen(label);

    if (strncmp(line, edge, edge_length) != 0 || strncmp(line + edge_length, label, label_length) != 0)
        return false;
    line += edge_length + label_length;
    return strncmp(line, "-----", 5) == 0 && line[5 + strspn(line + 5, " \t\r\n")] == '\0';
}

/* Decodes base64 in place, and cuts the line end off that an editor or `echo` left behind the URI. */
static bool decode(char *text, size_t length, char *out, size_t size)
{
    const ssize_t decoded = base64_decode(text, length, text);
    size_t used = decoded > 0 ? (size_t)decoded : 0;

    while (used > 0 && (text[used - 1] == '\n' || text[used - 1] == '\r'))
        used--;
    if (used == 0 || used >= size || memchr(text, '\0', used) != NULL)
        return false;
    memcpy(out, text, used);
    out[used] = '\0';
    return true;
}

bool pem_read_reference(pem_gets *gets, void *source, char *uri, size_t size)
{
    char line[LINE_LIMIT];
    char text[TEXT_LIMIT];
    size_t used = 0;

    do {
        if (gets(source, line, sizeof(line)) <= 0)
            return false;
    } while (strncmp(line, "-----BEGIN ", 11) != 0);
    if (!is_line(line, "-----BEGIN ", PEM_REFERENCE_LABEL))
        return false;
    for (;;) {
        size_t length;

        if (gets(source, line, sizeof(line)) <= 0)
            return false;
        if (is_line(line, "-----END ", PEM_REFERENCE_LABEL))
            return decode(text, used, uri, size);
        length = strlen(line);
        if (used + length > sizeof(text))
            return false;
        memcpy(text + used, line, length);
        used += length;
    }
}
