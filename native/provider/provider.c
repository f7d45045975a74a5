#include "provider.h"

#include "reference.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#ifndef ESTPROV_VERSION
#define ESTPROV_VERSION "0.1.0"
#endif

#define NAMES_EC "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define NAMES_RSA "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define SPKI_DER PROVIDER_PROPERTIES ",output=der,structure=SubjectPublicKeyInfo"
#define TEXT PROVIDER_PROPERTIES ",output=text"
/* Each structure in which a program may ask for a private key. */
#define PRIVATE(names, structure)                                                                       \
    {names, PROVIDER_PROPERTIES ",output=pem,structure=" structure, encoder_reference_functions, NULL}, \
    {                                                                                                   \
        names, PROVIDER_PROPERTIES ",output=der,structure=" structure, encoder_private_functions, NULL  \
    }
#define PRIVATE_FORMS(names)                                                     \
    PRIVATE(names, "PrivateKeyInfo"), PRIVATE(names, "EncryptedPrivateKeyInfo"), \
        PRIVATE(names, "type-specific")
#define REFERENCE_DER PROVIDER_PROPERTIES ",input=der,structure=" REFERENCE_STRUCTURE
#define SPKI_PEM PROVIDER_PROPERTIES ",output=pem,structure=SubjectPublicKeyInfo"

static const OSSL_ALGORITHM keymgmt[] = {
    {NAMES_EC, PROVIDER_PROPERTIES, keymgmt_ec_functions, "EC keys in the Key Service"},
    {NAMES_RSA, PROVIDER_PROPERTIES, keymgmt_rsa_functions, "RSA keys in the Key Service"},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM signature[] = {
    {"ECDSA", PROVIDER_PROPERTIES, signature_ecdsa_functions, "ECDSA by the Key Service"},
    {NAMES_RSA, PROVIDER_PROPERTIES, signature_rsa_functions, "RSA PKCS#1 v1.5 and PSS by the Key Service"},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM cipher[] = {
    {NAMES_RSA, PROVIDER_PROPERTIES, cipher_rsa_functions, "RSA-OAEP decryption by the Key Service"},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM store[] = {
    {PROVIDER_NAME, PROVIDER_PROPERTIES, store_functions, "keys named by estprov: URIs"},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM encoders[] = {{NAMES_EC, SPKI_DER, encoder_der_functions, NULL},
                                          {NAMES_EC, SPKI_PEM, encoder_pem_functions, NULL},
                                          PRIVATE_FORMS(NAMES_EC),
                                          {NAMES_EC, TEXT, encoder_text_functions, NULL},
                                          {NAMES_RSA, SPKI_DER, encoder_der_functions, NULL},
                                          {NAMES_RSA, SPKI_PEM, encoder_pem_functions, NULL},
                                          PRIVATE_FORMS(NAMES_RSA),
                                          {NAMES_RSA, TEXT, encoder_text_functions, NULL},
                                          {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM decoders[] = {
    {"DER", PROVIDER_PROPERTIES ",input=pem", decoder_pem_functions, NULL},
    {NAMES_EC, REFERENCE_DER, decoder_ec_functions, NULL},
    {NAMES_RSA, REFERENCE_DER, decoder_rsa_functions, NULL},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keymgmt;
    case OSSL_OP_SIGNATURE:
        return signature;
    case OSSL_OP_ASYM_CIPHER:
        return cipher;
    case OSSL_OP_STORE:
        return store;
    case OSSL_OP_ENCODER:
        return encoders;
    case OSSL_OP_DECODER:
        return decoders;
    default:
        return NULL;
    }
}

static const OSSL_PARAM *gettable_params(void *context)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
                                        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
                                        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
                                        OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL), OSSL_PARAM_END};

    (void)context;
    return params;
}

static int set_text(OSSL_PARAM params[], const char *name, const char *value)
{
    OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

    return param == NULL || OSSL_PARAM_set_utf8_ptr(param, value);
}

static int get_params(void *context, OSSL_PARAM params[])
{
    OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

    (void)context;
    return set_text(params, OSSL_PROV_PARAM_NAME, "EstProv Key Service provider") &&
           set_text(params, OSSL_PROV_PARAM_VERSION, ESTPROV_VERSION) &&
           set_text(params, OSSL_PROV_PARAM_BUILDINFO, ESTPROV_VERSION) &&
           (status == NULL || OSSL_PARAM_set_int(status, 1));
}

static void teardown(void *context)
{
    struct provider *provider = context;

    provider_inner_release(provider);
    OPENSSL_free(provider);
}

static const OSSL_ITEM *reason_strings(void *context)
{
    static const OSSL_ITEM strings[] = {{REASON_URI, "malformed key URI"},
                                        {REASON_UNREACHABLE, "Key Service unreachable"},
                                        {REASON_PEER, "socket does not belong to the Key Service"},
                                        {REASON_TIMEOUT, "Key Service timed out"},
                                        {REASON_ANSWER, "Key Service gave a bad answer"},
                                        {REASON_REFUSED, "Key Service refused"},
                                        {REASON_KEY, "unsupported key"},
                                        {REASON_ALGORITHM, "unsupported algorithm or parameter"},
                                        {REASON_PRIVATE, "the private key stays in the Key Service"},
                                        {REASON_INTERNAL, "internal error"},
                                        {0, NULL}};

    _Static_assert(sizeof(strings) / sizeof(strings[0]) == REASON_LIMIT, "each reason has its text");
    (void)context;
    return strings;
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
    {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params},
    {OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))reason_strings},
    {0, NULL}};

static void take_core_functions(struct provider *provider, const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_NEW_ERROR:
            provider->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            provider->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            provider->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        case OSSL_FUNC_BIO_WRITE_EX:
            provider->bio_write = OSSL_FUNC_BIO_write_ex(in);
            break;
        case OSSL_FUNC_BIO_READ_EX:
            provider->bio_read = OSSL_FUNC_BIO_read_ex(in);
            break;
        case OSSL_FUNC_BIO_GETS:
            provider->bio_gets = OSSL_FUNC_BIO_gets(in);
            break;
        default:
            break;
        }
    }
}

__attribute__((visibility("default"))) int OSSL_provider_init(const OSSL_CORE_HANDLE *handle,
                                                              const OSSL_DISPATCH *in,
                                                              const OSSL_DISPATCH **out, void **context)
{
    struct provider *provider = OPENSSL_zalloc(sizeof(*provider));

    if (provider == NULL)
        return 0;
    provider->core = handle;
    take_core_functions(provider, in);
    if (provider->new_error == NULL || provider->vset_error == NULL || provider->bio_write == NULL ||
        provider->bio_read == NULL || provider->bio_gets == NULL) {
        OPENSSL_free(provider);
        return 0;
    }
    *out = provider_functions;
    *context = provider;
    return 1;
}
