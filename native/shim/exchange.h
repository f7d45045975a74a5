#ifndef ESTPROV_EXCHANGE_H
#define ESTPROV_EXCHANGE_H

#include "../common/json.h"
#include "context.h"

/* Begins the path of a request: "PATH[SEGMENT]?api-version=...", the segment percent-encoded. Then more of
 * the query may be added to context->target, and a body to context->body. SEGMENT may be NULL. -ENAMETOOLONG,
 * -EINVAL. */
int target_begin(struct estprov *context, enum estprov_daemon daemon, const char *path, const char *segment);

/* Adds "&NAME=VALUE". */
void target_query(struct estprov *context, const char *name, const char *value);

struct exchange {
    enum estprov_daemon daemon;
    const char *method;
    const char *media_type; /* of the body; NULL: JSON, or no body where it is empty */
    int timeout_ms;         /* 0: the context's */
    bool secret;            /* nothing of the request may stay in memory */
};

/* Sends the request and reads the answer, which stands in context->reply until the next call. On a kept
 * connection that has ended, and while a daemon restarts, it begins anew: each request that this library
 * makes may be made twice. An answer other than 2xx is an error with the daemon's words. */
int exchange(struct estprov *context, const struct exchange *how);

/* Whether a request's input is larger than a daemon takes in one: -EMSGSIZE then, before any of it is copied.
 */
int check_size(struct estprov *context, enum estprov_daemon daemon, size_t size);

/* -EPROTO, with what is wrong with the answer in words. */
int reply_broken(struct estprov *context, enum estprov_daemon daemon, const char *wrong);

/* The answer's body. */
const char *reply_body(const struct estprov *context, size_t *length);

/* Its JSON object, or -EPROTO. */
int reply_json(struct estprov *context, struct json *object);

/* A text that the answer must have; -EPROTO where it has not, or where it does not fit. */
int reply_text(struct estprov *context, const struct json *object, const char *name, char *out, size_t size);

/* A text that it may have; "" where it has not, or where it is null. */
int reply_optional(struct estprov *context, const struct json *object, const char *name, char *out,
                   size_t size);

/* A long text of the answer, unescaped where it lies in the reply. */
int reply_in_place(struct estprov *context, const struct json *object, const char *name, char **text,
                   size_t *length);

/* Bytes that the answer has as base64, decoded where they lie. */
int reply_bytes(struct estprov *context, const struct json *object, const char *name, char **bytes,
                size_t *length);

/* Writes the head of a request. */
void request_head(struct buffer *out, const char *method, const struct buffer *target, const char *media_type,
                  size_t body_length);

#endif
