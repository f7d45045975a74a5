#include "watch.h"

#include "../common/local_socket.h"
#include "exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    WAIT_S = 240,        /* how long the daemon holds its answer back */
    FIRST_RETRY_MS = 50, /* doubled with each failure */
    LONGEST_RETRY_MS = 10000,
    QUICK_MS = 1000,
    PIECE = 4096
};

static bool has_more(const struct estprov_watch *watch)
{
    size_t from = watch->from;

    return watch->reread || json_next(&watch->changes, &from).type != JSON_NONE;
}

static void set_timer(struct estprov_watch *watch, int milliseconds)
{
    struct itimerspec when = {{0, 0}, {milliseconds / 1000, milliseconds % 1000 * 1000000L}};

    /* Nothing at all would stop it. */
    if (milliseconds == 0)
        when.it_value.tv_nsec = 1;
    watch->due = local_now() + milliseconds;
    (void)timerfd_settime(watch->timer, 0, &when, NULL);
}

static void disconnect(struct estprov_watch *watch)
{
    /* A forked child may hold a copy, and then closing would not take it out. */
    if (watch->socket >= 0)
        (void)epoll_ctl(watch->epoll, EPOLL_CTL_DEL, watch->socket, NULL);
    close_descriptor(&watch->socket);
    buffer_clear(&watch->reply);
    watch->changes.type = JSON_NONE;
}

/* Another attempt later on. What time alone heals is no error of the watch. */
static int later(struct estprov_watch *watch, int error)
{
    int delay = FIRST_RETRY_MS;

    for (int i = 0; i < watch->failures && delay < LONGEST_RETRY_MS; i++)
        delay *= 2;
    watch->failures++;
    disconnect(watch);
    set_timer(watch, delay < LONGEST_RETRY_MS ? delay : LONGEST_RETRY_MS);
    switch (error) {
    case -EAGAIN:
    case -ENOENT:
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EPIPE:
    case -ETIMEDOUT:
        return 0;
    default:
        return error;
    }
}

static void compose(struct estprov_watch *watch)
{
    buffer_clear(&watch->target);
    buffer_clear(&watch->request);
    buffer_text(&watch->target, "/changes?api-version=");
    buffer_text(&watch->target, daemons[watch->daemon].version);
    buffer_text(&watch->target, "&after=");
    buffer_number(&watch->target, (long long)watch->after);
    buffer_text(&watch->target, "&wait=");
    buffer_number(&watch->target, watch->begun ? WAIT_S : 0);
    request_head(&watch->request, "GET", &watch->target, NULL, 0);
}

/* Asks for the changes after the last. A fresh or idle connection takes so small a request as a whole. */
static int ask(struct estprov_watch *watch)
{
    ssize_t sent;

    buffer_clear(&watch->reply);
    watch->changes.type = JSON_NONE;
    /* The daemon would go on taking him for the user that he was. */
    if (watch->user != geteuid())
        return later(watch, -EAGAIN);
    compose(watch);
    if (watch->target.failed || watch->request.failed)
        return later(watch, fail(watch->context, -ENOMEM, "out of memory"));
    do
        sent = send(watch->socket, watch->request.data, watch->request.length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)watch->request.length)
        return later(watch, sent < 0 ? -errno : -EAGAIN);
    watch->asked = local_now();
    set_timer(watch, (watch->begun ? WAIT_S * 1000 : 0) + watch->context->timeout_ms);
    return 0;
}

static int begin(struct estprov_watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN};
    int error;

    watch->user = geteuid();
    error = connect_daemon(watch->context, watch->daemon, &watch->socket);
    if (error != 0)
        return later(watch, error);
    if (epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->socket, &event) != 0)
        return later(watch, fail(watch->context, -errno, "epoll_ctl: %s", estprov_strerror(errno)));
    return ask(watch);
}

/* Looks at what has come. 1: the answer is whole; 0: not yet; else a negative errno. */
static int examine(struct estprov_watch *watch, struct http_head *head)
{
    struct buffer *const reply = &watch->reply;
    const size_t head_length = http_head_length(reply->data, reply->length);
    const char *wrong = NULL;

    if ((head_length == 0 ? reply->length : head_length) > HTTP_HEAD_LONGEST)
        wrong = "has too long a header";
    else if (head_length == 0)
        return 0;
    else
        wrong = http_head_parse(reply->data, head_length, REPLY_LONGEST, head);
    if (wrong == NULL && reply->length > head_length + head->content_length)
        wrong = "is longer than its Content-Length";
    if (wrong != NULL)
        return fail(watch->context, -EPROTO, "the answer of the %s %s", daemons[watch->daemon].service,
                    wrong);
    return reply->length == head_length + head->content_length;
}

/* A whole answer: what it tells stands in watch->reply until it has been told. */
static int take(struct estprov_watch *watch, const struct http_head *head)
{
    const size_t body = watch->reply.length - head->content_length;
    int error;

    if (head->status != 200)
        return later(watch, fail_refused(watch->context, watch->daemon, head->status,
                                         watch->reply.data + body, head->content_length));
    error = watch_take(watch);
    if (error != 0)
        return later(watch, error);
    if (!has_more(watch)) {
        /* Nothing, long before the time: the daemon is about to stop. Who always answers so is not asked in a
         * loop. */
        if (local_now() - watch->asked < QUICK_MS)
            return later(watch, -EAGAIN);
        watch->failures = 0;
        return ask(watch);
    }
    watch->failures = 0;
    return 0;
}

static int receive(struct estprov_watch *watch)
{
    struct http_head head = {.status = 0};

    for (;;) {
        ssize_t got;
        int state;

        if (!buffer_reserve(&watch->reply, PIECE))
            return later(watch, fail(watch->context, -ENOMEM, "out of memory"));
        got = recv(watch->socket, watch->reply.data + watch->reply.length, PIECE, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0)
            return later(watch, got == 0 ? -ECONNRESET : -errno);
        watch->reply.length += (size_t)got;
        state = examine(watch, &head);
        if (state < 0)
            return later(watch, state);
        if (state > 0)
            return take(watch, &head);
    }
}

/* What can be done without waiting. */
static int step(struct estprov_watch *watch)
{
    const bool due = local_now() >= watch->due;

    if (watch->socket < 0)
        return due ? begin(watch) : 0;
    return due ? later(watch, -ETIMEDOUT) : receive(watch);
}

int watch_await(struct estprov_watch *watch, int64_t deadline, struct estprov_change *change)
{
    for (;;) {
        int error;

        if (has_more(watch)) {
            (void)watch_tell(watch, change, &error);
            /* The descriptor stays readable until everything has been told. */
            if (has_more(watch))
                set_timer(watch, 0);
            else
                (void)ask(watch);
            return error;
        }
        error = step(watch);
        if (error != 0)
            return error;
        if (has_more(watch))
            continue;
        error = local_wait(watch->epoll, POLLIN, deadline);
        if (error != 0)
            return error;
    }
}

int estprov_watch_open(struct estprov *context, enum estprov_daemon daemon, struct estprov_watch **watch)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct estprov_watch *opened;

    call_begin(context);
    if (daemon != ESTPROV_CERTD && daemon != ESTPROV_IDENTITYD)
        return fail(context, -EINVAL, "certd and identityd tell of changes, and nobody else");
    opened = calloc(1, sizeof(*opened));
    if (opened == NULL)
        return fail(context, -ENOMEM, "out of memory");
    opened->context = context;
    opened->owner = context->owner;
    opened->daemon = daemon;
    opened->socket = -1;
    opened->epoll = epoll_create1(EPOLL_CLOEXEC);
    opened->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (opened->epoll < 0 || opened->timer < 0 ||
        epoll_ctl(opened->epoll, EPOLL_CTL_ADD, opened->timer, &event) != 0) {
        const int error = -errno;

        estprov_watch_close(opened);
        return fail(context, error, "a descriptor to poll: %s", estprov_strerror(error));
    }
    set_timer(opened, 0);
    *watch = opened;
    return 0;
}

int estprov_watch_descriptor(const struct estprov_watch *watch)
{
    return watch->epoll;
}

int estprov_watch_next(struct estprov_watch *watch, int timeout_ms, struct estprov_change *change)
{
    int error;

    call_begin(watch->context);
    /* The epoll instance is the parent's, too: to change it here would change it there. */
    if (watch->owner != getpid())
        return fail(watch->context, -ESTALE, "the watch was opened by another process; open one in this");
    if (timeout_ms < 0)
        return fail(watch->context, -EINVAL, "a time-out of %d ms", timeout_ms);
    error = watch_await(watch, local_now() + timeout_ms, change);
    return error == -ETIMEDOUT && timeout_ms == 0 ? -EAGAIN : error;
}

void estprov_watch_close(struct estprov_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->owner == getpid())
        disconnect(watch);
    close_descriptor(&watch->socket);
    close_descriptor(&watch->timer);
    close_descriptor(&watch->epoll);
    buffer_free(&watch->target);
    buffer_free(&watch->request);
    buffer_free(&watch->reply);
    free(watch);
}
