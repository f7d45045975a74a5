#ifndef ESTPROV_DER_H
#define ESTPROV_DER_H

#include <stdbool.h>
#include <stddef.h>

/* DER (X.690), as far as keys and certificates of PKIX need it: tags of one byte, definite lengths. It points
 * into what it reads. */

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OBJECT_IDENTIFIER = 0x06,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT_0 = 0xa0
};

struct span {
    const unsigned char *at;
    size_t length;
};

/* Takes the next value, which must have this tag, off the front. whole, which may be NULL, is it with its tag
 * and length. */
bool der_take(struct span *from, unsigned char tag, struct span *value, struct span *whole);

/* The tag of the next value; 0 at the end. */
unsigned char der_tag(const struct span *from);

/* A bit string of whole bytes, without its count of unused bits. */
bool der_take_bits(struct span *from, struct span *value);

/* An integer that is not negative, without leading zeros. */
bool der_take_unsigned(struct span *from, struct span *value);

bool span_is(const struct span *value, const void *bytes, size_t length);

#endif
