#ifndef ESTPROV_KEYD_H
#define ESTPROV_KEYD_H

#include "problem.h"
#include "uri.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two requests that are made of the Key Service. Each blocks until its answer or its time-out. */

enum { KEYD_PUBLIC_LIMIT = 4 * 1024, KEYD_SIGNATURE_LIMIT = 2 * 1024 };

struct keyd_public {
    char handle[URI_NAME_LIMIT];     /* pinned to this very key pair */
    char socket[URI_SOCKET_LIMIT];   /* where it was found */
    uint8_t spki[KEYD_PUBLIC_LIMIT]; /* DER, RFC 5280 section 4.1.2.7 */
    size_t spki_length;
};

bool keyd_read_public(const struct key_uri *uri, struct keyd_public *out, struct problem *problem);

/*
 * algorithm: ECDSA (answered as DER, RFC 3279 section 2.2.3), RSA-PKCS1 or RSA-PSS (salt as long as the
 * digest, MGF1 with the same hash); hash: sha256, sha384 or sha512.
 */
struct keyd_sign_request {
    const char *socket;
    const char *handle;
    const char *algorithm;
    const char *hash;
    const uint8_t *digest;
    size_t digest_length;
};

bool keyd_sign(const struct keyd_sign_request *request, uint8_t *signature, size_t size, size_t *length,
               struct problem *problem);

#endif
