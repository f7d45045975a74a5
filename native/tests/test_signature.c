#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fake_keyd *ec;
static struct fake_keyd *rsa;
static OSSL_LIB_CTX *world;
static EVP_PKEY *ec_key;
static EVP_PKEY *rsa_key;

/* Signs through the provider; verifies with it, and with the real key in the default provider. */
static void round_trip(const struct fake_keyd *fake, EVP_PKEY *key, const char *digest, int padding)
{
    unsigned char signature[1024];
    size_t length = sizeof(signature);
    const int before = atomic_load(&fake->signatures);

    CHECK(world_digest_sign(world, key, digest, padding, signature, &length));
    CHECK_INT(atomic_load(&fake->signatures), before + 1);
    CHECK(world_digest_verify(world, key, digest, padding, signature, length));
    CHECK(world_digest_verify(NULL, fake->key, digest, padding, signature, length));
    signature[length - 1] ^= 1;
    CHECK(!world_digest_verify(world, key, digest, padding, signature, length));
    ERR_clear_error();
}

static void ecdsa(void)
{
    round_trip(ec, ec_key, "SHA256", 0);
    round_trip(ec, ec_key, "SHA2-384", 0);
    round_trip(ec, ec_key, "SHA512", 0);
    round_trip(ec, ec_key, NULL, 0);
}

static void larger_curves(void)
{
    static const char *const curves[] = {"P-384", "P-521"};

    for (int i = 0; i < 2; i++) {
        struct fake_keyd *fake = fake_keyd_start("EC", curves[i]);
        EVP_PKEY *key = world_open(world, fake_keyd_uri(fake));

        round_trip(fake, key, "SHA256", 0);
        round_trip(fake, key, "SHA384", 0);
        EVP_PKEY_free(key);
        fake_keyd_stop(fake);
    }
}

static void pkcs1(void)
{
    round_trip(rsa, rsa_key, "SHA256", RSA_PKCS1_PADDING);
    round_trip(rsa, rsa_key, "SHA384", 0);
    round_trip(rsa, rsa_key, "SHA512", RSA_PKCS1_PADDING);
}

static void pss(void)
{
    round_trip(rsa, rsa_key, "SHA256", RSA_PKCS1_PSS_PADDING);
    round_trip(rsa, rsa_key, "SHA384", RSA_PKCS1_PSS_PADDING);
    round_trip(rsa, rsa_key, "SHA512", RSA_PKCS1_PSS_PADDING);
    CHECK_TEXT_HAS(rsa->request, "&algorithm=RSA-PSS&hash=sha512 HTTP/1.1\r\n");
}

static void request_on_the_wire(void)
{
    unsigned char signature[128];
    size_t length = sizeof(signature);

    CHECK(world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
    CHECK_TEXT_HAS(ec->request, "POST /sign?api-version=2021-05-01&handle=" FAKE_HANDLE
                                "&algorithm=ECDSA&hash=sha256 HTTP/1.1\r\n");
    CHECK_TEXT_HAS(ec->request, "\r\nConnection: close\r\n");
    CHECK_TEXT_HAS(ec->request, "\r\nContent-Type: application/octet-stream\r\n");
    CHECK_TEXT_HAS(ec->request, "\r\nContent-Length: 32\r\n\r\n");
}

/* libssl calls init twice and asks for the size before it signs. */
static void asking_costs_nothing(void)
{
    unsigned char signature[300];
    size_t length = 0;
    const int before = atomic_load(&ec->signatures);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *direct = EVP_PKEY_CTX_new_from_pkey(world, ec_key, NULL);

    CHECK(EVP_DigestSignInit_ex(context, NULL, "SHA256", world, NULL, ec_key, NULL) == 1);
    CHECK(EVP_DigestSignInit_ex(context, NULL, "SHA256", world, NULL, ec_key, NULL) == 1);
    CHECK(EVP_DigestSignUpdate(context, "abc", 3) == 1);
    CHECK(EVP_DigestSignFinal(context, NULL, &length) == 1);
    CHECK_INT(length, 72);
    CHECK(EVP_PKEY_sign_init(direct) == 1);
    CHECK(EVP_PKEY_sign(direct, NULL, &length, signature, 32) == 1);
    CHECK_INT(atomic_load(&ec->signatures), before);
    CHECK(EVP_DigestSignFinal(context, signature, &length) == 1);
    CHECK_INT(atomic_load(&ec->signatures), before + 1);
    EVP_PKEY_CTX_free(direct);
    EVP_MD_CTX_free(context);
}

static void duplicates(void)
{
    unsigned char signature[2][300];
    size_t length[2] = {sizeof(signature[0]), sizeof(signature[1])};
    EVP_MD_CTX *one = EVP_MD_CTX_new();
    EVP_MD_CTX *two = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;

    CHECK(EVP_DigestSignInit_ex(one, &params, "SHA256", world, NULL, rsa_key, NULL) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PADDING) == 1);
    CHECK(EVP_DigestSignUpdate(one, "abc", 3) == 1);
    CHECK(EVP_MD_CTX_copy_ex(two, one) == 1);
    CHECK(EVP_DigestSignUpdate(one, "d", 1) == 1);
    CHECK(EVP_DigestSignUpdate(two, "d", 1) == 1);
    CHECK(EVP_DigestSignFinal(one, signature[0], &length[0]) == 1);
    EVP_MD_CTX_free(one);
    CHECK(EVP_DigestSignFinal(two, signature[1], &length[1]) == 1);
    EVP_MD_CTX_free(two);
    CHECK(length[0] == 256 && length[1] == 256 && memcmp(signature[0], signature[1], 256) == 0);
}

static EVP_PKEY_CTX *begin_direct(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(world, key, NULL);

    CHECK(context != NULL && EVP_PKEY_sign_init(context) == 1);
    return context;
}

static void no_raw_rsa(void)
{
    unsigned char block[256] = {0};
    unsigned char out[256];
    size_t length = sizeof(out);
    const int before = atomic_load(&rsa->connections);
    EVP_PKEY_CTX *context = begin_direct(rsa_key);

    CHECK(EVP_PKEY_sign(context, out, &length, block, sizeof(block)) != 1);
    CHECK_TEXT_HAS(world_errors(), "raw RSA is not offered");
    CHECK(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) != 1);
    CHECK_TEXT_HAS(world_errors(), "RSA signatures are PKCS#1 v1.5 or PSS");
    CHECK(EVP_PKEY_sign(context, out, &length, block, sizeof(block)) != 1);
    CHECK(EVP_PKEY_CTX_ctrl_str(context, "rsa_padding_mode", "none") != 1);
    EVP_PKEY_CTX_free(context);

    context = EVP_PKEY_CTX_new_from_pkey(world, ec_key, NULL);
    CHECK(EVP_PKEY_decrypt_init(context) != 1);
    CHECK(EVP_PKEY_derive_init(context) != 1);
    EVP_PKEY_CTX_free(context);
    CHECK_INT(atomic_load(&rsa->connections), before);
}

static void direct_digests(void)
{
    unsigned char digest[64] = {1};
    unsigned char out[256];
    size_t length = sizeof(out);
    EVP_PKEY_CTX *context = begin_direct(ec_key);

    CHECK(EVP_PKEY_sign(context, out, &length, digest, 48) == 1);
    CHECK_TEXT_HAS(ec->request, "&hash=sha384 ");
    length = sizeof(out);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 20) != 1);
    CHECK_TEXT_HAS(world_errors(), "SHA-256, SHA-384 and SHA-512 only");
    EVP_PKEY_CTX_free(context);

    context = begin_direct(rsa_key);
    CHECK(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1);
    length = sizeof(out);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) == 1);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 31) != 1);
    CHECK_TEXT_HAS(world_errors(), "a digest of 31 bytes is not one of SHA256");
    length = 255;
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) != 1);
    EVP_PKEY_CTX_free(context);
}

static void weak_digests(void)
{
    unsigned char signature[300];
    size_t length = sizeof(signature);
    const int before = atomic_load(&rsa->connections);

    CHECK(!world_digest_sign(world, rsa_key, "SHA1", 0, signature, &length));
    CHECK_TEXT_HAS(world_errors(), "not SHA1");
    CHECK(!world_digest_sign(world, rsa_key, "MD5-SHA1", 0, signature, &length));
    CHECK_INT(atomic_load(&rsa->connections), before);
}

static void pss_params(void)
{
    unsigned char digest[32] = {1};
    unsigned char out[256];
    size_t length = sizeof(out);
    int value = 0;
    EVP_PKEY_CTX *context = begin_direct(rsa_key);

    CHECK(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1);
    CHECK(EVP_PKEY_CTX_ctrl_str(context, "rsa_padding_mode", "pss") == 1);
    CHECK(EVP_PKEY_CTX_get_rsa_padding(context, &value) > 0 && value == RSA_PKCS1_PSS_PADDING);
    CHECK(EVP_PKEY_CTX_ctrl_str(context, "rsa_pss_saltlen", "max") == 1);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) != 1);
    CHECK_TEXT_HAS(world_errors(), "the salt of PSS is as long as the digest");
    CHECK(EVP_PKEY_CTX_ctrl_str(context, "rsa_pss_saltlen", "20") == 1);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) != 1);
    CHECK(EVP_PKEY_CTX_ctrl_str(context, "rsa_pss_saltlen", "32") == 1);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
    CHECK(EVP_PKEY_CTX_get_rsa_pss_saltlen(context, &value) > 0 && value == RSA_PSS_SALTLEN_DIGEST);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha512()) == 1);
    CHECK(EVP_PKEY_sign(context, out, &length, digest, 32) != 1);
    CHECK_TEXT_HAS(world_errors(), "one hash, for MGF1 as well");
    EVP_PKEY_CTX_free(context);
}

static void daemon_refuses(void)
{
    unsigned char signature[300];
    size_t length = sizeof(signature);

    atomic_store(&ec->sign_answer,
                 "HTTP/1.1 401 Unauthorized\r\nContent-Length: 81\r\n\r\n"
                 "{\"message\":\"user 7 is not authorized to access the key k\",\"code\":\"forbidden\"    }");
    CHECK(!world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
    CHECK_TEXT_HAS(world_errors(), "user 7 is not authorized to access the key k (status 401)");
    atomic_store(&ec->sign_answer,
                 "HTTP/1.1 200 OK\r\nContent-Length: 73\r\n\r\n"
                 "0123456789012345678901234567890123456789012345678901234567890123456789012");
    CHECK(!world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
    CHECK_TEXT_HAS(world_errors(), "a signature of 73 bytes");
    atomic_store(&ec->sign_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    CHECK(!world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
    CHECK_TEXT_HAS(world_errors(), "not an ECDSA signature");
    atomic_store(&ec->sign_answer, NULL);

    atomic_store(&rsa->sign_answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    length = sizeof(signature);
    CHECK(!world_digest_sign(world, rsa_key, "SHA256", 0, signature, &length));
    CHECK_TEXT_HAS(world_errors(), "a signature of 2 bytes by a key of 256");
    atomic_store(&rsa->sign_answer, NULL);
}

static void daemon_comes_back(void)
{
    unsigned char signature[300];
    size_t length = sizeof(signature);

    atomic_store(&ec->sign_answer, "");
    CHECK(!world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
    atomic_store(&ec->sign_answer, NULL);
    length = sizeof(signature);
    CHECK(world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
}

static void connections(void)
{
    unsigned char signature[300];
    const int before = atomic_load(&ec->connections);

    for (int i = 1; i <= 3; i++) {
        size_t length = sizeof(signature);

        CHECK(world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
        CHECK_INT(atomic_load(&ec->connections), before + i);
    }
}

static void *sign_often(void *failures)
{
    for (int i = 0; i < 20; i++) {
        unsigned char signature[300];
        size_t length = sizeof(signature);

        if (!world_digest_sign(world, ec_key, "SHA256", 0, signature, &length) ||
            !world_digest_verify(world, ec_key, "SHA256", 0, signature, length))
            (void)atomic_fetch_add((atomic_int *)failures, 1);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t workers[4];
    atomic_int failures = 0;

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&workers[i], NULL, sign_often, &failures) == 0);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(workers[i], NULL);
    CHECK_INT(failures, 0);
}

/* The child answers through a pipe: a tool that the tests run under may have its own exit status. */
static void forks(void)
{
    unsigned char signature[300];
    size_t length = sizeof(signature);
    char answer = 'n';
    int ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
        answer = world_digest_sign(world, ec_key, "SHA256", 0, signature, &length) ? 'y' : 'n';
        _exit(write(ends[1], &answer, 1) == 1 ? 0 : 1);
    }
    CHECK(world_digest_sign(world, ec_key, "SHA256", 0, signature, &length));
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(read(ends[0], &answer, 1) == 1 && answer == 'y');
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void sign_request_with(EVP_PKEY *key, int padding)
{
    X509_REQ *request = X509_REQ_new_ex(world, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *params = NULL;

    /* OpenSSL 4 verifies none without. */
    CHECK(X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1);
    CHECK(X509_REQ_set_pubkey(request, key) == 1);
    CHECK(EVP_DigestSignInit_ex(context, &params, "SHA256", world, NULL, key, NULL) == 1);
    if (padding == RSA_PKCS1_PSS_PADDING)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(params, padding) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_DIGEST) == 1);
    CHECK(X509_REQ_sign_ctx(request, context) > 0);
    CHECK(X509_REQ_verify_ex(request, X509_REQ_get0_pubkey(request), world, NULL) == 1);
    EVP_MD_CTX_free(context);
    X509_REQ_free(request);
}

/* The algorithm identifier comes from the provider, byte by byte from tables. */
static void certificate_requests(void)
{
    sign_request_with(ec_key, 0);
    sign_request_with(rsa_key, RSA_PKCS1_PADDING);
    sign_request_with(rsa_key, RSA_PKCS1_PSS_PADDING);
}

void test_signature(void)
{
    world = world_normal();
    ec = fake_keyd_start("EC", "P-256");
    rsa = fake_keyd_start("RSA", "2048");
    ec_key = world_open(world, fake_keyd_uri(ec));
    rsa_key = world_open(world, fake_keyd_uri(rsa));
    run_test("ECDSA signs and verifies with each hash", ecdsa);
    run_test("ECDSA signs on P-384 and P-521", larger_curves);
    run_test("RSA signs and verifies by PKCS#1 v1.5", pkcs1);
    run_test("RSA signs and verifies by PSS", pss);
    run_test("a signature is asked for as the wire has it", request_on_the_wire);
    run_test("initialising and asking for the size ask the daemon nothing", asking_costs_nothing);
    run_test("a duplicated context goes its own way", duplicates);
    run_test("raw RSA and key agreement are never offered", no_raw_rsa);
    run_test("a digest that is signed directly has the length of its hash", direct_digests);
    run_test("hashes that the daemon does not sign are refused here", weak_digests);
    run_test("PSS has a salt as long as the digest, and one hash", pss_params);
    run_test("a refused or senseless signature is an error in the daemon's own words", daemon_refuses);
    run_test("a daemon that failed once is asked again", daemon_comes_back);
    run_test("each signature has a connection of its own", connections);
    run_test("threads sign with one key", threads);
    run_test("a forked child signs as its parent does", forks);
    run_test("certificate requests name the algorithm that signed them", certificate_requests);
    EVP_PKEY_free(ec_key);
    EVP_PKEY_free(rsa_key);
    fake_keyd_stop(ec);
    fake_keyd_stop(rsa);
    world_free(world);
}
