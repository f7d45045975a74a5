#ifndef ESTPROV_WORLD_H
#define ESTPROV_WORLD_H

#include <openssl/evp.h>
#include <openssl/types.h>
#include <stddef.h>

/* Library contexts with the real module loaded, as programs have them. */

extern const char *module_folder; /* where estprov.so is */
extern const char *program_path;  /* of these tests */

/* The default provider, then estprov: the way openssl.cnf has it. */
OSSL_LIB_CTX *world_normal(void);

/* estprov alone: the private context that .NET opens a key in. */
OSSL_LIB_CTX *world_lonely(void);

void world_free(OSSL_LIB_CTX *world);

/* The first key of the URI; NULL with the errors on the queue. */
EVP_PKEY *world_open(OSSL_LIB_CTX *world, const char *uri);

/* All errors of the queue as one text, which is emptied; valid until the next call. */
const char *world_errors(void);

int world_digest_sign(OSSL_LIB_CTX *world, EVP_PKEY *key, const char *digest, int padding, unsigned char *out,
                      size_t *length);
int world_digest_verify(OSSL_LIB_CTX *world, EVP_PKEY *key, const char *digest, int padding,
                        const unsigned char *signature, size_t length);

#endif
