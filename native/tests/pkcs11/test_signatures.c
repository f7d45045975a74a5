#include "check.h"
#include "material.h"
#include "pkcs11_tests.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SEQUENCE { 0x0102, 0x80 with a zero before it that has no sign }, without a byte 0: fakes answer with
 * texts. */
#define ECDSA_SIGNATURE "\x30\x08\x02\x02\x01\x02\x02\x02\x01\x80"

static const char *binary(const char *body)
{
    static char text[8][2048];
    static int at;
    char *const place = text[at++ % 8];

    (void)snprintf(
        place, sizeof(text[0]),
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    return place;
}

static const char *letters(size_t count)
{
    static char text[1025];

    memset(text, 'A', count);
    text[count] = '\0';
    return text;
}

static CK_OBJECT_HANDLE private_key(const char *id)
{
    offer_all();
    return find_one(CKO_PRIVATE_KEY, id);
}

static CK_RV init(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {type, NULL, 0};

    return p11->C_SignInit(session, &mechanism, key);
}

static CK_RV sign(const void *data, CK_ULONG length, void *out, CK_ULONG *size)
{
    unsigned char copy[512];

    memcpy(copy, data, length);
    return p11->C_Sign(session, copy, length, out, size);
}

static bool requested(const char *query, const char *body)
{
    const char *const request = fake_request(keyd);
    const char *const at = strstr(request, "\r\n\r\n");

    return CHECK_TEXT_HAS(request, query) & CHECK(at != NULL && strcmp(at + 4, body) == 0);
}

static void signs_digests(void)
{
    static const char digest[] = "0123456789abcdef0123456789ABCDEF";
    unsigned char expected[64];
    unsigned char out[64];
    CK_ULONG size = 0;
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("device-id");
    CHECK_INT(init(CKM_ECDSA, key), CKR_OK);
    CHECK_INT(init(CKM_ECDSA, key), CKR_OPERATION_ACTIVE);
    /* Asking for the size, and too little room, leave the operation as it is, and do not sign. */
    CHECK_INT(sign(digest, 32, NULL, &size), CKR_OK);
    CHECK_INT(size, 64);
    size = 63;
    CHECK_INT(sign(digest, 32, out, &size), CKR_BUFFER_TOO_SMALL);
    CHECK_INT(size, 64);
    CHECK_INT(atomic_load(&keyd->requests), 1);
    fake_next_to(keyd, "POST /sign?", binary(ECDSA_SIGNATURE));
    CHECK_INT(sign(digest, 32, out, &size), CKR_OK);
    (void)requested(
        "POST /sign?api-version=2021-05-01&handle=v1.dev&algorithm=ECDSA&hash=sha256&input=digest HTTP",
        digest);
    memset(expected, 0, sizeof(expected));
    expected[30] = 1;
    expected[31] = 2;
    expected[62] = 1;
    expected[63] = 0x80;
    CHECK(size == 64 && memcmp(out, expected, 64) == 0);
    CHECK_INT(sign(digest, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);

    /* The curve's size, and not the digest's, is the signature's. */
    key = private_key("big");
    CHECK_INT(init(CKM_ECDSA, key), CKR_OK);
    CHECK_INT(sign(digest, 32, NULL, &size), CKR_OK);
    CHECK_INT(size, 132);
    end();
}

static void refuses_other_digests(void)
{
    static const char digest[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    unsigned char out[64];
    CK_ULONG size = 64;
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("device-id");
    for (CK_ULONG length = 0; length <= 65; length++) {
        if (length == 32 || length == 48 || length == 64)
            continue;
        CHECK_INT(init(CKM_ECDSA, key), CKR_OK);
        CHECK_INT(sign(digest, length, out, &size), CKR_DATA_LEN_RANGE);
        CHECK_INT(sign(digest, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    }
    CHECK_INT(atomic_load(&keyd->requests), 1);
    end();
}

/* DigestInfo of RFC 8017 section 9.2, note 1, as every caller of CKM_RSA_PKCS writes it; raw RSA is never
 * offered. */
static void signs_digest_infos_alone(void)
{
    static const unsigned char prefixes[3][19] = {
        {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20},
        {0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30},
        {0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40}};
    static const char *const hashes[] = {"hash=sha256&input=digest", "hash=sha384&input=digest",
                                         "hash=sha512&input=digest"};
    unsigned char input[83];
    unsigned char out[256];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("log-key");
    memset(input, 'd', sizeof(input));
    for (size_t i = 0; i < 3; i++) {
        const size_t digest = prefixes[i][18];
        char body[65] = "";

        memcpy(input, prefixes[i], 19);
        memset(body, 'd', digest);
        fake_next_to(keyd, "POST /sign?", binary(letters(256)));
        CHECK_INT(init(CKM_RSA_PKCS, key), CKR_OK);
        CHECK_INT(sign(input, 19 + digest, out, &size), CKR_OK);
        CHECK(size == 256 && out[0] == 'A' && out[255] == 'A');
        (void)requested("handle=v1.log&algorithm=RSA-PKCS1&hash=", body);
        CHECK_TEXT_HAS(fake_request(keyd), hashes[i]);
    }
    /* One bit elsewhere: some other structure, or another hash with a digest as long. */
    for (size_t i = 0; i < 19; i++) {
        memcpy(input, prefixes[0], 19);
        input[i] ^= 1;
        CHECK_INT(init(CKM_RSA_PKCS, key), CKR_OK);
        CHECK_INT(sign(input, 19 + 32, out, &size), CKR_DATA_INVALID);
    }
    CHECK_INT(init(CKM_RSA_PKCS, key), CKR_OK);
    CHECK_INT(sign(input, 36, out, &size), CKR_DATA_LEN_RANGE); /* MD5 and SHA-1 of TLS 1.1 */
    CHECK_INT(init(CKM_RSA_PKCS, key), CKR_OK);
    CHECK_INT(sign(letters(256), 256, out, &size), CKR_DATA_LEN_RANGE);
    CHECK_INT(init(CKM_RSA_PKCS, key), CKR_OK);
    CHECK_INT(sign(input, 0, out, &size), CKR_DATA_LEN_RANGE);
    CHECK_INT(atomic_load(&keyd->requests), 4);
    end();
}

static void takes_pss_as_keyd_makes_it(void)
{
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef";
    CK_RSA_PKCS_PSS_PARAMS parameters = {CKM_SHA384, CKG_MGF1_SHA384, 48};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, &parameters, sizeof(parameters)};
    unsigned char out[256];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("log-key");
    fake_next_to(keyd, "POST /sign?", binary(letters(256)));
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_OK);
    CHECK_INT(sign(digest, 48, out, &size), CKR_OK);
    (void)requested("algorithm=RSA-PSS&hash=sha384&input=digest", digest);
    /* Another digest than the parameters say. */
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_OK);
    CHECK_INT(sign(digest, 32, out, &size), CKR_DATA_LEN_RANGE);
    mechanism.mechanism = CKM_SHA256_RSA_PKCS_PSS;
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    mechanism.mechanism = CKM_RSA_PKCS_PSS;
    parameters.sLen = 32;
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    parameters.sLen = 48;
    parameters.mgf = 1;
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    parameters.mgf = CKG_MGF1_SHA384;
    mechanism.ulParameterLen--;
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    CHECK_INT(init(CKM_RSA_PKCS_PSS, key), CKR_MECHANISM_PARAM_INVALID);
    end();
}

static void has_messages_hashed_by_keyd(void)
{
    unsigned char part[] = "part one, ";
    unsigned char rest[] = "part two";
    unsigned char out[256];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("log-key");
    fake_next_to(keyd, "POST /sign?", binary(letters(256)));
    CHECK_INT(init(CKM_SHA512_RSA_PKCS, key), CKR_OK);
    CHECK_INT(p11->C_SignUpdate(session, part, sizeof(part) - 1), CKR_OK);
    CHECK_INT(p11->C_SignUpdate(session, NULL, 0), CKR_OK);
    CHECK_INT(p11->C_SignUpdate(session, rest, sizeof(rest) - 1), CKR_OK);
    CHECK_INT(p11->C_SignFinal(session, NULL, &size), CKR_OK);
    CHECK_INT(p11->C_SignFinal(session, out, &size), CKR_OK);
    (void)requested("algorithm=RSA-PKCS1&hash=sha512&input=message", "part one, part two");
    CHECK_INT(p11->C_SignFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    /* Parts and the whole at once are nobody's wish. */
    CHECK_INT(init(CKM_SHA256_RSA_PKCS, key), CKR_OK);
    CHECK_INT(p11->C_SignUpdate(session, part, 3), CKR_OK);
    CHECK_INT(p11->C_Sign(session, rest, 3, out, &size), CKR_ARGUMENTS_BAD);
    end();
}

static void bounds_messages(void)
{
    enum { MOST = 64 * 1024 };
    unsigned char *const message = calloc(1, MOST + 1);
    unsigned char out[256];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE key;

    begin();
    memset(message, 'm', MOST + 1);
    key = private_key("log-key");
    CHECK_INT(init(CKM_SHA256_RSA_PKCS, key), CKR_OK);
    CHECK_INT(p11->C_Sign(session, message, MOST + 1, out, &size), CKR_DATA_LEN_RANGE);
    fake_next_to(keyd, "POST /sign?", binary(letters(256)));
    CHECK_INT(init(CKM_SHA256_RSA_PKCS, key), CKR_OK);
    CHECK_INT(p11->C_Sign(session, message, MOST, out, &size), CKR_OK);
    CHECK_INT(init(CKM_SHA256_RSA_PKCS, key), CKR_OK);
    CHECK_INT(p11->C_SignUpdate(session, message, MOST), CKR_OK);
    CHECK_INT(p11->C_SignUpdate(session, message, 1), CKR_DATA_LEN_RANGE);
    CHECK_INT(p11->C_SignFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    free(message);
    end();
}

static void signs_with_ed25519(void)
{
    CK_EDDSA_PARAMS parameters = {CK_FALSE, 0, NULL};
    CK_MECHANISM mechanism = {CKM_EDDSA, &parameters, sizeof(parameters)};
    unsigned char out[64];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("sensor");
    fake_next_to(keyd, "POST /sign?", binary(letters(64)));
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_OK);
    CHECK_INT(sign("message", 7, out, &size), CKR_OK);
    (void)requested("handle=v1.sensor&algorithm=EdDSA HTTP/1.1", "message");
    parameters.phFlag = CK_TRUE;
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    parameters.phFlag = CK_FALSE;
    parameters.ulContextDataLen = 1;
    CHECK_INT(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    end();
}

static void refuses_what_does_not_fit(void)
{
    unsigned char out[256];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE ec;
    CK_OBJECT_HANDLE public;

    begin();
    ec = private_key("device-id");
    offer_all();
    public = find_one(CKO_PUBLIC_KEY, "device-id");
    CHECK_INT(init(CKM_RSA_PKCS, ec), CKR_KEY_TYPE_INCONSISTENT);
    CHECK_INT(init(CKM_EDDSA, ec), CKR_KEY_TYPE_INCONSISTENT);
    CHECK_INT(init(CKM_ECDSA, public), CKR_KEY_TYPE_INCONSISTENT);
    CHECK_INT(init(CKM_ECDSA, 4711), CKR_KEY_HANDLE_INVALID);
    CHECK_INT(init(3, ec), CKR_MECHANISM_INVALID);
    CHECK_INT(p11->C_SignInit(session, NULL, ec), CKR_ARGUMENTS_BAD);
    CHECK_INT(p11->C_SignInit(session + 1, NULL, ec), CKR_SESSION_HANDLE_INVALID);
    CHECK_INT(p11->C_Sign(session, out, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(init(CKM_ECDSA, ec), CKR_OK);
    CHECK_INT(p11->C_Sign(session, NULL, 32, out, &size), CKR_ARGUMENTS_BAD);
    CHECK_INT(init(CKM_ECDSA, ec), CKR_OK);
    CHECK_INT(p11->C_SignFinal(session, out, NULL), CKR_ARGUMENTS_BAD);
    end();
}

static void tells_refusals(void)
{
    static const struct {
        const char *status;
        const char *code;
        CK_RV value;
    } refusals[] = {
        {"401 Unauthorized", "forbidden", CKR_KEY_FUNCTION_NOT_PERMITTED},
        {"400 Bad Request", "mechanism_missing", CKR_MECHANISM_INVALID},
        {"400 Bad Request", "key_usage", CKR_KEY_FUNCTION_NOT_PERMITTED},
        {"503 Service Unavailable", "token_absent", CKR_DEVICE_ERROR},
        {"504 Gateway Timeout", "deadline", CKR_DEVICE_ERROR},
        {"500 Internal Server Error", "internal", CKR_DEVICE_ERROR},
    };
    unsigned char out[64];
    CK_ULONG size = sizeof(out);
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("device-id");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char body[128];

        (void)snprintf(body, sizeof(body), "{\"message\":\"no\",\"hint\":\"\",\"code\":\"%s\"}",
                       refusals[i].code);
        fake_next_to(keyd, "POST /sign?", fake_json(refusals[i].status, body));
        CHECK_INT(init(CKM_ECDSA, key), CKR_OK);
        CHECK_INT(sign("0123456789abcdef0123456789abcdef", 32, out, &size), refusals[i].value);
    }
    end();
}

struct signer {
    CK_OBJECT_HANDLE key;
    int wrong;
};

static void *sign_many(void *argument)
{
    struct signer *const signer = argument;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    unsigned char digest[] = "0123456789abcdef0123456789abcdef";
    CK_SESSION_HANDLE own;
    unsigned char out[64];

    if (p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
        signer->wrong++;
    for (int i = 0; i < 50; i++) {
        CK_ULONG size = sizeof(out);

        if (p11->C_SignInit(own, &mechanism, signer->key) != CKR_OK ||
            p11->C_Sign(own, digest, 32, out, &size) != CKR_OK || out[31] != 2)
            signer->wrong++;
    }
    if (p11->C_CloseSession(own) != CKR_OK)
        signer->wrong++;
    return NULL;
}

/* More than contexts: the last ones wait for one. */
static void signs_in_threads(void)
{
    enum { COUNT = 12 };
    struct signer signers[COUNT];
    pthread_t threads[COUNT];
    CK_OBJECT_HANDLE key;

    begin();
    key = private_key("device-id");
    fake_otherwise(keyd, binary(ECDSA_SIGNATURE));
    for (int i = 0; i < COUNT; i++) {
        signers[i].key = key;
        signers[i].wrong = 0;
        (void)pthread_create(&threads[i], NULL, sign_many, &signers[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        (void)pthread_join(threads[i], NULL);
        CHECK_INT(signers[i].wrong, 0);
    }
    CHECK_INT(atomic_load(&keyd->requests), 1 + COUNT * 50);
    end();
}

void test_signatures(void)
{
    run_test("a digest is signed, and ECDSA comes as r and s", signs_digests);
    run_test("what is no digest of SHA-2 is not signed", refuses_other_digests);
    run_test("CKM_RSA_PKCS signs a DigestInfo of SHA-2 and nothing else", signs_digest_infos_alone);
    run_test("PSS is taken as keyd makes it, and refused otherwise", takes_pss_as_keyd_makes_it);
    run_test("a message goes to keyd, which hashes it, also in parts", has_messages_hashed_by_keyd);
    run_test("a message has 64 KB at most", bounds_messages);
    run_test("Ed25519 signs messages", signs_with_ed25519);
    run_test("a mechanism that does not fit the key is refused", refuses_what_does_not_fit);
    run_test("keyd's refusals have their own values", tells_refusals);
    run_test("threads sign at one time, more than keyd serves", signs_in_threads);
}
