/* The client's CPU for a P-256 signature through libestprov, beside a bare round trip of the same bytes on a
 * socket. Both in this process, in turns; the cheapest turn of each counts, since a busy machine only ever
 * adds. usage: native_sign SOCKET HANDLE */
#include "estprov.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TURNS = 15, EACH = 1000 };

static void die(const char *what)
{
    (void)fprintf(stderr, "error: %s\n", what);
    exit(1);
}

/* User and system time of this process, in microseconds. */
static double cpu(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int connected(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (descriptor < 0 || connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0)
        die("no connection to keyd");
    return descriptor;
}

/* An answer of keyd's comes in one piece. */
static void bare(int descriptor, const char *request, size_t length)
{
    char answer[4096];

    if (send(descriptor, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        die("the request does not go out");
    if (recv(descriptor, answer, sizeof(answer), 0) < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0)
        die("keyd does not sign");
}

int main(int count, char **arguments)
{
    static const unsigned char digest[32] = {1};
    char request[4096];
    size_t length;
    struct estprov *context;
    double shim = 1e9, trip = 1e9;
    int descriptor;

    if (count != 3)
        return 64;
    descriptor = connected(arguments[1]);
    if (estprov_open(&context, NULL, 0) != 0)
        die("no context");
    /* What the library sends, byte for byte. */
    length = (size_t)snprintf(request, sizeof(request),
                              "POST /sign?api-version=2021-05-01&handle=%s&algorithm=ECDSA&hash=sha256 "
                              "HTTP/1.1\r\nHost: localhost\r\n"
                              "Content-Type: application/octet-stream\r\nContent-Length: 32\r\n\r\n",
                              arguments[2]);
    memcpy(request + length, digest, sizeof(digest));
    length += sizeof(digest);
    for (int turn = 0; turn < TURNS; turn++) {
        double before = cpu();

        for (int i = 0; i < EACH; i++)
            bare(descriptor, request, length);
        trip = cpu() - before < trip ? cpu() - before : trip;
        before = cpu();
        for (int i = 0; i < EACH; i++) {
            unsigned char signature[128];
            size_t size = sizeof(signature);

            if (estprov_sign(context, arguments[2], ESTPROV_ECDSA, digest, sizeof(digest), signature,
                             &size) != 0)
                die(estprov_message(context));
        }
        shim = cpu() - before < shim ? cpu() - before : shim;
    }
    printf("shim_us=%.2f trip_us=%.2f more_us=%.2f\n", shim / EACH, trip / EACH, (shim - trip) / EACH);
    estprov_close(context);
    return 0;
}
