#include "exchange.h"

#include "../common/local_socket.h"
#include "../common/shown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ACTIVATION_PAUSE_MS = 20,
    FULL_QUEUE_PAUSE_MS = 2,
    RESTART_PAUSE_MS = 20,
    MOST_HANG_UPS = 3 /* without a byte of an answer: then it is no restart */
};

enum outcome { FAILED, DONE, HUNG_UP };

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

/* 0, or a negative errno; -ENOENT: there is none. */
static int find_user(const char *name, uid_t *uid)
{
    enum { STEP = 1024, LIMIT = 64 * STEP };
    int error = -ERANGE;

    for (size_t size = STEP; error == -ERANGE && size <= LIMIT; size *= 4) {
        char *room = malloc(size);

        if (room == NULL)
            return -ENOMEM;
        error = local_find_user(name, room, size, uid);
        free(room);
    }
    return error;
}

/* Looked up once: a user data base may take longer than the time-out. */
static int server_uid(const struct exchange_request *request, uid_t *uid)
{
    const unsigned int known = request->known_user == NULL ? 0 : atomic_load(request->known_user);
    int error = 0;

    if (known != 0) {
        *uid = known - 1;
        return 0;
    }
    error = find_user(request->server_user, uid);
    if (error == 0 && request->known_user != NULL)
        atomic_store(request->known_user, *uid + 1);
    return error;
}

/* With the daemon's queue full there is no connection at once (EAGAIN): then it is tried again. */
static int connect_once(const char *path, bool restarts, int64_t deadline, struct problem *problem)
{
    int descriptor;
    int error;

    for (;;) {
        error = local_connect(path, &descriptor);
        if (error == -EAGAIN && local_pause(FULL_QUEUE_PAUSE_MS, deadline) != 0)
            error = -ETIMEDOUT;
        if (error != -EAGAIN && !(restarts && (error == -ENOENT || error == -ECONNREFUSED) &&
                                  local_pause(RESTART_PAUSE_MS, deadline) == 0))
            break;
    }
    if (error == 0)
        return descriptor;
    if (error == -ENAMETOOLONG)
        problem_set(problem, REASON_URI, "the path of the Key Service's socket is too long");
    else if (error == -EACCES)
        problem_set(problem, REASON_UNREACHABLE,
                    "%s: not permitted; the calling user must be in the group estprov", path);
    else
        (void)failed(problem, path, error);
    return -1;
}

/* Whoever answers must be the daemon's user or ourselves: nobody else is asked to sign, however he came by
 * the path. */
static bool is_trusted(const struct exchange_request *request, uid_t uid, struct problem *problem)
{
    const char *const user = request->server_user;
    uid_t wanted = 0;
    int error;

    if (uid == geteuid())
        return true;
    error = server_uid(request, &wanted);
    if (error == 0 && uid == wanted)
        return true;
    if (error == 0)
        problem_set(problem, REASON_PEER, "%s belongs to a process of uid %u, not to user %s",
                    request->socket_path, (unsigned int)uid, user);
    else if (error == -ENOENT)
        problem_set(problem, REASON_PEER, "%s belongs to a process of uid %u, and there is no user %s here",
                    request->socket_path, (unsigned int)uid, user);
    else
        problem_set(problem, REASON_PEER, "looking up the user %s: %s", user, strerror(-error));
    return false;
}

/* A connection whose peer has been checked; -1 with a problem. */
static int open_connection(const struct exchange_request *request, bool restarts, int64_t deadline,
                           struct problem *problem)
{
    for (;;) {
        const int descriptor = connect_once(request->socket_path, restarts, deadline, problem);
        uid_t uid = 0;
        int error;

        if (descriptor < 0)
            return -1;
        error = local_peer(descriptor, &uid);
        if (error != 0)
            (void)failed(problem, request->socket_path, error);
        else if (is_trusted(request, uid, problem))
            return descriptor;
        (void)close(descriptor);
        /* Until the daemon runs, systemd (uid 0) is who listens; our having connected starts it. */
        if (error != 0 || uid != 0 || local_pause(ACTIVATION_PAUSE_MS, deadline) != 0)
            return -1;
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
    /* Who refuses early, or stops, answers and hangs up before all is sent: the answer may be there. */
    return error == 0 || error == -EPIPE || error == -ECONNRESET ||
           failed(problem, "sending to the Key Service", error);
}

/* Receives more of the answer into the buffer; 0 bytes at its end. */
static bool receive_more(int descriptor, struct exchange_reply *reply, size_t used, size_t limit, size_t *got,
                         int64_t deadline, struct problem *problem)
{
    const ssize_t received = local_receive(descriptor, reply->buffer + used, limit - used, deadline);

    if (received < 0 && received != -ECONNRESET)
        return failed(problem, "receiving from the Key Service", (int)received);
    *got = received < 0 ? 0 : (size_t)received;
    return true;
}

static enum outcome receive_reply(int descriptor, struct exchange_reply *reply, int64_t deadline,
                                  struct problem *problem)
{
    size_t used = 0;
    size_t head_length = 0;
    size_t whole;
    size_t got = 0;
    const char *wrong = NULL;

    for (; head_length == 0; head_length = http_head_length(reply->buffer, used)) {
        if (used == HTTP_HEAD_LONGEST) {
            wrong = "has too long a header";
            break;
        }
        if (!receive_more(descriptor, reply, used, HTTP_HEAD_LONGEST, &got, deadline, problem))
            return FAILED;
        if (got == 0) {
            (void)bad_answer(problem, used == 0 ? "did not come: it hung up" : "ends within its header");
            return used == 0 ? HUNG_UP : FAILED;
        }
        used += got;
    }
    if (wrong == NULL)
        wrong = http_head_parse(reply->buffer, head_length, REPLY_BODY_LIMIT, &reply->head);
    if (wrong != NULL) {
        (void)bad_answer(problem, wrong);
        return FAILED;
    }
    whole = head_length + reply->head.content_length;
    for (got = 1; got > 0 && used < whole; used += got)
        if (!receive_more(descriptor, reply, used, whole, &got, deadline, problem))
            return FAILED;
    if (used != whole) {
        (void)bad_answer(problem, used < whole ? "is shorter than its Content-Length"
                                               : "is longer than its Content-Length");
        return FAILED;
    }
    reply->body = (const uint8_t *)reply->buffer + head_length;
    return DONE;
}

static enum outcome ask_once(const struct exchange_request *request, bool restarts, int64_t deadline,
                             struct exchange_reply *reply, struct problem *problem)
{
    const int descriptor = open_connection(request, restarts, deadline, problem);
    enum outcome outcome = FAILED;

    if (descriptor < 0)
        return FAILED;
    if (send_request(descriptor, request, deadline, problem))
        outcome = receive_reply(descriptor, reply, deadline, problem);
    (void)close(descriptor);
    return outcome;
}

/* Soon it will be served: the daemon restarts, or this user has as many requests or connections as he may. */
static bool is_passing(const struct exchange_reply *reply)
{
    struct json answer;
    char code[32];

    if (reply->head.status != 503)
        return false;
    answer = json_parse((const char *)reply->body, reply->head.content_length);
    shown(&answer, "code", code, sizeof(code));
    return strcmp(code, "stopping") == 0 || strncmp(code, "too_many_", 9) == 0;
}

bool exchange(const struct exchange_request *request, struct exchange_reply *reply, struct problem *problem)
{
    /* Programs such as Python take an errno that was not there before for the cause, and show that instead of
     * ours. */
    const int errno_before = errno;
    const int64_t deadline = local_now() + request->timeout_ms;
    enum outcome outcome;
    int hang_ups = 0;

    for (bool restarts = false;; restarts = true) {
        outcome = ask_once(request, restarts, deadline, reply, problem);
        if (outcome == HUNG_UP && ++hang_ups < MOST_HANG_UPS)
            continue;
        if (outcome != DONE || !is_passing(reply) || local_pause(RESTART_PAUSE_MS, deadline) != 0)
            break;
    }
    errno = errno_before;
    return outcome == DONE;
}
