#ifndef ESTPROV_REFERENCE_H
#define ESTPROV_REFERENCE_H

#include "keyd.h"

/*
 * A key as it passes from the decoder of PEM to the decoders of DER: what the Key Service said of it, so that
 * it is asked once.
 *
 *   SEQUENCE { UTF8String "estprov key reference", UTF8String handle, UTF8String socket,
 *              UTF8String uri, OCTET STRING spki }
 */

#define REFERENCE_MAGIC "estprov key reference"
#define REFERENCE_STRUCTURE "estprov-reference"

enum { REFERENCE_LIMIT = 12 * 1024 };

/* To be freed with OPENSSL_free; NULL without memory. */
unsigned char *reference_encode(const struct keyd_public *key, size_t *length);

/* False when it is something else, which is no error. */
bool reference_decode(const unsigned char *der, size_t length, struct keyd_public *key);

#endif
