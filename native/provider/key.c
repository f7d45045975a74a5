#include "key.h"

#include "keyd.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

/* The named curves that a signature can be asked for. */
static const char *const curves[] = {SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1};

struct key *key_new(struct provider *provider, bool rsa)
{
    struct key *key = OPENSSL_zalloc(sizeof(*key));

    if (key == NULL)
        return NULL;
    atomic_init(&key->references, 1);
    key->provider = provider;
    key->rsa = rsa;
    return key;
}

struct key *key_share(struct key *key)
{
    (void)atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void key_free(struct key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(key->public);
    OPENSSL_free(key->handle);
    OPENSSL_free(key->socket);
    OPENSSL_free(key->uri);
    OPENSSL_free(key);
}

const char *key_type_name(const struct key *key)
{
    return key->rsa ? "RSA" : "EC";
}

static bool is_supported_curve(EVP_PKEY *public)
{
    char group[64];

    if (!EVP_PKEY_get_group_name(public, group, sizeof(group), NULL))
        return false;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (strcmp(group, curves[i]) == 0)
            return true;
    return false;
}

bool key_is_supported(const struct provider *provider, EVP_PKEY *public, bool rsa)
{
    if (rsa) {
        const int bits = EVP_PKEY_get_bits(public);

        if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
            return true;
        return provider_fail(provider, REASON_KEY, "RSA keys have %d to %d bits, this one has %d",
                             RSA_BITS_MIN, RSA_BITS_MAX, bits);
    }
    if (is_supported_curve(public))
        return true;
    return provider_fail(provider, REASON_KEY, "EC keys are on P-256, P-384 or P-521");
}

struct key *key_of_public(struct provider *provider, const struct keyd_public *found)
{
    OSSL_LIB_CTX *const inner = provider_inner(provider);
    const unsigned char *at = found->spki;
    EVP_PKEY *public = inner != NULL ? d2i_PUBKEY_ex(NULL, &at, (long)found->spki_length, inner, NULL) : NULL;
    struct key *key = NULL;

    if (public == NULL || at != found->spki + found->spki_length) {
        (void)provider_fail(provider, REASON_ANSWER,
                            "the Key Service's answer is not a SubjectPublicKeyInfo");
    } else if (!EVP_PKEY_is_a(public, "EC") && !EVP_PKEY_is_a(public, "RSA")) {
        (void)provider_fail(provider, REASON_KEY, "only EC and RSA keys can be used");
    } else if (key_is_supported(provider, public, EVP_PKEY_is_a(public, "RSA") == 1)) {
        key = key_new(provider, EVP_PKEY_is_a(public, "RSA") == 1);
    }
    if (key == NULL) {
        EVP_PKEY_free(public);
        return NULL;
    }
    key->public = public;
    key->handle = OPENSSL_strdup(found->handle);
    key->socket = OPENSSL_strdup(found->socket);
    key->uri = OPENSSL_strdup(found->uri);
    if (key->handle == NULL || key->socket == NULL || key->uri == NULL) {
        key_free(key);
        return NULL;
    }
    return key;
}

int key_deliver(struct key *key, OSSL_CALLBACK *callback, void *argument)
{
    int type = OSSL_OBJECT_PKEY;
    struct key *slot = key;
    OSSL_PARAM object[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)key_type_name(key),
                                         0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &slot, sizeof(void *)),
        OSSL_PARAM_construct_end()};
    const int done = callback(object, argument);

    key_free(slot); /* NULL once keymgmt_load has taken it */
    return done;
}

struct key *key_open(struct provider *provider, const struct key_uri *uri)
{
    struct keyd_public *found = OPENSSL_zalloc(sizeof(*found));
    struct problem problem = {REASON_NONE, ""};
    struct key *key = NULL;

    if (found == NULL)
        return NULL;
    if (keyd_read_public(uri, found, &problem))
        key = key_of_public(provider, found);
    else
        provider_raise(provider, &problem);
    OPENSSL_free(found);
    return key;
}

struct key *key_public_only(struct key *key)
{
    struct key *copy = key_new(key->provider, key->rsa);

    if (copy != NULL && key->public != NULL && EVP_PKEY_up_ref(key->public) == 1)
        copy->public = key->public;
    return copy;
}
