#ifndef ESTPROV_PROVIDER_H
#define ESTPROV_PROVIDER_H

#include "problem.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/types.h>
#include <stdatomic.h>
#include <stdbool.h>

#define PROVIDER_NAME "estprov"
#define PROVIDER_PROPERTIES "provider=estprov"

struct provider {
    const OSSL_CORE_HANDLE *core;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
    OSSL_FUNC_core_vset_error_fn *vset_error;
    OSSL_FUNC_BIO_write_ex_fn *bio_write;
    OSSL_FUNC_BIO_read_ex_fn *bio_read;
    OSSL_FUNC_BIO_gets_fn *bio_gets;
    OSSL_LIB_CTX *_Atomic inner;
};

/*
 * A library context beside the caller's, in which the default provider does the public mathematics. The
 * caller's context may have no default provider, and fetching from it could lead back here. Made on first
 * use: a program that merely has this provider activated pays nothing.
 */
OSSL_LIB_CTX *provider_inner(struct provider *provider);
void provider_inner_release(struct provider *provider);

/* Puts the problem on OpenSSL's error queue. */
void provider_raise(const struct provider *provider, const struct problem *problem);

/* The same with one sentence; always false. */
bool provider_fail(const struct provider *provider, enum reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

extern const OSSL_DISPATCH keymgmt_ec_functions[];
extern const OSSL_DISPATCH keymgmt_rsa_functions[];
extern const OSSL_DISPATCH signature_ecdsa_functions[];
extern const OSSL_DISPATCH signature_rsa_functions[];
extern const OSSL_DISPATCH cipher_rsa_functions[];
extern const OSSL_DISPATCH store_functions[];
extern const OSSL_DISPATCH encoder_der_functions[];
extern const OSSL_DISPATCH encoder_pem_functions[];
extern const OSSL_DISPATCH encoder_reference_functions[];
extern const OSSL_DISPATCH encoder_private_functions[];
extern const OSSL_DISPATCH encoder_text_functions[];
extern const OSSL_DISPATCH decoder_pem_functions[];
extern const OSSL_DISPATCH decoder_ec_functions[];
extern const OSSL_DISPATCH decoder_rsa_functions[];

#endif
