#include "../common/local_socket.h"
#include "exchange.h"
#include "watch.h"

#include <errno.h>
#include <string.h>

/* What the status says of how it goes. */
static int not_yet(struct estprov *context, const struct json *status)
{
    const struct json problem = json_member(status, "problem");
    char waiting[120];
    char message[320];
    char hint[320];

    shown(status, "waitingFor", waiting, sizeof(waiting));
    shown(&problem, "message", message, sizeof(message));
    shown(&problem, "hint", hint, sizeof(hint));
    shown(&problem, "code", context->code, sizeof(context->code));
    return fail(context, -EAGAIN, "the device is not provisioned yet: %s%s%s%s%s",
                waiting[0] == '\0' ? "starting" : waiting,
                message[0] == '\0' ? "" : "; last failure: ", message, hint[0] == '\0' ? "" : "; ", hint);
}

static int ask_status(struct estprov *context, int timeout_ms)
{
    struct json status;
    char state[40];
    int error;

    call_begin(context);
    (void)target_begin(context, ESTPROV_IDENTITYD, "/provisioning-status", NULL);
    error = exchange(
        context, &(struct exchange){.daemon = ESTPROV_IDENTITYD, .method = "GET", .timeout_ms = timeout_ms});
    if (error == 0)
        error = reply_json(context, &status);
    if (error == 0)
        error = reply_text(context, &status, "state", state, sizeof(state));
    if (error != 0 || strcmp(state, "provisioned") == 0)
        return error;
    return not_yet(context, &status);
}

int estprov_provisioned(struct estprov *context)
{
    return ask_status(context, 0);
}

/* What time can heal. */
static bool may_come(int error)
{
    return error == -EAGAIN || error == -ENOENT || error == -ECONNREFUSED || error == -ECONNRESET ||
           error == -ETIMEDOUT || error == -EIO;
}

static int wait_with(struct estprov *context, struct estprov_watch *watch, int64_t deadline)
{
    struct estprov_change change;

    for (;;) {
        const int64_t left = deadline - local_now();
        int error;

        /* The last millisecond is for the message: it says what is waited for. */
        error = ask_status(context, left <= 0 ? 1 : left < context->timeout_ms ? (int)left : 0);
        if (!may_come(error))
            return error;
        error = watch_await(watch, deadline, &change);
        if (error == -ETIMEDOUT || (error != 0 && !may_come(error)))
            return error;
    }
}

/* Closing is a cancellation point: until it is done, the context knows of the watch. */
static void stop_waiting(struct estprov *context)
{
    estprov_watch_close(context->waiting);
    context->waiting = NULL;
}

int estprov_wait_provisioned(struct estprov *context, int timeout_ms)
{
    const int64_t deadline = local_now() + timeout_ms;
    int error;

    call_begin(context);
    if (timeout_ms < 0)
        return fail(context, -EINVAL, "a time-out of %d ms", timeout_ms);
    /* Of a wait whose thread was cancelled. */
    stop_waiting(context);
    error = estprov_watch_open(context, ESTPROV_IDENTITYD, &context->waiting);
    if (error == 0)
        error = wait_with(context, context->waiting, deadline);
    stop_waiting(context);
    return error;
}
