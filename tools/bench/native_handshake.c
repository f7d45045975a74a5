/* Full TLS 1.3 handshakes over loopback TCP with a client certificate: the key in a file, and the same kind
 * of key behind keyd through the provider, in turns. The server is a process of its own. Wall: from connect
 * until the server's first byte, which it sends when it has judged the certificate. CPU: of the client.
 * usage: native_handshake CA SERVER-CERTIFICATE SERVER-KEY FILE-CERTIFICATE FILE-KEY PROVIDER-CERTIFICATE
 * PROVIDER-URI */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 600 };

static void demand(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "error: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double cpu(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static SSL_CTX *context_for(const SSL_METHOD *method, const char *ca)
{
    SSL_CTX *const context = SSL_CTX_new(method);

    demand(context != NULL && SSL_CTX_load_verify_locations(context, ca, NULL) == 1, "the CA cannot be read");
    demand(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1, "no TLS 1.3");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

static void serve(int listener, SSL_CTX *context)
{
    for (;;) {
        const int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        SSL *const tls = SSL_new(context);
        char byte = '+';

        (void)SSL_set_fd(tls, descriptor);
        if (SSL_accept(tls) == 1) {
            (void)SSL_write(tls, &byte, 1);
            (void)SSL_read(tls, &byte, 1);
        }
        SSL_free(tls);
        (void)close(descriptor);
    }
}

static EVP_PKEY *provider_key(const char *uri)
{
    OSSL_STORE_CTX *const store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    demand(store != NULL, "the provider opens no key");
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *const info = OSSL_STORE_load(store);

        if (info != NULL)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    demand(key != NULL, "the provider has no key");
    return key;
}

struct way {
    SSL_CTX *context;
    double wall[ROUNDS];
    double cpu;
};

static void handshake(struct way *way, const struct sockaddr_in *address, int round)
{
    const double cpu_before = cpu();
    const double before = now();
    const int one = 1;
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *const tls = SSL_new(way->context);
    char byte;

    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    demand(connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) == 0, "no server");
    (void)SSL_set_fd(tls, descriptor);
    demand(SSL_connect(tls) == 1 && SSL_read(tls, &byte, 1) == 1, "no handshake");
    demand(SSL_session_reused(tls) == 0, "the session was resumed");
    way->wall[round] = now() - before;
    way->cpu += cpu() - cpu_before;
    (void)SSL_shutdown(tls);
    SSL_free(tls);
    (void)close(descriptor);
}

static int by_value(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;

    return a < b ? -1 : a > b;
}

static double median(struct way *way)
{
    qsort(way->wall, ROUNDS, sizeof(way->wall[0]), by_value);
    return way->wall[ROUNDS / 2];
}

int main(int count, char **arguments)
{
    static struct way file, provider;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t child;

    if (count != 8)
        return 64;
    (void)signal(SIGPIPE, SIG_IGN);
    demand(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
               listen(listener, 16) == 0 && getsockname(listener, (struct sockaddr *)&address, &length) == 0,
           "no port");
    child = fork();
    if (child == 0) {
        SSL_CTX *const context = context_for(TLS_server_method(), arguments[1]);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        demand(SSL_CTX_use_certificate_file(context, arguments[2], SSL_FILETYPE_PEM) == 1 &&
                   SSL_CTX_use_PrivateKey_file(context, arguments[3], SSL_FILETYPE_PEM) == 1,
               "the server's certificate");
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        (void)SSL_CTX_set_num_tickets(context, 0);
        serve(listener, context);
    }
    demand(OSSL_PROVIDER_load(NULL, "default") != NULL && OSSL_PROVIDER_load(NULL, "estprov") != NULL,
           "no provider");
    file.context = context_for(TLS_client_method(), arguments[1]);
    provider.context = context_for(TLS_client_method(), arguments[1]);
    SSL_CTX_set_verify(file.context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify(provider.context, SSL_VERIFY_PEER, NULL);
    demand(SSL_CTX_use_certificate_file(file.context, arguments[4], SSL_FILETYPE_PEM) == 1 &&
               SSL_CTX_use_PrivateKey_file(file.context, arguments[5], SSL_FILETYPE_PEM) == 1,
           "the file's certificate");
    demand(SSL_CTX_use_certificate_file(provider.context, arguments[6], SSL_FILETYPE_PEM) == 1 &&
               SSL_CTX_use_PrivateKey(provider.context, provider_key(arguments[7])) == 1,
           "the provider's certificate");
    for (int round = -20; round < ROUNDS; round++) {
        handshake(&file, &address, round < 0 ? 0 : round);
        handshake(&provider, &address, round < 0 ? 0 : round);
        if (round < 0)
            file.cpu = provider.cpu = 0;
    }
    (void)kill(child, SIGKILL);
    printf("file_us=%.0f provider_us=%.0f file_cpu_us=%.0f provider_cpu_us=%.0f\n", median(&file),
           median(&provider), file.cpu / ROUNDS, provider.cpu / ROUNDS);
    return 0;
}
