#include "pem.h"

#include <openssl/evp.h>
#include <string.h>

enum { LINE_LIMIT = 256, TEXT_LIMIT = 4096 };

static bool is_line(const char *line, const char *edge, const char *label)
{
    const size_t edge_length = strlen(edge);
    const size_t label_length = strlen(label);

    if (strncmp(line, edge, edge_length) != 0 || strncmp(line + edge_length, label, label_length) != 0)
        return false;
    line += edge_length + label_length;
    return strncmp(line, "-----", 5) == 0 && line[5 + strspn(line + 5, " \t\r\n")] == '\0';
}

/* Decodes base64, and cuts the line end off that an editor or `echo` left behind the URI. */
static bool decode(const char *text, size_t length, char *out, size_t size)
{
    unsigned char bytes[TEXT_LIMIT];
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    int used = 0;
    int rest = 0;
    bool done = false;

    if (context == NULL)
        return false;
    EVP_DecodeInit(context);
    if (EVP_DecodeUpdate(context, bytes, &used, (const unsigned char *)text, (int)length) >= 0 &&
        EVP_DecodeFinal(context, bytes + used, &rest) == 1) {
        used += rest;
        while (used > 0 && (bytes[used - 1] == '\n' || bytes[used - 1] == '\r'))
            used--;
        if (used > 0 && (size_t)used < size && memchr(bytes, '\0', (size_t)used) == NULL) {
            memcpy(out, bytes, (size_t)used);
            out[used] = '\0';
            done = true;
        }
    }
    EVP_ENCODE_CTX_free(context);
    return done;
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
