#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

static struct world world;

#define SIGNED "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nsig"

static int sign(struct estprov *context)
{
    char signature[16];
    size_t size = sizeof(signature);

    return estprov_sign(context, "v1.k", ESTPROV_ECDSA, "0123456789abcdef0123456789abcdef", 32, signature,
                        &size);
}

/* What an earlier watch has still asked meets no script of a later one. */
static void fresh(void)
{
    world_close(&world);
    world_open(&world, PLENTY);
    fake_otherwise(world.keyd, SIGNED);
}

static int status_of(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Parent and child have a connection each, whoever asks first. */
static void forks(void)
{
    pid_t child;

    CHECK_INT(sign(world.context), 0);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 20; i++)
            if (sign(world.context) != 0)
                _exit(1);
        estprov_close(world.context);
        _exit(0);
    }
    for (int i = 0; i < 20; i++)
        CHECK_INT(sign(world.context), 0);
    CHECK_INT(status_of(child), 0);
    CHECK_INT(sign(world.context), 0);
    CHECK_INT(atomic_load(&world.keyd->accepted), 2);
}

/* Daemons look at who connects, once for each connection. */
static void another_user(void)
{
    struct estprov_watch *watch;
    struct estprov_change change;
    int before;

    fake_otherwise(world.certd, fake_ok("{\"next\":5,\"changes\":[]}"));
    CHECK_INT(sign(world.context), 0);
    CHECK_INT(estprov_watch_open(world.context, ESTPROV_CERTD, &watch), 0);
    CHECK_INT(estprov_watch_next(watch, PLENTY, &change), 0);
    before = atomic_load(&world.keyd->accepted);
    pretended_self = 4711;
    pretended_uid = 4711;
    CHECK_INT(sign(world.context), 0);
    CHECK_INT(atomic_load(&world.keyd->accepted), before + 1);
    CHECK_INT(sign(world.context), 0);
    CHECK_INT(atomic_load(&world.keyd->accepted), before + 1);
    before = atomic_load(&world.certd->accepted);
    while (atomic_load(&world.certd->accepted) == before)
        CHECK_INT(estprov_watch_next(watch, 10, &change), -ETIMEDOUT);
    pretended_self = -1;
    pretended_uid = -1;
    before = atomic_load(&world.keyd->accepted);
    CHECK_INT(sign(world.context), 0);
    CHECK_INT(atomic_load(&world.keyd->accepted), before + 1);
    estprov_watch_close(watch);
}

static void watch_in_child(void)
{
    struct estprov_watch *watch;
    struct estprov_change change;
    pid_t child;

    fresh();
    fake_otherwise(world.certd, fake_silence);
    fake_next(world.certd, fake_ok("{\"next\":5,\"changes\":[]}"));
    CHECK_INT(estprov_watch_open(world.context, ESTPROV_CERTD, &watch), 0);
    CHECK_INT(estprov_watch_next(watch, PLENTY, &change), 0);
    child = fork();
    if (child == 0) {
        const int error = estprov_watch_next(watch, 1000, &change);

        estprov_watch_close(watch);
        _exit(error == -ESTALE ? 0 : 1);
    }
    CHECK_INT(status_of(child), 0);
    /* The parent's goes on. */
    CHECK_INT(estprov_watch_next(watch, 0, &change), -EAGAIN);
    estprov_watch_close(watch);
}

struct waiter {
    struct estprov *context;
    bool whole; /* estprov_wait_provisioned, else a signature */
    int result;
};

/* AddressSanitizer (gcc 12) takes what it has poisoned in the frames that cancellation unwound for live, and
 * stops at it in its own functions: before the thread's end is made known, and when it takes back the stack
 * that it handles signals on. */
#ifdef __SANITIZE_ADDRESS__
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "use_sigaltstack=0";
}

static void forget_dead_frames(void)
{
    enum { DEEPEST = 128 * 1024 };

    __asan_unpoison_memory_region((const char *)__builtin_frame_address(0) - DEEPEST, DEEPEST);
}
#else
static void forget_dead_frames(void)
{
}
#endif

static void close_context(void *context)
{
    forget_dead_frames();
    estprov_close(context);
}

static void *wait_to_be_cancelled(void *argument)
{
    struct waiter *const waiter = argument;

    pthread_cleanup_push(close_context, waiter->context);
    waiter->result =
        waiter->whole ? estprov_wait_provisioned(waiter->context, PLENTY) : sign(waiter->context);
    pthread_cleanup_pop(0);
    return waiter;
}

/* Closing the context in the cleanup handler is all that is needed: the sanitizers see what leaks. */
static void cancelled(bool whole)
{
    const int before = open_descriptors();
    struct fake_daemon *const asked = whole ? world.identityd : world.keyd;
    const int requests = atomic_load(&asked->requests);
    struct waiter waiter = {NULL, whole, 1};
    pthread_t thread;
    void *result = NULL;

    fake_otherwise(asked,
                   whole ? fake_ok("{\"state\":\"registering\",\"next\":1,\"changes\":[]}") : fake_silence);
    CHECK_INT(estprov_open(&waiter.context, world.folder, PLENTY), 0);
    (void)pthread_create(&thread, NULL, wait_to_be_cancelled, &waiter);
    while (atomic_load(&asked->requests) == requests)
        (void)poll(NULL, 0, 1);
    (void)poll(NULL, 0, 20);
    (void)pthread_cancel(thread);
    (void)pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    /* The fake's ends go a little later. */
    for (long until = milliseconds() + PLENTY; open_descriptors() > before + 1 && milliseconds() < until;)
        (void)poll(NULL, 0, 5);
    CHECK(open_descriptors() <= before + 1);
}

static void cancelled_in_call(void)
{
    cancelled(false);
    fake_otherwise(world.keyd, SIGNED);
}

static void cancelled_in_wait(void)
{
    cancelled(true);
}

static void *wait_and_go_on(void *argument)
{
    (void)sign(argument);
    return NULL;
}

/* The answer to the call that was cancelled is not taken for the next one's. */
static void goes_on_after_cancellation(void)
{
    struct estprov *context;
    pthread_t thread;
    const int requests = atomic_load(&world.keyd->requests);

    CHECK_INT(estprov_open(&context, world.folder, PLENTY), 0);
    fake_next(world.keyd, fake_silence);
    (void)pthread_create(&thread, NULL, wait_and_go_on, context);
    while (atomic_load(&world.keyd->requests) == requests)
        (void)poll(NULL, 0, 1);
    (void)pthread_cancel(thread);
    (void)pthread_join(thread, NULL);
    CHECK_INT(sign(context), 0);
    estprov_close(context);
}

/* Epoll instances and timers: the fakes, in this process as well, have none. */
static int own_descriptors(void)
{
    int count = 0;

    for (int i = 0; i < 256; i++) {
        char link[40];
        char target[64] = "";

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", i);
        if (readlink(link, target, sizeof(target) - 1) > 0 && strncmp(target, "anon_inode:", 11) == 0)
            count++;
    }
    return count;
}

static void *wait_in_vain(void *context)
{
    return estprov_wait_provisioned(context, PLENTY) == 0 ? context : NULL;
}

/* What a cancelled wait has left open the next one closes, or the context's end. */
static void waits_on_after_cancellation(void)
{
    const int before = open_descriptors();
    struct estprov *context;
    int after_first = 0;

    CHECK_INT(estprov_open(&context, world.folder, PLENTY), 0);
    fake_otherwise(world.identityd, fake_ok("{\"state\":\"registering\",\"next\":1,\"changes\":[]}"));
    for (int i = 0; i < 4; i++) {
        const int requests = atomic_load(&world.identityd->requests);
        pthread_t thread;

        (void)pthread_create(&thread, NULL, wait_in_vain, context);
        /* The status, and the watch's first answer: then it waits in poll. */
        while (atomic_load(&world.identityd->requests) < requests + 2)
            (void)poll(NULL, 0, 1);
        (void)pthread_cancel(thread);
        (void)pthread_join(thread, NULL);
        if (i == 0)
            after_first = own_descriptors();
        else
            CHECK_INT(own_descriptors(), after_first);
    }
    fake_otherwise(world.identityd, fake_ok("{\"state\":\"provisioned\",\"next\":1,\"changes\":[]}"));
    CHECK_INT(estprov_wait_provisioned(context, PLENTY), 0);
    estprov_close(context);
    for (long until = milliseconds() + PLENTY; open_descriptors() > before + 1 && milliseconds() < until;)
        (void)poll(NULL, 0, 5);
    CHECK(open_descriptors() <= before + 1);
}

static void *sign_many(void *argument)
{
    struct waiter *const waiter = argument;

    waiter->result = 0;
    for (int i = 0; i < 100 && waiter->result == 0; i++)
        waiter->result = sign(waiter->context);
    return NULL;
}

static void threads(void)
{
    enum { COUNT = 6 };
    struct waiter waiters[COUNT];
    pthread_t all[COUNT];

    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(estprov_open(&waiters[i].context, world.folder, PLENTY), 0);
        (void)pthread_create(&all[i], NULL, sign_many, &waiters[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        (void)pthread_join(all[i], NULL);
        CHECK_INT(waiters[i].result, 0);
        estprov_close(waiters[i].context);
    }
}

void test_processes(void)
{
    world_open(&world, PLENTY);
    fake_otherwise(world.keyd, SIGNED);
    run_test("a forked child asks on a connection of its own", forks);
    run_test("after a change of the user nothing is asked on connections of before", another_user);
    run_test("a watch belongs to the process that opened it", watch_in_child);
    run_test("a thread that is cancelled in a call leaves nothing behind", cancelled_in_call);
    run_test("a thread that is cancelled while it waits leaves nothing behind", cancelled_in_wait);
    run_test("a context is of use after a cancelled call", goes_on_after_cancellation);
    run_test("a context may wait on after waits that were cancelled", waits_on_after_cancellation);
    run_test("threads with a context each do not meet", threads);
    world_close(&world);
}
