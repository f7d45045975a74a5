#include "buffer.h"

#include "../common/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 1024, LARGEST_KEPT = 16 * 1024 };

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t size = buffer->size == 0 ? SMALLEST : buffer->size;
    char *data;

    if (buffer->failed)
        return false;
    if (more <= buffer->size - buffer->length)
        return true;
    while (size - buffer->length < more)
        size *= 2;
    /* Not realloc: it would leave a copy behind. */
    data = malloc(size);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    if (buffer->length > 0)
        memcpy(data, buffer->data, buffer->length);
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->size);
    free(buffer->data);
    buffer->data = data;
    buffer->size = size;
    return true;
}

void buffer_add(struct buffer *buffer, const void *data, size_t length)
{
    if (length == 0 || !buffer_reserve(buffer, length))
        return;
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_number(struct buffer *buffer, long long number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", number);
    buffer_text(buffer, text);
}

void buffer_escaped(struct buffer *buffer, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            strchr("-._~", c) != NULL)
            buffer_add(buffer, text, 1);
        else
            buffer_add(buffer, escape, sizeof(escape));
    }
}

void buffer_json(struct buffer *buffer, const char *text)
{
    buffer_text(buffer, "\"");
    while (*text != '\0') {
        size_t plain = 0;
        char escape[8];

        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        buffer_add(buffer, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)(unsigned char)*text++);
        buffer_text(buffer, escape);
    }
    buffer_text(buffer, "\"");
}

void buffer_base64(struct buffer *buffer, const void *data, size_t length)
{
    const size_t encoded = base64_length(length);

    if (encoded == 0 || !buffer_reserve(buffer, encoded))
        return;
    base64_encode(data, length, buffer->data + buffer->length);
    buffer->length += encoded;
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->size > LARGEST_KEPT)
        buffer_free(buffer);
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->size);
    buffer_clear(buffer);
}

void buffer_free(struct buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->size);
    free(buffer->data);
    buffer->data = NULL;
    buffer->length = 0;
    buffer->size = 0;
}
