#ifndef ESTPROV_URI_H
#define ESTPROV_URI_H

#include "problem.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    URI_NAME_LIMIT = 1024,  /* a handle is about 150 characters, a key id far fewer */
    URI_SOCKET_LIMIT = 108, /* sizeof(sockaddr_un.sun_path), terminating zero included */
    URI_TEXT_LIMIT = 4096
};

/* `estprov:HANDLE[?socket=PATH]` or `estprov:id=ID[?socket=PATH]`. */
struct key_uri {
    bool by_id;                    /* name is a key id and means the current key when it is opened */
    char name[URI_NAME_LIMIT];     /* percent-decoded */
    char socket[URI_SOCKET_LIMIT]; /* percent-decoded; empty: not given */
};

bool uri_parse(const char *text, struct key_uri *uri, struct problem *problem);

/* The URI's text. Returns false when out is too small. */
bool uri_format(const struct key_uri *uri, char *out, size_t out_size);

/* Percent-encodes all but RFC 3986's unreserved characters. Returns false when out is too small. */
bool uri_escape(const char *text, char *out, size_t out_size);

#endif
