/* The URIs by which OpenSSL's programs name keys. */
#include "fuzz.h"
#include "uri.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_uri uri;
    struct problem problem;
    char escaped[URI_NAME_LIMIT * 3];
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (uri_parse(text, &uri, &problem) &&
        (uri.name[0] == '\0' || memchr(uri.name, 0, sizeof(uri.name)) == NULL ||
         memchr(uri.socket, 0, sizeof(uri.socket)) == NULL ||
         !uri_escape(uri.name, escaped, sizeof(escaped))))
        abort();
    free(text);
    return 0;
}
