#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* TLS with client authentication, in process over a pair of BIOs: the client's key is the provider's. */

static EVP_PKEY *authority_key;
static X509 *authority;

static X509 *certificate(const char *name, EVP_PKEY *key, bool is_authority)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_NAME_new();

    CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) ==
          1);
    CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
    CHECK(X509_set_subject_name(cert, subject) == 1);
    CHECK(X509_set_issuer_name(cert, is_authority ? subject : X509_get_subject_name(authority)) == 1);
    CHECK(X509_set_pubkey(cert, key) == 1);
    if (is_authority) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

        CHECK(X509_add_ext(cert, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }
    CHECK(X509_sign(cert, authority_key, EVP_sha256()) > 0);
    X509_NAME_free(subject);
    return cert;
}

static SSL_CTX *new_end(OSSL_LIB_CTX *world, int version, X509 *cert, EVP_PKEY *key)
{
    SSL_CTX *end = SSL_CTX_new_ex(world, NULL, TLS_method());

    CHECK(end != NULL);
    CHECK(SSL_CTX_set_min_proto_version(end, version) == 1 &&
          SSL_CTX_set_max_proto_version(end, version) == 1);
    CHECK(SSL_CTX_use_certificate(end, cert) == 1);
    CHECK(SSL_CTX_use_PrivateKey(end, key) == 1);
    CHECK(SSL_CTX_check_private_key(end) == 1);
    CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(end), authority) == 1);
    SSL_CTX_set_verify(end, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return end;
}

static bool step(SSL *end)
{
    const int result = SSL_do_handshake(end);

    return result == 1 || SSL_get_error(end, result) == SSL_ERROR_WANT_READ;
}

static bool shake_hands(SSL *client, SSL *server)
{
    for (int i = 0; i < 20; i++) {
        if (!step(client) || !step(server))
            return false;
        if (SSL_is_init_finished(client) && SSL_is_init_finished(server))
            return true;
    }
    return false;
}

/* One connection; the server's session is left in *session where the caller wants it, and used where it is
 * given. */
static void connect_once(SSL_CTX *client_end, SSL_CTX *server_end, SSL_SESSION **session)
{
    SSL *client = SSL_new(client_end);
    SSL *server = SSL_new(server_end);
    BIO *left = NULL;
    BIO *right = NULL;
    char byte = 0;

    CHECK(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
    SSL_set_bio(client, left, left);
    SSL_set_bio(server, right, right);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    if (*session != NULL)
        CHECK(SSL_set_session(client, *session) == 1);
    CHECK(shake_hands(client, server));
    CHECK_INT(SSL_session_reused(client), *session != NULL);
    CHECK(SSL_write(server, "x", 1) == 1 && SSL_read(client, &byte, 1) == 1 && byte == 'x');
    CHECK(SSL_write(client, "y", 1) == 1 && SSL_read(server, &byte, 1) == 1 && byte == 'y');
    CHECK(SSL_get0_peer_certificate(server) != NULL && SSL_get_verify_result(server) == X509_V_OK);
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(client);
    (void)SSL_shutdown(client);
    SSL_free(client);
    SSL_free(server);
}

static void mutual(const char *type, const char *size, int version, OSSL_LIB_CTX *key_world,
                   OSSL_LIB_CTX *tls_world)
{
    struct fake_keyd *fake = fake_keyd_start(type, size);
    EVP_PKEY *key = world_open(key_world, fake_keyd_uri(fake));
    X509 *client_cert = certificate("client", fake->key, false);
    EVP_PKEY *server_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *server_cert = certificate("server", server_key, false);
    SSL_CTX *client = new_end(tls_world, version, client_cert, key);
    SSL_CTX *server = new_end(NULL, version, server_cert, server_key);
    SSL_SESSION *session = NULL;

    (void)SSL_CTX_set_session_id_context(server, (const unsigned char *)"t", 1);
    connect_once(client, server, &session);
    CHECK_INT(atomic_load(&fake->reads), 1);
    CHECK_INT(atomic_load(&fake->signatures), 1);
    connect_once(client, server, &session);
    CHECK_INT(atomic_load(&fake->signatures), 1);
    SSL_SESSION_free(session);
    session = NULL;
    connect_once(client, server, &session);
    CHECK_INT(atomic_load(&fake->signatures), 2);

    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(client_cert);
    X509_free(server_cert);
    EVP_PKEY_free(server_key);
    EVP_PKEY_free(key);
    fake_keyd_stop(fake);
}

static void in_one_world(const char *type, const char *size, int version)
{
    OSSL_LIB_CTX *world = world_normal();

    mutual(type, size, version, world, world);
    world_free(world);
}

static void ec_12(void)
{
    in_one_world("EC", "P-256", TLS1_2_VERSION);
}

static void ec_13(void)
{
    in_one_world("EC", "P-256", TLS1_3_VERSION);
}

static void ec_larger(void)
{
    in_one_world("EC", "P-384", TLS1_3_VERSION);
    in_one_world("EC", "P-521", TLS1_3_VERSION);
}

static void rsa_12(void)
{
    in_one_world("RSA", "2048", TLS1_2_VERSION);
}

static void rsa_13(void)
{
    in_one_world("RSA", "2048", TLS1_3_VERSION);
}

/* As in .NET: the key lives in a private context with nothing but this provider, TLS in the process's default
 * one. */
static void across_worlds(void)
{
    OSSL_LIB_CTX *lonely = world_lonely();

    mutual("EC", "P-256", TLS1_3_VERSION, lonely, NULL);
    mutual("RSA", "2048", TLS1_2_VERSION, lonely, NULL);
    world_free(lonely);
}

static void rsa_pkcs1_12(void)
{
    OSSL_LIB_CTX *world = world_normal();
    struct fake_keyd *fake = fake_keyd_start("RSA", "2048");
    EVP_PKEY *key = world_open(world, fake_keyd_uri(fake));
    X509 *client_cert = certificate("client", fake->key, false);
    EVP_PKEY *server_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *server_cert = certificate("server", server_key, false);
    SSL_CTX *client = new_end(world, TLS1_2_VERSION, client_cert, key);
    SSL_CTX *server = new_end(NULL, TLS1_2_VERSION, server_cert, server_key);
    SSL_SESSION *session = NULL;

    (void)SSL_CTX_set_session_id_context(server, (const unsigned char *)"t", 1);
    CHECK(SSL_CTX_set1_client_sigalgs_list(server, "RSA+SHA256") == 1);
    connect_once(client, server, &session);
    CHECK_TEXT_HAS(fake->request, "algorithm=RSA-PKCS1&hash=sha256");
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(client_cert);
    X509_free(server_cert);
    EVP_PKEY_free(server_key);
    EVP_PKEY_free(key);
    fake_keyd_stop(fake);
    world_free(world);
}

static void refused_signature(void)
{
    OSSL_LIB_CTX *world = world_normal();
    struct fake_keyd *fake = fake_keyd_start("EC", "P-256");
    EVP_PKEY *key = world_open(world, fake_keyd_uri(fake));
    X509 *client_cert = certificate("client", fake->key, false);
    SSL_CTX *client = new_end(world, TLS1_3_VERSION, client_cert, key);
    SSL_CTX *server = new_end(NULL, TLS1_3_VERSION, client_cert, fake->key);
    SSL *ends[2] = {SSL_new(client), SSL_new(server)};
    BIO *left = NULL;
    BIO *right = NULL;

    CHECK(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
    SSL_set_bio(ends[0], left, left);
    SSL_set_bio(ends[1], right, right);
    SSL_set_connect_state(ends[0]);
    SSL_set_accept_state(ends[1]);
    atomic_store(&fake->sign_answer, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 31\r\n\r\n"
                                     "{\"message\":\"the token is gone\"}");
    CHECK(!shake_hands(ends[0], ends[1]));
    CHECK_TEXT_HAS(world_errors(), "the token is gone (status 503)");
    SSL_free(ends[0]);
    SSL_free(ends[1]);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(client_cert);
    EVP_PKEY_free(key);
    fake_keyd_stop(fake);
    world_free(world);
}

void test_tls(void)
{
    authority_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    authority = certificate("authority", authority_key, true);
    run_test("TLS 1.2 with EC costs one signature, a resumed connection none", ec_12);
    run_test("TLS 1.3 with EC costs one signature, a resumed connection none", ec_13);
    run_test("TLS 1.3 with P-384 and P-521", ec_larger);
    run_test("TLS 1.2 with RSA costs one signature, a resumed connection none", rsa_12);
    run_test("TLS 1.3 with RSA costs one signature, a resumed connection none", rsa_13);
    run_test("TLS 1.2 with RSA by PKCS#1 v1.5", rsa_pkcs1_12);
    run_test("TLS with a key from a private library context", across_worlds);
    run_test("a refused signature ends the handshake with the daemon's own words", refused_signature);
    X509_free(authority);
    EVP_PKEY_free(authority_key);
}
