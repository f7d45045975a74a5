#include "exchange.h"

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

static int compose(struct estprov *context, const struct exchange *how)
{
    struct buffer *const sent = &context->sent;
    const int error = check_size(context, how->daemon, context->body.length);

    if (error != 0)
        return error;
    buffer_clear(sent);
    request_head(sent, how->method, &context->target, how->media_type, context->body.length);
    buffer_add(sent, context->body.data, context->body.length);
    if (context->target.failed || context->body.failed || sent->failed)
        return fail(context, -ENOMEM, "out of memory");
    if (context->target.length > TARGET_LONGEST)
        return fail(context, -ENAMETOOLONG, "the names are too long for a request");
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
            return reply_broken(context, daemon, "ends within its header");
        if (error != 0)
            return error;
        context->head_length = http_head_length(reply->data, reply->length);
        if ((context->head_length == 0 ? reply->length : context->head_length) > HTTP_HEAD_LONGEST)
            return reply_broken(context, daemon, "has too long a header");
    }
    wrong = http_head_parse(reply->data, context->head_length, REPLY_LONGEST, &context->head);
    if (wrong != NULL)
        return reply_broken(context, daemon, wrong);
    whole = context->head_length + context->head.content_length;
    while (reply->length < whole) {
        const int error = receive_piece(context, daemon, deadline);

        if (error == -ECONNRESET)
            return reply_broken(context, daemon, "is shorter than its Content-Length");
        if (error != 0)
            return error;
    }
    if (reply->length > whole)
        return reply_broken(context, daemon, "is longer than its Content-Length");
    reply->data[whole] = '\0';
    /* With more pieces the text may have moved, and the head has pointers into it. */
    (void)http_head_parse(reply->data, context->head_length, REPLY_LONGEST, &context->head);
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

/* Soon it will be served: the daemon restarts, or this user has as many requests or connections as he may. */
static bool is_passing(const struct estprov *context)
{
    return context->head.status == 503 &&
           (strcmp(context->code, "stopping") == 0 || strncmp(context->code, "too_many_", 9) == 0);
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
        if (!is_passing(context) || local_pause(PAUSE_MS, deadline) != 0)
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
