#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

static struct fake_keyd *rsa;
static OSSL_LIB_CTX *world;
static EVP_PKEY *key;

static const unsigned char secret[] = "a content encryption key";

static EVP_PKEY_CTX *begin(OSSL_LIB_CTX *where, EVP_PKEY *with, bool decrypting, const EVP_MD *digest)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(where, with, NULL);

    CHECK(context != NULL &&
          (decrypting ? EVP_PKEY_decrypt_init(context) : EVP_PKEY_encrypt_init(context)) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1);
    if (digest != NULL)
        CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) == 1);
    return context;
}

/* What a peer sends who has the public key only. */
static size_t seal(const EVP_MD *digest, const char *label, unsigned char out[256])
{
    EVP_PKEY_CTX *context = begin(NULL, rsa->key, false, digest);
    size_t length = 256;

    if (label != NULL)
        CHECK(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup(label), (int)strlen(label)) == 1);
    CHECK(EVP_PKEY_encrypt(context, out, &length, secret, sizeof(secret)) == 1);
    EVP_PKEY_CTX_free(context);
    return length;
}

static void opens(const EVP_MD *digest, const char *wire)
{
    unsigned char ciphertext[256];
    unsigned char plaintext[256];
    const size_t ciphertext_length = seal(digest, NULL, ciphertext);
    size_t length = 0;
    const int before = atomic_load(&rsa->decryptions);
    EVP_PKEY_CTX *context = begin(world, key, true, digest);

    CHECK(EVP_PKEY_decrypt(context, NULL, &length, ciphertext, ciphertext_length) == 1);
    CHECK_INT(length, 256);
    CHECK_INT(atomic_load(&rsa->decryptions), before);
    CHECK(EVP_PKEY_decrypt(context, plaintext, &length, ciphertext, ciphertext_length) == 1);
    CHECK(length == sizeof(secret) && memcmp(plaintext, secret, length) == 0);
    CHECK_INT(atomic_load(&rsa->decryptions), before + 1);
    CHECK_TEXT_HAS(rsa->request, wire);
    EVP_PKEY_CTX_free(context);
}

static void each_hash(void)
{
    opens(NULL, "POST /decrypt?api-version=2021-05-01&handle=" FAKE_HANDLE
                "&algorithm=RSA-OAEP&hash=sha1 HTTP/1.1\r\n");
    opens(EVP_sha256(), "&hash=sha256 ");
    opens(EVP_sha384(), "&hash=sha384 ");
    opens(EVP_sha512(), "&hash=sha512 ");
}

static void refused(EVP_PKEY_CTX *context, const unsigned char *ciphertext, size_t ciphertext_length,
                    const char *words)
{
    unsigned char plaintext[256];
    size_t length = sizeof(plaintext);
    const int before = atomic_load(&rsa->connections);

    CHECK(EVP_PKEY_decrypt(context, plaintext, &length, ciphertext, ciphertext_length) != 1);
    CHECK_TEXT_HAS(world_errors(), words);
    CHECK_INT(atomic_load(&rsa->connections), before);
}

/* Its answers tell of the plaintext to whoever asks often enough (RFC 8017 section 7.2); raw RSA forges
 * signatures and opens everything. */
static void oaep_only(void)
{
    static const int others[] = {RSA_PKCS1_PADDING, RSA_NO_PADDING, RSA_X931_PADDING,
                                 RSA_PKCS1_WITH_TLS_PADDING};
    static const char *const names[] = {"none", "pkcs1", "x931"};
    unsigned char ciphertext[256];
    const size_t length = seal(NULL, NULL, ciphertext);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(world, key, NULL);

    CHECK(EVP_PKEY_decrypt_init(context) == 1);
    refused(context, ciphertext, length, "RSA decryption is by OAEP only");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void)EVP_PKEY_CTX_set_rsa_padding(context, others[i]);
        refused(context, ciphertext, length, "RSA decryption is by OAEP only");
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)EVP_PKEY_CTX_ctrl_str(context, "rsa_padding_mode", names[i]);
        refused(context, ciphertext, length, "RSA decryption is by OAEP only");
    }
    EVP_PKEY_CTX_free(context);
}

static void parameters(void)
{
    unsigned char ciphertext[256];
    size_t length = seal(EVP_sha256(), NULL, ciphertext);
    const EVP_MD *digest = NULL;
    int padding = 0;
    EVP_PKEY_CTX *context = begin(world, key, true, EVP_sha256());

    CHECK(EVP_PKEY_CTX_get_rsa_padding(context, &padding) > 0 && padding == RSA_PKCS1_OAEP_PADDING);
    CHECK(EVP_PKEY_CTX_get_rsa_oaep_md(context, &digest) > 0 && EVP_MD_is_a(digest, "SHA256"));
    CHECK(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha1()) == 1);
    refused(context, ciphertext, length, "OAEP uses one hash, for MGF1 as well");
    CHECK(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1);
    refused(context, ciphertext, 255, "a ciphertext of this key has 256 bytes, not 255");
    CHECK(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup("label"), 5) == 1);
    refused(context, ciphertext, length, "without a label");
    EVP_PKEY_CTX_free(context);
    context = begin(world, key, true, EVP_sha3_256());
    refused(context, ciphertext, length, "OAEP with SHA-1, SHA-256, SHA-384 and SHA-512");
    EVP_PKEY_CTX_free(context);
}

static void duplicates(void)
{
    unsigned char ciphertext[256];
    unsigned char plaintext[256];
    size_t length = sizeof(plaintext);
    const size_t ciphertext_length = seal(EVP_sha512(), NULL, ciphertext);
    EVP_PKEY_CTX *one = begin(world, key, true, EVP_sha512());
    EVP_PKEY_CTX *two = EVP_PKEY_CTX_dup(one);

    EVP_PKEY_CTX_free(one);
    CHECK(two != NULL && EVP_PKEY_decrypt(two, plaintext, &length, ciphertext, ciphertext_length) == 1);
    CHECK(length == sizeof(secret) && memcmp(plaintext, secret, length) == 0);
    EVP_PKEY_CTX_free(two);
}

static void daemon_refuses(void)
{
    unsigned char ciphertext[256];
    unsigned char plaintext[256];
    size_t length = sizeof(plaintext);
    const size_t ciphertext_length = seal(NULL, NULL, ciphertext);
    EVP_PKEY_CTX *context = begin(world, key, true, NULL);

    ciphertext[100] ^= 1;
    CHECK(EVP_PKEY_decrypt(context, plaintext, &length, ciphertext, ciphertext_length) != 1);
    CHECK_TEXT_HAS(world_errors(),
                   "Key Service refused:estprov:0:the ciphertext is not one of this key (status 400)");
    ciphertext[100] ^= 1;
    length = sizeof(secret) - 1;
    CHECK(EVP_PKEY_decrypt(context, plaintext, &length, ciphertext, ciphertext_length) != 1);
    CHECK_TEXT_HAS(world_errors(), "estprov:0:the plaintext has 25 bytes, and the buffer 24");
    length = sizeof(secret);
    CHECK(EVP_PKEY_decrypt(context, plaintext, &length, ciphertext, ciphertext_length) == 1);
    atomic_store(&rsa->sign_answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    length = sizeof(plaintext);
    CHECK(EVP_PKEY_decrypt(context, plaintext, &length, ciphertext, ciphertext_length) == 1);
    CHECK_INT(length, 0);
    atomic_store(&rsa->sign_answer, NULL);
    EVP_PKEY_CTX_free(context);
}

/* Public mathematics: nothing is asked of the daemon, and what OpenSSL offers is offered. */
static void encrypts(void)
{
    static const int paddings[] = {RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_PADDING};
    const int before = atomic_load(&rsa->connections);

    for (int i = 0; i < 2; i++) {
        unsigned char ciphertext[256];
        unsigned char plaintext[256];
        size_t ciphertext_length = 0;
        size_t length = sizeof(plaintext);
        EVP_PKEY_CTX *context = begin(world, key, false, NULL);
        EVP_PKEY_CTX *real = EVP_PKEY_CTX_new(rsa->key, NULL);

        CHECK(EVP_PKEY_CTX_set_rsa_padding(context, paddings[i]) == 1);
        CHECK(EVP_PKEY_encrypt(context, NULL, &ciphertext_length, secret, sizeof(secret)) == 1);
        CHECK_INT(ciphertext_length, 256);
        CHECK(EVP_PKEY_encrypt(context, ciphertext, &ciphertext_length, secret, sizeof(secret)) == 1);
        CHECK(EVP_PKEY_decrypt_init(real) == 1 && EVP_PKEY_CTX_set_rsa_padding(real, paddings[i]) == 1);
        CHECK(EVP_PKEY_decrypt(real, plaintext, &length, ciphertext, ciphertext_length) == 1);
        CHECK(length == sizeof(secret) && memcmp(plaintext, secret, length) == 0);
        EVP_PKEY_CTX_free(context);
        EVP_PKEY_CTX_free(real);
    }
    CHECK_INT(atomic_load(&rsa->connections), before);
}

static void with_a_label(void)
{
    unsigned char ciphertext[256];
    unsigned char plaintext[256];
    size_t ciphertext_length = sizeof(ciphertext);
    size_t length = sizeof(plaintext);
    EVP_PKEY_CTX *context = begin(world, key, false, EVP_sha256());
    EVP_PKEY_CTX *real = begin(NULL, rsa->key, true, EVP_sha256());

    CHECK(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup("label"), 5) == 1);
    CHECK(EVP_PKEY_CTX_set0_rsa_oaep_label(real, OPENSSL_strdup("label"), 5) == 1);
    CHECK(EVP_PKEY_encrypt(context, ciphertext, &ciphertext_length, secret, sizeof(secret)) == 1);
    CHECK(EVP_PKEY_decrypt(real, plaintext, &length, ciphertext, ciphertext_length) == 1);
    CHECK(length == sizeof(secret) && memcmp(plaintext, secret, length) == 0);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_CTX_free(real);
}

static void a_public_key(void)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(world, "RSA", "provider=estprov");
    EVP_PKEY *public = NULL;

    CHECK(EVP_PKEY_todata(rsa->key, EVP_PKEY_PUBLIC_KEY, &params) == 1);
    CHECK(EVP_PKEY_fromdata_init(context) == 1 &&
          EVP_PKEY_fromdata(context, &public, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free(context);
    context = EVP_PKEY_CTX_new_from_pkey(world, public, NULL);
    CHECK(EVP_PKEY_decrypt_init(context) != 1);
    CHECK_TEXT_HAS(world_errors(), "a public key cannot decrypt");
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(public);
    OSSL_PARAM_free(params);
}

void test_cipher(void)
{
    world = world_normal();
    rsa = fake_keyd_start("RSA", "2048");
    key = world_open(world, fake_keyd_uri(rsa));
    run_test("RSA-OAEP is decrypted by the daemon with each hash, and asking for the size costs nothing",
             each_hash);
    run_test("RSA is decrypted by OAEP only", oaep_only);
    run_test("OAEP that the daemon cannot open is refused here", parameters);
    run_test("a duplicated decryption context goes its own way", duplicates);
    run_test("a refused decryption is an error in the daemon's own words", daemon_refuses);
    run_test("encryption asks the daemon nothing", encrypts);
    run_test("encryption takes a label", with_a_label);
    run_test("a public key does not decrypt", a_public_key);
    EVP_PKEY_free(key);
    fake_keyd_stop(rsa);
    world_free(world);
}
