#include "check.h"
#include "exchange.h"
#include "fake_keyd.h"
#include "keyd.h"
#include "tests.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The linker puts these in place of libc's (--wrap), to see the flags and to pretend another peer. */
int __real_getsockopt(int descriptor, int level, int name, void *value, socklen_t *length);
int __wrap_getsockopt(int descriptor, int level, int name, void *value, socklen_t *length);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
ssize_t __real_send(int descriptor, const void *data, size_t length, int flags);
ssize_t __wrap_send(int descriptor, const void *data, size_t length, int flags);

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
int __real_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, struct passwd **found);
void __real_free(void *memory);
void __wrap_free(void *memory);

static long pretended_uid = -1; /* of the peer */
static long pretended_self = -1;
static int root_answers; /* so many times uid 0 is the peer first */
static int socket_type;
static int send_flags;
static int lookups;
static int lookup_error;  /* 0, or what getpwnam_r fails by; ESRCH: it finds nobody */
static const char *wiped; /* must not stand in memory that is given back */
static bool given_back;   /* it has */
static atomic_uint *known_user;

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

int __wrap_socket(int domain, int type, int protocol)
{
    socket_type = type;
    return __real_socket(domain, type, protocol);
}

ssize_t __wrap_send(int descriptor, const void *data, size_t length, int flags)
{
    if (memmem(data, length, "Host: keyd", 10) != NULL)
        send_flags = flags;
    return __real_send(descriptor, data, length, flags);
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
    lookups++;
    *found = NULL;
    if (lookup_error == 0)
        return __real_getpwnam_r(name, entry, room, size, found);
    return lookup_error == ESRCH ? 0 : lookup_error;
}

void __wrap_free(void *memory)
{
    if (wiped != NULL && memory != NULL)
        given_back = given_back || memmem(memory, malloc_usable_size(memory), wiped, strlen(wiped)) != NULL;
    __real_free(memory);
}

static struct exchange_reply reply;
static struct problem problem;
static struct fake_keyd *fake;

static bool ask(const char *path, int timeout_ms)
{
    const struct exchange_request request = {.socket_path = path,
                                             .server_user =
                                                 "daemon", /* uid 1 on every Debian and OpenEmbedded system */
                                             .known_user = known_user,
                                             .timeout_ms = timeout_ms,
                                             .method = "GET",
                                             .target = "/publickey?handle=" FAKE_HANDLE};

    return exchange(&request, &reply, &problem);
}

static int open_descriptors(void)
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

static void flags(void)
{
    CHECK(ask(fake->socket, 5000));
    CHECK((socket_type & SOCK_CLOEXEC) != 0);
    CHECK((send_flags & MSG_NOSIGNAL) != 0);
}

static bool exchange_as(long self, long peer, int timeout_ms)
{
    bool done;

    pretended_self = self;
    pretended_uid = peer;
    done = ask(fake->socket, timeout_ms);
    pretended_self = -1;
    pretended_uid = -1;
    return done;
}

static void peers(void)
{
    const int before = atomic_load(&fake->reads);

    CHECK(exchange_as(1000, 1000, 5000));
    CHECK(exchange_as(1000, 1, 5000));
    CHECK_INT(atomic_load(&fake->reads), before + 2);
    CHECK(!exchange_as(1000, 1001, 5000));
    CHECK_INT(problem.reason, REASON_PEER);
    CHECK_TEXT_HAS(problem.text, "uid 1001, not to user daemon");
    CHECK_INT(atomic_load(&fake->reads), before + 2);
}

static void looked_up(int error, const char *words)
{
    lookup_error = error;
    CHECK(!exchange_as(1000, 1, 5000));
    lookup_error = 0;
    CHECK_INT(problem.reason, REASON_PEER);
    CHECK_TEXT_HAS(problem.text, words);
}

static void users(void)
{
    static atomic_uint known;

    looked_up(ESRCH, "belongs to a process of uid 1, and there is no user daemon here");
    looked_up(EMFILE, "looking up the user daemon: Too many open files");
    known_user = &known;
    looked_up(ENOMEM, "looking up the user daemon: Cannot allocate memory");
    lookups = 0;
    for (int i = 0; i < 3; i++)
        CHECK(exchange_as(1000, 1, 5000));
    CHECK_INT(lookups, 1);
    CHECK(!exchange_as(1000, 1001, 5000));
    CHECK_INT(lookups, 1);
    known_user = NULL;
}

static void outsiders(void)
{
    int status = 255;
    pid_t child;

    CHECK_INT(chmod(fake->socket, 0), 0);
    child = fork();
    if (child == 0) {
        /* Root may connect to everything. */
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        _exit(!ask(fake->socket, 5000) && problem.reason == REASON_UNREACHABLE &&
                      strstr(problem.text, "not permitted; the calling user must be in the group estprov") !=
                          NULL
                  ? 0
                  : 1);
    }
    (void)waitpid(child, &status, 0);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 255, 0);
    CHECK_INT(chmod(fake->socket, 0600), 0);
}

#define REFUSED(body, length)                                                                       \
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: " length \
    "\r\n\r\n" body

static void passing(void)
{
    static const char *const answers[] = {"", REFUSED("{\"code\":\"stopping\"}", "19"),
                                          REFUSED("{\"code\":\"too_many_requests\"}", "28"),
                                          REFUSED("{\"code\":\"too_many_connections\"}", "31")};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const int before = atomic_load(&fake->connections);

        atomic_store(&fake->scripted_left, 2);
        atomic_store(&fake->read_answer, answers[i]);
        CHECK(ask(fake->socket, 20000));
        CHECK_INT(reply.head.status, 200);
        CHECK_INT(atomic_load(&fake->connections), before + 3);
    }
    /* In the end it is told what keyd says. */
    atomic_store(&fake->read_answer, answers[1]);
    CHECK(ask(fake->socket, 200));
    CHECK_INT(reply.head.status, 503);
    atomic_store(&fake->read_answer, REFUSED("{\"code\":\"token_absent\"}", "23"));
    CHECK(ask(fake->socket, 20000));
    CHECK_INT(reply.head.status, 503);
    atomic_store(&fake->read_answer, NULL);
}

static char restarting[64];

/* Takes a connection, goes away with it and with the socket, and is back a little later. */
static void *restarts(void *listener)
{
    const int connection = accept(*(const int *)listener, NULL, NULL);

    (void)unlink(restarting);
    (void)close(*(const int *)listener);
    (void)close(connection);
    (void)poll(NULL, 0, 150);
    return symlink(fake->socket, restarting) == 0 ? listener : NULL;
}

static void restart(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;

    (void)snprintf(restarting, sizeof(restarting), "/tmp/estprov-restart-%d.sock", (int)getpid());
    memcpy(address.sun_path, restarting, sizeof(restarting));
    CHECK(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
          listen(listener, 1) == 0);
    (void)pthread_create(&thread, NULL, restarts, &listener);
    CHECK(ask(restarting, 20000));
    (void)pthread_join(thread, NULL);
    (void)unlink(restarting);
}

/* A plaintext that breaks off. */
static void nothing_stays(void)
{
    struct problem told = {REASON_NONE, ""};
    unsigned char out[256];
    size_t length = 0;
    const struct keyd_use use = {.socket = fake->socket,
                                 .handle = FAKE_HANDLE,
                                 .algorithm = "RSA-OAEP",
                                 .hash = "sha256",
                                 .input = (const unsigned char *)"x",
                                 .input_length = 1,
                                 .out = out,
                                 .size = sizeof(out),
                                 .length = &length};

    atomic_store(&fake->sign_answer,
                 "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\nthe plaintext's beginning");
    wiped = "the plaintext's beginning";
    given_back = false;
    CHECK(!keyd_decrypt(&use, &told));
    CHECK_TEXT_HAS(told.text, "shorter");
    CHECK(!given_back);
    atomic_store(&fake->sign_answer,
                 "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\nthe plaintext's beginning");
    CHECK(keyd_decrypt(&use, &told));
    CHECK(!given_back);
    wiped = NULL;
    atomic_store(&fake->sign_answer, NULL);
}

static void activation(void)
{
    root_answers = 3;
    CHECK(exchange_as(1000, 1, 5000));
    root_answers = 1000;
    CHECK(!exchange_as(1000, 1, 200));
    CHECK_INT(problem.reason, REASON_PEER);
    root_answers = 0;
}

static void unreachable(void)
{
    char path[128];

    CHECK(!ask("/nonexistent/keyd.sock", 5000));
    CHECK_INT(problem.reason, REASON_UNREACHABLE);
    CHECK_TEXT_HAS(problem.text, "/nonexistent/keyd.sock: No such file or directory");
    (void)snprintf(path, sizeof(path), "/%0*d", 110, 0);
    CHECK(!ask(path, 5000));
    CHECK_INT(problem.reason, REASON_URI);
}

static void errno_is_kept(void)
{
    errno = 0;
    CHECK(!ask("/nonexistent/keyd.sock", 5000));
    CHECK_INT(errno, 0);
    atomic_store(&fake->dribble, 1);
    CHECK(ask(fake->socket, 20000));
    CHECK_INT(errno, 0);
    atomic_store(&fake->silent, true);
    CHECK(!ask(fake->socket, 100));
    CHECK_INT(errno, 0);
    atomic_store(&fake->silent, false);
    atomic_store(&fake->dribble, 0);
}

static void silence(void)
{
    struct timespec from;
    struct timespec to;

    atomic_store(&fake->silent, true);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    CHECK(!ask(fake->socket, 200));
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    atomic_store(&fake->silent, false);
    CHECK_INT(problem.reason, REASON_TIMEOUT);
    CHECK(to.tv_sec - from.tv_sec < 5);
}

/* One time-out holds for the whole exchange: a byte now and then does not stretch it. */
static void dribble(void)
{
    atomic_store(&fake->dribble, 20);
    CHECK(!ask(fake->socket, 300));
    CHECK_INT(problem.reason, REASON_TIMEOUT);
    atomic_store(&fake->dribble, 1);
    CHECK(ask(fake->socket, 20000));
    atomic_store(&fake->dribble, 0);
}

/* A listener with a full queue makes connect() say EAGAIN at once. */
static void full_queue(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fillers[8];

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/estprov-full-%d.sock", (int)getpid());
    CHECK(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
          listen(listener, 0) == 0);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (const struct sockaddr *)&address, sizeof(address));
    }
    CHECK(!ask(address.sun_path, 200));
    CHECK_INT(problem.reason, REASON_TIMEOUT);
    for (int i = 0; i < 8; i++)
        (void)close(fillers[i]);
    (void)close(listener);
    (void)unlink(address.sun_path);
}

static void on_alarm(int number)
{
    (void)number;
}

static void interrupted(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};

    atomic_store(&fake->dribble, 1);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &often, NULL);
    CHECK(ask(fake->socket, 20000));
    (void)setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&fake->dribble, 0);
}

static void scripted(const char *text, enum reason reason, const char *words)
{
    atomic_store(&fake->read_answer, text);
    CHECK(!ask(fake->socket, 5000));
    CHECK_INT(problem.reason, reason);
    CHECK_TEXT_HAS(problem.text, words);
    atomic_store(&fake->read_answer, NULL);
}

static void misbehaviour(void)
{
    static char long_header[HTTP_HEAD_LONGEST + 100];
    int before;

    fake_keyd_stop(fake); /* with it goes what it may still have open */
    before = open_descriptors();
    fake = fake_keyd_start("EC", "P-256");
    (void)snprintf(long_header, sizeof(long_header), "HTTP/1.1 200 OK\r\nX: %0*d", HTTP_HEAD_LONGEST, 0);
    scripted("", REASON_ANSWER, "hung up");
    scripted("HTTP/1.1 200 O", REASON_ANSWER, "ends within its header");
    scripted("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", REASON_ANSWER, "shorter");
    scripted("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger", REASON_ANSWER, "longer");
    scripted("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", REASON_ANSWER, "Content-Length");
    scripted("nonsense\r\n\r\n", REASON_ANSWER, "status line");
    scripted(long_header, REASON_ANSWER, "too long a header");
    fake_keyd_stop(fake);
    CHECK_INT(open_descriptors(), before);
    fake = fake_keyd_start("EC", "P-256");
}

void test_socket(void)
{
    fake = fake_keyd_start("EC", "P-256");
    run_test("the connection is closed on exec and sends raise no signal", flags);
    run_test("only the daemon's user and ourselves are spoken to", peers);
    run_test("a user that cannot be looked up is told apart from a stranger, one that was is remembered",
             users);
    run_test("who is not in the sockets' group is told so", outsiders);
    run_test("what hangs up, stops, or has too much to do is asked again", passing);
    run_test("a daemon that has just gone away is waited for", restart);
    run_test("no part of a plaintext stays in memory", nothing_stays);
    run_test("a socket that systemd still holds becomes the daemon's", activation);
    run_test("a missing daemon is named by its socket", unreachable);
    run_test("errno is left as it was", errno_is_kept);
    run_test("silence ends with the time-out", silence);
    run_test("a slow answer ends with the time-out of the whole", dribble);
    run_test("a full queue ends with the time-out", full_queue);
    run_test("signals interrupt nothing", interrupted);
    run_test("a broken answer is refused, and no descriptor is left", misbehaviour);
    fake_keyd_stop(fake);
}
