#include "context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Texts within, here and elsewhere: a pointer would need room for itself and a relocation. */
struct phrase {
    short error;
    char text[30];
};

/* strerror is not safe between threads everywhere, and knows nothing of us. */
static const struct phrase phrases[] = {
    {0, "success"},
    {EPERM, "not the daemon's socket"},
    {ENOENT, "no such thing, or no daemon"},
    {EIO, "the daemon failed"},
    {EAGAIN, "not now"},
    {ENOMEM, "out of memory"},
    {EACCES, "not permitted"},
    {EINVAL, "a bad argument or request"},
    {EMFILE, "too many open files"},
    {ENOSPC, "no space is left"},
    {EPIPE, "the daemon hung up"},
    {ERANGE, "the buffer is too small"},
    {ENAMETOOLONG, "the name is too long"},
    {EPROTO, "a malformed answer"},
    {EMSGSIZE, "the request is too large"},
    {ECONNRESET, "the daemon hung up"},
    {ETIMEDOUT, "no answer in time"},
    {ECONNREFUSED, "the daemon does not run"},
    {ESTALE, "opened by another process"},
    {EEXIST, "a conflict with what is there"},
    {ENOTSUP, "the daemon is too old"},
};

const char *estprov_strerror(int error)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (phrases[i].error == error || phrases[i].error == -error)
            return phrases[i].text;
    return "another error of the system";
}

struct rule {
    short status;
    short error;
};

static const struct rule rules[] = {
    {400, EINVAL},   {401, EACCES},       {403, EACCES}, {404, ENOENT}, {408, ETIMEDOUT}, {409, EEXIST},
    {413, EMSGSIZE}, {414, ENAMETOOLONG}, {422, EINVAL}, {503, EAGAIN}, {504, ETIMEDOUT}, {507, ENOSPC},
};

static int errno_of(int status, const char *code)
{
    static const char missing[] = "_not_found";
    const size_t length = strlen(code);

    /* certd says 400 of a certificate that is not there, as its clients are used to: the code says more. */
    if (length > sizeof(missing) - 1 && strcmp(code + length - (sizeof(missing) - 1), missing) == 0)
        return -ENOENT;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].status == status)
            return -rules[i].error;
    return status >= 500 ? -EIO : -EPROTO;
}

int fail_refused(struct estprov *context, enum estprov_daemon daemon, int status, const char *body,
                 size_t length)
{
    const struct json answer = json_parse(body, length);
    char message[320];
    char hint[320];
    int error;

    shown(&answer, "message", message, sizeof(message));
    shown(&answer, "hint", hint, sizeof(hint));
    shown(&answer, "code", context->code, sizeof(context->code));
    error = errno_of(status, context->code);
    if (message[0] == '\0')
        return fail(context, error, "the %s answers %d and gives no reason", daemons[daemon].service, status);
    return fail(context, error, "%s (status %d%s%s)", message, status, hint[0] == '\0' ? "" : "; ", hint);
}
