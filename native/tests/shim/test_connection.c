#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct world world;

static int ask(void)
{
    return estprov_provisioned(world.context);
}

/* With a time-out so short that a busy machine may miss it. */
static int ask_until_answered(struct estprov *context)
{
    int error;

    for (int i = 0; i < 200; i++) {
        error = estprov_provisioned(context);
        if (error != -ETIMEDOUT)
            break;
    }
    return error;
}

static void keeps(void)
{
    const int before = atomic_load(&world.identityd->accepted);

    CHECK_INT(ask(), 0);
    CHECK_INT(ask(), 0);
    CHECK_INT(ask(), 0);
    CHECK_INT(atomic_load(&world.identityd->accepted), before + 1);
    CHECK((last_socket_type & SOCK_CLOEXEC) != 0);
    CHECK((last_send_flags & MSG_NOSIGNAL) != 0);
}

static void says_close(void)
{
    const int before = atomic_load(&world.identityd->accepted);
    const int descriptors = open_descriptors();

    fake_next(
        world.identityd,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 23\r\n\r\n{\"state\":\"provisioned\"}");
    CHECK_INT(ask(), 0);
    CHECK(open_descriptors() < descriptors);
    CHECK_INT(ask(), 0);
    CHECK_INT(atomic_load(&world.identityd->accepted), before + 1);
}

static void closes_silently(void)
{
    atomic_store(&world.identityd->closes, true);
    for (int i = 0; i < 5; i++)
        CHECK_INT(ask(), 0);
    atomic_store(&world.identityd->closes, false);
    CHECK_INT(ask(), 0);
}

static void restart_identityd(void)
{
    const char *const ok = world.identityd->otherwise;

    fake_stop(world.identityd);
    world.identityd = fake_start(world.folder, "identityd");
    fake_otherwise(world.identityd, ok);
}

static void restarts(void)
{
    CHECK_INT(ask(), 0);
    restart_identityd();
    CHECK_INT(ask(), 0);
    CHECK_INT(atomic_load(&world.identityd->accepted), 1);
}

static void *starts_late(void *unused)
{
    (void)poll(NULL, 0, 150);
    world.identityd = fake_start(world.folder, "identityd");
    fake_otherwise(world.identityd, fake_ok("{\"state\":\"provisioned\"}"));
    return unused;
}

/* Without systemd's socket there is nobody to connect to for a moment. */
static void restarts_slowly(void)
{
    pthread_t thread;

    CHECK_INT(ask(), 0);
    fake_stop(world.identityd);
    (void)pthread_create(&thread, NULL, starts_late, NULL);
    CHECK_INT(ask(), 0);
    (void)pthread_join(thread, NULL);
}

static void does_not_come_back(void)
{
    struct estprov *context;
    long from;

    CHECK_INT(estprov_open(&context, world.folder, 200), 0);
    CHECK_INT(ask_until_answered(context), 0);
    fake_stop(world.identityd);
    from = milliseconds();
    CHECK_INT(estprov_provisioned(context), -ENOENT);
    CHECK(milliseconds() - from >= 100 && milliseconds() - from < PLENTY / 2);
    CHECK_TEXT_HAS(estprov_message(context), "identityd.sock");
    estprov_close(context);
    /* One that has never answered is not waited for. */
    CHECK_INT(estprov_open(&context, world.folder, PLENTY), 0);
    from = milliseconds();
    CHECK_INT(estprov_provisioned(context), -ENOENT);
    CHECK(milliseconds() - from < PLENTY / 2);
    estprov_close(context);
    (void)starts_late(NULL);
}

static void stopping(void)
{
    int before;

    CHECK_INT(ask(), 0);
    before = atomic_load(&world.identityd->accepted);
    fake_next(world.identityd, fake_json("503 X", "{\"message\":\"stops\",\"code\":\"stopping\"}"));
    CHECK_INT(ask(), 0);
    CHECK_INT(atomic_load(&world.identityd->accepted), before + 1);
    fake_next(world.identityd, fake_json("503 X", "{\"message\":\"later\",\"code\":\"other\"}"));
    CHECK_INT(ask(), -EAGAIN);
}

static void busy(void)
{
    static const char *const codes[] = {"{\"message\":\"busy\",\"code\":\"too_many_requests\"}",
                                        "{\"message\":\"busy\",\"code\":\"too_many_connections\"}"};
    struct estprov *context;
    const char *const ok = world.identityd->otherwise;

    for (int i = 0; i < 2; i++) {
        fake_next(world.identityd, fake_json("503 X", codes[i]));
        fake_next(world.identityd, fake_json("503 X", codes[i]));
        CHECK_INT(ask(), 0);
        CHECK_INT(fake_left(world.identityd), 0);
    }
    CHECK_INT(estprov_open(&context, world.folder, 100), 0);
    fake_otherwise(world.identityd, fake_json("503 X", codes[0]));
    CHECK_INT(ask_until_answered(context), -EAGAIN);
    CHECK_TEXT_HAS(estprov_message(context), "busy");
    CHECK_TEXT_HAS(estprov_code(context), "too_many_requests");
    estprov_close(context);
    fake_otherwise(world.identityd, ok);
}

static void stops_for_ever(void)
{
    struct estprov *context;
    const char *const ok = world.identityd->otherwise;

    CHECK_INT(estprov_open(&context, world.folder, 100), 0);
    fake_otherwise(world.identityd, fake_json("503 X", "{\"message\":\"stops\",\"code\":\"stopping\"}"));
    /* Its last attempt may end by the time-out. */
    CHECK_INT(ask_until_answered(context), -EAGAIN);
    CHECK_TEXT_HAS(estprov_message(context), "stops");
    estprov_close(context);
    fake_otherwise(world.identityd, ok);
}

static void hangs_up(void)
{
    CHECK_INT(ask(), 0);
    fake_next(world.identityd, fake_hang_up);
    CHECK_INT(ask(), 0);
    for (int i = 0; i < 4; i++)
        fake_next(world.identityd, fake_hang_up);
    CHECK_INT(ask(), -ECONNRESET);
    CHECK_TEXT_HAS(estprov_message(world.context), "the Identity Service hung up");
    CHECK_INT(ask(), 0);
}

static int ask_as(long self, long peer, int timeout_ms)
{
    struct estprov *context;
    int result;

    CHECK_INT(estprov_open(&context, world.folder, timeout_ms), 0);
    pretended_self = self;
    pretended_uid = peer;
    result = estprov_provisioned(context);
    pretended_self = -1;
    pretended_uid = -1;
    if (result == -EPERM)
        CHECK_TEXT_HAS(estprov_message(context), "uid 1001, not to user estprov-identityd");
    estprov_close(context);
    return result;
}

static void peers(void)
{
    const int before = atomic_load(&world.identityd->requests);

    CHECK_INT(ask_as(1000, 1000, PLENTY), 0);
    CHECK_INT(ask_as(1000, 1, PLENTY), 0);
    short_passwd = 2;
    CHECK_INT(ask_as(1000, 1, PLENTY), 0);
    short_passwd = -2;
    CHECK_INT(ask_as(1000, 1, PLENTY), 0);
    CHECK_INT(atomic_load(&world.identityd->requests), before + 4);
    CHECK_INT(ask_as(1000, 1001, PLENTY), -EPERM);
    short_passwd = 100;
    CHECK_INT(ask_as(1000, 1001, PLENTY), -EPERM);
    short_passwd = 0;
    CHECK_INT(atomic_load(&world.identityd->requests), before + 4);
}

static void lookup(int error, int expected, const char *words)
{
    struct estprov *context;

    CHECK_INT(estprov_open(&context, world.folder, PLENTY), 0);
    pretended_self = 1000;
    pretended_uid = 1;
    failing_passwd = error;
    CHECK_INT(estprov_provisioned(context), expected);
    CHECK_TEXT_HAS(estprov_message(context), words);
    /* It is looked up again, and not remembered as being away. */
    failing_passwd = 0;
    CHECK_INT(estprov_provisioned(context), 0);
    pretended_self = -1;
    pretended_uid = -1;
    estprov_close(context);
}

static void lookups(void)
{
    static const char nobody[] = "belongs to a process of uid 1, and there is no user estprov-identityd here";

    lookup(ESRCH, -EPERM, nobody);
    lookup(ENOENT, -EPERM, nobody);
    lookup(EMFILE, -EMFILE, "looking up the user estprov-identityd: too many open files");
    lookup(ENOMEM, -ENOMEM, "looking up the user estprov-identityd: out of memory");
}

static void outsiders(void)
{
    int status = 255;
    pid_t child;

    CHECK_INT(chmod(world.identityd->path, 0), 0);
    child = fork();
    if (child == 0) {
        /* Root may connect to everything. */
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        _exit(ask() == -EACCES && strstr(estprov_message(world.context),
                                         "; the calling user must be in the group estprov") != NULL
                  ? 0
                  : 1);
    }
    (void)waitpid(child, &status, 0);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 255, 0);
    CHECK_INT(chmod(world.identityd->path, 0600), 0);
}

static void activation(void)
{
    root_answers = 3;
    CHECK_INT(ask_as(1000, 1, PLENTY), 0);
    root_answers = 10000;
    CHECK_INT(ask_as(1000, 1, 150), -ETIMEDOUT);
    root_answers = 0;
}

static void silence(void)
{
    struct estprov *context;
    const long from = milliseconds();

    CHECK_INT(estprov_open(&context, world.folder, 150), 0);
    fake_next(world.identityd, fake_silence);
    CHECK_INT(estprov_provisioned(context), -ETIMEDOUT);
    CHECK(milliseconds() - from < PLENTY / 2);
    CHECK_TEXT_HAS(estprov_message(context), "the Identity Service did not answer in time");
    CHECK_INT(ask_until_answered(context), 0);
    estprov_close(context);
}

/* One time-out holds for the whole call: a byte now and then does not stretch it. */
static void dribble(void)
{
    struct estprov *context;

    CHECK_INT(estprov_open(&context, world.folder, 200), 0);
    atomic_store(&world.identityd->pause_ms, 20);
    CHECK_INT(estprov_provisioned(context), -ETIMEDOUT);
    atomic_store(&world.identityd->pause_ms, 1);
    estprov_close(context);
    CHECK_INT(ask(), 0);
    atomic_store(&world.identityd->pause_ms, 0);
}

/* A listener with a full queue makes connect() say EAGAIN at once. */
static void full_queue(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct estprov *context;
    char folder[40];
    int fillers[4];

    (void)snprintf(folder, sizeof(folder), "%s", fake_folder());
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/keyd.sock", folder);
    CHECK(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
          listen(listener, 0) == 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (const struct sockaddr *)&address, sizeof(address));
    }
    CHECK_INT(estprov_open(&context, folder, 100), 0);
    CHECK_INT(estprov_hmac(context, "v1.k", "x", 1, (uint8_t[32]){0}), -ETIMEDOUT);
    CHECK_TEXT_HAS(estprov_message(context), "queue is full");
    estprov_close(context);
    for (int i = 0; i < 4; i++)
        (void)close(fillers[i]);
    (void)close(listener);
    (void)unlink(address.sun_path);
    (void)rmdir(folder);
}

/* A peer that takes nothing: what is larger than the socket's buffers does not go out. */
static void takes_nothing(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int small = 1;
    struct estprov *context;
    char folder[40];
    static char large[60000];
    uint8_t mac[32];

    (void)snprintf(folder, sizeof(folder), "%s", fake_folder());
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/keyd.sock", folder);
    (void)setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    CHECK(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
          listen(listener, 4) == 0);
    CHECK_INT(estprov_open(&context, folder, 100), 0);
    memset(large, 'x', sizeof(large));
    CHECK_INT(estprov_hmac(context, "v1.k", large, sizeof(large), mac), -ETIMEDOUT);
    estprov_close(context);
    (void)close(listener);
    CHECK_INT(estprov_open(&context, folder, 100), 0);
    CHECK_INT(estprov_hmac(context, "v1.k", "x", 1, mac), -ECONNREFUSED);
    estprov_close(context);
    (void)unlink(address.sun_path);
    (void)rmdir(folder);
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

    atomic_store(&world.identityd->pause_ms, 1);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &often, NULL);
    CHECK_INT(ask(), 0);
    (void)setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&world.identityd->pause_ms, 0);
    resume_interrupted = 3;
    CHECK_INT(ask(), 0);
    resume_interrupted = 0;
}

void test_connection(void)
{
    world_open(&world, PLENTY);
    fake_otherwise(world.identityd, fake_ok("{\"state\":\"provisioned\"}"));
    run_test("one connection serves many calls, is closed on exec and raises no signal", keeps);
    run_test("a connection that the daemon closes is given up", says_close);
    run_test("a connection that the daemon closes without a word is made anew", closes_silently);
    run_test("a restarted daemon is not noticed", restarts);
    run_test("a daemon that is away while it restarts is waited for", restarts_slowly);
    run_test("a daemon that does not come back is told after the time-out, one that never was at once",
             does_not_come_back);
    run_test("a daemon that stops is asked again", stopping);
    run_test("what is too much at one time is asked again", busy);
    run_test("a daemon that stops for ever is told with the time-out", stops_for_ever);
    run_test("hanging up once is overcome, always is told", hangs_up);
    run_test("only the daemon's user and ourselves are spoken to", peers);
    run_test("a user that cannot be looked up is told apart from a stranger", lookups);
    run_test("who is not in the sockets' group is told so", outsiders);
    run_test("a socket that systemd still holds becomes the daemon's", activation);
    run_test("silence ends with the time-out, and is not mistaken for the next answer", silence);
    run_test("a slow answer ends with the time-out of the whole", dribble);
    run_test("a full queue ends with the time-out", full_queue);
    run_test("a peer that takes nothing ends with the time-out", takes_nothing);
    run_test("signals interrupt nothing", interrupted);
    world_close(&world);
}
