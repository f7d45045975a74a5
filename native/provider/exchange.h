#ifndef ESTPROV_EXCHANGE_H
#define ESTPROV_EXCHANGE_H

#include "../common/http_head.h"
#include "problem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * HTTP/1.1 (RFC 9112) over a Unix socket, one request per connection: nothing is shared between threads, and
 * a forked child inherits no half-read answer. Bodies have a Content-Length; nothing else is accepted.
 */

enum {
    TARGET_LIMIT = 4 * 1024,
    REQUEST_BODY_LIMIT = 1024, /* a digest, or what an RSA key of 8192 bits decrypts */
    REPLY_BODY_LIMIT = 16 * 1024
};

struct exchange_request {
    const char *socket_path;
    const char *server_user; /* the peer must run as this user or as ourselves */
    atomic_uint *known_user; /* where 1 + that user's uid is remembered, once it is found; NULL: nowhere */
    int timeout_ms; /* for all of it: connecting, sending and receiving, each time that it is tried */
    const char *method;
    const char *target;
    const uint8_t *body; /* sent as application/octet-stream; NULL: no body */
    size_t body_length;
};

struct exchange_reply {
    struct http_head head; /* its texts point into buffer */
    const uint8_t *body;   /* head.content_length bytes in buffer */
    char buffer[HTTP_HEAD_LONGEST + REPLY_BODY_LIMIT];
};

/* A daemon that hangs up without a word, that stops, or that has too many requests of this user, is asked
 * again until the time-out: whatever is asked may be asked twice. Its absence is told at once, but where it
 * has just gone away. */
bool exchange(const struct exchange_request *request, struct exchange_reply *reply, struct problem *problem);

#endif
