#ifndef ESTPROV_CONTEXT_H
#define ESTPROV_CONTEXT_H

#include "../common/http_head.h"
#include "../common/json.h"
#include "../common/shown.h"
#include "buffer.h"
#include "estprov.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    DAEMONS = 3,
    /* With "/identityd.sock" behind it, a folder has to fit into sockaddr_un. */
    FOLDER_SIZE = 92,
    ID_LONGEST = 256,            /* bytes of a key, certificate or module id */
    HANDLE_LONGEST = 2047,       /* characters */
    REQUEST_LONGEST = 64 * 1024, /* what the daemons take as a body */
    REPLY_LONGEST = 1024 * 1024
};

/* The last handle that an id was looked up for: it goes with the id's key from rotation to rotation. */
struct known_handle {
    char id[ID_LONGEST + 1];
    bool symmetric;
    char handle[HANDLE_LONGEST + 1]; /* "": none */
};

/* All memory that a call takes hangs on the context: a thread that is cancelled in a call loses nothing. */
struct estprov {
    pid_t owner; /* who opened the connections: after a fork they are somebody else's, */
    uid_t user;  /* and for whom: daemons know a connection by its user, as he was when it was made */
    int timeout_ms;
    int connections[DAEMONS]; /* kept open between calls, or -1 */
    int active;               /* the connection of the call in progress, or -1 */
    bool answered[DAEMONS];   /* before: its absence is a restart, and is waited for */
    bool found[DAEMONS];      /* users: the daemon's uid is known */
    uid_t users[DAEMONS];
    struct buffer target; /* percent-encoded path and query of the request */
    struct buffer body;   /* of the request */
    struct buffer sent;   /* the whole request */
    struct buffer reply;  /* head and body of the answer, and a zero byte */
    struct buffer text;   /* of a result that is put together */
    size_t head_length;   /* of the answer */
    struct http_head head;
    enum estprov_daemon answering; /* whose answer is read, for messages */
    struct known_handle known;
    struct estprov_watch *waiting; /* of estprov_wait_provisioned, while it waits */
    char folder[FOLDER_SIZE];
    char code[64];
    char message[840];
};

struct daemon {
    char name[10];    /* of the socket's file */
    char user[18];    /* who must be listening */
    char service[21]; /* for messages */
    char version[11]; /* of its API */
};

extern const struct daemon daemons[DAEMONS];

/* Notes what failed, and returns error. */
int fail(struct estprov *context, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Begins a call: nothing has failed yet, and after a fork or a change of the user (setuid) no connection of
 * before is used. */
void call_begin(struct estprov *context);

/* Notes the daemon's words in an answer other than 2xx, and returns the errno for it. */
int fail_refused(struct estprov *context, enum estprov_daemon daemon, int status, const char *body,
                 size_t length);

/* Copies a result to the caller's buffer; -ERANGE with the size needed when it does not fit. */
int give(struct estprov *context, const void *result, size_t length, void *out, size_t *size);

/* The same of a text: a zero byte follows it. */
int give_text(struct estprov *context, const char *text, size_t length, char *out, size_t *size);

/* Connects and looks who listens: 0 with the descriptor, or a negative errno with the message. -EAGAIN: the
 * daemon has not come yet (nobody listens but systemd, or the queue is full): try again in a moment. */
int connect_daemon(struct estprov *context, enum estprov_daemon daemon, int *descriptor);

/* Closes it, unless it is -1, and makes it -1. In this order: see local_connect about cancellation. */
void close_descriptor(int *descriptor);

#endif
