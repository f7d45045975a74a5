#ifndef ESTPROV_HASH_H
#define ESTPROV_HASH_H

#include <openssl/types.h>
#include <stddef.h>

/* A hash that the Key Service signs with. */
struct hash {
    const char *name; /* OpenSSL's */
    const char *wire; /* the Key Service's */
    size_t size;
    /* Last bytes of the OIDs ecdsa-with-X (1.2.840.10045.4.3.*), xWithRSAEncryption (1.2.840.113549.1.1.*)
     * and id-x (2.16.840.1.101.3.4.2.*). */
    unsigned char ecdsa_oid;
    unsigned char rsa_oid;
    unsigned char hash_oid;
};

/* NULL when it is none of them. */
const struct hash *hash_of_digest(const EVP_MD *digest);
const struct hash *hash_of_size(size_t size);

#endif
