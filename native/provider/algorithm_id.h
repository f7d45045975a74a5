#ifndef ESTPROV_ALGORITHM_ID_H
#define ESTPROV_ALGORITHM_ID_H

#include "hash.h"

enum { ALGORITHM_ID_LIMIT = 80 };

/* The DER AlgorithmIdentifier of a signature, for certificates and requests; returns its length. */
size_t algorithm_id_ecdsa(const struct hash *hash, unsigned char out[ALGORITHM_ID_LIMIT]);
size_t algorithm_id_pkcs1(const struct hash *hash, unsigned char out[ALGORITHM_ID_LIMIT]);
size_t algorithm_id_pss(const struct hash *hash, unsigned char out[ALGORITHM_ID_LIMIT]);

#endif
