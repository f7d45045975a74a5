#include "../common/local_socket.h"
#include "context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = FOLDER_SIZE + 16, MOST_ROOM = 64 * 1024 };

/* Who may answer: whoever runs as the daemon's user. The room for the entry hangs on the context. */
static bool daemon_user(struct estprov *context, enum estprov_daemon daemon)
{
    int error = -ERANGE;

    if (context->found[daemon])
        return true;
    buffer_clear(&context->reply);
    for (size_t size = 1024; error == -ERANGE && size <= MOST_ROOM; size *= 4) {
        if (!buffer_reserve(&context->reply, size))
            return false;
        error = local_find_user(daemons[daemon].user, context->reply.data, size, &context->users[daemon]);
    }
    context->found[daemon] = error == 0;
    return error == 0;
}

/* The daemon's user or our own: nobody else is given requests, or believed, however he came by the path. */
static int check_peer(struct estprov *context, enum estprov_daemon daemon, int descriptor, const char *path)
{
    uid_t uid = 0;
    const int error = local_peer(descriptor, &uid);

    if (error != 0)
        return fail(context, error, "%s: %s", path, estprov_strerror(error));
    if (uid == geteuid() || (daemon_user(context, daemon) && uid == context->users[daemon]))
        return 0;
    /* Until the daemon runs, systemd (uid 0) is who listens; our having connected starts it. */
    return fail(context, uid == 0 ? -EAGAIN : -EPERM, "%s belongs to a process of uid %u, not to user %s",
                path, (unsigned int)uid, daemons[daemon].user);
}

int connect_daemon(struct estprov *context, enum estprov_daemon daemon, int *descriptor)
{
    char path[PATH_SIZE];
    int error;

    (void)snprintf(path, sizeof(path), "%s/%s.sock", context->folder, daemons[daemon].name);
    error = local_connect(path, descriptor);
    if (error != 0)
        return fail(context, error, "%s: %s", path,
                    error == -EAGAIN ? "the daemon's queue is full" : estprov_strerror(error));
    error = check_peer(context, daemon, *descriptor, path);
    if (error != 0)
        close_descriptor(descriptor);
    return error;
}
