#include "local_socket.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t local_now(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int local_pause(int milliseconds, int64_t deadline)
{
    if (local_now() + milliseconds >= deadline)
        return -ETIMEDOUT;
    (void)poll(NULL, 0, milliseconds);
    return 0;
}

int local_connect(const char *path, int *descriptor)
{
    struct sockaddr_un address;
    int error;

    *descriptor = -1;
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    *descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*descriptor < 0)
        return -errno;
    /* A Unix socket connects at once or not at all: it is never interrupted. */
    if (connect(*descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return 0;
    error = errno;
    (void)close(*descriptor);
    *descriptor = -1;
    return -error;
}

int local_peer(int descriptor, uid_t *uid)
{
    struct ucred peer = {0, 0, 0};
    socklen_t length = sizeof(peer);

    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return -errno;
    *uid = peer.uid;
    return 0;
}

int local_find_user(const char *name, char *room, size_t size, uid_t *uid)
{
    struct passwd entry;
    struct passwd *found = NULL;
    int error;

    do
        error = getpwnam_r(name, &entry, room, size, &found);
    while (error == EINTR);
    if (found == NULL)
        /* getpwnam_r(3) lists these for a name that is not found, beside 0. */
        return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT
                                                                                                   : -error;
    *uid = entry.pw_uid;
    return 0;
}

int local_wait(int descriptor, short events, int64_t deadline)
{
    for (;;) {
        struct pollfd entry = {.fd = descriptor, .events = events, .revents = 0};
        const int64_t left = deadline - local_now();
        int ready;

        if (left <= 0)
            return -ETIMEDOUT;
        ready = poll(&entry, 1, (int)left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -errno;
    }
}

int local_send(int descriptor, const void *data, size_t length, int64_t deadline)
{
    const char *at = data;

    while (length > 0) {
        const ssize_t sent = send(descriptor, at, length, MSG_NOSIGNAL);
        int error;

        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        error = errno == EAGAIN ? local_wait(descriptor, POLLOUT, deadline) : -errno;
        if (error != 0)
            return error;
    }
    return 0;
}

ssize_t local_receive(int descriptor, void *data, size_t size, int64_t deadline)
{
    for (;;) {
        const ssize_t received = recv(descriptor, data, size, 0);
        int error;

        if (received >= 0)
            return received;
        if (errno == EINTR)
            continue;
        error = errno == EAGAIN ? local_wait(descriptor, POLLIN, deadline) : -errno;
        if (error != 0)
            return error;
    }
}
