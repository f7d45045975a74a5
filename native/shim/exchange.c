#include "exchange.h"

#include "../common/base64.h"
#include "../common/local_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    TARGET_LONGEST = 4096, /* what the daemons take */
    PIECE = 4096,          /* received at once */
    PAUSE_MS = 20,         /* between attempts to reach a daemon that restarts */
    MOST_HANG_UPS = 3      /* without a byte of an answer: then it is no restart */
};

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

static int compose(struct estprov *context, const struct exchange *how)
{
    struct buffer *const sent = &context->sent;

    buffer_clear(sent);
    request_head(sent, how->method, &context->target, how->media_type, context->body.length);
    buffer_add(sent, context->body.data, context->body.length);
    if (context->target.failed || context->body.failed || sent->failed)
        return fail(context, -ENOMEM, "out of memory");
    if (context->target.length > TARGET_LONGEST)
        return fail(context, -ENAMETOOLONG, "the names are too long for a request");
    if (context->body.length > REQUEST_LONGEST)
        return fail(context, -EMSGSIZE, "the request has %zu bytes, and the %s takes %d",
                    context->body.length, daemons[how->daemon].service, REQUEST_LONGEST);
    return 0;
}

static bool is_absence(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED;
}

/* A new connection. A daemon that has answered this context before is waited for; another's absence is told
 * at once. */
static int reach(struct estprov *context, enum estprov_daemon daemon, int64_t deadline)
{
    for (;;) {
        const int error = connect_daemon(context, daemon, &context->active);

        if (error == 0)
            return 0;
        if (error != -EAGAIN && !(is_absence(error) && context->answered[daemon]))
            return error;
        if (local_pause(PAUSE_MS, deadline) != 0)
            return error == -EAGAIN ? -ETIMEDOUT : error;
    }
}

static int broken(struct estprov *context, enum estprov_daemon daemon, const char *wrong)
{
    return fail(context, -EPROTO, "the answer of the %s %s", daemons[daemon].service, wrong);
}

/* Receives another piece of the answer. -ECONNRESET at its end. */
static int receive_piece(struct estprov *context, enum estprov_daemon daemon, int64_t deadline)
{
    struct buffer *const reply = &context->reply;
    ssize_t got;

    if (!buffer_reserve(reply, PIECE + 1))
        return fail(context, -ENOMEM, "out of memory");
    got = local_receive(context->active, reply->data + reply->length, PIECE, deadline);
    if (got == -ETIMEDOUT)
        return fail(context, -ETIMEDOUT, "the %s did not answer in time", daemons[daemon].service);
    if (got < 0)
        return fail(context, (int)got, "receiving from the %s: %s", daemons[daemon].service,
                    estprov_strerror((int)got));
    if (got == 0)
        return fail(context, -ECONNRESET, "the %s hung up", daemons[daemon].service);
    reply->length += (size_t)got;
    return 0;
}

static int receive_reply(struct estprov *context, enum estprov_daemon daemon, int64_t deadline)
{
    struct buffer *const reply = &context->reply;
    size_t whole;
    const char *wrong;

    context->head_length = 0;
    while (context->head_length == 0) {
        const int error = receive_piece(context, daemon, deadline);

        if (error != 0 && reply->length > 0 && error == -ECONNRESET)
            return broken(context, daemon, "ends within its header");
        if (error != 0)
            return error;
        context->head_length = http_head_length(reply->data, reply->length);
        if ((context->head_length == 0 ? reply->length : context->head_length) > HTTP_HEAD_LONGEST)
            return broken(context, daemon, "has too long a header");
    }
    wrong = http_head_parse(reply->data, context->head_length, REPLY_LONGEST, &context->head);
    if (wrong != NULL)
        return broken(context, daemon, wrong);
    whole = context->head_length + context->head.content_length;
    while (reply->length < whole) {
        const int error = receive_piece(context, daemon, deadline);

        if (error == -ECONNRESET)
            return broken(context, daemon, "is shorter than its Content-Length");
        if (error != 0)
            return error;
    }
    if (reply->length > whole)
        return broken(context, daemon, "is longer than its Content-Length");
    reply->data[whole] = '\0';
    return 0;
}

/* One attempt on the connection there is. */
static int ask(struct estprov *context, enum estprov_daemon daemon, int64_t deadline)
{
    const int error = local_send(context->active, context->sent.data, context->sent.length, deadline);

    buffer_clear(&context->reply);
    if (error == -ETIMEDOUT)
        return fail(context, -ETIMEDOUT, "the %s did not take the request in time", daemons[daemon].service);
    /* Who refuses early answers and hangs up before all is sent: the answer may be there. */
    if (error != 0 && error != -EPIPE && error != -ECONNRESET)
        return fail(context, error, "sending to the %s: %s", daemons[daemon].service,
                    estprov_strerror(error));
    return receive_reply(context, daemon, deadline);
}

static bool is_stopping(const struct estprov *context)
{
    return context->head.status == 503 && strcmp(context->code, "stopping") == 0;
}

static int exchange_until(struct estprov *context, const struct exchange *how, int64_t deadline)
{
    const enum estprov_daemon daemon = how->daemon;
    int hang_ups = 0;

    for (;;) {
        const bool kept = context->connections[daemon] >= 0;
        size_t length;
        const char *body;
        int error;

        context->active = context->connections[daemon];
        context->connections[daemon] = -1;
        error = kept ? 0 : reach(context, daemon, deadline);
        if (error != 0)
            return error;
        error = ask(context, daemon, deadline);
        if (error == -ECONNRESET && (kept || ++hang_ups < MOST_HANG_UPS)) {
            close_descriptor(&context->active);
            continue;
        }
        if (error != 0)
            return error;
        context->answered[daemon] = true;
        if (!context->head.close) {
            context->connections[daemon] = context->active;
            context->active = -1;
        }
        if (context->head.status < 300)
            return 0;
        body = reply_body(context, &length);
        error = fail_refused(context, daemon, context->head.status, body, length);
        if (!is_stopping(context) || local_pause(PAUSE_MS, deadline) != 0)
            return error;
        close_descriptor(&context->connections[daemon]);
    }
}

int exchange(struct estprov *context, const struct exchange *how)
{
    const int64_t deadline = local_now() + (how->timeout_ms > 0 ? how->timeout_ms : context->timeout_ms);
    int error = compose(context, how);

    context->answering = how->daemon;
    if (error == 0)
        error = exchange_until(context, how, deadline);
    close_descriptor(&context->active);
    if (how->secret) {
        buffer_wipe(&context->body);
        buffer_wipe(&context->sent);
    }
    if (error == 0) {
        context->message[0] = '\0';
        context->code[0] = '\0';
    }
    return error;
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
    return object->type == JSON_OBJECT ? 0 : broken(context, context->answering, "is no JSON object");
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
