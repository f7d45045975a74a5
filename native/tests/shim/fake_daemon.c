#include "fake_daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char fake_hang_up[] = "(hangs up)";
const char fake_silence[] = "(is silent)";

enum { KEPT_ANSWERS = 512 };

struct connection {
    struct fake_daemon *fake;
    int descriptor;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

/* False when the daemon is stopped, or, without a stop, when nothing more will come. */
static bool wait_readable(const struct fake_daemon *fake, int descriptor)
{
    struct pollfd entries[2] = {{descriptor, POLLIN, 0}, {fake->stop[0], POLLIN, 0}};

    while (poll(entries, 2, -1) < 0)
        ;
    return entries[1].revents == 0;
}

static bool send_all(struct fake_daemon *fake, int descriptor, char *text)
{
    size_t left = strlen(text);
    const char zero = atomic_load(&fake->zero);
    const int pause = atomic_load(&fake->pause_ms);

    for (size_t i = 0; zero != 0 && i < left; i++)
        if (text[i] == zero)
            text[i] = '\0';
    while (left > 0) {
        const ssize_t sent = send(descriptor, text, pause > 0 ? 1 : left, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        text += sent;
        left -= (size_t)sent;
        if (pause > 0)
            (void)poll(NULL, 0, pause);
    }
    return true;
}

static bool receive_request(struct fake_daemon *fake, int descriptor, char *request)
{
    size_t used = 0;
    size_t whole = 0;

    while (whole == 0 || used < whole) {
        const char *end;
        ssize_t got;

        if (!wait_readable(fake, descriptor))
            return false;
        got = recv(descriptor, request + used, FAKE_REQUEST - 1 - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        request[used] = '\0';
        end = strstr(request, "\r\n\r\n");
        if (end != NULL && whole == 0) {
            const char *const length = strstr(request, "Content-Length: ");

            whole = (size_t)(end + 4 - request) +
                    (length != NULL && length < end ? (size_t)atol(length + 16) : 0);
        }
    }
    return true;
}

static const char *take_answer(struct fake_daemon *fake, const char *request)
{
    const char *answer;

    (void)pthread_mutex_lock(&fake->mutex);
    memcpy(fake->request, request, strlen(request) + 1);
    answer = fake->otherwise;
    for (int i = 0; i < fake->script_length; i++) {
        if (fake->matches[i] != NULL && strstr(request, fake->matches[i]) == NULL)
            continue;
        answer = fake->script[i];
        fake->script_length--;
        for (; i < fake->script_length; i++) {
            fake->script[i] = fake->script[i + 1];
            fake->matches[i] = fake->matches[i + 1];
        }
    }
    (void)pthread_mutex_unlock(&fake->mutex);
    (void)atomic_fetch_add(&fake->requests, 1);
    return answer;
}

static void *serve_connection(void *argument)
{
    struct connection *const connection = argument;
    struct fake_daemon *const fake = connection->fake;
    const int descriptor = connection->descriptor;
    char *request = malloc(FAKE_REQUEST);

    free(connection);
    while (receive_request(fake, descriptor, request)) {
        const char *const answer = take_answer(fake, request);
        char *copy;
        bool sent;

        if (answer == fake_hang_up)
            break;
        if (answer == fake_silence) {
            (void)wait_readable(fake, descriptor);
            break;
        }
        copy = strdup(answer);
        if (copy == NULL)
            die("strdup");
        sent = send_all(fake, descriptor, copy);
        free(copy);
        if (!sent || atomic_load(&fake->closes))
            break;
    }
    free(request);
    (void)close(descriptor);
    return NULL;
}

static void *serve(void *argument)
{
    struct fake_daemon *const fake = argument;

    while (wait_readable(fake, fake->listener)) {
        struct connection *connection;
        const int descriptor = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);

        if (descriptor < 0)
            continue;
        (void)atomic_fetch_add(&fake->accepted, 1);
        if (fake->connection_count == FAKE_CONNECTIONS)
            die("too many connections for this fake");
        connection = malloc(sizeof(*connection));
        if (connection == NULL)
            die("malloc");
        connection->fake = fake;
        connection->descriptor = descriptor;
        if (pthread_create(&fake->connections[fake->connection_count++], NULL, serve_connection,
                           connection) != 0)
            die("pthread_create");
    }
    for (int i = 0; i < fake->connection_count; i++)
        (void)pthread_join(fake->connections[i], NULL);
    return NULL;
}

const char *fake_folder(void)
{
    static char folder[40];

    (void)snprintf(folder, sizeof(folder), "/tmp/estprov-shim-XXXXXX");
    if (mkdtemp(folder) == NULL)
        die("mkdtemp");
    return folder;
}

struct fake_daemon *fake_start(const char *folder, const char *name)
{
    struct fake_daemon *fake = calloc(1, sizeof(*fake));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    sigset_t all;
    sigset_t before;

    if (fake == NULL)
        die("calloc");
    fake->request = calloc(1, FAKE_REQUEST);
    (void)snprintf(fake->path, sizeof(fake->path), "%s/%s.sock", folder, name);
    memcpy(address.sun_path, fake->path, strlen(fake->path));
    fake->otherwise =
        fake_json("404 Not Found", "{\"message\":\"nothing here\",\"hint\":\"look\",\"code\":\"not_found\"}");
    (void)pthread_mutex_init(&fake->mutex, NULL);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)unlink(fake->path);
    /* Signals are for the thread under test. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (fake->request == NULL || pipe(fake->stop) != 0 ||
        bind(fake->listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fake->listener, 16) != 0 || pthread_create(&fake->thread, NULL, serve, fake) != 0)
        die("fake daemon");
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fake;
}

void fake_stop(struct fake_daemon *fake)
{
    (void)close(fake->stop[1]);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->stop[0]);
    (void)close(fake->listener);
    (void)unlink(fake->path);
    *strrchr(fake->path, '/') = '\0';
    (void)rmdir(fake->path);
    (void)pthread_mutex_destroy(&fake->mutex);
    free(fake->request);
    free(fake);
}

void fake_next(struct fake_daemon *fake, const char *answer)
{
    fake_next_to(fake, NULL, answer);
}

void fake_next_to(struct fake_daemon *fake, const char *match, const char *answer)
{
    (void)pthread_mutex_lock(&fake->mutex);
    if (fake->script_length == FAKE_SCRIPT)
        die("the script is full");
    fake->matches[fake->script_length] = match;
    fake->script[fake->script_length++] = answer;
    (void)pthread_mutex_unlock(&fake->mutex);
}

void fake_otherwise(struct fake_daemon *fake, const char *answer)
{
    (void)pthread_mutex_lock(&fake->mutex);
    fake->otherwise = answer;
    (void)pthread_mutex_unlock(&fake->mutex);
}

int fake_left(struct fake_daemon *fake)
{
    int left;

    (void)pthread_mutex_lock(&fake->mutex);
    left = fake->script_length;
    (void)pthread_mutex_unlock(&fake->mutex);
    return left;
}

const char *fake_json(const char *status, const char *body)
{
    static char *kept[KEPT_ANSWERS];
    static int count;
    char **const place = &kept[count++ % KEPT_ANSWERS];

    free(*place);
    if (asprintf(place, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 status, strlen(body), body) < 0)
        die("asprintf");
    return *place;
}

const char *fake_ok(const char *body)
{
    return fake_json("200 OK", body);
}

const char *fake_request(struct fake_daemon *fake)
{
    static char copy[FAKE_REQUEST];

    (void)pthread_mutex_lock(&fake->mutex);
    memcpy(copy, fake->request, strlen(fake->request) + 1);
    (void)pthread_mutex_unlock(&fake->mutex);
    return copy;
}
