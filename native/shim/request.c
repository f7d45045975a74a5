#include "exchange.h"

#include <errno.h>
#include <string.h>

int target_begin(struct estprov *context, enum estprov_daemon daemon, const char *path, const char *segment)
{
    if (segment != NULL && (segment[0] == '\0' || strlen(segment) > ID_LONGEST))
        return fail(context, segment[0] == '\0' ? -EINVAL : -ENAMETOOLONG, "an id has 1 to %d bytes",
                    ID_LONGEST);
    buffer_text(&context->target, path);
    if (segment != NULL)
        buffer_escaped(&context->target, segment);
    buffer_text(&context->target, "?api-version=");
    buffer_text(&context->target, daemons[daemon].version);
    return 0;
}

void target_query(struct estprov *context, const char *name, const char *value)
{
    buffer_text(&context->target, "&");
    buffer_text(&context->target, name);
    buffer_text(&context->target, "=");
    buffer_escaped(&context->target, value);
}

void request_head(struct buffer *out, const char *method, const struct buffer *target, const char *media_type,
                  size_t body_length)
{
    buffer_text(out, method);
    buffer_text(out, " ");
    buffer_add(out, target->data, target->length);
    buffer_text(out, " HTTP/1.1\r\nHost: localhost\r\n");
    if (body_length > 0 || strcmp(method, "GET") != 0) {
        buffer_text(out, "Content-Type: ");
        buffer_text(out, media_type != NULL ? media_type : "application/json");
        buffer_text(out, "\r\nContent-Length: ");
        buffer_number(out, (long long)body_length);
        buffer_text(out, "\r\n");
    }
    buffer_text(out, "\r\n");
}

int check_size(struct estprov *context, enum estprov_daemon daemon, size_t size)
{
    return size <= REQUEST_LONGEST
               ? 0
               : fail(context, -EMSGSIZE, "the request has %zu bytes, and the %s takes %d", size,
                      daemons[daemon].service, REQUEST_LONGEST);
}
