#include "check.h"
#include "fake_keyd.h"
#include "pem.h"
#include "tests.h"
#include "world.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEGIN "-----BEGIN ESTPROV KEY REFERENCE-----\n"
#define END "-----END ESTPROV KEY REFERENCE-----\n"

static struct fake_keyd *ec;
static struct fake_keyd *rsa;
static OSSL_LIB_CTX *world;

static int gets_from_text(void *source, char *line, int size)
{
    const char **at = source;
    const char *const stop = strchr(*at, '\n');
    size_t length = stop != NULL ? (size_t)(stop + 1 - *at) : strlen(*at);

    if (length > (size_t)size - 1)
        length = (size_t)size - 1;
    memcpy(line, *at, length);
    line[length] = '\0';
    *at += length;
    return (int)length;
}

static bool reads(const char *pem, char *uri, size_t size)
{
    return pem_read_reference(gets_from_text, &pem, uri, size);
}

static void well_formed(void)
{
    char uri[64];

    CHECK(reads(BEGIN "ZXN0cHJvdjp2MS54\n" END, uri, sizeof(uri)) && strcmp(uri, "estprov:v1.x") == 0);
    CHECK(reads("a comment\n\n" BEGIN "ZXN0cHJv\r\ndjp2MS54\r\n" END, uri, sizeof(uri)) &&
          strcmp(uri, "estprov:v1.x") == 0);
    /* echo estprov:v1.x | base64 */
    CHECK(reads(BEGIN "ZXN0cHJvdjp2MS54Cg==\n" END, uri, sizeof(uri)) && strcmp(uri, "estprov:v1.x") == 0);
}

static void malformed(void)
{
    static const char *const bad[] = {
        "",
        "no PEM at all\n",
        BEGIN,
        BEGIN "ZXN0cHJvdjp2MS54\n",
        BEGIN END,
        BEGIN "!!!!\n" END,
        BEGIN "ZXN0cHJvdjp2MS5\n" END,
        BEGIN "ZXN0AHJvdjp2MS54\n" END,
        BEGIN "ZXN0cHJvdjp2MS54\n-----END SOMETHING ELSE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" BEGIN "ZXN0cHJvdjp2MS54\n" END,
        ("-----BEGIN ESTPROV KEY REFERENCE----\nZXN0cHJvdjp2MS54\n" END),
    };
    char uri[64];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!CHECK(!reads(bad[i], uri, sizeof(uri))))
            (void)fprintf(stderr, "accepted: %s\n", bad[i]);
    CHECK(!reads(BEGIN "ZXN0cHJvdjp2MS54\n" END, uri, 12));
}

static void too_long(void)
{
    static char pem[16384] = BEGIN;
    static char uri[16384];

    for (int i = 0; i < 200; i++)
        (void)strcat(pem, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\n");
    (void)strcat(pem, END);
    CHECK(!reads(pem, uri, sizeof(uri)));
}

/* The text of a reference file; to be freed. */
static char *reference_to(const char *text)
{
    unsigned char base64[1024];
    char *pem = malloc(2048);

    if (pem == NULL)
        abort();
    (void)EVP_EncodeBlock(base64, (const unsigned char *)text, (int)strlen(text));
    (void)snprintf(pem, 2048, BEGIN "%.64s%s%s\n" END, base64, strlen((char *)base64) > 64 ? "\n" : "",
                   strlen((char *)base64) > 64 ? (char *)base64 + 64 : "");
    return pem;
}

static EVP_PKEY *load_pem(const char *pem)
{
    BIO *memory = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, world, NULL);

    BIO_free(memory);
    return key;
}

static void as_key_file(void)
{
    const struct fake_keyd *const fakes[] = {ec, rsa};

    for (int i = 0; i < 2; i++) {
        char *pem = reference_to(fake_keyd_uri(fakes[i]));
        const int before = atomic_load(&fakes[i]->reads);
        EVP_PKEY *key = load_pem(pem);
        unsigned char signature[300];
        size_t length = sizeof(signature);

        CHECK(key != NULL && EVP_PKEY_eq(key, fakes[i]->key) == 1);
        CHECK_INT(atomic_load(&fakes[i]->reads), before + 1);
        CHECK(world_digest_sign(world, key, "SHA256", 0, signature, &length));
        CHECK(world_digest_verify(NULL, fakes[i]->key, "SHA256", 0, signature, length));
        EVP_PKEY_free(key);
        free(pem);
    }
}

static void as_file_of_store(void)
{
    char path[64];
    char *pem = reference_to(fake_keyd_uri(rsa));
    const int before = atomic_load(&rsa->reads);
    FILE *file;
    EVP_PKEY *key;

    (void)snprintf(path, sizeof(path), "/tmp/estprov-reference-%d.pem", (int)getpid());
    file = fopen(path, "w");
    if (file == NULL)
        abort();
    CHECK(fputs(pem, file) >= 0);
    CHECK(fclose(file) == 0);
    key = world_open(world, path);
    CHECK(key != NULL && EVP_PKEY_is_a(key, "RSA"));
    CHECK_INT(atomic_load(&rsa->reads), before + 1);
    EVP_PKEY_free(key);
    (void)unlink(path);
    free(pem);
}

static void to_nothing(void)
{
    static const struct {
        const char *uri;
        const char *words;
    } cases[] = {
        {"estprov:id=a?socket=/nonexistent/keyd.sock", "/nonexistent/keyd.sock: No such file or directory"},
        {"file:/etc/passwd", "a key's URI begins with 'estprov:'"},
        {"estprov:", "the key's handle must have"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *pem = reference_to(cases[i].uri);

        CHECK(load_pem(pem) == NULL);
        CHECK_TEXT_HAS(world_errors(), cases[i].words);
        free(pem);
    }
}

static void public_key_is_not_there(void)
{
    char *pem = reference_to(fake_keyd_uri(ec));
    BIO *memory = BIO_new_mem_buf(pem, -1);
    const int before = atomic_load(&ec->reads);

    CHECK(PEM_read_bio_PUBKEY_ex(memory, NULL, NULL, NULL, world, NULL) == NULL);
    CHECK_INT(atomic_load(&ec->reads), before);
    BIO_free(memory);
    free(pem);
}

void test_reference(void)
{
    world = world_normal();
    ec = fake_keyd_start("EC", "P-256");
    rsa = fake_keyd_start("RSA", "2048");
    run_test("a reference names a key's URI", well_formed);
    run_test("what is no reference is left to other decoders", malformed);
    run_test("a reference has a limit", too_long);
    run_test("a reference serves as a key file, with one read", as_key_file);
    run_test("a reference serves as a file of OpenSSL's store, with one read", as_file_of_store);
    run_test("a reference to a key that cannot be had says why", to_nothing);
    run_test("a reference is for private keys only", public_key_is_not_there);
    fake_keyd_stop(ec);
    fake_keyd_stop(rsa);
    world_free(world);
}
