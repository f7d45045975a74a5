#ifndef ESTPROV_HTTP_H
#define ESTPROV_HTTP_H

#include "problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * HTTP/1.1 (RFC 9112) over a Unix socket, one request per connection: nothing is shared between threads, and
 * a forked child inherits no half-read answer. Bodies have a Content-Length; nothing else is accepted.
 */

enum {
    HTTP_TARGET_LIMIT = 4 * 1024,
    HTTP_REQUEST_BODY_LIMIT = 64, /* a digest */
    HTTP_HEAD_LIMIT = 8 * 1024,   /* status line and header fields */
    HTTP_BODY_LIMIT = 16 * 1024
};

struct http_request {
    const char *socket_path;
    const char *server_user; /* the peer must run as this user or as ourselves */
    int timeout_ms;          /* for all of it: connecting, sending and receiving */
    const char *method;
    const char *target;
    const uint8_t *body; /* sent as application/octet-stream; NULL: no body */
    size_t body_length;
};

struct http_reply {
    int status;
    const char *key_handle; /* field Estprov-Key-Handle, or NULL; points into buffer */
    const uint8_t *body;    /* points into buffer; a zero byte stands behind it */
    size_t body_length;
    size_t content_length;
    char buffer[HTTP_HEAD_LIMIT + HTTP_BODY_LIMIT + 1];
};

bool http_exchange(const struct http_request *request, struct http_reply *reply, struct problem *problem);

/* Parses the head_length bytes at the start of reply->buffer, the empty line included, in place. */
bool http_parse_head(struct http_reply *reply, size_t head_length, struct problem *problem);

/* The text of member `name` of a flat JSON object; false when there is none that can be shown. */
bool http_json_text(const char *json, const char *name, char *out, size_t out_size);

#endif
