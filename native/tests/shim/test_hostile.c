#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world world;

static int ask(void)
{
    return estprov_provisioned(world.context);
}

static void broken(void)
{
    static const char *const answers[][2] = {
        {"HTTP/1.1 200 O", "ends within its header"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "is shorter than its Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger", "is longer than its Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", "too large Content-Length"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
         "has a Transfer-Encoding"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "status line"},
        {"nonsense\r\n\r\n", "status line"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "is no JSON object"},
        {"HTTP/1.1 204 No Content\r\n\r\n", "is no JSON object"},
    };

    atomic_store(&world.identityd->closes, true);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fake_next(world.identityd, answers[i][0]);
        CHECK_INT(ask(), -EPROTO);
        CHECK_TEXT_HAS(estprov_message(world.context), answers[i][1]);
    }
    atomic_store(&world.identityd->closes, false);
    CHECK_INT(ask(), 0);
}

static void long_head(void)
{
    static char head[9000];
#define WITH_HEAD "HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: 23\r\n\r\n{\"state\":\"provisioned\"}"
    static char answers[3][9400]; /* the fake may still send what was refused */

    memset(head, 'x', 8100);
    (void)snprintf(answers[0], sizeof(answers[0]), WITH_HEAD, head);
    fake_next(world.identityd, answers[0]);
    CHECK_INT(ask(), 0);
    memset(head, 'x', 8192);
    (void)snprintf(answers[1], sizeof(answers[1]), WITH_HEAD, head);
    fake_next(world.identityd, answers[1]);
    CHECK_INT(ask(), -EPROTO);
    CHECK_TEXT_HAS(estprov_message(world.context), "too long a header");
    memset(answers[2], 'x', sizeof(answers[2]) - 1);
    fake_next(world.identityd, answers[2]);
    CHECK_INT(ask(), -EPROTO);
    CHECK_TEXT_HAS(estprov_message(world.context), "too long a header");
}

/* Memory follows what has come, not what is announced, and goes back. */
static void long_body(void)
{
    enum { LENGTH = 1000 * 1000 };
    char *body = malloc(LENGTH + 100);
    char *pem = malloc(LENGTH);
    size_t size = LENGTH;

    memset(body, 'A', LENGTH);
    memcpy(body, "{\"pem\":\"", 8);
    (void)strcpy(body + LENGTH - 2, "\"}");
    fake_next(world.certd, fake_ok(body));
    CHECK_INT(estprov_certificate_pem(world.context, "x", pem, &size), 0);
    CHECK_INT(size, LENGTH - 10 + 1);
    free(body);
    free(pem);
}

static void every_truncation(void)
{
    const char *const whole =
        fake_ok("{\"spec\":{\"hubName\":\"h\",\"deviceId\":\"d\",\"auth\":{\"type\":\"sas\","
                "\"keyHandle\":\"v1.\\u0041\"}}}");
    char cut[400];
    struct estprov_identity identity;

    atomic_store(&world.identityd->closes, true);
    for (size_t length = 1; length < strlen(whole); length++) {
        memcpy(cut, whole, length);
        cut[length] = '\0';
        fake_next(world.identityd, cut);
        if (!CHECK_INT(estprov_device_identity(world.context, &identity), -EPROTO))
            (void)fprintf(stderr, "cut after %zu bytes\n", length);
    }
    fake_next(world.identityd, whole);
    CHECK_INT(estprov_device_identity(world.context, &identity), 0);
    CHECK(strcmp(identity.key_handle, "v1.A") == 0);
    atomic_store(&world.identityd->closes, false);
}

static int everything(struct estprov *context)
{
    struct estprov_identity identity;
    char out[300];
    size_t size = sizeof(out);
    int failures = 0;

    failures += estprov_device_identity(context, &identity) != 0;
    failures += estprov_module_identity(context, "m", &identity) != 0;
    failures += estprov_certificate_pem(context, "x", out, &size) != 0;
    failures += estprov_certificate_der(context, "x", 0, out, &size) != 0;
    failures += estprov_enrol(context, "x", "-----BEGIN ", 0, out, &size) != 0;
    failures += estprov_trust_bundle(context, out, &size) != 0;
    failures += estprov_hmac(context, "id=x", "x", 1, (uint8_t *)out) != 0;
    failures += estprov_encrypt(context, "v1.x", "x", 1, "x", 1, "x", 1, out, &size) != 0;
    failures += estprov_decrypt(context, "v1.x", "x", 1, "x", 1, "x", 1, out, &size) != 0;
    failures += estprov_daemon_version(context, ESTPROV_KEYD, out, &size) != 0;
    memset(&identity, 0, sizeof(identity));
    (void)strcpy(identity.hub, "h");
    (void)strcpy(identity.device_id, "d");
    (void)strcpy(identity.auth, "sas");
    (void)strcpy(identity.key_handle, "v1.x");
    failures += estprov_connection_string(context, &identity, 1, out, &size) != 0;
    return failures;
}

/* Each allocation fails in turn, in every call; then it works again on the same context. */
static void out_of_memory(void)
{
    struct estprov *context;

    for (int calls = 0; calls < 60; calls++) {
        CHECK_INT(estprov_open(&context, world.folder, PLENTY), 0);
        allocations_left = calls % 6;
        (void)everything(context);
        allocations_left = -1;
        CHECK_INT(estprov_provisioned(context), 0);
        estprov_close(context);
    }
    CHECK_INT(estprov_open(&context, world.folder, PLENTY), 0);
    allocations_left = 0;
    CHECK_INT(estprov_provisioned(context), -ENOMEM);
    CHECK_TEXT_HAS(estprov_message(context), "out of memory");
    allocations_left = -1;
    estprov_close(context);
}

/* An answer to one thing is no answer to another. */
static void wrong_answers(void)
{
    static const char *const bodies[] = {"{}",
                                         "[]",
                                         "null",
                                         "{\"pem\":{}}",
                                         "{\"spec\":\"x\"}",
                                         "{\"keyHandle\":[]}",
                                         "{\"ciphertext\":\"=\"}",
                                         "\"x\""};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const char *const answer = fake_ok(bodies[i]);

        fake_otherwise(world.keyd, answer);
        fake_otherwise(world.certd, answer);
        fake_otherwise(world.identityd, answer);
        CHECK_INT(everything(world.context), 11);
    }
}

static int descriptors_before;

static void descriptors(void)
{
    CHECK_INT(open_descriptors(), descriptors_before);
}

void test_hostile(void)
{
    descriptors_before = open_descriptors();
    world_open(&world, PLENTY);
    fake_otherwise(world.identityd, fake_ok("{\"state\":\"provisioned\"}"));
    run_test("a broken answer is refused, and the next one taken", broken);
    run_test("a header has its limit", long_head);
    run_test("a long answer is taken up to its limit", long_body);
    run_test("an answer that is cut anywhere is refused", every_truncation);
    run_test("without memory calls fail, and go on when there is some", out_of_memory);
    run_test("an answer of another shape is refused by every call", wrong_answers);
    world_close(&world);
    run_test("no descriptor is left", descriptors);
}
