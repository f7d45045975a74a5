#include "base64.h"

#include <stdbool.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

void base64_encode(const void *data, size_t size, char *out)
{
    const uint8_t *in = data;

    for (; size >= 3; size -= 3, in += 3) {
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = alphabet[in[2] & 63];
    }
    if (size == 0)
        return;
    *out++ = alphabet[in[0] >> 2];
    *out++ = alphabet[(in[0] & 3) << 4 | (size == 2 ? in[1] >> 4 : 0)];
    *out++ = size == 2 ? alphabet[(in[1] & 15) << 2] : '=';
    *out = '=';
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

ssize_t base64_decode(const char *text, size_t length, void *out)
{
    uint8_t *const bytes = out;
    uint32_t group = 0;
    size_t used = 0;
    int digits = 0;  /* of the group so far, padding included */
    int padding = 0; /* of it */
    bool ended = false;

    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const int value = value_of(c);

        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        if (ended || (value < 0 ? c != '=' || digits < 2 : padding > 0))
            return -1;
        if (value < 0)
            padding++;
        group = group << 6 | (uint32_t)(value < 0 ? 0 : value);
        if (++digits < 4)
            continue;
        /* What padding cuts off must be zero: one text for one value. */
        if ((padding == 1 && (group & 0xff) != 0) || (padding == 2 && (group & 0xffff) != 0))
            return -1;
        for (int at = 0; at < 3 - padding; at++, used++)
            if (bytes != NULL)
                bytes[used] = (uint8_t)(group >> (16 - 8 * at));
        ended = padding > 0;
        digits = 0;
        group = 0;
    }
    return digits == 0 ? (ssize_t)used : -1;
}
