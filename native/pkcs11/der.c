#include "der.h"

#include <string.h>

unsigned char der_tag(const struct span *from)
{
    return from->length > 0 ? from->at[0] : 0;
}

/* The length field (X.690 section 8.1.3), in as few bytes as it needs; the bytes that it has, or 0. */
static size_t read_length(const struct span *from, size_t *length)
{
    size_t bytes;
    size_t value = 0;

    if (from->length < 1)
        return 0;
    if (from->at[0] < 0x80) {
        *length = from->at[0];
        return 1;
    }
    bytes = from->at[0] & 0x7f;
    if (bytes < 1 || bytes > 3 || from->length < 1 + bytes || from->at[1] == 0)
        return 0;
    for (size_t i = 1; i <= bytes; i++)
        value = value << 8 | from->at[i];
    if (value < 0x80)
        return 0;
    *length = value;
    return 1 + bytes;
}

bool der_take(struct span *from, unsigned char tag, struct span *value, struct span *whole)
{
    struct span rest = *from;
    size_t head;
    size_t length;

    if (der_tag(from) != tag)
        return false;
    rest.at++;
    rest.length--;
    head = read_length(&rest, &length);
    if (head == 0 || rest.length - head < length)
        return false;
    value->at = rest.at + head;
    value->length = length;
    if (whole != NULL) {
        whole->at = from->at;
        whole->length = 1 + head + length;
    }
    from->length -= 1 + head + length;
    from->at = value->at + length;
    return true;
}

bool der_take_bits(struct span *from, struct span *value)
{
    if (!der_take(from, DER_BIT_STRING, value, NULL) || value->length < 1 || value->at[0] != 0)
        return false;
    value->at++;
    value->length--;
    return true;
}

bool der_take_unsigned(struct span *from, struct span *value)
{
    if (!der_take(from, DER_INTEGER, value, NULL) || value->length < 1 || (value->at[0] & 0x80) != 0)
        return false;
    while (value->length > 0 && value->at[0] == 0) {
        value->at++;
        value->length--;
    }
    return true;
}

bool span_is(const struct span *value, const void *bytes, size_t length)
{
    return value->length == length && (length == 0 || memcmp(value->at, bytes, length) == 0);
}
