#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_keyd *ec;
static struct fake_keyd *rsa;
static OSSL_LIB_CTX *world;

static void by_handle(void)
{
    const int before = atomic_load(&ec->reads);
    EVP_PKEY *key = world_open(world, fake_keyd_uri(ec));

    CHECK(key != NULL);
    CHECK(EVP_PKEY_is_a(key, "EC"));
    CHECK_INT(atomic_load(&ec->reads), before + 1);
    CHECK_INT(atomic_load(&ec->signatures), 0);
    EVP_PKEY_free(key);
}

static void by_id(void)
{
    char uri[256];
    EVP_PKEY *key;

    (void)snprintf(uri, sizeof(uri), "estprov:id=device%%20id%%2F1?socket=%s", ec->socket);
    key = world_open(world, uri);
    CHECK(key != NULL);
    CHECK_TEXT_HAS(ec->request, "GET /publickey?api-version=2021-05-01&id=device%20id%2F1 HTTP/1.1\r\n");
    EVP_PKEY_free(key);
}

/* A program that nobody gave an openssl.cnf finds the socket by the environment. */
static void by_environment(void)
{
    char path[128];
    EVP_PKEY *key;

    (void)setenv("ESTPROV_KEYD_SOCKET", ec->socket, 1);
    key = world_open(world, "estprov:" FAKE_HANDLE);
    CHECK(key != NULL);
    EVP_PKEY_free(key);
    (void)unsetenv("ESTPROV_KEYD_SOCKET");
    CHECK(world_open(world, "estprov:" FAKE_HANDLE) == NULL);
    CHECK_TEXT_HAS(world_errors(), "/run/estprov-test/keyd.sock: No such file or directory");
    /* Its first 107 characters are another path. */
    (void)snprintf(path, sizeof(path), "/%0*d", 110, 0);
    (void)setenv("ESTPROV_KEYD_SOCKET", path, 1);
    CHECK(world_open(world, "estprov:" FAKE_HANDLE) == NULL);
    CHECK_TEXT_HAS(world_errors(), "the path of the Key Service's socket is too long");
    (void)unsetenv("ESTPROV_KEYD_SOCKET");
}

static void lonely_world(void)
{
    OSSL_LIB_CTX *lonely = world_lonely();
    EVP_PKEY *key = world_open(lonely, fake_keyd_uri(rsa));

    CHECK(key != NULL && EVP_PKEY_is_a(key, "RSA"));
    EVP_PKEY_free(key);
    world_free(lonely);
}

/* All instances share one inner context, which goes with the last. */
static void instances(void)
{
    OSSL_LIB_CTX *first = world_lonely();
    OSSL_LIB_CTX *second = world_normal();
    EVP_PKEY *key = world_open(first, fake_keyd_uri(ec));
    unsigned char signature[100];
    size_t length = sizeof(signature);

    CHECK(key != NULL);
    EVP_PKEY_free(key);
    key = world_open(second, fake_keyd_uri(ec));
    world_free(first);
    CHECK(world_digest_sign(second, key, "SHA256", 0, signature, &length));
    first = world_lonely();
    CHECK(world_digest_verify(second, key, "SHA256", 0, signature, length));
    EVP_PKEY_free(key);
    world_free(second);
    key = world_open(first, fake_keyd_uri(rsa));
    CHECK(key != NULL);
    EVP_PKEY_free(key);
    world_free(first);
}

static void ec_params(void)
{
    EVP_PKEY *key = world_open(world, fake_keyd_uri(ec));
    BIGNUM *x = NULL;
    char group[32] = "";
    unsigned char point[80];
    size_t length = 0;

    CHECK_INT(EVP_PKEY_get_bits(key), 256);
    CHECK_INT(EVP_PKEY_get_security_bits(key), 128);
    CHECK_INT(EVP_PKEY_get_size(key), 72);
    CHECK_INT(EVP_PKEY_get_base_id(key), EVP_PKEY_EC);
    CHECK(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 && strcmp(group, "prime256v1") == 0);
    CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length) == 1);
    CHECK_INT(length, 65);
    CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1);
    BN_free(x);
    x = NULL;
    CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &x) != 1);
    CHECK(x == NULL);
    EVP_PKEY_free(key);
}

static void rsa_params(void)
{
    EVP_PKEY *key = world_open(world, fake_keyd_uri(rsa));
    BIGNUM *n = NULL;
    BIGNUM *d = NULL;

    CHECK_INT(EVP_PKEY_get_bits(key), 2048);
    CHECK_INT(EVP_PKEY_get_size(key), 256);
    CHECK_INT(EVP_PKEY_get_base_id(key), EVP_PKEY_RSA);
    CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 && BN_num_bits(n) == 2048);
    CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &d) != 1);
    BN_free(n);
    EVP_PKEY_free(key);
}

static void failing(const char *uri, const char *words)
{
    EVP_PKEY *key = world_open(world, uri);

    CHECK(key == NULL);
    CHECK_TEXT_HAS(world_errors(), words);
    EVP_PKEY_free(key);
}

static void unknown_key(void)
{
    char uri[256];

    (void)snprintf(uri, sizeof(uri), "estprov:id=other?socket=%s", ec->socket);
    failing(uri, "there is no key \"other\" (status 404; look)");
}

static void malformed(void)
{
    failing("estprov:", "malformed key URI");
    failing("estprov:a?b=c", "only ?socket=PATH");
}

static void bad_answers(void)
{
    atomic_store(&ec->read_answer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
    failing(fake_keyd_uri(ec), "names no key handle");
    atomic_store(&ec->read_answer,
                 "HTTP/1.1 200 OK\r\nEstprov-Key-Handle: v1.x\r\nContent-Length: 4\r\n\r\nabcd");
    failing(fake_keyd_uri(ec), "is not a SubjectPublicKeyInfo");
    atomic_store(&ec->read_answer,
                 "HTTP/1.1 200 OK\r\nEstprov-Key-Handle: v1.x\r\nContent-Length: 0\r\n\r\n");
    failing(fake_keyd_uri(ec), "public key of 0 bytes");
    atomic_store(&ec->read_answer, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    failing(fake_keyd_uri(ec), "no reason given (status 503)");
    atomic_store(&ec->read_answer, NULL);
}

static void unsupported_kind(void)
{
    struct fake_keyd *ed = fake_keyd_start("ED25519", NULL);
    struct fake_keyd *curve = fake_keyd_start("EC", "secp256k1");

    failing(fake_keyd_uri(ed), "only EC and RSA keys");
    failing(fake_keyd_uri(curve), "P-256, P-384 or P-521");
    fake_keyd_stop(ed);
    fake_keyd_stop(curve);
}

/* .NET's load loop runs until the end: a store without one never ends. */
static void end_after_error(void)
{
    OSSL_STORE_CTX *store =
        OSSL_STORE_open_ex("estprov:a?socket=/nonexistent", world, NULL, NULL, NULL, NULL, NULL, NULL);

    CHECK(store != NULL && !OSSL_STORE_eof(store));
    CHECK(OSSL_STORE_load(store) == NULL);
    CHECK(OSSL_STORE_eof(store));
    CHECK(OSSL_STORE_load(store) == NULL);
    (void)OSSL_STORE_close(store);
}

static OSSL_STORE_INFO *load_expecting(int type)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(fake_keyd_uri(ec), world, NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;

    CHECK(store != NULL && OSSL_STORE_expect(store, type) == 1);
    info = OSSL_STORE_load(store);
    CHECK(OSSL_STORE_eof(store));
    (void)OSSL_STORE_close(store);
    return info;
}

static void expectations(void)
{
    int before = atomic_load(&ec->reads);
    OSSL_STORE_INFO *info = load_expecting(OSSL_STORE_INFO_CERT);

    CHECK(info == NULL);
    CHECK_INT(atomic_load(&ec->reads), before);
    info = load_expecting(OSSL_STORE_INFO_PUBKEY);
    CHECK(info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
    OSSL_STORE_INFO_free(info);
    info = load_expecting(OSSL_STORE_INFO_PKEY);
    CHECK(info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY);
    OSSL_STORE_INFO_free(info);
}

void test_store(void)
{
    world = world_normal();
    ec = fake_keyd_start("EC", "P-256");
    rsa = fake_keyd_start("RSA", "2048");
    run_test("a key opens by its handle, with one read and no signature", by_handle);
    run_test("a key opens by its id", by_id);
    run_test("the socket comes from the environment, else it is the built-in one", by_environment);
    run_test("a key opens where no other provider is", lonely_world);
    run_test("instances of the provider come and go in any order", instances);
    run_test("an EC key tells its public parameters and no others", ec_params);
    run_test("an RSA key tells its public parameters and no others", rsa_params);
    run_test("an unknown key is refused in the daemon's own words", unknown_key);
    run_test("a malformed URI is an error of its own", malformed);
    run_test("an answer that is no public key is refused", bad_answers);
    run_test("a kind of key that cannot be served is refused", unsupported_kind);
    run_test("a store is at its end after an error", end_after_error);
    run_test("what is not expected is not loaded", expectations);
    fake_keyd_stop(ec);
    fake_keyd_stop(rsa);
    world_free(world);
}
