#include "keymgmt.h"

/* A reference from the store or a decoder is the address of a pointer to the key, which changes hands. */
void *keymgmt_load(const void *reference, size_t reference_size)
{
    struct key **slot;
    struct key *key;

    if (reference == NULL || reference_size != sizeof(void *))
        return NULL;
    slot = *(struct key ***)(uintptr_t)&reference;
    key = *slot;
    *slot = NULL;
    return key;
}

void keymgmt_free(void *key)
{
    key_free(key);
}

int keymgmt_has(const void *context, int selection)
{
    const struct key *key = context;

    if (key == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->handle == NULL)
        return 0;
    if ((selection & (OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS)) != 0 &&
        key->public == NULL)
        return 0;
    return 1;
}

/* The private parts are the same exactly when the public ones are. */
int keymgmt_match(const void *left, const void *right, int selection)
{
    const struct key *a = left;
    const struct key *b = right;

    if (a->public == NULL || b->public == NULL || a->rsa != b->rsa)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
        return EVP_PKEY_eq(a->public, b->public) == 1;
    if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 && !a->rsa)
        return EVP_PKEY_parameters_eq(a->public, b->public) == 1;
    return 1;
}

int keymgmt_get_params(void *context, OSSL_PARAM params[])
{
    const struct key *key = context;

    return key->public != NULL && EVP_PKEY_get_params(key->public, params);
}

/*
 * Refusing the private part is what keeps libssl from moving the 'key' to the default provider, where the
 * handshake would fail for want of one.
 */
int keymgmt_export(void *context, int selection, OSSL_CALLBACK *callback, void *argument)
{
    const struct key *key = context;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 || key->public == NULL)
        return 0;
    return EVP_PKEY_export(key->public, selection, callback, argument);
}

void *keymgmt_dup(const void *context, int selection)
{
    struct key *key = (struct key *)(uintptr_t)context;

    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? key_share(key) : key_public_only(key);
}

/*
 * Refusing the private part leaves the ordinary keys of files to the default provider: taken in here, they
 * would silently lose it.
 */
int keymgmt_import(struct key *key, const char *type, int selection, const OSSL_PARAM params[])
{
    OSSL_LIB_CTX *inner;
    EVP_PKEY_CTX *context;
    EVP_PKEY *public = NULL;
    int done = 0;

    if (key == NULL || key->public != NULL || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ||
        (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0)
        return 0;
    inner = provider_inner(key->provider);
    context = inner != NULL ? EVP_PKEY_CTX_new_from_name(inner, type, NULL) : NULL;
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params) == 1) {
        key->public = public;
        done = 1;
    }
    EVP_PKEY_CTX_free(context);
    return done;
}
