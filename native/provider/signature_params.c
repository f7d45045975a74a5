#include "algorithm_id.h"
#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LIMIT = 64 };

/* The value of a text parameter; false when it is not one. */
static bool text_of(const OSSL_PARAM *param, char text[NAME_LIMIT])
{
    return OSSL_PARAM_get_utf8_string(param, &text, NAME_LIMIT) == 1;
}

static EVP_MD *fetch(struct signature *signature, const char *name)
{
    OSSL_LIB_CTX *inner = provider_inner(signature->provider);
    EVP_MD *digest = inner != NULL ? EVP_MD_fetch(inner, name, NULL) : NULL;

    if (digest == NULL)
        (void)provider_fail(signature->provider, REASON_ALGORITHM, "no such digest: %s", name);
    return digest;
}

bool signature_choose_digest(struct signature *signature, const char *name)
{
    EVP_MD *digest;

    if (signature->digest != NULL && EVP_MD_is_a(signature->digest, name))
        return true;
    if (signature->data != NULL)
        return provider_fail(signature->provider, REASON_ALGORITHM,
                             "the digest cannot change within a signature");
    digest = fetch(signature, name);
    if (digest == NULL)
        return false;
    if (signature->signing && hash_of_digest(digest) == NULL) {
        EVP_MD_free(digest);
        return provider_fail(signature->provider, REASON_ALGORITHM,
                             "the Key Service signs SHA-256, SHA-384 and SHA-512, not %s", name);
    }
    EVP_MD_free(signature->digest);
    signature->digest = digest;
    return true;
}

static bool set_digest(struct signature *signature, const OSSL_PARAM *param)
{
    char name[NAME_LIMIT];

    return text_of(param, name) && (name[0] == '\0' || signature_choose_digest(signature, name));
}

static bool set_mgf1(struct signature *signature, const OSSL_PARAM *param)
{
    char name[NAME_LIMIT];
    EVP_MD *digest;

    if (!text_of(param, name))
        return false;
    digest = fetch(signature, name);
    if (digest == NULL)
        return false;
    EVP_MD_free(signature->mgf1);
    signature->mgf1 = digest;
    return true;
}

static bool set_padding(struct signature *signature, const OSSL_PARAM *param)
{
    char name[NAME_LIMIT];
    int padding = 0;

    if (param->data_type == OSSL_PARAM_UTF8_STRING) {
        if (!text_of(param, name))
            return false;
        if (strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0)
            padding = RSA_PKCS1_PADDING;
        else if (strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0)
            padding = RSA_PKCS1_PSS_PADDING;
    } else if (!OSSL_PARAM_get_int(param, &padding)) {
        return false;
    }
    /* Raw RSA above all is not offered: it would make any statement of any protocol in the key's name. */
    if (padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING)
        return provider_fail(signature->provider, REASON_ALGORITHM, "RSA signatures are PKCS#1 v1.5 or PSS");
    signature->padding = padding;
    return true;
}

static bool set_salt(struct signature *signature, const OSSL_PARAM *param)
{
    char name[NAME_LIMIT];
    char *end;
    long value;

    if (param->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_int(param, &signature->salt) == 1;
    if (!text_of(param, name))
        return false;
    if (strcmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0) {
        signature->salt = RSA_PSS_SALTLEN_DIGEST;
    } else if (strcmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX) == 0) {
        signature->salt = RSA_PSS_SALTLEN_MAX;
    } else if (strncmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, strlen(OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO)) == 0) {
        signature->salt = RSA_PSS_SALTLEN_AUTO; /* and "auto-digestmax" of OpenSSL 3.1 */
    } else {
        value = strtol(name, &end, 10);
        if (end == name || *end != '\0' || value < 0 || value > EVP_MAX_MD_SIZE * 16)
            return provider_fail(signature->provider, REASON_ALGORITHM, "no such salt length: %s", name);
        signature->salt = (int)value;
    }
    return true;
}

int signature_set_params(void *context, const OSSL_PARAM params[])
{
    struct signature *signature = context;

    for (const OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        bool done = true;

        if (strcmp(p->key, OSSL_SIGNATURE_PARAM_DIGEST) == 0)
            done = set_digest(signature, p);
        else if (signature->rsa && strcmp(p->key, OSSL_SIGNATURE_PARAM_PAD_MODE) == 0)
            done = set_padding(signature, p);
        else if (signature->rsa && strcmp(p->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) == 0)
            done = set_salt(signature, p);
        else if (signature->rsa && strcmp(p->key, OSSL_SIGNATURE_PARAM_MGF1_DIGEST) == 0)
            done = set_mgf1(signature, p);
        if (!done)
            return 0;
    }
    return 1;
}

bool signature_check(const struct signature *signature, size_t digest_length, const struct hash **found)
{
    const struct provider *const provider = signature->provider;
    const struct hash *hash;

    if (signature->digest != NULL) {
        hash = hash_of_digest(signature->digest);
    } else if (signature->rsa) {
        return provider_fail(provider, REASON_ALGORITHM,
                             "an RSA signature needs a digest; raw RSA is not offered");
    } else {
        hash = hash_of_size(digest_length);
    }
    if (hash == NULL)
        return provider_fail(provider, REASON_ALGORITHM,
                             "the Key Service signs SHA-256, SHA-384 and SHA-512 only");
    if (digest_length != hash->size)
        return provider_fail(provider, REASON_ALGORITHM, "a digest of %zu bytes is not one of %s",
                             digest_length, hash->name);
    if (signature->rsa && signature->padding == RSA_PKCS1_PSS_PADDING) {
        if (signature->mgf1 != NULL && hash_of_digest(signature->mgf1) != hash)
            return provider_fail(provider, REASON_ALGORITHM, "PSS uses one hash, for MGF1 as well");
        if (signature->salt != RSA_PSS_SALTLEN_DIGEST && signature->salt != RSA_PSS_SALTLEN_AUTO &&
            signature->salt != (int)hash->size)
            return provider_fail(provider, REASON_ALGORITHM, "the salt of PSS is as long as the digest");
    }
    *found = hash;
    return true;
}

static bool get_algorithm_id(const struct signature *signature, OSSL_PARAM *param)
{
    unsigned char der[ALGORITHM_ID_LIMIT];
    const struct hash *hash = signature->digest != NULL ? hash_of_digest(signature->digest) : NULL;
    size_t length;

    if (hash == NULL || !signature_check(signature, hash->size, &hash))
        return false;
    if (!signature->rsa)
        length = algorithm_id_ecdsa(hash, der);
    else if (signature->padding == RSA_PKCS1_PSS_PADDING)
        length = algorithm_id_pss(hash, der);
    else
        length = algorithm_id_pkcs1(hash, der);
    return OSSL_PARAM_set_octet_string(param, der, length) == 1;
}

static bool get_padding(const struct signature *signature, OSSL_PARAM *param)
{
    if (param->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(param, signature->padding) == 1;
    return OSSL_PARAM_set_utf8_string(param, signature->padding == RSA_PKCS1_PSS_PADDING
                                                 ? OSSL_PKEY_RSA_PAD_MODE_PSS
                                                 : OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 1;
}

static bool get_salt(const struct signature *signature, OSSL_PARAM *param)
{
    if (param->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(param, signature->salt) == 1;
    return OSSL_PARAM_set_utf8_string(param, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 1;
}

static bool get_digest_name(const EVP_MD *digest, OSSL_PARAM *param)
{
    return OSSL_PARAM_set_utf8_string(param, digest != NULL ? EVP_MD_get0_name(digest) : "") == 1;
}

int signature_get_params(void *context, OSSL_PARAM params[])
{
    const struct signature *signature = context;

    for (OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        bool done = true;

        if (strcmp(p->key, OSSL_SIGNATURE_PARAM_ALGORITHM_ID) == 0)
            done = get_algorithm_id(signature, p);
        else if (strcmp(p->key, OSSL_SIGNATURE_PARAM_DIGEST) == 0)
            done = get_digest_name(signature->digest, p);
        else if (strcmp(p->key, OSSL_SIGNATURE_PARAM_DIGEST_SIZE) == 0)
            done = signature->digest != NULL &&
                   OSSL_PARAM_set_size_t(p, (size_t)EVP_MD_get_size(signature->digest)) == 1;
        else if (signature->rsa && strcmp(p->key, OSSL_SIGNATURE_PARAM_PAD_MODE) == 0)
            done = get_padding(signature, p);
        else if (signature->rsa && strcmp(p->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) == 0)
            done = get_salt(signature, p);
        else if (signature->rsa && strcmp(p->key, OSSL_SIGNATURE_PARAM_MGF1_DIGEST) == 0)
            done = get_digest_name(signature->mgf1 != NULL ? signature->mgf1 : signature->digest, p);
        if (!done)
            return 0;
    }
    return 1;
}

#define DIGEST_PARAM OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0)
#define RSA_PARAMS                                                         \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),        \
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0), \
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0)
#define RESULT_PARAMS                                                    \
    OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0), \
        OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL)

const OSSL_PARAM *signature_settable_rsa(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {DIGEST_PARAM, RSA_PARAMS, OSSL_PARAM_END};

    (void)context;
    (void)provider;
    return params;
}

const OSSL_PARAM *signature_gettable_rsa(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {DIGEST_PARAM, RSA_PARAMS, RESULT_PARAMS, OSSL_PARAM_END};

    (void)context;
    (void)provider;
    return params;
}

const OSSL_PARAM *signature_settable_ecdsa(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {DIGEST_PARAM, OSSL_PARAM_END};

    (void)context;
    (void)provider;
    return params;
}

const OSSL_PARAM *signature_gettable_ecdsa(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {DIGEST_PARAM, RESULT_PARAMS, OSSL_PARAM_END};

    (void)context;
    (void)provider;
    return params;
}
