/* How long a daemon takes from its start to its first answer: starts COMMAND, sends the request in FILE to
 * the socket as soon as it can be connected, and prints the milliseconds until an answer with the given
 * status ("any": whatever it is). Then ends the daemon. usage: first_answer SOCKET STATUS REQUEST_FILE
 * COMMAND [ARGUMENT ...] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int answered(const char *path, const char *status, const char *request, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[64] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
             send(fd, request, length, MSG_NOSIGNAL) == (ssize_t)length &&
             recv(fd, answer, sizeof answer - 1, 0) > 12 && strncmp(answer, "HTTP/1.1 ", 9) == 0 &&
             (strcmp(status, "any") == 0 || strncmp(answer + 9, status, 3) == 0);
    close(fd);
    return ok;
}

int main(int argc, char **argv)
{
    char request[8192];
    if (argc < 5) {
        fprintf(stderr, "usage: first_answer SOCKET STATUS REQUEST_FILE COMMAND [ARGUMENT ...]\n");
        return 64;
    }
    FILE *file = fopen(argv[3], "r");
    if (file == NULL) {
        perror(argv[3]);
        return 1;
    }
    size_t length = fread(request, 1, sizeof request, file);
    fclose(file);
    unlink(argv[1]);
    double start = now();
    pid_t daemon = fork();
    if (daemon == 0) {
        execv(argv[4], argv + 4);
        perror(argv[4]);
        _exit(127);
    }
    struct timespec pause = {0, 50000};
    int ok = 0;
    while (!(ok = answered(argv[1], argv[2], request, length)) && now() - start < 10000)
        nanosleep(&pause, NULL);
    double milliseconds = now() - start;
    kill(daemon, SIGTERM);
    waitpid(daemon, NULL, 0);
    if (!ok) {
        fprintf(stderr, "error: no answer within 10 s\n");
        return 1;
    }
    printf("%.1f\n", milliseconds);
    return 0;
}
