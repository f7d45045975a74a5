/* Waits for the device's identity, opens mutual TLS to the hub with the device's key, which stays in the Key
 * Service, and publishes one message. */
/* cc publish.c $(pkg-config --cflags --libs estprov libssl libcrypto) */
/* usage: publish HUB-CA.pem MESSAGE [PORT] */
#include <estprov.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct estprov *context;

static void demand(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "error: %s\nhint: %s\n", what, context ? estprov_message(context) : "");
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

/* The key by its handle, through the provider: signatures are made by keyd. */
static EVP_PKEY *open_key(const char *handle)
{
    char uri[2100];
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info;
    EVP_PKEY *key;

    snprintf(uri, sizeof(uri), "estprov:%s", handle);
    store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    demand(store != NULL && (info = OSSL_STORE_load(store)) != NULL, "the device's key does not open");
    key = OSSL_STORE_INFO_get1_PKEY(info);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return key;
}

static void use_chain(SSL_CTX *tls, const char *pem)
{
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);

    demand(certificate != NULL && SSL_CTX_use_certificate(tls, certificate) == 1,
           "the certificate is not taken");
    X509_free(certificate);
    while ((certificate = PEM_read_bio_X509(text, NULL, NULL, NULL)) != NULL)
        demand(SSL_CTX_add0_chain_cert(tls, certificate) == 1, "the chain is not taken");
    ERR_clear_error(); /* of the text's end */
    BIO_free(text);
}

int main(int argc, char **argv)
{
    static char chain[64 * 1024];
    size_t size = sizeof(chain);
    struct estprov_identity me;
    char answer[1024], address[300];
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL *connection;
    BIO *hub;

    demand(argc >= 3, "usage: publish HUB-CA.pem MESSAGE [PORT]");
    demand(estprov_open(&context, NULL, 0) == 0, "open");
    demand(estprov_wait_provisioned(context, 60000) == 0, "wait for the identity");
    demand(estprov_device_identity(context, &me) == 0, "the device's identity");
    demand(estprov_certificate_pem(context, me.certificate_id, chain, &size) == 0, "the certificate");

    demand(OSSL_PROVIDER_load(NULL, "default") != NULL && OSSL_PROVIDER_load(NULL, "estprov") != NULL,
           "no provider");
    use_chain(tls, chain);
    demand(SSL_CTX_use_PrivateKey(tls, open_key(me.key_handle)) == 1, "the key is not the certificate's");
    demand(SSL_CTX_load_verify_locations(tls, argv[1], NULL) == 1, "the hub's CA cannot be read");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);

    snprintf(address, sizeof(address), "%s:%s", me.gateway, argc > 3 ? argv[3] : "443");
    hub = BIO_new_ssl_connect(tls);
    BIO_set_conn_hostname(hub, address);
    BIO_get_ssl(hub, &connection);
    demand(SSL_set_tlsext_host_name(connection, me.gateway) == 1 &&
               SSL_set1_host(connection, me.gateway) == 1,
           "name");
    demand(BIO_do_connect(hub) == 1, "no connection to the hub");
    demand(BIO_printf(hub,
                      "POST /devices/%s/messages/events?api-version=2020-03-13 HTTP/1.1\r\nHost: %s\r\n"
                      "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                      me.device_id, me.hub, strlen(argv[2]), argv[2]) > 0,
           "the message does not go out");
    const int got = BIO_read(hub, answer, sizeof(answer) - 1);
    answer[got > 0 ? got : 0] = '\0';
    printf("%s as %s: %.*s\n", me.hub, me.device_id, (int)strcspn(answer, "\r\n"), answer);
    BIO_free_all(hub);
    SSL_CTX_free(tls);
    estprov_close(context);
    return strncmp(answer, "HTTP/1.1 204", 12) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
