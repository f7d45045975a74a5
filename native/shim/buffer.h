#ifndef ESTPROV_BUFFER_H
#define ESTPROV_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* A text or bytes that grow. Out of memory is remembered, so that one look at the end is enough. What is
 * freed or left behind by growing is wiped: a buffer may have held a plaintext. */
struct buffer {
    char *data;
    size_t length;
    size_t size;
    bool failed;
};

/* Room for so many more bytes behind the length; false when there is no memory. */
bool buffer_reserve(struct buffer *buffer, size_t more);

void buffer_add(struct buffer *buffer, const void *data, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_number(struct buffer *buffer, long long number);

/* Percent-encoded but for RFC 3986's unreserved characters. */
void buffer_escaped(struct buffer *buffer, const char *text);

/* As a JSON string, with its quotes. */
void buffer_json(struct buffer *buffer, const char *text);

/* Base64, without anything around it. */
void buffer_base64(struct buffer *buffer, const void *data, size_t length);

/* Empty again; what was large is given back. */
void buffer_clear(struct buffer *buffer);

/* Empty, and nothing of it is left in memory. */
void buffer_wipe(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

#endif
