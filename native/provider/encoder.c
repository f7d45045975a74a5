/*
 * SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) as DER and PEM, and text. A private key is written as a
 * reference to it (pem.h), by the URI that it was opened with; as DER it is refused.
 */
#include "key.h"
#include "pem.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* The encoder has no state: its context is the provider's. */
static void *new_context(void *context)
{
    return context;
}

static void free_context(void *context)
{
    (void)context;
}

static int selects_public(void *context, int selection)
{
    (void)context;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 &&
           (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
}

static int selects_private(void *context, int selection)
{
    (void)context;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int selects_any(void *context, int selection)
{
    (void)context;
    (void)selection;
    return 1;
}

typedef int write_key(BIO *out, const struct key *key);

static int write_der(BIO *out, const struct key *key)
{
    return i2d_PUBKEY_bio(out, key->public);
}

static int write_pem(BIO *out, const struct key *key)
{
    return PEM_write_bio_PUBKEY(out, key->public);
}

static int write_reference(BIO *out, const struct key *key)
{
    return key->uri != NULL && PEM_write_bio(out, PEM_REFERENCE_LABEL, "", (const unsigned char *)key->uri,
                                             (long)strlen(key->uri)) > 0;
}

static int write_text(BIO *out, const struct key *key)
{
    if (key->handle != NULL &&
        BIO_printf(out, "Private-Key: in the Key Service at %s\nReference: %s\n", key->socket, key->uri) <= 0)
        return 0;
    return EVP_PKEY_print_public(out, key->public, 0, NULL);
}

static int encode(const struct provider *provider, OSSL_CORE_BIO *out, const struct key *key,
                  write_key *write)
{
    BIO *memory;
    char *text = NULL;
    long length;
    size_t written = 0;
    int done = 0;

    if (key == NULL || key->public == NULL)
        return 0;
    memory = BIO_new(BIO_s_mem());
    if (memory == NULL)
        return 0;
    if (write(memory, key) == 1) {
        length = BIO_get_mem_data(memory, &text);
        done = length > 0 && provider->bio_write(out, text, (size_t)length, &written) &&
               written == (size_t)length;
    }
    BIO_free(memory);
    return done;
}

#define ENCODE(name, write)                                                                          \
    static int name(void *context, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], \
                    int selection, OSSL_PASSPHRASE_CALLBACK *callback, void *argument)               \
    {                                                                                                \
        (void)abstract;                                                                              \
        (void)selection;                                                                             \
        (void)callback;                                                                              \
        (void)argument;                                                                              \
        return encode(context, out, key, write);                                                     \
    }

ENCODE(encode_der, write_der)
ENCODE(encode_pem, write_pem)
ENCODE(encode_reference, write_reference)
ENCODE(encode_text, write_text)

/* Said here, so that it is said at all: without an encoder OpenSSL knows no more than 'unsupported'. */
static int refuse_private(void *context, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[],
                          int selection, OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    (void)out;
    (void)key;
    (void)abstract;
    (void)selection;
    (void)callback;
    (void)argument;
    return provider_fail(context, REASON_PRIVATE, "only a reference to it can be written, as PEM");
}

#define ENCODER(name, selection_function, encode_function)                                                \
    const OSSL_DISPATCH name[] = {{OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))new_context},                \
                                  {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))free_context},              \
                                  {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))selection_function}, \
                                  {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode_function},            \
                                  {0, NULL}}

ENCODER(encoder_der_functions, selects_public, encode_der);
ENCODER(encoder_pem_functions, selects_public, encode_pem);
ENCODER(encoder_reference_functions, selects_private, encode_reference);
ENCODER(encoder_private_functions, selects_private, refuse_private);
ENCODER(encoder_text_functions, selects_any, encode_text);
