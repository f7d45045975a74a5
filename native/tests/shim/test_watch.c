#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct world world;
static struct estprov_watch *watch;
static struct estprov_change change;

#define NONE "{\"next\":41,\"changes\":[]}"
#define OLD "{\"next\":41,\"changes\":[{\"seq\":41,\"time\":\"t\",\"kind\":\"issued\",\"subject\":\"old\"}]}"
#define TWO                                                                                                \
    "{\"next\":43,\"changes\":[{\"seq\":42,\"time\":\"2026-11-28T07:00:00.000Z\",\"kind\":\"expiring\","   \
    "\"subject\":\"module-server\","                                                                       \
    "\"reason\":\"issuer_renewed\"},{\"seq\":43,\"time\":\"t\",\"kind\":\"dropped\",\"subject\":\"device-" \
    "id\",\"reason\":\"a very long "                                                                       \
    "reason indeed, which is prose and is not given to anybody who asks for changes\"}]}"

static int next(int timeout_ms)
{
    memset(&change, 'x', sizeof(change));
    return estprov_watch_next(watch, timeout_ms, &change);
}

static bool readable(int timeout_ms)
{
    struct pollfd entry = {estprov_watch_descriptor(watch), POLLIN, 0};

    return poll(&entry, 1, timeout_ms) == 1;
}

static bool was(const char *kind, const char *subject, const char *reason)
{
    return CHECK(strcmp(change.kind, kind) == 0) & CHECK(strcmp(change.subject, subject) == 0) &
           CHECK(strcmp(change.reason, reason) == 0);
}

/* What an earlier watch has still asked meets no script of a later one. */
static void fresh(void)
{
    world_close(&world);
    world_open(&world, PLENTY);
}

static void open_watch(const char *first)
{
    fresh();
    fake_next(world.certd, first);
    fake_otherwise(world.certd, fake_silence);
    CHECK_INT(estprov_watch_open(world.context, ESTPROV_CERTD, &watch), 0);
}

static void tells(void)
{
    open_watch(fake_ok(OLD));
    fake_next(world.certd, fake_ok(TWO));
    CHECK((fcntl(estprov_watch_descriptor(watch), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(readable(PLENTY));
    CHECK_INT(next(PLENTY), 0);
    (void)was("reread", "", "");
    CHECK_INT(next(PLENTY), 0);
    (void)was("expiring", "module-server", "issuer_renewed");
    CHECK(strcmp(change.time, "2026-11-28T07:00:00.000Z") == 0);
    /* One call for each readiness is enough: it stays readable while there is more. */
    CHECK(readable(PLENTY));
    CHECK_INT(next(0), 0);
    (void)was("dropped", "device-id", "");
    CHECK(!readable(50));
    CHECK_INT(next(0), -EAGAIN);
    CHECK_INT(next(60), -ETIMEDOUT);
    CHECK(requested_soon(world.certd, "GET /changes?api-version=2020-09-01&after=43&wait=240 HTTP/1.1\r\n"));
    CHECK_INT(next(-1), -EINVAL);
    estprov_watch_close(watch);
}

static void polls(void)
{
    int told = 0;
    const int descriptor = (open_watch(fake_ok(NONE)), estprov_watch_descriptor(watch));

    fake_next(world.certd, fake_ok(TWO));
    for (int i = 0; i < 100 && told < 3; i++) {
        struct pollfd entry = {descriptor, POLLIN, 0};

        CHECK(poll(&entry, 1, PLENTY) == 1);
        told += next(0) == 0;
        CHECK_INT(estprov_watch_descriptor(watch), descriptor);
    }
    CHECK_INT(told, 3);
    estprov_watch_close(watch);
}

/* After a restart the daemon does not know our number. */
static void restarts(void)
{
    open_watch(fake_ok(NONE));
    CHECK_INT(next(PLENTY), 0);
    fake_stop(world.certd);
    CHECK_INT(next(100), -ETIMEDOUT);
    world.certd = fake_start(world.folder, "certd");
    fake_next(
        world.certd,
        fake_ok(
            "{\"next\":9,\"lost\":true,\"changes\":[{\"kind\":\"committed\",\"subject\":\"device-id\"}]}"));
    fake_otherwise(world.certd, fake_silence);
    CHECK_INT(next(PLENTY), 0);
    (void)was("reread", "", "");
    CHECK_TEXT_HAS(fake_request(world.certd), "after=41&");
    CHECK_INT(next(PLENTY), 0);
    (void)was("committed", "device-id", "");
    estprov_watch_close(watch);
}

static void *starts_late(void *unused)
{
    (void)poll(NULL, 0, 150);
    world.certd = fake_start(world.folder, "certd");
    fake_next(world.certd, fake_ok(NONE));
    fake_otherwise(world.certd, fake_silence);
    return unused;
}

static void starts_before_the_daemon(void)
{
    pthread_t thread;

    fresh();
    fake_stop(world.certd);
    CHECK_INT(estprov_watch_open(world.context, ESTPROV_CERTD, &watch), 0);
    CHECK_INT(next(0), -EAGAIN);
    (void)pthread_create(&thread, NULL, starts_late, NULL);
    CHECK_INT(next(PLENTY), 0);
    (void)was("reread", "", "");
    (void)pthread_join(thread, NULL);
    estprov_watch_close(watch);
}

/* A daemon that stops answers all who wait; who always does so is not asked in a loop. */
static void empty_answers(void)
{
    int before;

    open_watch(fake_ok(NONE));
    CHECK_INT(next(PLENTY), 0);
    before = atomic_load(&world.certd->requests);
    fake_otherwise(world.certd, fake_ok(NONE));
    CHECK_INT(next(1000), -ETIMEDOUT);
    CHECK(atomic_load(&world.certd->requests) - before < 12);
    estprov_watch_close(watch);
}

static void broken(void)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"next\":\"x\"}",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"next\":1}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more",
        "HTTP/1.1 200 OK\r\n\r\n",
        "nonsense\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    };
    static char long_head[9000];

    open_watch(fake_ok(NONE));
    CHECK_INT(next(PLENTY), 0);
    memset(long_head, 'x', sizeof(long_head) - 1);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        estprov_watch_close(watch);
        open_watch(answers[i]);
        CHECK_INT(next(PLENTY), -EPROTO);
        CHECK_INT(next(0), -EAGAIN);
    }
    estprov_watch_close(watch);
    open_watch(long_head);
    CHECK_INT(next(PLENTY), -EPROTO);
    CHECK_TEXT_HAS(estprov_message(world.context), "too long a header");
    fake_next(world.certd, fake_json("401 X", "{\"message\":\"not you\"}"));
    CHECK_INT(next(PLENTY), -EACCES);
    CHECK_TEXT_HAS(estprov_message(world.context), "not you");
    fake_next(world.certd, fake_json("503 X", "{\"message\":\"later\"}"));
    fake_next(world.certd, fake_hang_up);
    fake_next(world.certd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    fake_next(world.certd, fake_ok(NONE));
    atomic_store(&world.certd->closes, true);
    CHECK_INT(next(PLENTY), 0);
    atomic_store(&world.certd->closes, false);
    (void)was("reread", "", "");
    estprov_watch_close(watch);
}

static void broken_change(void)
{
    open_watch(fake_ok(NONE));
    fake_next(world.certd,
              fake_ok("{\"next\":45,\"changes\":[{\"kind\":7},5,{\"kind\":\"issued\",\"subject\":{}},"
                      "{\"kind\":\"issued\",\"time\":1},{\"kind\":\"expiring\",\"reason\":[]},{\"kind\":"
                      "\"issued\"}]}"));
    CHECK_INT(next(PLENTY), 0);
    for (int i = 0; i < 5; i++)
        CHECK_INT(next(PLENTY), -EPROTO);
    CHECK_INT(next(PLENTY), 0);
    (void)was("issued", "", "");
    estprov_watch_close(watch);
}

static void wrong_user(void)
{
    fresh();
    fake_otherwise(world.certd, fake_silence);
    fake_next(world.certd, fake_ok(NONE));
    CHECK_INT(estprov_watch_open(world.context, ESTPROV_CERTD, &watch), 0);
    pretended_self = 1000;
    pretended_uid = 1001;
    CHECK_INT(next(PLENTY), -EPERM);
    pretended_uid = 1;
    CHECK_INT(next(PLENTY), 0);
    pretended_self = -1;
    pretended_uid = -1;
    estprov_watch_close(watch);
}

static void silent_daemon(void)
{
    struct estprov *context;
    int before;

    fresh();
    CHECK_INT(estprov_open(&context, world.folder, 80), 0);
    fake_otherwise(world.certd, fake_silence);
    before = atomic_load(&world.certd->accepted);
    CHECK_INT(estprov_watch_open(context, ESTPROV_CERTD, &watch), 0);
    for (long until = milliseconds() + PLENTY;
         atomic_load(&world.certd->accepted) - before < 2 && milliseconds() < until;)
        CHECK_INT(next(100), -ETIMEDOUT);
    CHECK(atomic_load(&world.certd->accepted) - before >= 2);
    estprov_watch_close(watch);
    estprov_close(context);
}

static void long_list(void)
{
    char *body = malloc(200000);
    size_t used;
    int told = 0;

    used = (size_t)sprintf(body, "{\"next\":400,\"changes\":[");
    for (int i = 0; i < 256; i++)
        used += (size_t)sprintf(body + used,
                                "%s{\"seq\":%d,\"kind\":\"failed\",\"subject\":\"x\",\"message\":\"%0500d\"}",
                                i > 0 ? "," : "", i, 0);
    (void)sprintf(body + used, "]}");
    open_watch(fake_ok(NONE));
    CHECK_INT(next(PLENTY), 0);
    estprov_watch_close(watch);
    open_watch(fake_ok(NONE));
    fake_next(world.certd, fake_ok(body));
    while (told < 257 && CHECK_INT(next(PLENTY), 0))
        told++;
    CHECK_INT(told, 257);
    CHECK_INT(next(100), -ETIMEDOUT);
    estprov_watch_close(watch);
    free(body);
}

static void no_memory(void)
{
    int told;

    CHECK_INT(estprov_watch_open(world.context, ESTPROV_KEYD, &watch), -EINVAL);
    for (failing_epoll = 1; failing_epoll <= 3; failing_epoll++)
        CHECK(estprov_watch_open(world.context, ESTPROV_CERTD, &watch) < 0);
    CHECK_TEXT_HAS(estprov_message(world.context), "a descriptor to poll");
    failing_epoll = 0;
    allocations_left = 0;
    CHECK_INT(estprov_watch_open(world.context, ESTPROV_CERTD, &watch), -ENOMEM);
    allocations_left = -1;
    for (int left = 0; left < 4; left++) {
        open_watch(fake_ok(NONE));
        fake_next(world.certd, fake_ok(NONE)); /* the first may be lost with the memory for it */
        allocations_left = left;
        told = next(300);
        allocations_left = -1;
        if (told != 0)
            CHECK_INT(next(PLENTY), 0);
        (void)was("reread", "", "");
        estprov_watch_close(watch);
    }
    open_watch(fake_ok(NONE));
    failing_epoll = 3;
    CHECK_INT(next(1000), -ENOMEM);
    failing_epoll = 0;
    CHECK_INT(next(PLENTY), 0);
    resume_interrupted = 2;
    fake_next(world.certd, fake_ok(TWO));
    estprov_watch_close(watch);
    resume_interrupted = 0;
    estprov_watch_close(NULL);
}

static void interrupted(void)
{
    open_watch(fake_ok(NONE));
    resume_interrupted = 3;
    CHECK_INT(next(PLENTY), 0);
    resume_interrupted = 0;
    estprov_watch_close(watch);
}

static void waits(void)
{
    static const char status[] = "/provisioning-status";

    fresh();
    fake_next_to(world.identityd, status, fake_json("503 X", "{\"message\":\"busy\"}"));
    fake_next_to(world.identityd, status, fake_ok("{\"state\":\"registering\"}"));
    fake_next_to(world.identityd, status, fake_ok("{\"state\":\"provisioned\"}"));
    fake_next_to(world.identityd, "after=0&", fake_ok(NONE));
    fake_next_to(world.identityd, "after=41&",
                 fake_ok("{\"next\":42,\"changes\":[{\"kind\":\"assigned\",\"subject\":\"d\"}]}"));
    fake_otherwise(world.identityd, fake_silence);
    CHECK_INT(estprov_wait_provisioned(world.context, PLENTY), 0);
    CHECK_INT(fake_left(world.identityd), 0);
    fresh();
    fake_otherwise(world.identityd, fake_json("401 X", "{\"message\":\"not you\"}"));
    CHECK_INT(estprov_wait_provisioned(world.context, PLENTY), -EACCES);
    CHECK_INT(estprov_wait_provisioned(world.context, -1), -EINVAL);
    allocations_left = 0;
    CHECK_INT(estprov_wait_provisioned(world.context, 0), -ENOMEM);
    allocations_left = -1;
}

static void waits_in_vain(void)
{
    struct estprov *context;
    long from;

    fake_otherwise(
        world.identityd,
        fake_ok("{\"state\":\"waiting_to_retry\",\"waitingFor\":\"DPS\",\"next\":5,\"changes\":[]}"));
    /* Longer where the machine is so busy that there was no answer. */
    for (int timeout = 200; timeout < PLENTY / 4; timeout *= 4) {
        CHECK_INT(estprov_wait_provisioned(world.context, timeout), -ETIMEDOUT);
        if (strstr(estprov_message(world.context), "DPS") != NULL)
            break;
    }
    CHECK_TEXT_HAS(estprov_message(world.context), "DPS");
    from = milliseconds();
    CHECK_INT(estprov_open(&context, "/nonexistent", 0), 0);
    CHECK_INT(estprov_wait_provisioned(context, 100), -ETIMEDOUT);
    CHECK_TEXT_HAS(estprov_message(context), "/nonexistent/identityd.sock");
    estprov_close(context);
    CHECK(milliseconds() - from < PLENTY / 2);
    /* An error that no time heals. */
    fresh();
    fake_next(world.identityd, fake_ok("{\"state\":\"registering\"}"));
    fake_otherwise(world.identityd, "nonsense\r\n\r\n");
    CHECK_INT(estprov_wait_provisioned(world.context, PLENTY), -EPROTO);
}

void test_watch(void)
{
    world_open(&world, PLENTY);
    run_test("a watch tells first to reread, then each change once", tells);
    run_test("a watch works by poll alone, on one descriptor", polls);
    run_test("a watch survives the daemon's restart and says so", restarts);
    run_test("a watch may be opened before the daemon runs", starts_before_the_daemon);
    run_test("a watch does not ask in a loop", empty_answers);
    run_test("a watch refuses broken answers and goes on", broken);
    run_test("a malformed change costs none of the others", broken_change);
    run_test("a watch believes only the daemon's user", wrong_user);
    run_test("a watch gives up a silent connection", silent_daemon);
    run_test("a watch tells all that a daemon keeps", long_list);
    run_test("a watch without memory or descriptors fails, and goes on when there are some", no_memory);
    run_test("signals interrupt no watch", interrupted);
    run_test("waiting ends when the device is provisioned, or at what no time heals", waits);
    run_test("waiting in vain ends with the time-out and says what was waited for", waits_in_vain);
    world_close(&world);
}
