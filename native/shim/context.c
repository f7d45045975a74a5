#include "context.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ESTPROV_SOCKET_FOLDER
#define ESTPROV_SOCKET_FOLDER "/run/estprov"
#endif

/* keyd answers within 5 s, if only to say that its token does not: its words are worth the wait. */
enum { TIMEOUT_MS = 8000 };

const struct daemon daemons[DAEMONS] = {
    [ESTPROV_KEYD] = {"keyd", "estprov-keyd", "Key Service", "2021-05-01"},
    [ESTPROV_CERTD] = {"certd", "estprov-certd", "Certificates Service", "2020-09-01"},
    [ESTPROV_IDENTITYD] = {"identityd", "estprov-identityd", "Identity Service", "2020-09-01"},
};

int estprov_open(struct estprov **context, const char *folder, int timeout_ms)
{
    struct estprov *opened;

    if (folder == NULL)
        folder = secure_getenv("ESTPROV_SOCKET_FOLDER");
    if (folder == NULL)
        folder = ESTPROV_SOCKET_FOLDER;
    if (context == NULL || folder[0] != '/' || timeout_ms < 0)
        return -EINVAL;
    if (strlen(folder) >= FOLDER_SIZE)
        return -ENAMETOOLONG;
    opened = calloc(1, sizeof(*opened));
    if (opened == NULL)
        return -ENOMEM;
    memcpy(opened->folder, folder, strlen(folder));
    opened->timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_MS;
    opened->owner = getpid();
    opened->user = geteuid();
    opened->active = -1;
    for (int i = 0; i < DAEMONS; i++)
        opened->connections[i] = -1;
    *context = opened;
    return 0;
}

void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
    *descriptor = -1;
}

static void drop_connections(struct estprov *context)
{
    for (int i = 0; i < DAEMONS; i++)
        close_descriptor(&context->connections[i]);
    close_descriptor(&context->active);
}

void estprov_close(struct estprov *context)
{
    if (context == NULL)
        return;
    estprov_watch_close(context->waiting);
    drop_connections(context);
    buffer_free(&context->target);
    buffer_free(&context->body);
    buffer_free(&context->sent);
    buffer_free(&context->reply);
    buffer_free(&context->text);
    free(context);
}

void call_begin(struct estprov *context)
{
    context->message[0] = '\0';
    context->code[0] = '\0';
    buffer_clear(&context->target);
    buffer_clear(&context->body);
    buffer_clear(&context->text);
    /* Of a call whose thread was cancelled: its answer would be taken for the next one's. */
    close_descriptor(&context->active);
    if (context->owner == getpid() && context->user == geteuid())
        return;
    /* Closing the child's copy does not end the parent's connection. */
    drop_connections(context);
    context->owner = getpid();
    context->user = geteuid();
}

int fail(struct estprov *context, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(context->message, sizeof(context->message), format, arguments);
    va_end(arguments);
    return error;
}

int give(struct estprov *context, const void *result, size_t length, void *out, size_t *size)
{
    const size_t given = *size;

    *size = length;
    if (length > given)
        return fail(context, -ERANGE, "the buffer has %zu bytes, and %zu are needed", given, length);
    if (length > 0)
        memcpy(out, result, length);
    return 0;
}

int give_text(struct estprov *context, const char *text, size_t length, char *out, size_t *size)
{
    const size_t given = *size;

    *size = length + 1;
    if (length >= given)
        return fail(context, -ERANGE, "the buffer has %zu bytes, and %zu are needed", given, length + 1);
    memcpy(out, text, length);
    out[length] = '\0';
    return 0;
}

const char *estprov_message(const struct estprov *context)
{
    return context->message;
}

const char *estprov_code(const struct estprov *context)
{
    return context->code;
}

const char *estprov_version(void)
{
    return ESTPROV_VERSION;
}
