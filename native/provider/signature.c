#include "signature.h"

#include "keyd.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static void *new_context(void *provider, bool rsa)
{
    struct signature *signature = OPENSSL_zalloc(sizeof(*signature));

    if (signature == NULL)
        return NULL;
    signature->provider = provider;
    signature->rsa = rsa;
    signature->padding = RSA_PKCS1_PADDING;
    signature->salt = RSA_PSS_SALTLEN_AUTO;
    return signature;
}

static void *new_rsa(void *provider, const char *properties)
{
    (void)properties;
    return new_context(provider, true);
}

static void *new_ecdsa(void *provider, const char *properties)
{
    (void)properties;
    return new_context(provider, false);
}

static void free_context(void *context)
{
    struct signature *signature = context;

    if (signature == NULL)
        return;
    EVP_MD_CTX_free(signature->data);
    EVP_MD_free(signature->digest);
    EVP_MD_free(signature->mgf1);
    key_free(signature->key);
    OPENSSL_free(signature);
}

/* libssl and EVP_DigestSignFinal work on a duplicate, so that the original can go on. */
static void *duplicate(void *context)
{
    const struct signature *from = context;
    struct signature *to = new_context(from->provider, from->rsa);

    if (to == NULL)
        return NULL;
    to->signing = from->signing;
    to->padding = from->padding;
    to->salt = from->salt;
    if (from->key != NULL)
        to->key = key_share(from->key);
    if (from->digest != NULL && EVP_MD_up_ref(from->digest))
        to->digest = from->digest;
    if (from->mgf1 != NULL && EVP_MD_up_ref(from->mgf1))
        to->mgf1 = from->mgf1;
    if (from->data != NULL) {
        to->data = EVP_MD_CTX_new();
        if (to->data == NULL || !EVP_MD_CTX_copy_ex(to->data, from->data)) {
            free_context(to);
            return NULL;
        }
    }
    return to;
}

/* key may be NULL when the context is used again. */
static int begin(struct signature *signature, struct key *key, bool signing, const OSSL_PARAM params[])
{
    if (key != NULL) {
        (void)key_share(key);
        key_free(signature->key);
        signature->key = key;
    }
    if (signature->key == NULL || signature->key->public == NULL)
        return provider_fail(signature->provider, REASON_KEY, "no key was given");
    if (signing && signature->key->handle == NULL)
        return provider_fail(signature->provider, REASON_KEY, "a public key cannot sign");
    EVP_MD_CTX_free(signature->data);
    signature->data = NULL;
    signature->signing = signing;
    return signature_set_params(signature, params);
}

static int sign_init(void *context, void *key, const OSSL_PARAM params[])
{
    return begin(context, key, true, params);
}

static int verify_init(void *context, void *key, const OSSL_PARAM params[])
{
    return begin(context, key, false, params);
}

static const char *wire_algorithm(const struct signature *signature)
{
    if (!signature->rsa)
        return "ECDSA";
    return signature->padding == RSA_PKCS1_PSS_PADDING ? "RSA-PSS" : "RSA-PKCS1";
}

/* RFC 3279 section 2.2.3: SEQUENCE { r INTEGER, s INTEGER }. Its shape only: whether it is true, the peer
 * will tell. */
static bool is_ecdsa_value(const unsigned char *der, size_t length)
{
    ECDSA_SIG *value = d2i_ECDSA_SIG(NULL, &der, (long)length);
    const bool found = value != NULL && i2d_ECDSA_SIG(value, NULL) == (int)length;

    ECDSA_SIG_free(value);
    return found;
}

static bool ask_for_signature(const struct signature *signature, const struct hash *hash,
                              const unsigned char *digest, unsigned char *out, size_t *length)
{
    const size_t size = (size_t)EVP_PKEY_get_size(signature->key->public);
    const struct keyd_use use = {.socket = signature->key->socket,
                                 .handle = signature->key->handle,
                                 .algorithm = wire_algorithm(signature),
                                 .hash = hash->wire,
                                 .input = digest,
                                 .input_length = hash->size,
                                 .out = out,
                                 .size = size,
                                 .length = length};
    struct problem problem = {REASON_NONE, ""};

    if (!keyd_sign(&use, &problem)) {
        provider_raise(signature->provider, &problem);
        return false;
    }
    if (signature->rsa && *length != size)
        return provider_fail(signature->provider, REASON_ANSWER, "a signature of %zu bytes by a key of %zu",
                             *length, size);
    if (!signature->rsa && !is_ecdsa_value(out, *length))
        return provider_fail(signature->provider, REASON_ANSWER,
                             "the Key Service's answer is not an ECDSA signature");
    return true;
}

static int sign(void *context, unsigned char *out, size_t *length, size_t out_size,
                const unsigned char *digest, size_t digest_length)
{
    const struct signature *signature = context;
    const size_t size = (size_t)EVP_PKEY_get_size(signature->key->public);
    const struct hash *hash;

    if (out == NULL) {
        *length = size;
        return 1;
    }
    if (out_size < size)
        return provider_fail(signature->provider, REASON_INTERNAL,
                             "a signature needs a buffer of %zu bytes, not %zu", size, out_size);
    return signature_check(signature, digest_length, &hash) &&
           ask_for_signature(signature, hash, digest, out, length);
}

static bool set_verify_params(const struct signature *signature, EVP_PKEY_CTX *inner)
{
    if (signature->digest != NULL && EVP_PKEY_CTX_set_signature_md(inner, signature->digest) != 1)
        return false;
    if (!signature->rsa)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(inner, signature->padding) != 1)
        return false;
    if (signature->padding != RSA_PKCS1_PSS_PADDING)
        return true;
    return EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, signature->salt) == 1 &&
           (signature->mgf1 == NULL || EVP_PKEY_CTX_set_rsa_mgf1_md(inner, signature->mgf1) == 1);
}

static int verify(void *context, const unsigned char *value, size_t length, const unsigned char *digest,
                  size_t digest_length)
{
    const struct signature *signature = context;
    EVP_PKEY_CTX *inner =
        EVP_PKEY_CTX_new_from_pkey(provider_inner(signature->provider), signature->key->public, NULL);
    int result = 0;

    if (signature->rsa && signature->digest == NULL)
        (void)provider_fail(signature->provider, REASON_ALGORITHM, "an RSA signature needs a digest");
    else if (inner != NULL && EVP_PKEY_verify_init(inner) == 1 && set_verify_params(signature, inner))
        result = EVP_PKEY_verify(inner, value, length, digest, digest_length) == 1;
    EVP_PKEY_CTX_free(inner);
    return result;
}

static int digest_begin(struct signature *signature, const char *digest, struct key *key, bool signing,
                        const OSSL_PARAM params[])
{
    if (!begin(signature, key, signing, NULL))
        return 0;
    if (digest != NULL && digest[0] != '\0' && !signature_choose_digest(signature, digest))
        return 0;
    if (!signature_set_params(signature, params))
        return 0;
    if (signature->digest == NULL && !signature_choose_digest(signature, "SHA256"))
        return 0;
    signature->data = EVP_MD_CTX_new();
    return signature->data != NULL && EVP_DigestInit_ex2(signature->data, signature->digest, NULL);
}

static int digest_sign_init(void *context, const char *digest, void *key, const OSSL_PARAM params[])
{
    return digest_begin(context, digest, key, true, params);
}

static int digest_verify_init(void *context, const char *digest, void *key, const OSSL_PARAM params[])
{
    return digest_begin(context, digest, key, false, params);
}

static int digest_update(void *context, const unsigned char *data, size_t length)
{
    const struct signature *signature = context;

    return signature->data != NULL && EVP_DigestUpdate(signature->data, data, length);
}

static int digest_sign_final(void *context, unsigned char *out, size_t *length, size_t out_size)
{
    const struct signature *signature = context;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;

    if (signature->data == NULL)
        return 0;
    if (out != NULL && !EVP_DigestFinal_ex(signature->data, digest, &digest_length))
        return 0;
    return sign(context, out, length, out_size, digest, digest_length);
}

static int digest_verify_final(void *context, const unsigned char *value, size_t length)
{
    const struct signature *signature = context;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;

    return signature->data != NULL && EVP_DigestFinal_ex(signature->data, digest, &digest_length) &&
           verify(context, value, length, digest, digest_length);
}

#define COMMON_FUNCTIONS                                                                \
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))free_context},                        \
        {OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))duplicate},                        \
        {OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))sign_init},                     \
        {OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))sign},                               \
        {OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))verify_init},                 \
        {OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))verify},                           \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))digest_sign_init},       \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))digest_update},        \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))digest_sign_final},     \
        {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))digest_verify_init},   \
        {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))digest_update},      \
        {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))digest_verify_final}, \
        {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))signature_get_params},     \
    {                                                                                   \
        OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))signature_set_params        \
    }

const OSSL_DISPATCH signature_ecdsa_functions[] = {
    COMMON_FUNCTIONS,
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_ecdsa},
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))signature_gettable_ecdsa},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))signature_settable_ecdsa},
    {0, NULL}};

const OSSL_DISPATCH signature_rsa_functions[] = {
    COMMON_FUNCTIONS,
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_rsa},
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))signature_gettable_rsa},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))signature_settable_rsa},
    {0, NULL}};
