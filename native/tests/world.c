#include "world.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *module_folder;
const char *program_path;

static const unsigned char message[] = "the message that is signed";

static OSSL_LIB_CTX *new_world(bool with_default)
{
    OSSL_LIB_CTX *world = OSSL_LIB_CTX_new();

    if (world == NULL || !OSSL_PROVIDER_set_default_search_path(world, module_folder) ||
        (with_default && OSSL_PROVIDER_load(world, "default") == NULL) ||
        OSSL_PROVIDER_load(world, "estprov") == NULL) {
        ERR_print_errors_fp(stderr);
        (void)fprintf(stderr, "cannot load estprov.so from %s\n", module_folder);
        exit(EXIT_FAILURE);
    }
    return world;
}

OSSL_LIB_CTX *world_normal(void)
{
    return new_world(true);
}

OSSL_LIB_CTX *world_lonely(void)
{
    return new_world(false);
}

static int unload(OSSL_PROVIDER *provider, void *argument)
{
    (void)argument;
    return OSSL_PROVIDER_unload(provider);
}

void world_free(OSSL_LIB_CTX *world)
{
    (void)OSSL_PROVIDER_do_all(world, unload, NULL);
    OSSL_LIB_CTX_free(world);
}

EVP_PKEY *world_open(OSSL_LIB_CTX *world, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, world, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    /* As .NET and the openssl command do it: until the end, whatever load says. */
    for (int loads = 0; store != NULL && key == NULL && !OSSL_STORE_eof(store); loads++) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
        if (loads > 10) {
            (void)fprintf(stderr, "the store has no end\n");
            break;
        }
    }
    (void)OSSL_STORE_close(store);
    return key;
}

const char *world_errors(void)
{
    static char text[4096];
    BIO *memory = BIO_new(BIO_s_mem());
    int length;

    ERR_print_errors(memory);
    length = BIO_read(memory, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    BIO_free(memory);
    return text;
}

static int set_padding(EVP_PKEY_CTX *context, int padding)
{
    if (padding == 0)
        return 1;
    return EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
           (padding != RSA_PKCS1_PSS_PADDING ||
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

int world_digest_sign(OSSL_LIB_CTX *world, EVP_PKEY *key, const char *digest, int padding, unsigned char *out,
                      size_t *length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;
    const int done =
        context != NULL && EVP_DigestSignInit_ex(context, &inner, digest, world, NULL, key, NULL) == 1 &&
        set_padding(inner, padding) && EVP_DigestSign(context, out, length, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(context);
    return done;
}

int world_digest_verify(OSSL_LIB_CTX *world, EVP_PKEY *key, const char *digest, int padding,
                        const unsigned char *signature, size_t length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;
    const int done = context != NULL &&
                     EVP_DigestVerifyInit_ex(context, &inner, digest, world, NULL, key, NULL) == 1 &&
                     set_padding(inner, padding) &&
                     EVP_DigestVerify(context, signature, length, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(context);
    return done;
}
