#ifndef ESTPROV_PKIX_H
#define ESTPROV_PKIX_H

#include "cryptoki.h"
#include "der.h"

/* What PKCS#11 tells of public keys and certificates. Everything points into the DER that was read. */

enum { LARGEST_MODULUS = 1024, LONGEST_POINT = 133, LONGEST_SIGNATURE = LARGEST_MODULUS };

struct public_key {
    CK_KEY_TYPE type;
    size_t unit;            /* bytes: of the modulus, of the curve's order, of half an Ed25519 signature */
    struct span parameters; /* EC, Ed25519: the curve, as CKA_EC_PARAMS has it */
    struct span point;      /* EC: uncompressed; Ed25519: RFC 8032 section 5.1.2 */
    struct span modulus;
    struct span exponent;
};

/* A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of a kind that the Key Service has: P-256, P-384, P-521,
 * RSA of 1024 to 8192 bits, Ed25519. */
bool read_public_key(const struct span *spki, struct public_key *key);

/* Bytes of its signatures, as PKCS#11 has them. */
size_t signature_size(const struct public_key *key);

struct certificate {
    struct span subject; /* each with its tag and length */
    struct span issuer;
    struct span serial;
    struct span spki;
};

/* A Certificate (RFC 5280 section 4.1). */
bool read_certificate(const struct span *der, struct certificate *certificate);

/* Ecdsa-Sig-Value (RFC 3279 section 2.2.3) into r and s of unit bytes each. */
bool write_ecdsa(const struct span *der, size_t unit, unsigned char *out);

#endif
