#include "exchange.h"

#include <errno.h>
#include <string.h>

int estprov_daemon_version(struct estprov *context, enum estprov_daemon daemon, char *version, size_t *size)
{
    struct json answer;
    char text[64];
    int error;

    call_begin(context);
    if ((unsigned int)daemon >= DAEMONS)
        return fail(context, -EINVAL, "there is no daemon %d", (int)daemon);
    (void)target_begin(context, daemon, "/version", NULL);
    error = exchange(context, &(struct exchange){.daemon = daemon, .method = "GET"});
    if (error == -ENOENT && strcmp(context->code, "not_found") == 0)
        return fail(context, -ENOTSUP, "the %s is too old to tell its version", daemons[daemon].service);
    if (error == 0)
        error = reply_json(context, &answer);
    if (error == 0)
        error = reply_text(context, &answer, "version", text, sizeof(text));
    return error == 0 ? give_text(context, text, strlen(text), version, size) : error;
}
