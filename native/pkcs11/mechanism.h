#ifndef ESTPROV_PKCS11_MECHANISM_H
#define ESTPROV_PKCS11_MECHANISM_H

#include "cryptoki.h"

#include <stdbool.h>
#include <stddef.h>

enum input { INPUT_DIGEST, INPUT_DIGEST_INFO, INPUT_MESSAGE };

struct mechanism {
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type;
    enum input input;
    unsigned char hash_length; /* of the mechanism's own hash; 0: told by the input */
    char algorithm[10];        /* as keyd names it */
};

/* NULL: it is not offered. */
const struct mechanism *mechanism_find(CK_MECHANISM_TYPE type);
/* One after another; NULL after the last. */
const struct mechanism *mechanism_at(size_t index);
void mechanism_describe(const struct mechanism *mechanism, CK_MECHANISM_INFO *info);

/* Whether keyd signs with these parameters: PSS with one hash throughout and a salt as long as its digest,
 * pure Ed25519. */
bool mechanism_takes(const struct mechanism *mechanism, const CK_MECHANISM *given);
/* The length of the digest that PSS parameters name; 0 for other mechanisms. */
size_t mechanism_pss_length(const struct mechanism *mechanism, const CK_MECHANISM *given);

/* Bytes of input at most. */
size_t mechanism_most(const struct mechanism *mechanism);

struct to_sign {
    const unsigned char *data;
    size_t length;
    const char *hash; /* as keyd names it; NULL for Ed25519 */
};

/* What keyd is to sign, out of what the caller gave. CKR_DATA_INVALID, CKR_DATA_LEN_RANGE. */
CK_RV mechanism_input(const struct mechanism *mechanism, const unsigned char *data, size_t length,
                      struct to_sign *out);

#endif
