#include "../common/local_socket.h"
#include "context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = FOLDER_SIZE + 16, MOST_ROOM = 64 * 1024 };

/* Who may answer: whoever runs as the daemon's user. The room for the entry hangs on the context. -ENOENT:
 * there is no such user. */
static int daemon_user(struct estprov *context, enum estprov_daemon daemon)
{
    int error = -ERANGE;

    if (context->found[daemon])
        return 0;
    buffer_clear(&context->reply);
    for (size_t size = 1024; error == -ERANGE && size <= MOST_ROOM; size *= 4) {
        if (!buffer_reserve(&context->reply, size))
            return -ENOMEM;
        error = local_find_user(daemons[daemon].user, context->reply.data, size, &context->users[daemon]);
    }
    context->found[daemon] = error == 0;
    return error;
}

/* The daemon's user or our own: nobody else is given requests, or believed, however he came by the path. */
static int check_peer(struct estprov *context, enum estprov_daemon daemon, int descriptor, const char *path)
{
    const char *const user = daemons[daemon].user;
    uid_t uid = 0;
    int error = local_peer(descriptor, &uid);

    if (error != 0)
        return fail(context, error, "%s: %s", path, estprov_strerror(error));
    if (uid == geteuid())
        return 0;
    error = daemon_user(context, daemon);
    if (error == 0 && uid == context->users[daemon])
        return 0;
    if (error != 0 && error != -ENOENT && error != -ERANGE)
        return fail(context, error, "looking up the user %s: %s", user, estprov_strerror(error));
    /* Until the daemon runs, systemd (uid 0) is who listens; our having connected starts it. */
    return fail(context, uid == 0 ? -EAGAIN : -EPERM, "%s belongs to a process of uid %u, %s %s%s", path,
                (unsigned int)uid, error == -ENOENT ? "and there is no user" : "not to user", user,
                error == -ENOENT ? " here" : "");
}

int connect_daemon(struct estprov *context, enum estprov_daemon daemon, int *descriptor)
{
    char path[PATH_SIZE];
    int error;

    (void)snprintf(path, sizeof(path), "%s/%s.sock", context->folder, daemons[daemon].name);
    error = local_connect(path, descriptor);
    if (error != 0)
        return fail(context, error, "%s: %s%s", path,
                    error == -EAGAIN ? "the daemon's queue is full" : estprov_strerror(error),
                    error == -EACCES ? "; the calling user must be in the group estprov" : "");
    error = check_peer(context, daemon, *descriptor, path);
    if (error != 0)
        close_descriptor(descriptor);
    return error;
}
