/* Puts a server far away: what comes to ADDRESS:PORT goes on to TARGET:PORT, and each way takes half of
 * MILLISECONDS. A connection costs one round trip more before its first byte, as TCP's handshake would. For
 * kernels without netem; only order and delay are imitated, not bandwidth or loss. usage: far ADDRESS PORT
 * TARGET MILLISECONDS */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_LINKS 64

struct piece {
    struct piece *next;
    double due;
    size_t length; /* 0: the sender has ended */
    char bytes[];
};

/* One direction of a connection. */
struct way {
    int from, to;
    int ended, closed;
    double open_at; /* before that nothing can have been sent */
    struct piece *first, **last;
};

struct link {
    int used;
    struct way up, down;
};

static struct link links[MOST_LINKS];
static double half;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void start(struct way *way, int from, int to, double open_at)
{
    *way = (struct way){.from = from, .to = to, .open_at = open_at};
    way->last = &way->first;
}

static void read_from(struct way *way)
{
    char buffer[16384];
    ssize_t got = recv(way->from, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR)
        return;
    size_t length = got > 0 ? (size_t)got : 0;
    struct piece *piece = malloc(sizeof *piece + length);
    if (piece == NULL)
        abort();
    double sent = now();
    piece->next = NULL;
    piece->due = (sent > way->open_at ? sent : way->open_at) + half;
    piece->length = length;
    memcpy(piece->bytes, buffer, length);
    *way->last = piece;
    way->last = &piece->next;
    way->ended = length == 0;
}

static void write_due(struct way *way, double time)
{
    while (way->first != NULL && way->first->due <= time) {
        struct piece *piece = way->first;
        way->first = piece->next;
        if (way->first == NULL)
            way->last = &way->first;
        for (size_t done = 0; done < piece->length;) {
            ssize_t put = send(way->to, piece->bytes + done, piece->length - done, MSG_NOSIGNAL);
            if (put <= 0)
                break; /* gone; its end is read from the other way */
            done += (size_t)put;
        }
        if (piece->length == 0) {
            shutdown(way->to, SHUT_WR);
            way->closed = 1;
        }
        free(piece);
    }
}

static void accept_one(int listener, const struct sockaddr_in *target)
{
    int yes = 1;
    int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (near < 0)
        return;
    struct link *link = links;
    while (link < links + MOST_LINKS && link->used)
        link++;
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link == links + MOST_LINKS || far < 0 ||
        connect(far, (const struct sockaddr *)target, sizeof *target) != 0) {
        if (far >= 0)
            close(far);
        close(near);
        return;
    }
    setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    link->used = 1;
    start(&link->up, near, far, now() + 2 * half);
    start(&link->down, far, near, 0);
}

static int wait_of(const struct way *way, double time, int wait)
{
    if (way->first == NULL)
        return wait;
    int own = way->first->due > time ? (int)(way->first->due - time) + 1 : 0;
    return wait < 0 || own < wait ? own : wait;
}

int main(int argc, char **argv)
{
    int yes = 1;
    struct sockaddr_in here = {.sin_family = AF_INET}, target = {.sin_family = AF_INET};
    if (argc != 5 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[3], &target.sin_addr) != 1) {
        fprintf(stderr, "usage: far ADDRESS PORT TARGET MILLISECONDS\n");
        return 64;
    }
    here.sin_port = target.sin_port = htons((uint16_t)atoi(argv[2]));
    half = atof(argv[4]) / 2;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 64) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        struct pollfd fds[1 + 2 * MOST_LINKS] = {{.fd = listener, .events = POLLIN}};
        double time = now();
        int wait = -1;
        for (int i = 0; i < MOST_LINKS; i++) {
            struct link *link = links + i;
            fds[1 + 2 * i].fd = link->used && !link->up.ended ? link->up.from : -1;
            fds[2 + 2 * i].fd = link->used && !link->down.ended ? link->down.from : -1;
            fds[1 + 2 * i].events = fds[2 + 2 * i].events = POLLIN;
            if (link->used)
                wait = wait_of(&link->down, time, wait_of(&link->up, time, wait));
        }
        if (poll(fds, 1 + 2 * MOST_LINKS, wait) < 0 && errno != EINTR) {
            perror("poll");
            return 1;
        }
        for (int i = 0; i < MOST_LINKS; i++) {
            struct link *link = links + i;
            if (!link->used)
                continue;
            if (fds[1 + 2 * i].revents != 0)
                read_from(&link->up);
            if (fds[2 + 2 * i].revents != 0)
                read_from(&link->down);
            time = now();
            write_due(&link->up, time);
            write_due(&link->down, time);
            if (link->up.closed && link->down.closed) {
                close(link->up.from);
                close(link->up.to);
                link->used = 0;
            }
        }
        if (fds[0].revents != 0)
            accept_one(listener, &target);
    }
}
