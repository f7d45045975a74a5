#include "check.h"
#include "material.h"
#include "pkcs11_tests.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNED "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\x30\x06\x02\x01\x01\x02\x01\x02"

static CK_RV sign(CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    unsigned char digest[] = "0123456789abcdef0123456789abcdef";
    unsigned char out[64];
    CK_ULONG size = sizeof(out);
    const CK_RV value = p11->C_SignInit(session, &mechanism, key);

    return value != CKR_OK ? value : p11->C_Sign(session, digest, 32, out, &size);
}

static CK_OBJECT_HANDLE device(CK_OBJECT_CLASS class)
{
    return find_one(class, "device-id");
}

static void keeps_what_it_knew(void)
{
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE certificate;

    begin();
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_ERROR); /* 404: a keyd that has no list */
    offer_all();
    key = device(CKO_PRIVATE_KEY);
    offer_all();
    certificate = device(CKO_CERTIFICATE);
    CHECK(key != 0 && certificate != 0);
    /* Without keyd: what was told before. */
    fake_next_to(
        keyd, "GET /keypairs?",
        fake_json("503 Service Unavailable", "{\"message\":\"no\",\"hint\":\"\",\"code\":\"token_absent\"}"));
    CHECK_INT(device(CKO_PRIVATE_KEY), (long)key);
    /* Without certd, the certificates of before. */
    fake_otherwise(certd, fake_hang_up);
    fake_next_to(keyd, "GET /keypairs?", PAIRS(PAIR("device-id", "current", "v1.dev", SPKI_EC)));
    CHECK_INT(device(CKO_CERTIFICATE), (long)certificate);
    /* And never one whose key is not the current one. */
    fake_next_to(keyd, "GET /keypairs?", PAIRS(PAIR("device-id", "current", "v1.new", SPKI_EC_NEXT)));
    CHECK_INT(device(CKO_CERTIFICATE), 0);
    end();
}

/* One key that keyd cannot look at now: it stays what it was. */
static void keeps_a_key_that_cannot_be_looked_at(void)
{
    static const char problem[] =
        "{\"keyId\":\"device-id\",\"state\":\"current\",\"message\":\"the token is away\",\"hint\":"
        "\"\",\"code\":\"token_absent\"}";
    CK_OBJECT_HANDLE key;

    begin();
    fake_next_to(keyd, "GET /keypairs?", PAIRS(problem));
    CHECK_INT(device(CKO_PRIVATE_KEY), 0);
    offer_all();
    key = device(CKO_PRIVATE_KEY);
    fake_next_to(keyd, "GET /keypairs?", PAIRS(problem, PAIR("log-key", "current", "v1.log", SPKI_RSA)));
    CHECK_INT(device(CKO_PRIVATE_KEY), (long)key);
    fake_next_to(keyd, "GET /keypairs?", PAIRS(problem, PAIR("log-key", "current", "v1.log", SPKI_RSA)));
    CHECK(device(CKO_CERTIFICATE) != 0);
    end();
}

static void survives_restarts(void)
{
    char path[120];
    char *name;
    CK_OBJECT_HANDLE key;

    begin();
    offer_all();
    key = device(CKO_PRIVATE_KEY);
    fake_next_to(keyd, "POST /sign?", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    (void)snprintf(path, sizeof(path), "%s", keyd->path);
    name = strrchr(path, '/');
    *name = '\0';
    (void)fake_stop(keyd);
    keyd = fake_start(path, "keyd");
    fake_next_to(keyd, "POST /sign?", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    end();
}

#define OK(body) "HTTP/1.1 200 OK\r\nContent-Length: " body

/* Whatever a daemon answers: an error, and the module is of use afterwards. */
static void survives_malformed_answers(void)
{
    static const char *const lists[] = {
        "",
        "[]",
        "{}",
        "{\"keypairs\":{}}",
        "{\"keypairs\":[1]}",
        "{\"keypairs\":[{}]}",
        "{\"keypairs\":[{\"keyId\":\"\",\"state\":\"current\"}]}",
        "{\"keypairs\":[{\"keyId\":\"k\",\"state\":\"a state that nobody knows\",\"keyHandle\":\"h\"}]}",
        "{\"keypairs\":[{\"keyId\":\"k\",\"state\":\"current\",\"keyHandle\":\"h\"}]}",
        "{\"keypairs\":[{\"keyId\":\"k\",\"state\":\"current\",\"keyHandle\":\"h\",\"spki\":\"!\"}]}",
        "{\"keypairs\":[{\"keyId\":\"k\",\"state\":\"current\",\"keyHandle\":\"h\",\"spki\":\"\"}]}",
        "{\"keypairs\":[{\"keyId\":\"k\",\"state\":\"current\",\"keyHandle\":\"h\",\"spki\":17}]}",
    };
    CK_OBJECT_HANDLE found[8];

    begin();
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        fake_next_to(keyd, "GET /keypairs?", fake_ok(lists[i]));
        CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_ERROR);
    }
    /* Keys of kinds that are not known, and certificates that are none, are left out. */
    fake_next_to(keyd, "GET /keypairs?",
                 PAIRS(PAIR("device-id", "current", "h", "MAA="), PAIR("x", "current", "h", SPKI_RSA)));
    offer_certificate("{\"pem\":\"" PEM("MAA=") "\"}");
    CHECK_INT(find(NULL, 0, found, 8), 2);
    fake_next_to(keyd, "GET /keypairs?", PAIRS(PAIR("device-id", "current", "h", SPKI_EC)));
    offer_certificate("{\"pem\":\"-----BEGIN CERTIFICATE-----\\n" CERTIFICATE_EC "\"}");
    CHECK_INT(find(NULL, 0, found, 8), 2);
    end();
}

static void refuses_malformed_signatures(void)
{
    static const char *const answers[] = {
        OK("0\r\n\r\n"),
        OK("3\r\n\r\nsig"),
        OK("2\r\n\r\n\x30\x7f"),
        OK("8\r\n\r\n\x30\x06\x02\x01\x81\x02\x01\x02"),
        OK("9\r\n\r\n\x30\x06\x02\x01\x01\x02\x01\x02x"),
        OK("9\r\n\r\n\x30\x07\x02\x01\x01\x02\x01\x02x"),
        OK("5\r\n\r\n\x30\x03\x02\x01\x01"),
        OK("42\r\n\r\n\x30\x28\x02\x23\x01xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\x02\x01\x01"),
    };
    CK_OBJECT_HANDLE key;

    begin();
    offer_all();
    key = device(CKO_PRIVATE_KEY);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fake_next_to(keyd, "POST /sign?", answers[i]);
        CHECK_INT(sign(key), CKR_DEVICE_ERROR);
    }
    fake_next_to(keyd, "POST /sign?", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    end();
}

/* A user who is not in the sockets' group has an empty token: the module is loaded by whatever runs on the
 * machine. */
static void has_nothing_for_strangers(void)
{
    CK_ULONG count = 9;
    CK_OBJECT_HANDLE found;
    int status = 255;
    pid_t child;

    if (geteuid() != 0) {
        skip_test("only root can become another user");
        return;
    }
    begin();
    CHECK_INT(chmod(keyd->path, 0600), 0);
    child = fork();
    if (child == 0) {
        const bool right = setuid(65534) == 0 && p11->C_Initialize(NULL) == CKR_OK &&
                           p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
                           p11->C_FindObjectsInit(session, NULL, 0) == CKR_OK &&
                           p11->C_FindObjects(session, &found, 1, &count) == CKR_OK && count == 0;

        _exit(right ? 0 : 1);
    }
    (void)waitpid(child, &status, 0);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 255, 0);
    end();
}

static void is_quiet_unless_asked(void)
{
    int ends[2];
    char text[512] = "";
    const int saved = dup(STDERR_FILENO);

    begin();
    if (!CHECK_INT(pipe(ends), 0))
        return;
    (void)dup2(ends[1], STDERR_FILENO);
    (void)p11->C_FindObjectsInit(session, NULL, 0);
    (void)setenv("ESTPROV_PKCS11_VERBOSE", "1", 1);
    fake_next_to(
        keyd, "GET /keypairs?",
        fake_json("503 Service Unavailable",
                  "{\"message\":\"the token is away\",\"hint\":\"plug it in\",\"code\":\"token_absent\"}"));
    (void)p11->C_FindObjectsInit(session, NULL, 0);
    (void)unsetenv("ESTPROV_PKCS11_VERBOSE");
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(ends[1]);
    CHECK(read(ends[0], text, sizeof(text) - 1) > 0);
    (void)close(ends[0]);
    CHECK(strcmp(text, "libestprov-pkcs11: error: the token is away (status 503; plug it in)\n") == 0);
    end();
}

static void names_a_wrong_folder(void)
{
    int ends[2];
    char text[512] = "";
    const int saved = dup(STDERR_FILENO);

    begin();
    if (!CHECK_INT(pipe(ends), 0))
        return;
    (void)setenv("ESTPROV_SOCKET_FOLDER", "relative", 1);
    (void)setenv("ESTPROV_PKCS11_VERBOSE", "1", 1);
    (void)dup2(ends[1], STDERR_FILENO);
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_ERROR);
    (void)dup2(saved, STDERR_FILENO);
    (void)unsetenv("ESTPROV_PKCS11_VERBOSE");
    (void)close(saved);
    (void)close(ends[1]);
    CHECK(read(ends[0], text, sizeof(text) - 1) > 0);
    (void)close(ends[0]);
    CHECK(strcmp(text, "libestprov-pkcs11: error: ESTPROV_SOCKET_FOLDER: a bad argument or request\n") == 0);
    end();
}

static void *sign_once(void *key)
{
    (void)sign(*(const CK_OBJECT_HANDLE *)key);
    return NULL;
}

/* Neither the lock nor the place of the thread that is cancelled is lost. */
static void is_not_cancelled(void)
{
    CK_OBJECT_HANDLE key;
    pthread_t thread;

    begin();
    offer_all();
    key = device(CKO_PRIVATE_KEY);
    for (int i = 0; i < 10; i++) {
        const int requests = atomic_load(&keyd->requests);

        atomic_store(&keyd->pause_ms, 2);
        fake_next_to(keyd, "POST /sign?", SIGNED);
        (void)pthread_create(&thread, NULL, sign_once, &key);
        while (atomic_load(&keyd->requests) == requests)
            (void)poll(NULL, 0, 1);
        (void)pthread_cancel(thread);
        (void)pthread_join(thread, NULL);
    }
    atomic_store(&keyd->pause_ms, 0);
    fake_next_to(keyd, "POST /sign?", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    end();
}

void test_misfortunes(void)
{
    run_test("what a daemon cannot tell now stays as it was told before", keeps_what_it_knew);
    run_test("a key that cannot be looked at now stays what it was", keeps_a_key_that_cannot_be_looked_at);
    run_test("a keyd that restarts is not noticed", survives_restarts);
    run_test("a malformed list is an error, and no more", survives_malformed_answers);
    run_test("a malformed signature is an error, and no more", refuses_malformed_signatures);
    run_test("who may not even connect has an empty token", has_nothing_for_strangers);
    run_test("a daemon's words are told where they are asked for", is_quiet_unless_asked);
    run_test("a folder that cannot be is named", names_a_wrong_folder);
    run_test("threads that are cancelled take nothing along", is_not_cancelled);
}
