/* The loader of `estprov:` URIs; see provider-storemgmt(7). One URI names one key. */
#include "key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/store.h>

struct store {
    struct provider *provider;
    struct key_uri uri;
    int expected; /* OSSL_STORE_INFO_*; 0: whatever there is */
    bool done;
};

static void *open_store(void *context, const char *uri)
{
    struct provider *provider = context;
    struct problem problem = {REASON_NONE, ""};
    struct store *store = OPENSSL_zalloc(sizeof(*store));

    if (store == NULL)
        return NULL;
    store->provider = provider;
    if (!uri_parse(uri, &store->uri, &problem)) {
        provider_raise(provider, &problem);
        OPENSSL_free(store);
        return NULL;
    }
    return store;
}

static const OSSL_PARAM *settable_params(void *context)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL), OSSL_PARAM_END};

    (void)context;
    return params;
}

static int set_params(void *context, const OSSL_PARAM params[])
{
    struct store *store = context;
    const OSSL_PARAM *expected = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

    return expected == NULL || OSSL_PARAM_get_int(expected, &store->expected);
}

static int load(void *context, OSSL_CALLBACK *callback, void *argument, OSSL_PASSPHRASE_CALLBACK *passphrase,
                void *passphrase_argument)
{
    struct store *store = context;
    struct key *key;

    (void)passphrase;
    (void)passphrase_argument;
    if (store->done)
        return 0;
    /* At the end from here on, whatever comes: callers load until the end, errors or not. */
    store->done = true;
    if (store->expected != 0 && store->expected != OSSL_STORE_INFO_PKEY &&
        store->expected != OSSL_STORE_INFO_PUBKEY)
        return 0;

    key = key_open(store->provider, &store->uri);
    if (key != NULL && store->expected == OSSL_STORE_INFO_PUBKEY) {
        struct key *public = key_public_only(key);

        key_free(key);
        key = public;
    }
    return key != NULL && key_deliver(key, callback, argument);
}

static int eof(void *context)
{
    const struct store *store = context;

    return store->done;
}

static int close_store(void *context)
{
    OPENSSL_free(context);
    return 1;
}

const OSSL_DISPATCH store_functions[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*)(void))open_store},
    {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_params},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_STORE_LOAD, (void (*)(void))load},
    {OSSL_FUNC_STORE_EOF, (void (*)(void))eof},
    {OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_store},
    {0, NULL}};
