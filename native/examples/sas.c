/* Prints what an MQTT or AMQP client of the hub needs: the caller's own identity (by his user), a SAS token
 * for an hour, and the connection string. */
/* cc sas.c $(pkg-config --cflags --libs estprov) */
/* usage: sas [MODULE] */
#include <estprov.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOUR = 3600 };

static void check(struct estprov *context, int error, const char *what)
{
    if (error == 0)
        return;
    fprintf(stderr, "error: %s: %s\nhint: %s\n", what, estprov_strerror(error), estprov_message(context));
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    struct estprov *context = NULL;
    struct estprov_identity me;
    char token[4096], text[4096];
    size_t size = sizeof(token);
    const int64_t end = (int64_t)time(NULL) + HOUR;

    if (estprov_open(&context, NULL, 0) != 0) {
        fprintf(stderr, "error: the library cannot be opened\nhint: is ESTPROV_SOCKET_FOLDER right?\n");
        return EXIT_FAILURE;
    }
    check(context, estprov_wait_provisioned(context, 60000), "wait for the identity");
    check(context, estprov_module_identity(context, argc > 1 ? argv[1] : NULL, &me), "the identity");
    printf("hub %s, device %s, module %s, auth %s\n", me.hub, me.device_id, me.module_id, me.auth);
    if (strcmp(me.auth, "sas") == 0) {
        check(context, estprov_sas_token(context, &me, NULL, end, token, &size), "the token");
        printf("%s\n", token);
    }
    size = sizeof(text);
    check(context, estprov_connection_string(context, &me, end, text, &size), "the connection string");
    printf("%s\n", text);
    estprov_close(context);
    return EXIT_SUCCESS;
}
