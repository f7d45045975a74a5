#ifndef ESTPROV_KEYD_H
#define ESTPROV_KEYD_H

#include "problem.h"
#include "uri.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The requests that are made of the Key Service. Each blocks until its answer or its time-out. */

enum { KEYD_PUBLIC_LIMIT = 4 * 1024, KEYD_SIGNATURE_LIMIT = 2 * 1024 };

struct keyd_public {
    char handle[URI_NAME_LIMIT];     /* pinned to this very key pair */
    char socket[URI_SOCKET_LIMIT];   /* where it was found */
    char uri[URI_TEXT_LIMIT];        /* what it was opened by: with an id, it goes with the id's key */
    uint8_t spki[KEYD_PUBLIC_LIMIT]; /* DER, RFC 5280 section 4.1.2.7 */
    size_t spki_length;
};

bool keyd_read_public(const struct key_uri *uri, struct keyd_public *out, struct problem *problem);

/* What has a key do something. `out` is filled with at most size bytes. */
struct keyd_use {
    const char *socket;
    const char *handle;
    const char *algorithm;
    const char *hash; /* sha256, sha384 or sha512; for RSA-OAEP also sha1 */
    const uint8_t *input;
    size_t input_length;
    uint8_t *out;
    size_t size;
    size_t *length;
};

/*
 * Signs a digest. algorithm: ECDSA (answered as DER, RFC 3279 section 2.2.3), RSA-PKCS1 or RSA-PSS (salt as
 * long as the digest, MGF1 with the same hash).
 */
bool keyd_sign(const struct keyd_use *use, struct problem *problem);

/* Decrypts. algorithm: RSA-OAEP (RFC 8017 section 7.1; no label, MGF1 with the same hash). */
bool keyd_decrypt(const struct keyd_use *use, struct problem *problem);

#endif
