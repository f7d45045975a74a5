/* The Key Service's answers to the provider: a head, and the texts of an error. */
#include "fuzz.h"
#include "http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char end[] = "\r\n\r\n";
    struct http_reply *reply = malloc(sizeof(*reply));
    struct problem problem;
    char text[50];
    const char *found;
    char *json = malloc(size + 1);

    if (reply == NULL || json == NULL)
        abort();
    if (size > 0)
        memcpy(json, data, size);
    json[size] = '\0';
    if (http_json_text(json, "message", text, sizeof(text)) && memchr(text, 0, sizeof(text)) == NULL)
        abort();
    found = memmem(json, size, end, sizeof(end) - 1);
    if (found != NULL && (size_t)(found - json) + 4 <= HTTP_HEAD_LIMIT) {
        const size_t length = (size_t)(found - json) + 4;

        memcpy(reply->buffer, json, length);
        if (http_parse_head(reply, length, &problem) &&
            (reply->content_length > HTTP_BODY_LIMIT || reply->status < 200 || reply->status > 599))
            abort();
    }
    free(json);
    free(reply);
    return 0;
}
