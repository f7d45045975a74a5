#ifndef ESTPROV_HTTP_HEAD_H
#define ESTPROV_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

/* The head of an HTTP/1.1 answer (RFC 9112): status line and fields. Bodies have a Content-Length or nothing.
 */

enum { HTTP_HEAD_LONGEST = 8 * 1024 };

struct http_head {
    int status; /* 200 to 599 */
    size_t content_length;
    bool close;             /* Connection: close */
    const char *key_handle; /* field Estprov-Key-Handle, in the text; NULL where there is none */
    size_t key_handle_length;
};

/* The head's length with its empty line; 0 while that has not come. */
size_t http_head_length(const char *text, size_t length);

/* Parses length bytes, empty line included. NULL, or what is wrong, to follow "the answer". */
const char *http_head_parse(const char *text, size_t length, size_t body_limit, struct http_head *head);

#endif
