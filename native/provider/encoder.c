/* SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) as DER and PEM. There is no encoder of private keys. */
#include "key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* The encoder has no state: its context is the provider's. */
static void *new_context(void *context)
{
    return context;
}

static void free_context(void *context)
{
    (void)context;
}

static int does_selection(void *context, int selection)
{
    (void)context;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 &&
           (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
}

static int encode(const struct provider *provider, OSSL_CORE_BIO *out, const struct key *key, int selection,
                  bool pem)
{
    BIO *memory;
    char *text = NULL;
    long length;
    size_t written = 0;
    int done = 0;

    if (key == NULL || key->public == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return provider_fail(provider, REASON_PRIVATE, "it cannot be written to a file");
    memory = BIO_new(BIO_s_mem());
    if (memory == NULL)
        return 0;
    if (pem ? PEM_write_bio_PUBKEY(memory, key->public) : i2d_PUBKEY_bio(memory, key->public)) {
        length = BIO_get_mem_data(memory, &text);
        done = length > 0 && provider->bio_write(out, text, (size_t)length, &written) &&
               written == (size_t)length;
    }
    BIO_free(memory);
    return done;
}

static int encode_der(void *context, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[],
                      int selection, OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    (void)abstract;
    (void)callback;
    (void)argument;
    return encode(context, out, key, selection, false);
}

static int encode_pem(void *context, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[],
                      int selection, OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    (void)abstract;
    (void)callback;
    (void)argument;
    return encode(context, out, key, selection, true);
}

#define ENCODER(name, encode_function)                                                                \
    const OSSL_DISPATCH name[] = {{OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))new_context},            \
                                  {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))free_context},          \
                                  {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))does_selection}, \
                                  {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode_function},        \
                                  {0, NULL}}

ENCODER(encoder_der_functions, encode_der);
ENCODER(encoder_pem_functions, encode_pem);
