#include "unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ACTIVATION_PAUSE_MS = 20, FULL_QUEUE_PAUSE_MS = 2 };

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t socket_deadline(int timeout_ms)
{
    return now_ms() + timeout_ms;
}

static bool timed_out(struct problem *problem)
{
    problem_set(problem, REASON_TIMEOUT, "the Key Service did not answer in time");
    return false;
}

static bool failed(struct problem *problem, const char *what, int error)
{
    /* Safe between threads in musl, and in glibc from 2.32 on; what it says depends on no other thread. */
    problem_set(problem, REASON_UNREACHABLE, "%s: %s", what, strerror(error));
    return false;
}

static bool wait_for(int descriptor, short events, int64_t deadline, struct problem *problem)
{
    for (;;) {
        struct pollfd entry = {.fd = descriptor, .events = events, .revents = 0};
        const int64_t left = deadline - now_ms();
        int ready;

        if (left <= 0)
            return timed_out(problem);
        ready = poll(&entry, 1, (int)left);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return failed(problem, "waiting for the Key Service", errno);
    }
}

static bool find_user(const char *name, uid_t *uid)
{
    enum { STEP = 1024, LIMIT = 64 * STEP };
    bool found = false;

    for (size_t size = STEP; size <= LIMIT; size *= 4) {
        struct passwd entry;
        struct passwd *result = NULL;
        char *buffer = malloc(size);
        int error;

        if (buffer == NULL)
            return false;
        error = getpwnam_r(name, &entry, buffer, size, &result);
        if (error == 0 && result != NULL) {
            *uid = entry.pw_uid;
            found = true;
        }
        free(buffer);
        if (error != ERANGE)
            break;
    }
    return found;
}

static bool peer_of(int descriptor, uid_t *uid)
{
    struct ucred peer = {0, 0, 0};
    socklen_t length = sizeof(peer);

    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return false;
    *uid = peer.uid;
    return true;
}

/* Whoever answers must be the daemon's user or ourselves: nobody else is asked to sign, however he came by
 * the path. */
static bool is_trusted(uid_t uid, const char *server_user)
{
    uid_t wanted = 0;

    return uid == geteuid() || (find_user(server_user, &wanted) && uid == wanted);
}

/* A Unix socket connects at once or, with the daemon's queue full, not at all (EAGAIN): then it is tried
 * again. */
static bool connect_until(int descriptor, const struct sockaddr_un *address, int64_t deadline,
                          struct problem *problem)
{
    while (connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        const int error = errno;

        if (error == EISCONN)
            break;
        if (error == EINTR)
            continue;
        if (error != EAGAIN)
            return failed(problem, address->sun_path, error);
        if (now_ms() >= deadline)
            return timed_out(problem);
        (void)poll(NULL, 0, FULL_QUEUE_PAUSE_MS);
    }
    return true;
}

static int connect_once(const struct sockaddr_un *address, int64_t deadline, struct problem *problem)
{
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (descriptor < 0) {
        (void)failed(problem, "socket", errno);
        return -1;
    }
    if (!connect_until(descriptor, address, deadline, problem)) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

int socket_open(const char *path, const char *server_user, int64_t deadline, struct problem *problem)
{
    struct sockaddr_un address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(address.sun_path)) {
        problem_set(problem, REASON_URI, "the socket's path is longer than %zu characters",
                    sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    for (;;) {
        const int descriptor = connect_once(&address, deadline, problem);
        uid_t uid = 0;

        if (descriptor < 0)
            return -1;
        if (peer_of(descriptor, &uid) && is_trusted(uid, server_user))
            return descriptor;
        (void)close(descriptor);
        /* Until the daemon runs, systemd (uid 0) is who listens; our having connected starts it. */
        if (uid != 0 || now_ms() + ACTIVATION_PAUSE_MS >= deadline) {
            problem_set(problem, REASON_PEER, "%s belongs to a process of uid %u, not to user %s", path,
                        (unsigned int)uid, server_user);
            return -1;
        }
        (void)poll(NULL, 0, ACTIVATION_PAUSE_MS);
    }
}

bool socket_send(int descriptor, const void *data, size_t length, int64_t deadline, struct problem *problem)
{
    const char *at = data;

    while (length > 0) {
        const ssize_t sent = send(descriptor, at, length, MSG_NOSIGNAL);

        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (!wait_for(descriptor, POLLOUT, deadline, problem))
                return false;
        } else if (errno != EINTR) {
            return failed(problem, "sending to the Key Service", errno);
        }
    }
    return true;
}

bool socket_receive(int descriptor, void *data, size_t size, size_t *got, int64_t deadline,
                    struct problem *problem)
{
    for (;;) {
        const ssize_t received = recv(descriptor, data, size, 0);

        if (received >= 0) {
            *got = (size_t)received;
            return true;
        }
        if (errno == EAGAIN) {
            if (!wait_for(descriptor, POLLIN, deadline, problem))
                return false;
        } else if (errno != EINTR) {
            return failed(problem, "receiving from the Key Service", errno);
        }
    }
}
