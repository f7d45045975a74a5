#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world world;

#define IDENTITY                                                                                             \
    "{\"type\":\"aziot\",\"spec\":{\"hubName\":\"hub.example\",\"gatewayHost\":\"gw.example\",\"deviceId\":" \
    "\"dev-1\","                                                                                             \
    "\"moduleId\":\"mod\",\"genId\":\"637\",\"auth\":{\"type\":\"sas\",\"keyHandle\":\"v1.abc\",\"certId\":" \
    "null}}}"
/* 66 bytes in DER, which begin with 0x30; nobody looks into it here. */
#define DER64 "MEABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9A"
#define PEM(base64) "-----BEGIN CERTIFICATE-----\\n" base64 "\\n-----END CERTIFICATE-----\\n"
#define CHAIN "{\"pem\":\"" PEM(DER64) PEM("\\/\\/" DER64 "AA") "\"}"

static bool requested(struct fake_daemon *fake, const char *line, const char *body)
{
    const char *const request = fake_request(fake);
    const bool right = CHECK(strncmp(request, line, strlen(line)) == 0) &
                       CHECK(strcmp(strstr(request, "\r\n\r\n") + 4, body) == 0);

    if (!right)
        (void)fprintf(stderr, "the request was:\n%s\n", request);
    return right;
}

static void identities(void)
{
    struct estprov_identity identity;

    fake_next(world.identityd, fake_ok(IDENTITY));
    CHECK_INT(estprov_device_identity(world.context, &identity), 0);
    (void)requested(world.identityd, "POST /identities/device?api-version=2020-09-01 HTTP/1.1\r\n",
                    "{\"type\":\"aziot\"}");
    CHECK(strcmp(identity.hub, "hub.example") == 0 && strcmp(identity.gateway, "gw.example") == 0);
    CHECK(strcmp(identity.device_id, "dev-1") == 0 && strcmp(identity.module_id, "mod") == 0);
    CHECK(strcmp(identity.generation_id, "637") == 0 && strcmp(identity.auth, "sas") == 0);
    CHECK(strcmp(identity.key_handle, "v1.abc") == 0 && identity.certificate_id[0] == '\0');

    fake_next(world.identityd, fake_ok("{\"spec\":{\"hubName\":\"h\",\"deviceId\":\"d\",\"auth\":{\"type\":"
                                       "\"x509\",\"certId\":\"device-id\"}}}"));
    CHECK_INT(estprov_module_identity(world.context, NULL, &identity), 0);
    (void)requested(world.identityd, "GET /identities/identity?api-version=2020-09-01 HTTP/1.1\r\n", "");
    CHECK(strcmp(identity.gateway, "h") == 0 && identity.module_id[0] == '\0');
    CHECK(strcmp(identity.certificate_id, "device-id") == 0);

    fake_next(world.identityd, fake_ok(IDENTITY));
    CHECK_INT(estprov_module_identity(world.context, "$edge/Agent", &identity), 0);
    (void)requested(world.identityd,
                    "GET /identities/modules/%24edge%2FAgent?api-version=2020-09-01&type=aziot HTTP/1.1\r\n",
                    "");
    CHECK_INT(estprov_module_identity(world.context, "", &identity), -EINVAL);
}

static void identities_malformed(void)
{
    static const char *const answers[] = {
        "",
        "[]",
        "{}",
        "{\"spec\":[]}",
        "{\"spec\":{\"hubName\":\"h\",\"deviceId\":\"d\"}}",
        "{\"spec\":{\"hubName\":1,\"deviceId\":\"d\",\"auth\":{\"type\":\"sas\"}}}",
        "{\"spec\":{\"hubName\":\"\",\"deviceId\":\"d\",\"auth\":{\"type\":\"sas\"}}}",
        "{\"spec\":{\"hubName\":\"h\",\"deviceId\":\"d\",\"moduleId\":true,\"auth\":{\"type\":\"sas\"}}}",
        "{\"spec\":{\"hubName\":\"h\",\"deviceId\":\"d\",\"auth\":{\"type\":\"a type that is far too "
        "long\"}}}",
        "{\"spec\":{\"hubName\":\"h\",\"deviceId\":\"a\\u0000b\",\"auth\":{\"type\":\"sas\"}}}",
    };
    struct estprov_identity identity;

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fake_next(world.identityd, fake_ok(answers[i]));
        memset(&identity, 'x', sizeof(identity));
        CHECK_INT(estprov_device_identity(world.context, &identity), -EPROTO);
        CHECK(identity.hub[0] == '\0' && identity.key_handle[2047] == '\0');
        CHECK_TEXT_HAS(estprov_message(world.context), "the answer of the Identity Service");
    }
}

static void certificates(void)
{
    char pem[1000];
    unsigned char der[100];
    size_t size = sizeof(pem);
    size_t needed;

    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_pem(world.context, "device id", pem, &size), 0);
    (void)requested(world.certd, "GET /certificates/device%20id?api-version=2020-09-01 HTTP/1.1\r\n", "");
    CHECK_TEXT_HAS(pem, "-----BEGIN CERTIFICATE-----\nMEAB");
    CHECK_INT(size, strlen(pem) + 1);
    needed = size;

    size = needed - 1;
    fake_next(world.certd, fake_ok(CHAIN));
    memset(pem, 'x', sizeof(pem));
    CHECK_INT(estprov_certificate_pem(world.context, "device id", pem, &size), -ERANGE);
    CHECK_INT(size, needed);
    CHECK(pem[0] == 'x');
    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_pem(world.context, "device id", pem, &size), 0);

    size = sizeof(der);
    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_der(world.context, "x", 0, der, &size), 0);
    CHECK_INT(size, 66);
    CHECK(der[0] == 0x30 && der[65] == 64);
    size = 65;
    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_der(world.context, "x", 0, der, &size), -ERANGE);
    CHECK_INT(size, 66);
    size = 0;
    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_der(world.context, "x", 0, NULL, &size), -ERANGE);
    fake_next(world.certd, fake_ok(CHAIN));
    size = sizeof(der);
    CHECK_INT(estprov_certificate_der(world.context, "x", 1, der, &size), 0);
    CHECK(der[0] == 0xff);
    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_der(world.context, "x", 2, der, &size), -ENOENT);
    CHECK_TEXT_HAS(estprov_message(world.context), "no certificate number 2");
    CHECK_INT(estprov_certificate_pem(world.context, NULL, pem, &size), -EINVAL);
    CHECK_INT(estprov_certificate_der(world.context, NULL, 0, pem, &size), -EINVAL);
}

static void certificates_malformed(void)
{
    static const char *const answers[] = {
        "{\"pem\":\"\"}",
        "{\"pem\":\"-----BEGIN CERTIFICATE-----\\nAAAA\"}",
        "{\"pem\":\"" PEM("AAAA") "\"}",
        "{\"pem\":\"" PEM("no base64") "\"}",
        "{\"pem\":5}",
        "{}",
        "nonsense",
        "{\"pem\":\"x\\u0000y\"}",
    };
    unsigned char der[100];

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        size_t size = sizeof(der);

        fake_next(world.certd, fake_ok(answers[i]));
        CHECK_INT(estprov_certificate_der(world.context, "x", 0, der, &size), -EPROTO);
    }
}

static void enrolment(void)
{
    static const char csr[] =
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    char pem[1000];
    size_t size = sizeof(pem);
    char *large;

    fake_next(world.certd, fake_json("201 Created", CHAIN));
    CHECK_INT(estprov_enrol(world.context, "module \"server\"", csr, 60000, pem, &size), 0);
    (void)requested(world.certd, "POST /certificates?api-version=2020-09-01 HTTP/1.1\r\n",
                    "{\"certId\":\"module \\u0022server\\u0022\",\"csr\":\"-----BEGIN CERTIFICATE "
                    "REQUEST-----\\u000aAAAA\\u000a"
                    "-----END CERTIFICATE REQUEST-----\\u000a\"}");
    CHECK_TEXT_HAS(pem, "BEGIN CERTIFICATE");
    CHECK_INT(estprov_enrol(world.context, "x", "no request", 0, pem, &size), -EINVAL);
    CHECK_INT(estprov_enrol(world.context, "x", NULL, 0, pem, &size), -EINVAL);
    CHECK_INT(estprov_enrol(world.context, NULL, csr, 0, pem, &size), -EINVAL);

    large = calloc(1, 70000);
    memset(large, 'A', 69999);
    memcpy(large, "-----BEGIN ", 11);
    CHECK_INT(estprov_enrol(world.context, "x", large, 0, pem, &size), -EMSGSIZE);
    free(large);
}

static void trust_bundle(void)
{
    char pem[200];
    size_t size = sizeof(pem);

    fake_next(world.identityd, fake_ok("{\"certificate\":\"" PEM("AAAA") "\"}"));
    CHECK_INT(estprov_trust_bundle(world.context, pem, &size), 0);
    (void)requested(world.identityd, "GET /identities/trustBundle?api-version=2020-09-01 HTTP/1.1\r\n", "");
    size = 1;
    fake_next(world.identityd, fake_ok("{\"certificate\":\"\"}"));
    CHECK_INT(estprov_trust_bundle(world.context, pem, &size), 0);
    CHECK_INT(size, 1);
    CHECK(pem[0] == '\0');
}

#define OCTETS(length, body) \
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " length "\r\n\r\n" body
#define MAC "0123456789abcdef0123456789ABCDEF"

static void signatures(void)
{
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char *const algorithms[] = {"ECDSA", "RSA-PKCS1", "RSA-PSS"};
    static const char *const hashes[] = {"sha256", "sha384", "sha512"};
    char signature[16];
    char line[200];
    size_t size;

    for (int i = 0; i < 3; i++) {
        size = sizeof(signature);
        fake_next(world.keyd, OCTETS("3", "sig"));
        CHECK_INT(estprov_sign(world.context, "v1.x/y", (enum estprov_algorithm)i, digest,
                               32 + 16 * (size_t)i, signature, &size),
                  0);
        CHECK_INT(size, 3);
        CHECK(memcmp(signature, "sig", 3) == 0);
        (void)snprintf(line, sizeof(line),
                       "POST /sign?api-version=2021-05-01&handle=v1.x%%2Fy&algorithm=%s&hash=%s HTTP/1.1\r\n",
                       algorithms[i], hashes[i]);
        (void)requested(world.keyd, line, digest + 32 - 16 * i);
        CHECK_TEXT_HAS(fake_request(world.keyd), "Content-Type: application/octet-stream\r\n");
    }
    size = sizeof(signature);
    fake_next(world.keyd, OCTETS("3", "sig"));
    CHECK_INT(estprov_sign(world.context, "v1.x", ESTPROV_EDDSA, "message", 7, signature, &size), 0);
    (void)requested(world.keyd, "POST /sign?api-version=2021-05-01&handle=v1.x&algorithm=EdDSA HTTP/1.1\r\n",
                    "message");
    size = 2;
    fake_next(world.keyd, OCTETS("3", "sig"));
    CHECK_INT(estprov_sign(world.context, "v1.x", ESTPROV_ECDSA, digest, 32, signature, &size), -ERANGE);
    CHECK_INT(size, 3);
    fake_next(world.keyd, OCTETS("0", ""));
    CHECK_INT(estprov_sign(world.context, "v1.x", ESTPROV_ECDSA, digest, 32, signature, &size), -EPROTO);
    CHECK_INT(estprov_sign(world.context, "v1.x", ESTPROV_ECDSA, digest, 20, signature, &size), -EINVAL);
    CHECK_TEXT_HAS(estprov_message(world.context), "20 bytes");
    CHECK_INT(estprov_sign(world.context, "v1.x", (enum estprov_algorithm)9, digest, 32, signature, &size),
              -EINVAL);
    CHECK_INT(estprov_sign(world.context, "", ESTPROV_ECDSA, digest, 32, signature, &size), -EINVAL);
    CHECK_INT(estprov_sign(world.context, NULL, ESTPROV_ECDSA, digest, 32, signature, &size), -EINVAL);
}

static void macs(void)
{
    uint8_t mac[ESTPROV_MAC_SIZE];

    fake_next(world.keyd, OCTETS("32", MAC));
    CHECK_INT(estprov_hmac(world.context, "v1.k", "message", 7, mac), 0);
    CHECK(memcmp(mac, MAC, 32) == 0);
    (void)requested(world.keyd,
                    "POST /sign?api-version=2021-05-01&handle=v1.k&algorithm=HMAC-SHA256 HTTP/1.1\r\n",
                    "message");
    fake_next(world.keyd, OCTETS("31", "0123456789abcdef0123456789abcde"));
    CHECK_INT(estprov_hmac(world.context, "v1.k", "", 0, mac), -EPROTO);
}

static int sign_by_id(const char *key)
{
    char signature[16];
    size_t size = sizeof(signature);

    return estprov_sign(world.context, key, ESTPROV_ECDSA, "0123456789abcdef0123456789abcdef", 32, signature,
                        &size);
}

/* An id's handle goes with it through rotations: it is asked for once, and again when keyd calls it void. */
static void ids(void)
{
    static const char refused[] = "{\"message\":\"not ours\",\"code\":\"handle_invalid\"}";
    const int before = atomic_load(&world.keyd->requests);
    uint8_t mac[32];
    char name[300];

    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"v1.first\"}"));
    fake_otherwise(world.keyd, OCTETS("3", "sig"));
    CHECK_INT(sign_by_id("id=a/b"), 0);
    CHECK_INT(atomic_load(&world.keyd->requests), before + 2);
    CHECK_INT(sign_by_id("id=a/b"), 0);
    CHECK_INT(atomic_load(&world.keyd->requests), before + 3);
    CHECK_TEXT_HAS(fake_request(world.keyd), "handle=v1.first&");

    fake_next(world.keyd, fake_json("400 Bad Request", refused));
    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"v1.second\"}"));
    CHECK_INT(sign_by_id("id=a/b"), 0);
    CHECK_INT(atomic_load(&world.keyd->requests), before + 6);
    CHECK_TEXT_HAS(fake_request(world.keyd), "handle=v1.second&");
    CHECK(estprov_message(world.context)[0] == '\0' && estprov_code(world.context)[0] == '\0');

    /* Not for ever, and never for a handle of the caller's. */
    fake_next(world.keyd, fake_json("400 Bad Request", refused));
    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"v1.third\"}"));
    fake_next(world.keyd, fake_json("400 Bad Request", refused));
    CHECK_INT(sign_by_id("id=a/b"), -EINVAL);
    CHECK_INT(atomic_load(&world.keyd->requests), before + 9);
    fake_next(world.keyd, fake_json("400 Bad Request", refused));
    CHECK_INT(sign_by_id("v1.mine"), -EINVAL);
    CHECK_INT(atomic_load(&world.keyd->requests), before + 10);
    fake_next(world.keyd, fake_json("400 Bad Request", refused));
    fake_next(world.keyd, fake_json("404 Not Found", "{\"message\":\"gone\",\"code\":\"key_not_found\"}"));
    CHECK_INT(sign_by_id("id=a/b"), -ENOENT);

    /* A symmetric key's is another one. */
    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"v1.mac\"}"));
    fake_next(world.keyd, OCTETS("32", MAC));
    CHECK_INT(estprov_hmac(world.context, "id=a/b", "x", 1, mac), 0);
    CHECK_TEXT_HAS(fake_request(world.keyd), "handle=v1.mac&");
    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"\"}"));
    CHECK_INT(sign_by_id("id=a/b"), -EPROTO);
    fake_next(world.keyd, fake_ok("[1]"));
    CHECK_INT(sign_by_id("id=a/b"), -EPROTO);
    CHECK_INT(sign_by_id("id="), -EINVAL);
    (void)snprintf(name, sizeof(name), "id=%0*d", 257, 0);
    CHECK_INT(sign_by_id(name), -ENAMETOOLONG);
}

static void long_names(void)
{
    static char name[5000];

    memset(name, 'x', 2048);
    CHECK_INT(sign_by_id(name), -ENAMETOOLONG);
    memset(name, '/', 2047);
    name[2047] = '\0';
    CHECK_INT(sign_by_id(name), -ENAMETOOLONG);
    CHECK_TEXT_HAS(estprov_message(world.context), "too long");
}

static void ciphers(void)
{
    char out[64];
    size_t size = sizeof(out);
    static char large[70000];

    fake_next(world.keyd, fake_ok("{\"ciphertext\":\"AgEC\"}"));
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "iv", 2, "aad", 3, "plain", 5, out, &size), 0);
    (void)requested(world.keyd, "POST /encrypt?api-version=2021-05-01 HTTP/1.1\r\n",
                    "{\"keyHandle\":\"v1.k\",\"algorithm\":\"AEAD\",\"parameters\":{\"iv\":\"aXY=\",\"aad\":"
                    "\"YWFk\"},\"plaintext\":\"cGxhaW4=\"}");
    CHECK(size == 3 && memcmp(out, "\x02\x01\x02", 3) == 0);
    size = sizeof(out);
    fake_next(world.keyd, fake_ok("{\"plaintext\":\"cGxhaW4=\"}"));
    CHECK_INT(estprov_decrypt(world.context, "v1.k", "iv", 2, NULL, 0, "\x02\x01\x02", 3, out, &size), 0);
    (void)requested(world.keyd, "POST /decrypt?api-version=2021-05-01 HTTP/1.1\r\n",
                    "{\"keyHandle\":\"v1.k\",\"algorithm\":\"AEAD\",\"parameters\":{\"iv\":\"aXY=\",\"aad\":"
                    "\"\"},\"ciphertext\":\"AgEC\"}");
    CHECK(size == 5 && memcmp(out, "plain", 5) == 0);
    size = 4;
    fake_next(world.keyd, fake_ok("{\"plaintext\":\"cGxhaW4=\"}"));
    CHECK_INT(estprov_decrypt(world.context, "v1.k", "iv", 2, NULL, 0, "\x02\x01\x02", 3, out, &size),
              -ERANGE);
    CHECK_INT(size, 5);
    fake_next(world.keyd, fake_ok("{\"plaintext\":\"\"}"));
    CHECK_INT(estprov_decrypt(world.context, "v1.k", "iv", 2, NULL, 0, "\x02\x01\x02", 3, out, &size), 0);
    CHECK_INT(size, 0);
    fake_next(world.keyd, fake_ok("{\"plaintext\":\"?\"}"));
    CHECK_INT(estprov_decrypt(world.context, "v1.k", "iv", 2, NULL, 0, "\x02\x01\x02", 3, out, &size),
              -EPROTO);
    fake_next(world.keyd, fake_ok("{}"));
    CHECK_INT(estprov_decrypt(world.context, "v1.k", "iv", 2, NULL, 0, "\x02\x01\x02", 3, out, &size),
              -EPROTO);
    fake_next(world.keyd,
              fake_json("400 Bad Request", "{\"message\":\"changed\",\"code\":\"ciphertext_invalid\"}"));
    CHECK_INT(estprov_decrypt(world.context, "v1.k", "iv", 2, NULL, 0, "\x02\x01\x02", 3, out, &size),
              -EINVAL);
    CHECK_TEXT_HAS(estprov_code(world.context), "ciphertext_invalid");
    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"v1.e\"}"));
    fake_next(world.keyd, fake_json("400 Bad Request", "{\"code\":\"handle_invalid\"}"));
    fake_next(world.keyd, fake_ok("{\"keyHandle\":\"v1.f\"}"));
    fake_next(world.keyd, fake_ok("{\"ciphertext\":\"AgEC\"}"));
    size = sizeof(out);
    CHECK_INT(estprov_encrypt(world.context, "id=e", "iv", 2, NULL, 0, "p", 1, out, &size), 0);
    CHECK_TEXT_HAS(fake_request(world.keyd), "\"keyHandle\":\"v1.f\"");
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "", 0, NULL, 0, "p", 1, out, &size), -EINVAL);
    CHECK_INT(estprov_encrypt(world.context, "v1.k", large, 129, NULL, 0, "p", 1, out, &size), -EINVAL);
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "iv", 2, NULL, 0, large, sizeof(large), out, &size),
              -EMSGSIZE);
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "iv", 2, large, sizeof(large), "p", 1, out, &size),
              -EMSGSIZE);
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "iv", 2, NULL, 0, large, 60000, out, &size), -EMSGSIZE);
    CHECK_INT(estprov_encrypt(world.context, NULL, "iv", 2, NULL, 0, "p", 1, out, &size), -EINVAL);
}

/* Of a size that is never read: with a wrong one the library would loop, or copy what is not there. */
static void too_large(void)
{
    const int before = atomic_load(&world.keyd->requests);
    uint8_t mac[32];
    char out[64];
    size_t size = sizeof(out);

    CHECK_INT(estprov_hmac(world.context, "id=never", "x", SIZE_MAX, mac), -EMSGSIZE);
    CHECK_TEXT_HAS(estprov_message(world.context), "and the Key Service takes 65536");
    CHECK_INT(estprov_hmac(world.context, "v1.k", "x", 65537, mac), -EMSGSIZE);
    CHECK_INT(estprov_sign(world.context, "v1.k", ESTPROV_EDDSA, "x", SIZE_MAX, out, &size), -EMSGSIZE);
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "iv", 2, NULL, 0, "x", SIZE_MAX, out, &size), -EMSGSIZE);
    CHECK_INT(estprov_encrypt(world.context, "v1.k", "iv", 2, "x", SIZE_MAX, "x", 1, out, &size), -EMSGSIZE);
    CHECK_INT(atomic_load(&world.keyd->requests), before);
}

static void versions(void)
{
    char version[16];
    size_t size = sizeof(version);

    static const struct {
        enum estprov_daemon daemon;
        const char *line;
    } cases[] = {
        {ESTPROV_KEYD, "GET /version?api-version=2021-05-01 HTTP/1.1\r\n"},
        {ESTPROV_CERTD, "GET /version?api-version=2020-09-01 HTTP/1.1\r\n"},
        {ESTPROV_IDENTITYD, "GET /version?api-version=2020-09-01 HTTP/1.1\r\n"},
    };
    struct fake_daemon *const daemons[] = {world.keyd, world.certd, world.identityd};

    /* Word for word what the daemons answer. */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size = sizeof(version);
        fake_next(daemons[i], fake_ok("{\"version\":\"1.2.3\"}"));
        CHECK_INT(estprov_daemon_version(world.context, cases[i].daemon, version, &size), 0);
        CHECK(size == 6 && strcmp(version, "1.2.3") == 0);
        (void)requested(daemons[i], cases[i].line, "");
    }
    size = 5;
    fake_next(world.certd, fake_ok("{\"version\":\"1.2.3\"}"));
    CHECK_INT(estprov_daemon_version(world.context, ESTPROV_CERTD, version, &size), -ERANGE);
    CHECK_INT(size, 6);
    fake_next(
        world.keyd,
        fake_json("404 Not Found", "{\"message\":\"there is nothing at this path\",\"code\":\"not_found\"}"));
    CHECK_INT(estprov_daemon_version(world.context, ESTPROV_KEYD, version, &size), -ENOTSUP);
    fake_next(world.keyd, fake_ok("{}"));
    CHECK_INT(estprov_daemon_version(world.context, ESTPROV_KEYD, version, &size), -EPROTO);
    CHECK_INT(estprov_daemon_version(world.context, (enum estprov_daemon)3, version, &size), -EINVAL);
}

static void provisioning(void)
{
    fake_next(world.identityd, fake_ok("{\"state\":\"provisioned\",\"hub\":\"h\"}"));
    CHECK_INT(estprov_provisioned(world.context), 0);
    (void)requested(world.identityd, "GET /provisioning-status?api-version=2020-09-01 HTTP/1.1\r\n", "");
    fake_next(world.identityd, fake_ok("{\"state\":\"registering\"}"));
    CHECK_INT(estprov_provisioned(world.context), -EAGAIN);
    CHECK_TEXT_HAS(estprov_message(world.context), "not provisioned yet: starting");
    fake_next(world.identityd,
              fake_ok("{\"state\":\"waiting_to_retry\",\"waitingFor\":\"DPS\",\"problem\":"
                      "{\"message\":\"no route\",\"hint\":\"plug it in\",\"code\":\"dps_unreachable\"}}"));
    CHECK_INT(estprov_provisioned(world.context), -EAGAIN);
    CHECK_TEXT_HAS(estprov_message(world.context), "DPS; last failure: no route; plug it in");
    CHECK_TEXT_HAS(estprov_code(world.context), "dps_unreachable");
    fake_next(world.identityd, fake_ok("{}"));
    CHECK_INT(estprov_provisioned(world.context), -EPROTO);
}

/* The table of the header, and the daemon's words with it. */
static void refusals(void)
{
    static const struct {
        const char *status;
        const char *body;
        int error;
        const char *words;
    } cases[] = {
        {"401 Unauthorized", "{\"message\":\"user 7 may not\",\"hint\":\"list him\",\"code\":\"forbidden\"}",
         -EACCES, "user 7 may not (status 401; list him)"},
        {"403 Forbidden", "{\"message\":\"no\"}", -EACCES, "no (status 403)"},
        {"404 Not Found", "{\"message\":\"none\",\"code\":\"key_not_found\"}", -ENOENT, "none"},
        {"400 Bad Request", "{\"message\":\"none\",\"code\":\"certificate_not_found\"}", -ENOENT, "none"},
        {"400 Bad Request", "{\"message\":\"bad\",\"code\":\"x\"}", -EINVAL, "bad"},
        {"408 X", "{}", -ETIMEDOUT, "gives no reason"},
        {"409 X", "[]", -EEXIST, "answers 409"},
        {"413 X", "", -EMSGSIZE, "answers 413"},
        {"414 X", "{\"message\":5}", -ENAMETOOLONG, "answers 414"},
        {"422 X", "{\"message\":\"\"}", -EINVAL, "answers 422"},
        {"500 X", "{\"message\":\"a\\nb\\u007fc\"}", -EIO, "a b c"},
        {"503 X", "{\"message\":\"later\",\"code\":\"not_provisioned\"}", -EAGAIN, "later"},
        {"504 X", "{}", -ETIMEDOUT, "504"},
        {"507 X", "{}", -ENOSPC, "507"},
        {"418 X", "{}", -EPROTO, "418"},
        {"304 Not Modified", "", -EPROTO, "304"},
    };
    static char long_text[2000];
    char pem[10];
    size_t size = sizeof(pem);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_next(world.certd, fake_json(cases[i].status, cases[i].body));
        CHECK_INT(estprov_certificate_pem(world.context, "x", pem, &size), cases[i].error);
        CHECK_TEXT_HAS(estprov_message(world.context), cases[i].words);
    }
    /* Cut between characters. */
    (void)snprintf(long_text, sizeof(long_text), "{\"message\":\"");
    for (int i = 0; i < 300; i++)
        (void)strcat(long_text, "\xc3\xa9");
    (void)strcat(long_text, "\"}");
    fake_next(world.certd, fake_json("500 X", long_text));
    CHECK_INT(estprov_certificate_pem(world.context, "x", pem, &size), -EIO);
    CHECK_TEXT_HAS(estprov_message(world.context), "\xc3\xa9... (status 500)");
    fake_next(world.certd, fake_ok(CHAIN));
    CHECK_INT(estprov_certificate_pem(world.context, "x", pem, &size), -ERANGE);
    CHECK(estprov_code(world.context)[0] == '\0');
}

static void opening(void)
{
    struct estprov *context = NULL;
    static char folder[120];

    CHECK_INT(estprov_open(&context, "relative", 0), -EINVAL);
    CHECK_INT(estprov_open(&context, world.folder, -1), -EINVAL);
    CHECK_INT(estprov_open(NULL, world.folder, 0), -EINVAL);
    memset(folder, '/', 92);
    CHECK_INT(estprov_open(&context, folder, 0), -ENAMETOOLONG);
    allocations_left = 0;
    CHECK_INT(estprov_open(&context, world.folder, 0), -ENOMEM);
    allocations_left = -1;
    (void)setenv("ESTPROV_SOCKET_FOLDER", world.folder, 1);
    CHECK_INT(estprov_open(&context, NULL, 0), 0);
    fake_next(world.identityd, fake_ok("{\"state\":\"provisioned\"}"));
    CHECK_INT(estprov_provisioned(context), 0);
    estprov_close(context);
    (void)unsetenv("ESTPROV_SOCKET_FOLDER");
    CHECK_INT(estprov_open(&context, NULL, 0), 0);
    CHECK_INT(estprov_provisioned(context), -ENOENT);
    CHECK_TEXT_HAS(estprov_message(context), "/run/estprov-test/identityd.sock");
    estprov_close(context);
    estprov_close(NULL);
}

void test_calls(void)
{
    world_open(&world, PLENTY);
    run_test("a context is opened by folder, environment or default", opening);
    run_test("identities of device and module are read", identities);
    run_test("an identity that is not whole is refused, and nothing of it is left", identities_malformed);
    run_test("a chain is given as PEM, and each certificate as DER, into the caller's buffer", certificates);
    run_test("what is no certificate is refused", certificates_malformed);
    run_test("a request of the caller's own is enrolled", enrolment);
    run_test("the trust bundle is given, also an empty one", trust_bundle);
    run_test("digests are signed by every algorithm", signatures);
    run_test("messages get a MAC", macs);
    run_test("a key named by its id is looked up once, and again when the handle is void", ids);
    run_test("names that are too long are told", long_names);
    run_test("AEAD encrypts and decrypts", ciphers);
    run_test("input that no request takes is refused before it is copied", too_large);
    run_test("a daemon tells its version", versions);
    run_test("whether the device is provisioned is told, and what it waits for", provisioning);
    run_test("each refusal has its errno and the daemon's words", refusals);
    world_close(&world);
}
