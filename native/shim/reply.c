#include "exchange.h"

#include "../common/base64.h"

#include <errno.h>

int reply_broken(struct estprov *context, enum estprov_daemon daemon, const char *wrong)
{
    return fail(context, -EPROTO, "the answer of the %s %s", daemons[daemon].service, wrong);
}

const char *reply_body(const struct estprov *context, size_t *length)
{
    *length = context->head.content_length;
    return context->reply.data + context->head_length;
}

int reply_json(struct estprov *context, struct json *object)
{
    size_t length;
    const char *const body = reply_body(context, &length);

    *object = json_parse(body, length);
    return object->type == JSON_OBJECT ? 0 : reply_broken(context, context->answering, "is no JSON object");
}

static int reply_wrong(struct estprov *context, const char *name)
{
    return fail(context, -EPROTO, "the answer of the %s has no %s that can be taken",
                daemons[context->answering].service, name);
}

int reply_text(struct estprov *context, const struct json *object, const char *name, char *out, size_t size)
{
    const struct json value = json_member(object, name);
    size_t length;

    if (json_text(&value, out, size, &length) != 0 || length == 0)
        return reply_wrong(context, name);
    return 0;
}

int reply_optional(struct estprov *context, const struct json *object, const char *name, char *out,
                   size_t size)
{
    const struct json value = json_member(object, name);

    out[0] = '\0';
    if (value.type == JSON_NONE || (value.type == JSON_WORD && value.at[0] == 'n'))
        return 0;
    return json_text(&value, out, size, NULL) == 0 ? 0 : reply_wrong(context, name);
}

int reply_in_place(struct estprov *context, const struct json *object, const char *name, char **text,
                   size_t *length)
{
    const struct json value = json_member(object, name);

    /* Unescaped it is never longer, and its closing quote makes room for the zero byte. */
    *text = context->reply.data + (value.type == JSON_NONE ? 0 : value.at - context->reply.data);
    if (json_text(&value, *text, value.length + 1, length) != 0)
        return reply_wrong(context, name);
    return 0;
}

int reply_bytes(struct estprov *context, const struct json *object, const char *name, char **bytes,
                size_t *length)
{
    size_t encoded;
    ssize_t decoded;
    const int error = reply_in_place(context, object, name, bytes, &encoded);

    if (error != 0)
        return error;
    decoded = base64_decode(*bytes, encoded, *bytes);
    if (decoded < 0)
        return reply_wrong(context, name);
    *length = (size_t)decoded;
    return 0;
}
