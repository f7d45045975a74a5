#include "check.h"
#include "fake_keyd.h"
#include "tests.h"
#include "world.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_configuration(char *path, size_t size, const char *first, const char *second)
{
    FILE *file;

    (void)snprintf(path, size, "/tmp/estprov-%d.cnf", (int)getpid());
    file = fopen(path, "w");
    if (file == NULL)
        abort();
    (void)fprintf(file, "openssl_conf = top\n[top]\nproviders = list\n[list]\n%s = on_1\n", first);
    if (second != NULL)
        (void)fprintf(file, "%s = on_2\n", second);
    (void)fprintf(file, "[on_1]\nactivate = 1\n[on_2]\nactivate = 1\n");
    (void)fclose(file);
}

/* What openssl.cnf does to a process, in each order that an integrator may write. */
static OSSL_LIB_CTX *configured(const char *first, const char *second)
{
    char path[64];
    OSSL_LIB_CTX *world = OSSL_LIB_CTX_new();

    write_configuration(path, sizeof(path), first, second);
    CHECK(OSSL_PROVIDER_set_default_search_path(world, module_folder) == 1);
    CHECK(OSSL_LIB_CTX_load_config(world, path) == 1);
    (void)unlink(path);
    return world;
}

static void default_first(void)
{
    struct fake_keyd *fake = fake_keyd_start("EC", "P-256");
    OSSL_LIB_CTX *world = configured("default", "estprov");
    EVP_PKEY *generated = EVP_PKEY_Q_keygen(world, NULL, "EC", "P-256");
    EVP_PKEY *key = world_open(world, fake_keyd_uri(fake));
    unsigned char signature[100];
    size_t length = sizeof(signature);

    CHECK(generated != NULL);
    CHECK(key != NULL && world_digest_sign(world, key, "SHA256", 0, signature, &length));
    length = sizeof(signature);
    CHECK(world_digest_sign(world, generated, "SHA256", 0, signature, &length));
    EVP_PKEY_free(generated);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(world);
    fake_keyd_stop(fake);
}

static void estprov_alone(void)
{
    OSSL_LIB_CTX *world = configured("estprov", NULL);

    CHECK(OSSL_PROVIDER_available(world, "estprov") == 1);
    CHECK(OSSL_PROVIDER_available(world, "default") == 0);
    CHECK(EVP_MD_fetch(world, "SHA256", NULL) == NULL);
    OSSL_LIB_CTX_free(world);
}

bool signs_alone(const char *uri)
{
    unsigned char signature[100];
    size_t length = sizeof(signature);
    OSSL_LIB_CTX *lonely = world_lonely();
    EVP_PKEY *key = world_open(lonely, uri);
    const bool done = EVP_MD_fetch(NULL, "SHA256", NULL) == NULL && key != NULL &&
                      EVP_PKEY_get_bits(key) == 256 &&
                      world_digest_sign(lonely, key, "SHA256", 0, signature, &length) &&
                      world_digest_verify(lonely, key, "SHA256", 0, signature, length);

    EVP_PKEY_free(key);
    world_free(lonely);
    return done;
}

/* The provider does its own public mathematics, wherever it is: this program is run anew, and there nobody
 * else can. */
static void nothing_elsewhere(void)
{
    struct fake_keyd *fake = fake_keyd_start("EC", "P-256");
    char path[64];
    int status = -1;
    pid_t child;

    write_configuration(path, sizeof(path), "null", NULL);
    child = fork();
    if (child == 0) {
        (void)setenv("OPENSSL_CONF", path, 1);
        (void)execl(program_path, program_path, module_folder, fake_keyd_uri(fake), (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    (void)unlink(path);
    fake_keyd_stop(fake);
}

static void estprov_first(void)
{
    struct fake_keyd *fake = fake_keyd_start("EC", "P-256");
    OSSL_LIB_CTX *world = configured("estprov", "default");
    EVP_PKEY *key = world_open(world, fake_keyd_uri(fake));
    EVP_PKEY *file_key;
    BIO *memory = BIO_new(BIO_s_mem());
    unsigned char signature[100];
    size_t length = sizeof(signature);

    CHECK(key != NULL && world_digest_sign(world, key, "SHA256", 0, signature, &length));
    CHECK(PEM_write_bio_PrivateKey(memory, fake->key, NULL, NULL, 0, NULL, NULL) == 1);
    file_key = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, world, NULL);
    length = sizeof(signature);
    CHECK(file_key != NULL && world_digest_sign(world, file_key, "SHA256", 0, signature, &length));
    CHECK(EVP_PKEY_Q_keygen(world, NULL, "EC", "P-256") == NULL);
    EVP_PKEY_free(file_key);
    EVP_PKEY_free(key);
    BIO_free(memory);
    OSSL_LIB_CTX_free(world);
    fake_keyd_stop(fake);
}

void test_configuration(void)
{
    run_test("a key signs and verifies where no default provider is anywhere", nothing_elsewhere);
    run_test("openssl.cnf with default before estprov serves both kinds of key", default_first);
    run_test("openssl.cnf with estprov before default generates no keys", estprov_first);
    run_test("openssl.cnf with estprov alone leaves a process without its digests", estprov_alone);
}
