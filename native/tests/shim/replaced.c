#include "shim_tests.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The linker puts these in place of libc's. */
int __real_getsockopt(int descriptor, int level, int name, void *value, socklen_t *length);
int __wrap_getsockopt(int descriptor, int level, int name, void *value, socklen_t *length);
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
ssize_t __real_send(int descriptor, const void *data, size_t length, int flags);
ssize_t __wrap_send(int descriptor, const void *data, size_t length, int flags);
ssize_t __real_recv(int descriptor, void *data, size_t length, int flags);
ssize_t __wrap_recv(int descriptor, void *data, size_t length, int flags);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __real_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
int __real_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, struct passwd **found);

/* Of the thread under test: the fakes' threads run through the same functions. */
__thread long pretended_uid = -1;
__thread long pretended_self = -1;
__thread int root_answers;
__thread int last_socket_type;
__thread int last_send_flags;
__thread int resume_interrupted;
__thread int allocations_left = -1;
__thread int failing_epoll;
__thread int short_passwd;
__thread int failing_passwd;

int __wrap_getsockopt(int descriptor, int level, int name, void *value, socklen_t *length)
{
    const int result = __real_getsockopt(descriptor, level, name, value, length);

    if (result == 0 && name == SO_PEERCRED && pretended_uid >= 0)
        ((struct ucred *)value)->uid = root_answers-- > 0 ? 0 : (uid_t)pretended_uid;
    return result;
}

uid_t __wrap_geteuid(void)
{
    return pretended_self >= 0 ? (uid_t)pretended_self : __real_geteuid();
}

static int interrupted(void)
{
    if (resume_interrupted <= 0)
        return 0;
    resume_interrupted--;
    errno = EINTR;
    return 1;
}

ssize_t __wrap_send(int descriptor, const void *data, size_t length, int flags)
{
    if (memmem(data, length, "Host: localhost", 15) != NULL) {
        last_send_flags = flags;
        if (interrupted())
            return -1;
    }
    return __real_send(descriptor, data, length, flags);
}

ssize_t __wrap_recv(int descriptor, void *data, size_t length, int flags)
{
    if (interrupted())
        return -1;
    return __real_recv(descriptor, data, length, flags);
}

int __wrap_socket(int domain, int type, int protocol)
{
    last_socket_type = type;
    return __real_socket(domain, type, protocol);
}

static int is_out_of_memory(void)
{
    if (allocations_left < 0)
        return 0;
    if (allocations_left > 0) {
        allocations_left--;
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return is_out_of_memory() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_out_of_memory() ? NULL : __real_calloc(count, size);
}

int __wrap_epoll_create1(int flags)
{
    errno = EMFILE;
    return failing_epoll == 1 ? -1 : __real_epoll_create1(flags);
}

int __wrap_timerfd_create(int clock, int flags)
{
    errno = EMFILE;
    return failing_epoll == 2 ? -1 : __real_timerfd_create(clock, flags);
}

int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    errno = ENOMEM;
    return failing_epoll == 3 ? -1 : __real_epoll_ctl(epoll, operation, descriptor, event);
}

/* "daemon" is uid 1 on every system; the daemons' own users are not there where tests run. */
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
    *found = NULL;
    if (failing_passwd == ESRCH)
        return 0;
    if (failing_passwd != 0)
        return failing_passwd;
    if (short_passwd > 0) {
        short_passwd--;
        return ERANGE;
    }
    if (short_passwd < 0) {
        short_passwd++;
        return EINTR;
    }
    return __real_getpwnam_r(strncmp(name, "estprov-", 8) == 0 ? "daemon" : name, entry, room, size, found);
}

int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    if (folder == NULL)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

bool requested_soon(struct fake_daemon *fake, const char *text)
{
    const long until = milliseconds() + PLENTY;

    while (strstr(fake_request(fake), text) == NULL) {
        if (milliseconds() > until)
            return false;
        (void)poll(NULL, 0, 1);
    }
    return true;
}

long milliseconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
