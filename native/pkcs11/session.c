#include "session.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SESSIONS = 1024 };

static struct {
    struct session *all[MOST_SESSIONS];
    size_t count;
    CK_SESSION_HANDLE last;
    bool login;
} sessions;

struct session *session_find(CK_SESSION_HANDLE handle)
{
    for (size_t i = 0; i < sessions.count; i++)
        if (sessions.all[i]->handle == handle)
            return sessions.all[i];
    return NULL;
}

bool session_open(CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
    struct session *session;

    if (sessions.count == MOST_SESSIONS)
        return false;
    session = calloc(1, sizeof(*session));
    if (session == NULL)
        return false;
    session->handle = ++sessions.last;
    session->flags = flags;
    sessions.all[sessions.count++] = session;
    *handle = session->handle;
    return true;
}

void search_end(struct search *search)
{
    free(search->found);
    memset(search, 0, sizeof(*search));
}

void signing_end(struct signing *signing)
{
    free(signing->data);
    memset(signing, 0, sizeof(*signing));
}

static void destroy(struct session *session)
{
    search_end(&session->search);
    signing_end(&session->signing);
    free(session);
}

bool session_close(CK_SESSION_HANDLE handle)
{
    for (size_t i = 0; i < sessions.count; i++) {
        if (sessions.all[i]->handle != handle)
            continue;
        destroy(sessions.all[i]);
        sessions.all[i] = sessions.all[--sessions.count];
        if (sessions.count == 0)
            sessions.login = false;
        return true;
    }
    return false;
}

size_t session_count(bool writable)
{
    size_t count = 0;

    for (size_t i = 0; i < sessions.count; i++)
        if (!writable || (sessions.all[i]->flags & CKF_RW_SESSION) != 0)
            count++;
    return count;
}

bool *session_login(void)
{
    return &sessions.login;
}

void sessions_forget(void)
{
    while (sessions.count > 0)
        destroy(sessions.all[--sessions.count]);
    sessions.login = false;
}
