#ifndef ESTPROV_SIGNATURE_H
#define ESTPROV_SIGNATURE_H

#include "hash.h"
#include "key.h"

/* One signature in the making; see provider-signature(7). */
struct signature {
    struct provider *provider;
    struct key *key;
    bool rsa;
    bool signing;     /* else verifying */
    EVP_MD *digest;   /* NULL: not chosen */
    EVP_MD *mgf1;     /* NULL: as digest */
    EVP_MD_CTX *data; /* NULL but for a signature over a message */
    int padding;      /* RSA_PKCS1_PADDING or RSA_PKCS1_PSS_PADDING */
    int salt;         /* RSA_PSS_SALTLEN_* or a length in bytes */
};

bool signature_choose_digest(struct signature *signature, const char *name);

/* What the Key Service can do: algorithm and hash. False with the error on OpenSSL's queue. */
bool signature_check(const struct signature *signature, size_t digest_length, const struct hash **hash);

int signature_set_params(void *context, const OSSL_PARAM params[]);
int signature_get_params(void *context, OSSL_PARAM params[]);
const OSSL_PARAM *signature_settable_rsa(void *context, void *provider);
const OSSL_PARAM *signature_gettable_rsa(void *context, void *provider);
const OSSL_PARAM *signature_settable_ecdsa(void *context, void *provider);
const OSSL_PARAM *signature_gettable_ecdsa(void *context, void *provider);

#endif
