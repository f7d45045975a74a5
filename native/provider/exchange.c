#include "exchange.h"

#include "../common/local_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACTIVATION_PAUSE_MS = 20, FULL_QUEUE_PAUSE_MS = 2 };

/* error: a negative errno. */
static bool failed(struct problem *problem, const char *what, int error)
{
    /* strerror is safe between threads in musl, and in glibc from 2.32 on; what it says depends on no other
     * thread. */
    if (error == -ETIMEDOUT)
        problem_set(problem, REASON_TIMEOUT, "the Key Service did not answer in time");
    else
        problem_set(problem, REASON_UNREACHABLE, "%s: %s", what, strerror(-error));
    return false;
}

static bool bad_answer(struct problem *problem, const char *what)
{
    problem_set(problem, REASON_ANSWER, "the Key Service's answer %s", what);
    return false;
}

static bool find_user(const char *name, uid_t *uid)
{
    enum { STEP = 1024, LIMIT = 64 * STEP };
    int error = -ERANGE;

    for (size_t size = STEP; error == -ERANGE && size <= LIMIT; size *= 4) {
        char *room = malloc(size);

        if (room == NULL)
            return false;
        error = local_find_user(name, room, size, uid);
        free(room);
    }
    return error == 0;
}

/* Whoever answers must be the daemon's user or ourselves: nobody else is asked to sign, however he came by
 * the path. */
static bool is_trusted(uid_t uid, const char *server_user)
{
    uid_t wanted = 0;

    return uid == geteuid() || (find_user(server_user, &wanted) && uid == wanted);
}

/* With the daemon's queue full there is no connection at once (EAGAIN): then it is tried again. */
static int connect_once(const char *path, int64_t deadline, struct problem *problem)
{
    int descriptor;
    int error;

    while ((error = local_connect(path, &descriptor)) == -EAGAIN) {
        error = local_pause(FULL_QUEUE_PAUSE_MS, deadline);
        if (error != 0)
            break;
    }
    if (error == 0)
        return descriptor;
    if (error == -ENAMETOOLONG)
        problem_set(problem, REASON_URI, "the path of the Key Service's socket is too long");
    else
        (void)failed(problem, path, error);
    return -1;
}

/* A connection whose peer has been checked; -1 with a problem. */
static int open_connection(const char *path, const char *server_user, int64_t deadline,
                           struct problem *problem)
{
    for (;;) {
        const int descriptor = connect_once(path, deadline, problem);
        uid_t uid = 0;

        if (descriptor < 0)
            return -1;
        if (local_peer(descriptor, &uid) == 0 && is_trusted(uid, server_user))
            return descriptor;
        (void)close(descriptor);
        /* Until the daemon runs, systemd (uid 0) is who listens; our having connected starts it. */
        if (uid != 0 || local_pause(ACTIVATION_PAUSE_MS, deadline) != 0) {
            problem_set(problem, REASON_PEER, "%s belongs to a process of uid %u, not to user %s", path,
                        (unsigned int)uid, server_user);
            return -1;
        }
    }
}

static bool send_request(int descriptor, const struct exchange_request *request, int64_t deadline,
                         struct problem *problem)
{
    char text[TARGET_LIMIT + REQUEST_BODY_LIMIT + 256];
    char fields[96] = "";
    int length;
    int error;

    if (request->body != NULL)
        (void)snprintf(fields, sizeof(fields),
                       "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n",
                       request->body_length);
    length = snprintf(text, sizeof(text),
                      "%s %s HTTP/1.1\r\nHost: keyd\r\nConnection: close\r\n"
                      "Accept: application/octet-stream\r\n%s\r\n",
                      request->method, request->target, fields);
    if (length < 0 || (size_t)length + request->body_length > sizeof(text)) {
        problem_set(problem, REASON_URI, "the key's name is too long");
        return false;
    }
    if (request->body != NULL)
        memcpy(text + length, request->body, request->body_length);
    error = local_send(descriptor, text, (size_t)length + request->body_length, deadline);
    return error == 0 || failed(problem, "sending to the Key Service", error);
}

/* Receives more of the answer into the buffer; 0 bytes at its end. */
static bool receive_more(int descriptor, struct exchange_reply *reply, size_t used, size_t limit, size_t *got,
                         int64_t deadline, struct problem *problem)
{
    const ssize_t received = local_receive(descriptor, reply->buffer + used, limit - used, deadline);

    if (received < 0)
        return failed(problem, "receiving from the Key Service", (int)received);
    *got = (size_t)received;
    return true;
}

static bool receive_reply(int descriptor, struct exchange_reply *reply, int64_t deadline,
                          struct problem *problem)
{
    size_t used = 0;
    size_t head_length = 0;
    size_t whole;
    size_t got = 0;
    const char *wrong;

    for (; head_length == 0; head_length = http_head_length(reply->buffer, used)) {
        if (used == HTTP_HEAD_LONGEST)
            return bad_answer(problem, "has too long a header");
        if (!receive_more(descriptor, reply, used, HTTP_HEAD_LONGEST, &got, deadline, problem))
            return false;
        if (got == 0)
            return bad_answer(problem, used == 0 ? "did not come: it hung up" : "ends within its header");
        used += got;
    }
    wrong = http_head_parse(reply->buffer, head_length, REPLY_BODY_LIMIT, &reply->head);
    if (wrong != NULL)
        return bad_answer(problem, wrong);
    whole = head_length + reply->head.content_length;
    for (; used < whole; used += got) {
        if (!receive_more(descriptor, reply, used, whole, &got, deadline, problem))
            return false;
        if (got == 0)
            return bad_answer(problem, "is shorter than its Content-Length");
    }
    if (used > whole)
        return bad_answer(problem, "is longer than its Content-Length");
    reply->body = (const uint8_t *)reply->buffer + head_length;
    return true;
}

bool exchange(const struct exchange_request *request, struct exchange_reply *reply, struct problem *problem)
{
    /* Programs such as Python take an errno that was not there before for the cause, and show that instead of
     * ours. */
    const int errno_before = errno;
    const int64_t deadline = local_now() + request->timeout_ms;
    const int descriptor = open_connection(request->socket_path, request->server_user, deadline, problem);
    bool done = false;

    if (descriptor >= 0) {
        done = send_request(descriptor, request, deadline, problem) &&
               receive_reply(descriptor, reply, deadline, problem);
        (void)close(descriptor);
    }
    errno = errno_before;
    return done;
}
