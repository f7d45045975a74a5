/*
 * RSA-OAEP (RFC 8017 section 7.1), see provider-asym_cipher(7). The Key Service decrypts; encryption is
 * public mathematics. Decryption by PKCS#1 v1.5, whose answers tell of the plaintext to whoever asks often
 * enough, and raw RSA are not there.
 */
#include "hash.h"
#include "key.h"
#include "keyd.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

enum { NAME_LIMIT = 64 };

struct cipher {
    struct provider *provider;
    struct key *key;
    int padding;    /* RSA_*_PADDING */
    EVP_MD *digest; /* NULL: SHA-1, RFC 8017 appendix A.2.1 */
    EVP_MD *mgf1;   /* NULL: as digest */
    unsigned char *label;
    size_t label_length;
};

static void *new_context(void *provider)
{
    struct cipher *cipher = OPENSSL_zalloc(sizeof(*cipher));

    if (cipher == NULL)
        return NULL;
    cipher->provider = provider;
    cipher->padding = RSA_PKCS1_PADDING; /* OpenSSL's default; OAEP is asked for */
    return cipher;
}

static void free_context(void *context)
{
    struct cipher *cipher = context;

    if (cipher == NULL)
        return;
    EVP_MD_free(cipher->digest);
    EVP_MD_free(cipher->mgf1);
    OPENSSL_free(cipher->label);
    key_free(cipher->key);
    OPENSSL_free(cipher);
}

static void *duplicate(void *context)
{
    const struct cipher *from = context;
    struct cipher *to = new_context(from->provider);

    if (to == NULL)
        return NULL;
    to->padding = from->padding;
    if (from->key != NULL)
        to->key = key_share(from->key);
    if (from->digest != NULL && EVP_MD_up_ref(from->digest))
        to->digest = from->digest;
    if (from->mgf1 != NULL && EVP_MD_up_ref(from->mgf1))
        to->mgf1 = from->mgf1;
    if (from->label != NULL) {
        to->label = OPENSSL_memdup(from->label, from->label_length);
        to->label_length = from->label_length;
        if (to->label == NULL) {
            free_context(to);
            return NULL;
        }
    }
    return to;
}

static bool set_padding(struct cipher *cipher, const OSSL_PARAM *param)
{
    char text[NAME_LIMIT];
    char *name = text;

    if (param->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_int(param, &cipher->padding) == 1;
    if (!OSSL_PARAM_get_utf8_string(param, &name, sizeof(text)))
        return false;
    if (strcmp(name, OSSL_PKEY_RSA_PAD_MODE_OAEP) == 0 || strcmp(name, "oeap") == 0) /* OpenSSL's misprint */
        cipher->padding = RSA_PKCS1_OAEP_PADDING;
    else if (strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0)
        cipher->padding = RSA_PKCS1_PADDING;
    else
        return provider_fail(cipher->provider, REASON_ALGORITHM, "RSA encryption by %s is not offered", name);
    return true;
}

static bool set_digest(const struct cipher *cipher, const OSSL_PARAM *param, EVP_MD **digest)
{
    OSSL_LIB_CTX *const inner = provider_inner(cipher->provider);
    char text[NAME_LIMIT];
    char *name = text;
    EVP_MD *found;

    if (inner == NULL || !OSSL_PARAM_get_utf8_string(param, &name, sizeof(text)))
        return false;
    found = EVP_MD_fetch(inner, name, NULL);
    if (found == NULL)
        return provider_fail(cipher->provider, REASON_ALGORITHM, "no such digest: %s", name);
    EVP_MD_free(*digest);
    *digest = found;
    return true;
}

static bool set_label(struct cipher *cipher, const OSSL_PARAM *param)
{
    void *label = NULL;
    size_t length = 0;

    if (!OSSL_PARAM_get_octet_string(param, &label, 0, &length))
        return false;
    OPENSSL_free(cipher->label);
    cipher->label = label;
    cipher->label_length = length;
    return true;
}

static int set_params(void *context, const OSSL_PARAM params[])
{
    struct cipher *cipher = context;

    for (const OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        bool done = true;

        if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_PAD_MODE) == 0)
            done = set_padding(cipher, p);
        else if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST) == 0)
            done = set_digest(cipher, p, &cipher->digest);
        else if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST) == 0)
            done = set_digest(cipher, p, &cipher->mgf1);
        else if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL) == 0)
            done = set_label(cipher, p);
        if (!done)
            return 0;
    }
    return 1;
}

static const char *digest_name(const EVP_MD *digest)
{
    return digest != NULL ? EVP_MD_get0_name(digest) : "SHA1";
}

static bool get_padding(const struct cipher *cipher, OSSL_PARAM *param)
{
    if (param->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(param, cipher->padding) == 1;
    return OSSL_PARAM_set_utf8_string(param, cipher->padding == RSA_PKCS1_OAEP_PADDING
                                                 ? OSSL_PKEY_RSA_PAD_MODE_OAEP
                                                 : OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 1;
}

static int get_params(void *context, OSSL_PARAM params[])
{
    const struct cipher *cipher = context;

    for (OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        bool done = true;

        if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_PAD_MODE) == 0)
            done = get_padding(cipher, p);
        else if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST) == 0)
            done = OSSL_PARAM_set_utf8_string(p, digest_name(cipher->digest)) == 1;
        else if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST) == 0)
            done = OSSL_PARAM_set_utf8_string(
                       p, digest_name(cipher->mgf1 != NULL ? cipher->mgf1 : cipher->digest)) == 1;
        else if (strcmp(p->key, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL) == 0)
            done = OSSL_PARAM_set_octet_ptr(p, cipher->label, cipher->label_length) == 1;
        if (!done)
            return 0;
    }
    return 1;
}

/* key may be NULL when the context is used again. */
static int begin(struct cipher *cipher, struct key *key, bool decrypting, const OSSL_PARAM params[])
{
    if (key != NULL) {
        (void)key_share(key);
        key_free(cipher->key);
        cipher->key = key;
    }
    if (cipher->key == NULL || cipher->key->public == NULL)
        return provider_fail(cipher->provider, REASON_KEY, "no key was given");
    if (decrypting && cipher->key->handle == NULL)
        return provider_fail(cipher->provider, REASON_KEY, "a public key cannot decrypt");
    return set_params(cipher, params);
}

static int decrypt_init(void *context, void *key, const OSSL_PARAM params[])
{
    return begin(context, key, true, params);
}

static int encrypt_init(void *context, void *key, const OSSL_PARAM params[])
{
    return begin(context, key, false, params);
}

/* What the Key Service can do; the hash's name there. NULL with the error on OpenSSL's queue. */
static const char *check(const struct cipher *cipher)
{
    const struct hash *hash = cipher->digest != NULL ? hash_of_digest(cipher->digest) : NULL;
    const bool sha1 = cipher->digest == NULL || EVP_MD_is_a(cipher->digest, "SHA1");
    const char *refusal = NULL;

    if (cipher->padding != RSA_PKCS1_OAEP_PADDING)
        refusal = "RSA decryption is by OAEP only (rsa_padding_mode:oaep)";
    else if (!sha1 && hash == NULL)
        refusal = "the Key Service decrypts OAEP with SHA-1, SHA-256, SHA-384 and SHA-512";
    else if (cipher->mgf1 != NULL && !EVP_MD_is_a(cipher->mgf1, digest_name(cipher->digest)))
        refusal = "OAEP uses one hash, for MGF1 as well";
    else if (cipher->label_length > 0)
        refusal = "the Key Service decrypts OAEP without a label";
    if (refusal == NULL)
        return sha1 ? "sha1" : hash->wire;
    (void)provider_fail(cipher->provider, REASON_ALGORITHM, "%s", refusal);
    return NULL;
}

/* It comes whole, and only then is it seen whether the caller has room for it. */
static bool give_plaintext(const struct cipher *cipher, const struct keyd_use *use, unsigned char *out,
                           size_t out_size)
{
    struct problem problem = {REASON_NONE, ""};

    if (!keyd_decrypt(use, &problem)) {
        provider_raise(cipher->provider, &problem);
        return false;
    }
    if (*use->length > out_size)
        return provider_fail(cipher->provider, REASON_ALGORITHM,
                             "the plaintext has %zu bytes, and the buffer %zu", *use->length, out_size);
    memcpy(out, use->out, *use->length);
    return true;
}

static int decrypt(void *context, unsigned char *out, size_t *length, size_t out_size,
                   const unsigned char *in, size_t in_length)
{
    const struct cipher *cipher = context;
    const size_t size = (size_t)EVP_PKEY_get_size(cipher->key->public);
    const char *const hash = check(cipher);
    unsigned char *room;
    struct keyd_use use = {.socket = cipher->key->socket,
                           .handle = cipher->key->handle,
                           .algorithm = "RSA-OAEP",
                           .hash = hash,
                           .input = in,
                           .input_length = in_length,
                           .size = size,
                           .length = length};
    bool done;

    if (hash == NULL)
        return 0;
    if (out == NULL) {
        *length = size;
        return 1;
    }
    if (in_length != size)
        return provider_fail(cipher->provider, REASON_ALGORITHM,
                             "a ciphertext of this key has %zu bytes, not %zu", size, in_length);
    room = OPENSSL_malloc(size);
    if (room == NULL)
        return 0;
    use.out = room;
    done = give_plaintext(cipher, &use, out, out_size);
    OPENSSL_clear_free(room, size);
    return done;
}

static bool set_encrypt_params(const struct cipher *cipher, EVP_PKEY_CTX *inner)
{
    unsigned char *label;

    if (EVP_PKEY_CTX_set_rsa_padding(inner, cipher->padding) != 1)
        return false;
    if (cipher->padding != RSA_PKCS1_OAEP_PADDING)
        return true;
    if ((cipher->digest != NULL && EVP_PKEY_CTX_set_rsa_oaep_md(inner, cipher->digest) != 1) ||
        (cipher->mgf1 != NULL && EVP_PKEY_CTX_set_rsa_mgf1_md(inner, cipher->mgf1) != 1))
        return false;
    if (cipher->label_length == 0)
        return true;
    label = OPENSSL_memdup(cipher->label, cipher->label_length);
    if (label != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(inner, label, (int)cipher->label_length) == 1)
        return true;
    OPENSSL_free(label);
    return false;
}

static int encrypt(void *context, unsigned char *out, size_t *length, size_t out_size,
                   const unsigned char *in, size_t in_length)
{
    const struct cipher *cipher = context;
    EVP_PKEY_CTX *inner =
        EVP_PKEY_CTX_new_from_pkey(provider_inner(cipher->provider), cipher->key->public, NULL);
    int done = 0;

    *length = out_size;
    if (inner != NULL && EVP_PKEY_encrypt_init(inner) == 1 && set_encrypt_params(cipher, inner))
        done = EVP_PKEY_encrypt(inner, out, length, in, in_length) == 1;
    EVP_PKEY_CTX_free(inner);
    return done;
}

#define TEXT_PARAMS                                                          \
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),        \
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0), \
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0)

static const OSSL_PARAM *settable_params(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {
        TEXT_PARAMS, OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0), OSSL_PARAM_END};

    (void)context;
    (void)provider;
    return params;
}

static const OSSL_PARAM *gettable_params(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {
        TEXT_PARAMS, OSSL_PARAM_octet_ptr(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0), OSSL_PARAM_END};

    (void)context;
    (void)provider;
    return params;
}

const OSSL_DISPATCH cipher_rsa_functions[] = {
    {OSSL_FUNC_ASYM_CIPHER_NEWCTX, (void (*)(void))new_context},
    {OSSL_FUNC_ASYM_CIPHER_FREECTX, (void (*)(void))free_context},
    {OSSL_FUNC_ASYM_CIPHER_DUPCTX, (void (*)(void))duplicate},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (void (*)(void))decrypt_init},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT, (void (*)(void))decrypt},
    {OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, (void (*)(void))encrypt_init},
    {OSSL_FUNC_ASYM_CIPHER_ENCRYPT, (void (*)(void))encrypt},
    {OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))gettable_params},
    {OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))settable_params},
    {0, NULL}};
