#include "uri.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char scheme[] = "estprov:";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes length characters of text. A control character, encoded or not, is never part of a name. */
static bool decode(const char *text, size_t length, char *out, size_t out_size)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f || used + 1 >= out_size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return used > 0;
}

static bool parse_query(const char *query, struct key_uri *uri, struct problem *problem)
{
    static const char key[] = "socket=";
    const size_t key_length = sizeof(key) - 1;

    if (strncmp(query, key, key_length) != 0 || strchr(query, '&') != NULL) {
        problem_set(problem, REASON_URI, "only ?socket=PATH may follow the key's name");
        return false;
    }
    if (!decode(query + key_length, strlen(query + key_length), uri->socket, sizeof(uri->socket))) {
        problem_set(problem, REASON_URI, "socket= needs a path of 1 to %d characters, percent-encoded",
                    URI_SOCKET_LIMIT - 1);
        return false;
    }
    if (uri->socket[0] != '/') {
        problem_set(problem, REASON_URI, "socket= needs an absolute path, not '%s'", uri->socket);
        return false;
    }
    return true;
}

bool uri_parse(const char *text, struct key_uri *uri, struct problem *problem)
{
    const size_t scheme_length = sizeof(scheme) - 1;
    const char *query;
    size_t length;

    memset(uri, 0, sizeof(*uri));
    if (strncasecmp(text, scheme, scheme_length) != 0) {
        problem_set(problem, REASON_URI, "a key's URI begins with 'estprov:'");
        return false;
    }
    text += scheme_length;
    if (strncmp(text, "id=", 3) == 0) {
        uri->by_id = true;
        text += 3;
    }
    query = strchr(text, '?');
    length = query != NULL ? (size_t)(query - text) : strlen(text);
    if (!decode(text, length, uri->name, sizeof(uri->name))) {
        problem_set(problem, REASON_URI,
                    "the key's %s must have 1 to %d characters, percent-encoded where special",
                    uri->by_id ? "id" : "handle", URI_NAME_LIMIT - 1);
        return false;
    }
    return query == NULL || parse_query(query + 1, uri, problem);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool uri_escape(const char *text, char *out, size_t out_size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;

    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;

        if (used + 4 > out_size)
            return false;
        if (is_unreserved(*text)) {
            out[used++] = *text;
        } else {
            out[used++] = '%';
            out[used++] = digits[c >> 4];
            out[used++] = digits[c & 15];
        }
    }
    if (used >= out_size)
        return false;
    out[used] = '\0';
    return true;
}

/* As uri_escape, but for the slashes of a path, which stand in a query as they are (RFC 3986 section 3.4). */
static bool escape_path(const char *path, char *out, size_t out_size)
{
    size_t used = 0;

    for (; *path != '\0'; path++) {
        const char character[2] = {*path, '\0'};

        if (used + 4 > out_size)
            return false;
        if (*path == '/')
            out[used++] = '/';
        else if (uri_escape(character, out + used, out_size - used))
            used += strlen(out + used);
        else
            return false;
    }
    out[used] = '\0';
    return true;
}

bool uri_format(const struct key_uri *uri, char *out, size_t out_size)
{
    char name[URI_NAME_LIMIT * 3];
    char path[URI_SOCKET_LIMIT * 3 + 4];
    int length;

    if (!uri_escape(uri->name, name, sizeof(name)) || !escape_path(uri->socket, path, sizeof(path)))
        return false;
    length = snprintf(out, out_size, "%s%s%s%s%s", scheme, uri->by_id ? "id=" : "", name,
                      path[0] != '\0' ? "?socket=" : "", path);
    return length > 0 && (size_t)length < out_size;
}
