/* In place of a daemon's socket: one end of a pair in which the whole answer stands already. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

int __wrap_local_connect(const char *path, int *descriptor);
int __wrap_local_peer(int descriptor, uid_t *uid);
int __wrap_local_pause(int milliseconds, int64_t deadline);
int __wrap_local_wait(int descriptor, short events, int64_t deadline);
int64_t __wrap_local_now(void);

static struct {
    const uint8_t *data;
    size_t size;
    bool body_only;
} answer;

static int others[16]; /* our ends */
static int other_count;
static int64_t now;

void fuzz_answer(const uint8_t *data, size_t size, bool body_only)
{
    answer.data = data;
    answer.size = size;
    answer.body_only = body_only;
    fuzz_hang_up();
}

void fuzz_hang_up(void)
{
    while (other_count > 0)
        (void)close(others[--other_count]);
}

void fuzz_wait(int milliseconds)
{
    now += milliseconds;
}

int __wrap_local_wait(int descriptor, short events, int64_t deadline)
{
    (void)descriptor;
    (void)events;
    return __wrap_local_pause(0, deadline);
}

int64_t __wrap_local_now(void)
{
    return now;
}

int __wrap_local_connect(const char *path, int *descriptor)
{
    int pair[2];
    char head[120];

    (void)path;
    *descriptor = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return -1;
    if (answer.body_only) {
        const int length = snprintf(
            head, sizeof(head), "HTTP/1.1 200 OK\r\nEstprov-Key-Handle: v1.h\r\nContent-Length: %zu\r\n\r\n",
            answer.size);

        (void)send(pair[1], head, (size_t)length, MSG_NOSIGNAL);
    }
    if (answer.size > 0)
        (void)send(pair[1], answer.data, answer.size, MSG_NOSIGNAL);
    /* The library can still send, and reads on to the end of the answer. */
    (void)shutdown(pair[1], SHUT_WR);
    if (other_count == (int)(sizeof(others) / sizeof(others[0])))
        fuzz_hang_up();
    others[other_count++] = pair[1];
    *descriptor = pair[0];
    return 0;
}

int __wrap_local_peer(int descriptor, uid_t *uid)
{
    (void)descriptor;
    *uid = geteuid();
    return 0;
}

int __wrap_local_pause(int milliseconds, int64_t deadline)
{
    (void)milliseconds;
    (void)deadline;
    return -110; /* ETIMEDOUT: nobody waits here */
}
