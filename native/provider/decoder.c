/*
 * Reference files (pem.h). OpenSSL decodes in steps, from PEM to DER and from DER to a key, and with its file
 * store between them knows nothing but DER: hence the DER form of reference.h.
 */
#include "key.h"
#include "pem.h"
#include "reference.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

/* 0 stops all decoding; 'this is not mine' goes on with the next decoder. */
enum { STOP = 0, NOT_MINE = 1 };

/* The decoders have no state: their context is the provider's. */
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
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

struct source {
    const struct provider *provider;
    OSSL_CORE_BIO *in;
};

static int read_line(void *context, char *line, int size)
{
    const struct source *source = context;

    return source->provider->bio_gets(source->in, line, size);
}

static int emit_der(const struct keyd_public *found, OSSL_CALLBACK *callback, void *argument)
{
    size_t length = 0;
    unsigned char *der = reference_encode(found, &length);
    int type = OSSL_OBJECT_PKEY;
    char structure[] = REFERENCE_STRUCTURE;
    OSSL_PARAM object[] = {OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                           OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, length),
                           OSSL_PARAM_construct_end()};
    const int done = der != NULL && callback(object, argument);

    OPENSSL_free(der);
    return done;
}

static int decode_pem(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback,
                      void *argument, OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
    struct source source = {context, in};
    struct problem problem = {REASON_NONE, ""};
    char text[URI_TEXT_LIMIT];
    struct key_uri uri;
    struct keyd_public *found;
    int result = STOP;

    (void)passphrase;
    (void)passphrase_argument;
    if (!does_selection(context, selection) || !pem_read_reference(read_line, &source, text, sizeof(text)))
        return NOT_MINE;
    found = OPENSSL_zalloc(sizeof(*found));
    if (found == NULL)
        return STOP;
    if (uri_parse(text, &uri, &problem) && keyd_read_public(&uri, found, &problem))
        result = emit_der(found, callback, argument);
    else
        provider_raise(context, &problem);
    OPENSSL_free(found);
    return result;
}

static size_t read_all(const struct provider *provider, OSSL_CORE_BIO *in, unsigned char *out, size_t size)
{
    size_t used = 0;
    size_t got = 0;

    while (used < size && provider->bio_read(in, out + used, size - used, &got) && got > 0)
        used += got;
    return used;
}

static int decode_der(struct provider *provider, OSSL_CORE_BIO *in, bool rsa, OSSL_CALLBACK *callback,
                      void *argument)
{
    unsigned char *der = OPENSSL_malloc(REFERENCE_LIMIT);
    struct keyd_public *found = OPENSSL_zalloc(sizeof(*found));
    int result = NOT_MINE;

    if (der != NULL && found != NULL &&
        reference_decode(der, read_all(provider, in, der, REFERENCE_LIMIT), found)) {
        struct key *key = key_of_public(provider, found);

        if (key == NULL)
            result = STOP;
        else if (key->rsa == rsa)
            result = key_deliver(key, callback, argument);
        else
            key_free(key);
    }
    OPENSSL_free(found);
    OPENSSL_free(der);
    return result;
}

static int decode_ec(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback, void *argument,
                     OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
    (void)selection;
    (void)passphrase;
    (void)passphrase_argument;
    return decode_der(context, in, false, callback, argument);
}

static int decode_rsa(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback,
                      void *argument, OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
    (void)selection;
    (void)passphrase;
    (void)passphrase_argument;
    return decode_der(context, in, true, callback, argument);
}

#define DECODER(name, decode_function)                                                                \
    const OSSL_DISPATCH name[] = {{OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))new_context},            \
                                  {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))free_context},          \
                                  {OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))does_selection}, \
                                  {OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_function},        \
                                  {0, NULL}}

DECODER(decoder_pem_functions, decode_pem);
DECODER(decoder_ec_functions, decode_ec);
DECODER(decoder_rsa_functions, decode_rsa);
