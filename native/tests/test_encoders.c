#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_keyd *ec;
static struct fake_keyd *rsa;
static OSSL_LIB_CTX *world;
static EVP_PKEY *ec_key;
static EVP_PKEY *rsa_key;

static void encode(EVP_PKEY *key, const char *format, const EVP_PKEY *real)
{
    OSSL_ENCODER_CTX *context = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_PUBLIC_KEY, format,
                                                              "SubjectPublicKeyInfo", "provider=estprov");
    BIO *memory = BIO_new(BIO_s_mem());
    EVP_PKEY *back = NULL;

    CHECK(OSSL_ENCODER_CTX_get_num_encoders(context) > 0);
    CHECK(OSSL_ENCODER_to_bio(context, memory) == 1);
    back = strcmp(format, "PEM") == 0 ? PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL)
                                      : d2i_PUBKEY_bio(memory, NULL);
    CHECK(back != NULL && EVP_PKEY_eq(back, real) == 1);
    EVP_PKEY_free(back);
    BIO_free(memory);
    OSSL_ENCODER_CTX_free(context);
}

static void encoders(void)
{
    encode(ec_key, "DER", ec->key);
    encode(ec_key, "PEM", ec->key);
    encode(rsa_key, "DER", rsa->key);
    encode(rsa_key, "PEM", rsa->key);
}

static void text(void)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char out[2048] = "";

    CHECK(EVP_PKEY_print_private(memory, ec_key, 0, NULL) == 1);
    CHECK(BIO_read(memory, out, sizeof(out) - 1) > 0);
    CHECK_TEXT_HAS(out, "Private-Key: in the Key Service at /tmp/estprov-test-");
    CHECK_TEXT_HAS(out, "\nReference: estprov:" FAKE_HANDLE "?socket=/tmp/estprov-test-");
    CHECK_TEXT_HAS(out, "NIST CURVE: P-256");
    BIO_free(memory);
}

/* As .NET does it, in a context that has no other encoder. */
static void encoder_alone(void)
{
    OSSL_LIB_CTX *lonely = world_lonely();
    EVP_PKEY *key = world_open(lonely, fake_keyd_uri(rsa));
    unsigned char *ours = NULL;
    unsigned char *real = NULL;
    const int length = i2d_PUBKEY(key, &ours);

    CHECK(length > 0 && length == i2d_PUBKEY(rsa->key, &real) && memcmp(ours, real, (size_t)length) == 0);
    OPENSSL_free(ours);
    OPENSSL_free(real);
    EVP_PKEY_free(key);
    world_free(lonely);
}

static char *read_text(BIO *memory, char *text, size_t size)
{
    const int length = BIO_read(memory, text, (int)size - 1);

    text[length > 0 ? length : 0] = '\0';
    return text;
}

/* Whatever form a program asks for as PEM, PKCS#8 or the older one of the type: it gets a reference, which
 * holds no secret, and reads it back as the same key. */
static void as_reference(void)
{
    EVP_PKEY *const keys[] = {ec_key, rsa_key};
    const struct fake_keyd *const fakes[] = {ec, rsa};
    static const char *const structures[] = {"PrivateKeyInfo", "EncryptedPrivateKeyInfo", "type-specific"};

    for (int i = 0; i < 6; i++) {
        OSSL_ENCODER_CTX *context =
            OSSL_ENCODER_CTX_new_for_pkey(keys[i / 3], EVP_PKEY_KEYPAIR, "PEM", structures[i % 3], NULL);
        BIO *memory = BIO_new(BIO_s_mem());
        char text[2048];
        EVP_PKEY *back;
        unsigned char signature[300];
        size_t length = sizeof(signature);

        CHECK(OSSL_ENCODER_to_bio(context, memory) == 1);
        (void)read_text(memory, text, sizeof(text));
        CHECK(strncmp(text, "-----BEGIN ESTPROV KEY REFERENCE-----\n", 38) == 0);
        CHECK(BIO_puts(memory, text) > 0);
        back = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, world, NULL);
        CHECK(back != NULL && EVP_PKEY_eq(back, fakes[i / 3]->key) == 1);
        CHECK(world_digest_sign(world, back, "SHA256", 0, signature, &length));
        EVP_PKEY_free(back);
        BIO_free(memory);
        OSSL_ENCODER_CTX_free(context);
    }
}

/* A reference says what the key was opened by: with an id it goes with the id's key from rotation to
 * rotation. */
static void keeps_the_id(void)
{
    char uri[256];
    EVP_PKEY *key;
    EVP_PKEY *again;
    BIO *memory = BIO_new(BIO_s_mem());
    BIO *second = BIO_new(BIO_s_mem());

    (void)snprintf(uri, sizeof(uri), "estprov:id=device%%20id%%2F1?socket=%s", ec->socket);
    key = world_open(world, uri);
    CHECK(key != NULL);
    CHECK(PEM_write_bio_PrivateKey_ex(memory, key, NULL, NULL, 0, NULL, NULL, world, NULL) == 1);
    again = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, world, NULL);
    CHECK(again != NULL);
    CHECK_TEXT_HAS(ec->request, "GET /publickey?api-version=2021-05-01&id=device%20id%2F1 HTTP/1.1\r\n");
    /* Also through the decoders of a reference. */
    CHECK(PEM_write_bio_PrivateKey_ex(second, again, NULL, NULL, 0, NULL, NULL, world, NULL) == 1);
    EVP_PKEY_free(again);
    again = PEM_read_bio_PrivateKey_ex(second, NULL, NULL, NULL, world, NULL);
    CHECK(again != NULL);
    CHECK_TEXT_HAS(ec->request, "&id=device%20id%2F1 ");
    EVP_PKEY_free(again);
    EVP_PKEY_free(key);
    BIO_free(memory);
    BIO_free(second);
}

static void no_private_der(void)
{
    EVP_PKEY *const keys[] = {ec_key, rsa_key};

    for (int i = 0; i < 2; i++) {
        BIO *memory = BIO_new(BIO_s_mem());

        CHECK(i2d_PrivateKey_bio(memory, keys[i]) != 1);
        CHECK_TEXT_HAS(world_errors(), "only a reference to it can be written, as PEM");
        CHECK(i2d_PKCS8PrivateKey_bio(memory, keys[i], NULL, NULL, 0, NULL, NULL) != 1);
        CHECK_INT(BIO_pending(memory), 0);
        BIO_free(memory);
        ERR_clear_error();
    }
}

/* An imported public key has nothing that a reference could name. */
static void no_reference_to_a_public_key(void)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(world, "EC", "provider=estprov");
    EVP_PKEY *key = NULL;
    BIO *memory = BIO_new(BIO_s_mem());

    CHECK(EVP_PKEY_todata(ec->key, EVP_PKEY_PUBLIC_KEY, &params) == 1);
    CHECK(EVP_PKEY_fromdata_init(context) == 1 &&
          EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    CHECK(PEM_write_bio_PrivateKey_ex(memory, key, NULL, NULL, 0, NULL, NULL, world, NULL) != 1);
    CHECK_INT(BIO_pending(memory), 0);
    BIO_free(memory);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
}

void test_encoders(void)
{
    world = world_normal();
    ec = fake_keyd_start("EC", "P-256");
    rsa = fake_keyd_start("RSA", "2048");
    ec_key = world_open(world, fake_keyd_uri(ec));
    rsa_key = world_open(world, fake_keyd_uri(rsa));
    run_test("the public key is encoded as DER and PEM", encoders);
    run_test("a key prints as text that says where its private part is", text);
    run_test("the public key is encoded where no other provider is", encoder_alone);
    run_test("a private key is written as a reference that is read back", as_reference);
    run_test("a reference says by which id the key was opened", keeps_the_id);
    run_test("a private key is never written as DER", no_private_der);
    run_test("a public key is not written as a reference", no_reference_to_a_public_key);
    EVP_PKEY_free(ec_key);
    EVP_PKEY_free(rsa_key);
    fake_keyd_stop(ec);
    fake_keyd_stop(rsa);
    world_free(world);
}
