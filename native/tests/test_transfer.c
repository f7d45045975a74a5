#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

static struct fake_keyd *ec;
static struct fake_keyd *rsa;
static OSSL_LIB_CTX *world;
static EVP_PKEY *ec_key;
static EVP_PKEY *rsa_key;

/* Were it given away, libssl would move the 'key' to the default provider, and the handshake would fail
 * there. */
static void private_export(EVP_PKEY *key)
{
    OSSL_PARAM *params = NULL;

    CHECK(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) != 1);
    CHECK(params == NULL);
    CHECK(EVP_PKEY_todata(key, OSSL_KEYMGMT_SELECT_PRIVATE_KEY, &params) != 1);
    CHECK(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) == 1);
    OSSL_PARAM_free(params);
    ERR_clear_error();
}

static void no_private_export(void)
{
    private_export(ec_key);
    private_export(rsa_key);
}

static EVP_PKEY *take_in(OSSL_LIB_CTX *where, const char *type, OSSL_PARAM *params, int selection)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(where, type, "provider=estprov");
    EVP_PKEY *key = NULL;

    CHECK(context != NULL && EVP_PKEY_fromdata_init(context) == 1);
    if (EVP_PKEY_fromdata(context, &key, selection, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static void no_private_import(void)
{
    const struct fake_keyd *const fakes[] = {ec, rsa};
    const char *const types[] = {"EC", "RSA"};

    for (int i = 0; i < 2; i++) {
        OSSL_PARAM *params = NULL;
        EVP_PKEY *key;

        CHECK(EVP_PKEY_todata(fakes[i]->key, EVP_PKEY_KEYPAIR, &params) == 1);
        CHECK(take_in(world, types[i], params, EVP_PKEY_KEYPAIR) == NULL);
        key = take_in(world, types[i], params, EVP_PKEY_PUBLIC_KEY);
        CHECK(key != NULL && EVP_PKEY_eq(key, fakes[i]->key) == 1);
        OSSL_PARAM_free(params);
        EVP_PKEY_free(key);
        ERR_clear_error();
    }
}

static void public_import_verifies_only(void)
{
    OSSL_PARAM *params = NULL;
    unsigned char signature[300];
    size_t length = sizeof(signature);
    EVP_PKEY *key;

    CHECK(EVP_PKEY_todata(rsa->key, EVP_PKEY_PUBLIC_KEY, &params) == 1);
    key = take_in(world, "RSA", params, EVP_PKEY_PUBLIC_KEY);
    OSSL_PARAM_free(params);
    CHECK(world_digest_sign(NULL, rsa->key, "SHA1", 0, signature, &length));
    CHECK(world_digest_verify(world, key, "SHA1", 0, signature, length));
    length = sizeof(signature);
    CHECK(!world_digest_sign(world, key, "SHA256", 0, signature, &length));
    CHECK_TEXT_HAS(world_errors(), "a public key cannot sign");
    EVP_PKEY_free(key);
}

static void comparisons(void)
{
    EVP_PKEY *again = world_open(world, fake_keyd_uri(ec));
    EVP_PKEY *copy = EVP_PKEY_dup(ec_key);

    CHECK_INT(EVP_PKEY_eq(ec_key, again), 1);
    CHECK_INT(EVP_PKEY_eq(ec_key, ec->key), 1);
    CHECK_INT(EVP_PKEY_eq(ec->key, ec_key), 1);
    CHECK_INT(EVP_PKEY_eq(rsa_key, rsa->key), 1);
    CHECK(EVP_PKEY_eq(ec_key, rsa_key) != 1);
    CHECK_INT(EVP_PKEY_parameters_eq(ec_key, ec->key), 1);
    CHECK(copy != NULL && EVP_PKEY_eq(copy, ec_key) == 1);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(again);
}

/* With estprov beside it, the default provider must keep ordinary keys whole. */
static void file_keys(void)
{
    const struct fake_keyd *const fakes[] = {ec, rsa};

    for (int i = 0; i < 2; i++) {
        BIO *memory = BIO_new(BIO_s_mem());
        unsigned char signature[300];
        size_t length = sizeof(signature);
        const int before = atomic_load(&fakes[i]->connections);
        EVP_PKEY *key;

        CHECK(PEM_write_bio_PrivateKey(memory, fakes[i]->key, NULL, NULL, 0, NULL, NULL) == 1);
        key = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, world, NULL);
        CHECK(key != NULL);
        CHECK(world_digest_sign(world, key, "SHA256", 0, signature, &length));
        CHECK(world_digest_verify(world, key, "SHA256", 0, signature, length));
        CHECK(PEM_write_bio_PrivateKey_ex(memory, key, NULL, NULL, 0, NULL, NULL, world, NULL) == 1);
        CHECK_INT(atomic_load(&fakes[i]->connections), before);
        EVP_PKEY_free(key);
        BIO_free(memory);
    }
}

static void generation(void)
{
    EVP_PKEY *generated = EVP_PKEY_Q_keygen(world, NULL, "EC", "P-256");

    CHECK(generated != NULL);
    EVP_PKEY_free(generated);
}

void test_transfer(void)
{
    world = world_normal();
    ec = fake_keyd_start("EC", "P-256");
    rsa = fake_keyd_start("RSA", "2048");
    ec_key = world_open(world, fake_keyd_uri(ec));
    rsa_key = world_open(world, fake_keyd_uri(rsa));
    run_test("the private part is never exported", no_private_export);
    run_test("a private part is never imported, a public one is", no_private_import);
    run_test("an imported public key verifies and does not sign", public_import_verifies_only);
    run_test("keys compare equal across providers", comparisons);
    run_test("ordinary file keys keep working beside this provider", file_keys);
    run_test("ordinary keys are generated beside this provider", generation);
    EVP_PKEY_free(ec_key);
    EVP_PKEY_free(rsa_key);
    fake_keyd_stop(ec);
    fake_keyd_stop(rsa);
    world_free(world);
}
