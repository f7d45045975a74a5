/* Follows a certificate: prints the size of its chain at once and whenever there is another one, until COUNT
 * were seen. This is where firmware reloads its TLS context, or asks for another certificate where the key is
 * its own ("expiring"). */
/* cc watch_renewal.c $(pkg-config --cflags --libs estprov) */
/* usage: watch_renewal CERTIFICATE-ID [COUNT] */
#include <errno.h>
#include <estprov.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether another certificate is in use: after "reread" it may be, as changes may have been missed. */
static int is_another(const struct estprov_change *change, const char *id)
{
    return strcmp(change->kind, "reread") == 0 ||
           (strcmp(change->subject, id) == 0 &&
            (strcmp(change->kind, "committed") == 0 || strcmp(change->kind, "replaced") == 0 ||
             strcmp(change->kind, "taken-back") == 0));
}

static int show(struct estprov *context, const char *id)
{
    static char pem[64 * 1024];
    size_t size = sizeof(pem);
    const int error = estprov_certificate_pem(context, id, pem, &size);

    if (error != 0)
        fprintf(stderr, "error: %s\nhint: %s\n", estprov_strerror(error), estprov_message(context));
    else
        printf("%s: %zu characters of PEM\n", id, size - 1);
    fflush(stdout);
    return error == 0;
}

int main(int argc, char **argv)
{
    struct estprov *context = NULL;
    struct estprov_watch *watch = NULL;
    struct estprov_change change;
    int left = argc > 2 ? atoi(argv[2]) : 0;

    if (argc < 2 || estprov_open(&context, NULL, 0) != 0 ||
        estprov_watch_open(context, ESTPROV_CERTD, &watch) != 0) {
        fprintf(stderr, "usage: %s CERTIFICATE-ID [COUNT]\n", argv[0]);
        return 64;
    }
    do {
        /* In firmware it is one descriptor among the others of its loop. */
        struct pollfd entry = {estprov_watch_descriptor(watch), POLLIN, 0};
        int error;

        if (poll(&entry, 1, -1) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        while ((error = estprov_watch_next(watch, 0, &change)) == 0) {
            if (strcmp(change.subject, argv[1]) == 0)
                printf("%s %s %s\n", change.time, change.kind, change.reason);
            if (is_another(&change, argv[1]) && show(context, argv[1]) && --left == 0)
                break;
        }
        if (error != 0 && error != -EAGAIN)
            fprintf(stderr, "error: %s\nhint: %s\n", estprov_strerror(error), estprov_message(context));
    } while (left != 0);
    estprov_watch_close(watch);
    estprov_close(context);
    return EXIT_SUCCESS;
}
