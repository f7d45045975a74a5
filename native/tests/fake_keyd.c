#include "fake_keyd.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    abort();
}

static void send_all(const struct fake_keyd *fake, int connection, const void *data, size_t length)
{
    const char *at = data;
    const int pause = atomic_load(&fake->dribble);

    while (length > 0) {
        const ssize_t sent = send(connection, at, pause > 0 ? 1 : length, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += sent;
        length -= (size_t)sent;
        if (pause > 0)
            (void)poll(NULL, 0, pause);
    }
}

static void answer(const struct fake_keyd *fake, int connection, const void *body, size_t length)
{
    char head[256];
    const int head_length = snprintf(head, sizeof(head),
                                     "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                     "Estprov-Key-Handle: %s\r\nContent-Length: %zu\r\n\r\n",
                                     FAKE_HANDLE, length);

    send_all(fake, connection, head, (size_t)head_length);
    send_all(fake, connection, body, length);
}

static void answer_error(const struct fake_keyd *fake, int connection, const char *status, const char *json)
{
    char text[512];
    const int length = snprintf(
        text, sizeof(text), "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        status, strlen(json), json);

    send_all(fake, connection, text, (size_t)length);
}

static void answer_read(struct fake_keyd *fake, int connection)
{
    unsigned char *spki = NULL;
    const int length = i2d_PUBKEY(fake->key, &spki);

    answer(fake, connection, spki, (size_t)length);
    OPENSSL_free(spki);
}

static const EVP_MD *hash_of(const char *request)
{
    if (strstr(request, "&hash=sha512") != NULL)
        return EVP_sha512();
    return strstr(request, "&hash=sha384") != NULL ? EVP_sha384() : EVP_sha256();
}

static void answer_sign(struct fake_keyd *fake, int connection, const unsigned char *digest, size_t length)
{
    unsigned char signature[1024];
    size_t signature_length = sizeof(signature);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(fake->key, NULL);
    const bool pss = strstr(fake->request, "algorithm=RSA-PSS") != NULL;
    bool done = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_CTX_set_signature_md(context, hash_of(fake->request)) == 1;

    if (done && pss)
        done = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (done && EVP_PKEY_sign(context, signature, &signature_length, digest, length) == 1)
        answer(fake, connection, signature, signature_length);
    else
        answer_error(fake, connection, "500 Internal Server Error",
                     "{\"message\":\"the fake cannot sign this\"}");
    EVP_PKEY_CTX_free(context);
}

static void answer_decrypt(struct fake_keyd *fake, int connection, const unsigned char *ciphertext,
                           size_t length)
{
    unsigned char plaintext[1024];
    size_t plaintext_length = sizeof(plaintext);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(fake->key, NULL);
    const EVP_MD *hash = strstr(fake->request, "&hash=sha1 ") != NULL ? EVP_sha1() : hash_of(fake->request);

    if (strstr(fake->request, "&algorithm=RSA-OAEP&") != NULL && context != NULL &&
        EVP_PKEY_decrypt_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 &&
        EVP_PKEY_decrypt(context, plaintext, &plaintext_length, ciphertext, length) == 1)
        answer(fake, connection, plaintext, plaintext_length);
    else
        answer_error(
            fake, connection, "400 Bad Request",
            "{\"message\":\"the ciphertext is not one of this key\",\"code\":\"ciphertext_invalid\"}");
    EVP_PKEY_CTX_free(context);
}

static bool receive_request(struct fake_keyd *fake, int connection, const unsigned char **body,
                            size_t *body_length)
{
    size_t used = 0;
    char *end = NULL;
    const char *length;

    while (end == NULL) {
        const ssize_t got = recv(connection, fake->request + used, sizeof(fake->request) - 1 - used, 0);

        if (got <= 0)
            return false;
        used += (size_t)got;
        fake->request[used] = '\0';
        end = strstr(fake->request, "\r\n\r\n");
    }
    length = strstr(fake->request, "Content-Length: ");
    *body_length = length != NULL ? (size_t)atoi(length + 16) : 0;
    *body = (const unsigned char *)end + 4;
    while (used < (size_t)(end + 4 - fake->request) + *body_length) {
        const ssize_t got = recv(connection, fake->request + used, sizeof(fake->request) - 1 - used, 0);

        if (got <= 0)
            return false;
        used += (size_t)got;
    }
    return true;
}

static bool wait_readable(const struct fake_keyd *fake, int descriptor)
{
    struct pollfd entries[2] = {{descriptor, POLLIN, 0}, {fake->stop[0], POLLIN, 0}};

    while (poll(entries, 2, -1) < 0)
        ;
    return entries[1].revents == 0;
}

static void serve_one(struct fake_keyd *fake, int connection)
{
    const unsigned char *body = NULL;
    size_t length = 0;
    const char *scripted;
    bool reading;
    bool decrypting;

    if (!receive_request(fake, connection, &body, &length))
        return;
    reading = strncmp(fake->request, "GET /publickey?", 15) == 0;
    decrypting = strncmp(fake->request, "POST /decrypt?", 14) == 0;
    scripted = reading ? atomic_load(&fake->read_answer) : atomic_load(&fake->sign_answer);
    if (scripted != NULL && atomic_load(&fake->scripted_left) > 0 &&
        atomic_fetch_sub(&fake->scripted_left, 1) == 1) {
        atomic_store(&fake->read_answer, NULL);
        atomic_store(&fake->sign_answer, NULL);
    }
    (void)atomic_fetch_add(reading ? &fake->reads : decrypting ? &fake->decryptions : &fake->signatures, 1);
    if (atomic_load(&fake->silent))
        (void)wait_readable(fake, connection); /* until the client gives up */
    else if (scripted != NULL)
        send_all(fake, connection, scripted, strlen(scripted));
    else if (strstr(fake->request, "handle=v1.cGlubmVk~x") == NULL &&
             strstr(fake->request, "id=device%20id%2F1") == NULL)
        answer_error(
            fake, connection, "404 Not Found",
            "{\"message\":\"there is no key \\\"other\\\"\",\"hint\":\"look\",\"code\":\"key_not_found\"}");
    else if (reading)
        answer_read(fake, connection);
    else if (decrypting)
        answer_decrypt(fake, connection, body, length);
    else
        answer_sign(fake, connection, body, length);
}

static void *serve(void *argument)
{
    struct fake_keyd *fake = argument;
    sigset_t all;

    /* Signals are for the thread under test. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);

    while (wait_readable(fake, fake->listener)) {
        const int connection = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);

        if (connection < 0)
            continue;
        (void)atomic_fetch_add(&fake->connections, 1);
        serve_one(fake, connection);
        (void)close(connection);
    }
    return NULL;
}

struct fake_keyd *fake_keyd_start(const char *type, const char *size)
{
    static int count;
    struct fake_keyd *fake = calloc(1, sizeof(*fake));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (fake == NULL)
        abort();
    (void)snprintf(fake->socket, sizeof(fake->socket), "/tmp/estprov-test-%d-%d.sock", (int)getpid(),
                   count++);
    fake->key = strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)atoi(size))
                                         : EVP_PKEY_Q_keygen(NULL, NULL, type, size);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, fake->socket, strlen(fake->socket));
    if (fake->key == NULL || pipe(fake->stop) != 0 ||
        bind(fake->listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fake->listener, 16) != 0 || pthread_create(&fake->thread, NULL, serve, fake) != 0)
        die("fake keyd");
    return fake;
}

void fake_keyd_stop(struct fake_keyd *fake)
{
    (void)close(fake->stop[1]);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->stop[0]);
    (void)close(fake->listener);
    (void)unlink(fake->socket);
    EVP_PKEY_free(fake->key);
    free(fake);
}

const char *fake_keyd_uri(const struct fake_keyd *fake)
{
    static char uri[256];

    (void)snprintf(uri, sizeof(uri), "estprov:%s?socket=%s", FAKE_HANDLE, fake->socket);
    return uri;
}
