/* Load on a daemon: N clients sign over the Key Service's Unix socket, in the JSON form of POST /sign, or
 * send the request in FILE to whose socket it is; each on a keep-alive connection, or ("new") on a connection
 * for each request. All have to be answered 200. Prints one line: clients, requests, seconds, rate, and the
 * latencies in microseconds. usage: sign_load SOCKET HANDLE|@FILE CLIENTS REQUESTS_PER_CLIENT [new] */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct client {
    pthread_t thread;
    const char *socket;
    const char *request;
    size_t request_length;
    long requests;
    int connects_anew;
    double *latencies;
    int failed;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Reads one answer with a Content-Length; returns its status, or -1. */
static int read_answer(int fd)
{
    char buffer[8192];
    size_t have = 0;
    for (;;) {
        ssize_t got = recv(fd, buffer + have, sizeof buffer - 1 - have, 0);
        if (got <= 0)
            return -1;
        have += (size_t)got;
        buffer[have] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        if (end == NULL)
            continue;
        char *length = strcasestr(buffer, "content-length:");
        if (length == NULL)
            return -1;
        size_t total = (size_t)(end + 4 - buffer) + strtoul(length + 15, NULL, 10);
        if (total >= sizeof buffer)
            return -1;
        if (have >= total)
            return atoi(buffer + 9);
    }
}

static void *run(void *argument)
{
    struct client *client = argument;
    int fd = -1;
    for (long i = 0; i < client->requests; i++) {
        double start = now();
        if (fd < 0)
            fd = connect_to(client->socket);
        if (fd < 0 ||
            send(fd, client->request, client->request_length, MSG_NOSIGNAL) !=
                (ssize_t)client->request_length ||
            read_answer(fd) != 200) {
            client->failed = 1;
            break;
        }
        client->latencies[i] = now() - start;
        if (client->connects_anew) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int write_request(const char *handle, char *request, size_t size)
{
    char body[2048];
    int body_length = snprintf(body, sizeof body,
                               "{\"keyHandle\":\"%s\",\"algorithm\":\"ECDSA\",\"parameters\":{\"digest\":"
                               "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}",
                               handle);
    return snprintf(request, size,
                    "POST /sign?api-version=2021-05-01 HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/json\r\nContent-Length: %d\r\n\r\n%s",
                    body_length, body);
}

static int read_request(const char *path, char *request, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t length = fread(request, 1, size, file);
    fclose(file);
    return (int)length;
}

int main(int argc, char **argv)
{
    int connects_anew = argc == 6 && strcmp(argv[5], "new") == 0;
    if (argc != 5 && !connects_anew) {
        fprintf(stderr, "usage: sign_load SOCKET HANDLE|@FILE CLIENTS REQUESTS_PER_CLIENT [new]\n");
        return 64;
    }
    int clients = atoi(argv[3]);
    long each = atol(argv[4]);
    char request[4096];
    int request_length = argv[2][0] == '@' ? read_request(argv[2] + 1, request, sizeof request)
                                           : write_request(argv[2], request, sizeof request);
    if (clients < 1 || each < 1 || request_length < 1 || request_length >= (int)sizeof request) {
        fprintf(stderr, "error: bad arguments\n");
        return 64;
    }
    struct client *all = calloc((size_t)clients, sizeof *all);
    double *latencies = calloc((size_t)clients * (size_t)each, sizeof *latencies);
    if (all == NULL || latencies == NULL)
        return 1;
    double start = now();
    for (int i = 0; i < clients; i++) {
        all[i] = (struct client){.socket = argv[1],
                                 .request = request,
                                 .request_length = (size_t)request_length,
                                 .requests = each,
                                 .connects_anew = connects_anew,
                                 .latencies = latencies + (size_t)i * (size_t)each};
        if (pthread_create(&all[i].thread, NULL, run, &all[i]) != 0)
            return 1;
    }
    int failed = 0;
    for (int i = 0; i < clients; i++) {
        pthread_join(all[i].thread, NULL);
        failed += all[i].failed != 0;
    }
    double seconds = now() - start;
    if (failed) {
        fprintf(stderr, "error: %d of %d clients failed\n", failed, clients);
        return 1;
    }
    size_t count = (size_t)clients * (size_t)each;
    qsort(latencies, count, sizeof *latencies, by_value);
    printf("clients=%d requests=%zu seconds=%.3f rate=%.0f p50_us=%.0f p99_us=%.0f p999_us=%.0f\n", clients,
           count, seconds, (double)count / seconds, latencies[count / 2] * 1e6,
           latencies[count * 99 / 100] * 1e6, latencies[count * 999 / 1000] * 1e6);
    free(latencies);
    free(all);
    return 0;
}
