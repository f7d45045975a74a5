#include "http.h"

#include <string.h>

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

/* Behind the string whose opening quote stands before text; NULL when it does not end. */
static const char *skip_string(const char *text)
{
    for (; *text != '"'; text++) {
        if (*text == '\\')
            text++;
        if (*text == '\0')
            return NULL;
    }
    return text + 1;
}

/* Escapes other than \" \\ \/ become a blank or a question mark: the text is for a log line. */
static bool copy_string(const char *text, char *out, size_t out_size)
{
    size_t used = 0;

    for (; *text != '"'; text++) {
        char c = *text;

        if (c == '\0')
            return false;
        if (c == '\\') {
            c = *++text;
            if (c == '\0')
                return false;
            if (c == 'u') {
                if (strspn(text + 1, "0123456789abcdefABCDEF") < 4)
                    return false;
                text += 4;
                c = '?';
            } else if (strchr("\"\\/", c) == NULL) {
                c = ' ';
            }
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            c = ' ';
        if (used + 1 < out_size)
            out[used++] = c;
    }
    out[used] = '\0';
    return used > 0;
}

bool http_json_text(const char *json, const char *name, char *out, size_t out_size)
{
    const size_t name_length = strlen(name);
    const char *at = skip_space(json);

    if (*at != '{')
        return false;
    at = skip_space(at + 1);
    while (*at == '"') {
        const char *const key = at + 1;
        const char *end = skip_string(key);
        bool found;

        if (end == NULL)
            return false;
        found = (size_t)(end - 1 - key) == name_length && memcmp(key, name, name_length) == 0;
        at = skip_space(end);
        if (*at != ':')
            return false;
        at = skip_space(at + 1);
        if (*at != '"')
            return false;
        if (found)
            return copy_string(at + 1, out, out_size);
        at = skip_string(at + 1);
        if (at == NULL)
            return false;
        at = skip_space(at);
        if (*at == ',')
            at = skip_space(at + 1);
    }
    return false;
}
