#include "check.h"
#include "material.h"
#include "pkcs11_tests.h"

#include <string.h>

static CK_OBJECT_HANDLE device(CK_OBJECT_CLASS class)
{
    offer_all();
    return find_one(class, "device-id");
}

static bool has(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const void *bytes, size_t length)
{
    unsigned char out[4096];
    CK_RV value;

    return attribute(object, type, out, sizeof(out), &value) == (long)length && value == CKR_OK &&
           memcmp(out, bytes, length) == 0;
}

static bool has_number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG number)
{
    return has(object, type, &number, sizeof(number));
}

static bool has_flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_BBOOL flag)
{
    return has(object, type, &flag, sizeof(flag));
}

static void finds(void)
{
    CK_OBJECT_HANDLE found[32];
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_KEY_TYPE type = CKK_RSA;
    CK_BBOOL yes = CK_TRUE;
    char label[] = "sensor";
    unsigned char der[2048];
    CK_ULONG count;
    const CK_ATTRIBUTE certificates[] = {{CKA_CLASS, &class, sizeof(class)}};
    const CK_ATTRIBUTE rsa[] = {{CKA_KEY_TYPE, &type, sizeof(type)}, {CKA_SIGN, &yes, sizeof(yes)}};
    const CK_ATTRIBUTE by_label[] = {{CKA_LABEL, label, 6}};
    CK_ATTRIBUTE by_value[] = {{CKA_VALUE, der, 0}};
    const CK_ATTRIBUTE unknown[] = {{0x80000001UL, &yes, sizeof(yes)}};
    const CK_ATTRIBUTE absent[] = {{CKA_ID, NULL, 6}};

    begin();
    offer_all();
    CHECK_INT(find(NULL, 0, found, 32), 10);
    CHECK_TEXT_HAS(fake_request(keyd), "GET /keypairs?api-version=2021-05-01 HTTP/1.1\r\n");
    offer_all();
    CHECK_INT(find(certificates, 1, found, 32), 2);
    offer_all();
    CHECK_INT(find(rsa, 2, found, 32), 1);
    offer_all();
    CHECK_INT(find(by_label, 1, found, 32), 2);
    by_value[0].ulValueLen = decoded(CERTIFICATE_EC, der);
    offer_all();
    CHECK_INT(find(by_value, 1, found, 32), 1);
    offer_all();
    CHECK_INT(find(unknown, 1, found, 32), 0);
    offer_all();
    CHECK_INT(find(absent, 1, found, 32), 0);

    /* In portions; and one search at a time. */
    offer_all();
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
    CHECK_INT(p11->C_FindObjects(session, found, 7, &count), CKR_OK);
    CHECK_INT(count, 7);
    CHECK_INT(p11->C_FindObjects(session, found, 7, &count), CKR_OK);
    CHECK_INT(count, 3);
    CHECK_INT(p11->C_FindObjects(session, found, 7, &count), CKR_OK);
    CHECK_INT(count, 0);
    CHECK_INT(p11->C_FindObjectsFinal(session), CKR_OK);
    CHECK_INT(p11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(p11->C_FindObjects(session, found, 7, &count), CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
    end();
}

/* CKA_ID is what ties them together, and readable. */
/* Data, secret keys, nonsense. */
static void asks_for_nothing_in_vain(void)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_OBJECT_HANDLE found[8];
    CK_OBJECT_CLASS others[] = {0, 4, 0x80000000UL};
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}};
    int before;

    begin();
    offer_all();
    CHECK_INT(find(wanted, 1, found, 8), 2);
    before = atomic_load(&keyd->requests);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        class = others[i];
        CHECK_INT(find(wanted, 1, found, 8), 0);
    }
    class = CKO_CERTIFICATE;
    wanted[0].ulValueLen = 1;
    CHECK_INT(find(wanted, 1, found, 8), 0);
    CHECK_INT(atomic_load(&keyd->requests), before);
    end();
}

static void ids_are_equal(void)
{
    begin();
    CHECK(has(device(CKO_PRIVATE_KEY), CKA_ID, "device-id", 9));
    CHECK(has(device(CKO_PUBLIC_KEY), CKA_ID, "device-id", 9));
    CHECK(has(device(CKO_CERTIFICATE), CKA_ID, "device-id", 9));
    CHECK(has(device(CKO_CERTIFICATE), CKA_LABEL, "device-id", 9));
    end();
}

static void tells_of_private_keys(void)
{
    static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    unsigned char spki[512] = {0};
    unsigned char out[512];
    CK_RV value;
    CK_OBJECT_HANDLE key;

    begin();
    key = device(CKO_PRIVATE_KEY);
    CHECK(has_number(key, CKA_CLASS, CKO_PRIVATE_KEY) && has_number(key, CKA_KEY_TYPE, CKK_EC));
    CHECK(has_flag(key, CKA_SENSITIVE, CK_TRUE) && has_flag(key, CKA_ALWAYS_SENSITIVE, CK_TRUE));
    CHECK(has_flag(key, CKA_EXTRACTABLE, CK_FALSE) && has_flag(key, CKA_NEVER_EXTRACTABLE, CK_TRUE));
    CHECK(has_flag(key, CKA_ALWAYS_AUTHENTICATE, CK_FALSE) && has_flag(key, CKA_PRIVATE, CK_FALSE));
    CHECK(has_flag(key, CKA_SIGN, CK_TRUE) && has_flag(key, CKA_DECRYPT, CK_FALSE) &&
          has_flag(key, CKA_TOKEN, CK_TRUE));
    CHECK(has(key, CKA_EC_PARAMS, p256, sizeof(p256)));
    CHECK(has(key, CKA_PUBLIC_KEY_INFO, spki, decoded(SPKI_EC, spki)));
    /* 04 41 04 X Y */
    CHECK_INT(attribute(key, CKA_EC_POINT, out, sizeof(out), &value), 67);
    CHECK(out[0] == 0x04 && out[1] == 65 && memcmp(out + 2, spki + decoded(SPKI_EC, spki) - 65, 65) == 0);
    CHECK_INT(attribute(key, CKA_VALUE, out, sizeof(out), &value), -1);
    CHECK_INT(value, CKR_ATTRIBUTE_SENSITIVE);
    offer_all();
    key = find_one(CKO_PRIVATE_KEY, "log-key");
    CHECK_INT(attribute(key, CKA_MODULUS, out, sizeof(out), &value), 256);
    CHECK(has(key, CKA_PUBLIC_EXPONENT, "\1\0\1", 3));
    for (CK_ATTRIBUTE_TYPE type = CKA_PRIVATE_EXPONENT; type <= CKA_COEFFICIENT; type++) {
        CHECK_INT(attribute(key, type, out, sizeof(out), &value), -1);
        CHECK_INT(value, CKR_ATTRIBUTE_SENSITIVE);
    }
    end();
}

static void tells_of_public_keys(void)
{
    unsigned char spki[512] = {0};
    unsigned char out[512];
    CK_RV value;
    CK_OBJECT_HANDLE key;

    begin();
    offer_all();
    key = find_one(CKO_PUBLIC_KEY, "log-key");
    CHECK(has_number(key, CKA_KEY_TYPE, CKK_RSA) && has_number(key, CKA_MODULUS_BITS, 2048));
    CHECK(has_flag(key, CKA_VERIFY, CK_TRUE) && has_flag(key, CKA_ENCRYPT, CK_FALSE));
    CHECK_INT(attribute(key, CKA_SENSITIVE, out, sizeof(out), &value), -1);
    CHECK_INT(value, CKR_ATTRIBUTE_TYPE_INVALID);
    offer_all();
    key = find_one(CKO_PUBLIC_KEY, "big");
    /* 04 81 85 04 X Y */
    CHECK_INT(attribute(key, CKA_EC_POINT, out, sizeof(out), &value), 136);
    CHECK(out[1] == 0x81 && out[2] == 133 && out[3] == 4);
    offer_all();
    key = find_one(CKO_PUBLIC_KEY, "sensor");
    CHECK(has_number(key, CKA_KEY_TYPE, CKK_EC_EDWARDS) &&
          has(key, CKA_EC_PARAMS, "\x06\x03\x2b\x65\x70", 5));
    CHECK_INT(attribute(key, CKA_EC_POINT, out, sizeof(out), &value), 34);
    CHECK(memcmp(out + 2, spki + decoded(SPKI_ED25519, spki) - 32, 32) == 0);
    CHECK_INT(attribute(key, CKA_MODULUS, out, sizeof(out), &value), -1);
    end();
}

static void tells_of_certificates(void)
{
    static const unsigned char subject[] = "\x30\x14\x31\x12\x30\x10\x06\x03\x55\x04\x03\x0c\x09"
                                           "device-ec";
    static const unsigned char issuer[] = "\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x03\x0c\x07Test CA";
    unsigned char der[2048];
    CK_OBJECT_HANDLE found[4];
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_SUBJECT, der, sizeof(issuer) - 1}};
    CK_OBJECT_HANDLE certificate;

    begin();
    certificate = device(CKO_CERTIFICATE);
    CHECK(has(certificate, CKA_VALUE, der, decoded(CERTIFICATE_EC, der)));
    CHECK(has(certificate, CKA_SUBJECT, subject, sizeof(subject) - 1));
    CHECK(has(certificate, CKA_ISSUER, issuer, sizeof(issuer) - 1));
    CHECK(has(certificate, CKA_SERIAL_NUMBER, "\x02\x02\x4a\x01", 4));
    CHECK(has_number(certificate, CKA_CERTIFICATE_TYPE, CKC_X_509));
    CHECK(has_number(certificate, CKA_CERTIFICATE_CATEGORY, 1) &&
          has_flag(certificate, CKA_TRUSTED, CK_FALSE));
    /* The CA above is found by its subject, as GnuTLS looks for it, and has no key here. */
    memcpy(der, issuer, sizeof(issuer) - 1);
    offer_all();
    CHECK_INT(find(wanted, 2, found, 4), 1);
    CHECK(has(found[0], CKA_LABEL, "device-id CA 1", 14) && has(found[0], CKA_ID, "", 0));
    CHECK(has_number(found[0], CKA_CERTIFICATE_CATEGORY, 2));
    end();
}

static void fills_in_what_it_can(void)
{
    unsigned char little[4];
    unsigned char label[32];
    CK_BBOOL sensitive = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {{CKA_EC_POINT, little, sizeof(little)},
                             {CKA_LABEL, label, sizeof(label)},
                             {CKA_EC_POINT, NULL, 0},
                             {CKA_SENSITIVE, &sensitive, sizeof(sensitive)}};
    CK_ULONG size = 0;
    CK_OBJECT_HANDLE key;

    begin();
    key = device(CKO_PRIVATE_KEY);
    CHECK_INT(p11->C_GetAttributeValue(session, key, wanted, 4), CKR_BUFFER_TOO_SMALL);
    CHECK_INT((long)wanted[0].ulValueLen, -1);
    CHECK_INT(wanted[1].ulValueLen, 9);
    CHECK_INT(wanted[2].ulValueLen, 67);
    CHECK_INT(sensitive, CK_TRUE);
    CHECK_INT(p11->C_GetAttributeValue(session, 4711, wanted, 4), CKR_OBJECT_HANDLE_INVALID);
    CHECK_INT(p11->C_GetAttributeValue(session + 1, key, wanted, 4), CKR_SESSION_HANDLE_INVALID);
    CHECK_INT(p11->C_GetAttributeValue(session, key, NULL, 1), CKR_ARGUMENTS_BAD);
    CHECK_INT(p11->C_GetObjectSize(session, key, &size), CKR_OK);
    CHECK_INT((long)size, -1);
    end();
}

void test_objects(void)
{
    run_test("objects are found by class, label, id, key type and value", finds);
    run_test("what can never be found is not asked for", asks_for_nothing_in_vain);
    run_test("a private key, its public key and its certificate have one CKA_ID", ids_are_equal);
    run_test("a private key tells its public part and nothing else", tells_of_private_keys);
    run_test("public keys of all kinds are told as PKCS#11 has them", tells_of_public_keys);
    run_test("certificates are told, and the CAs above them", tells_of_certificates);
    run_test("one attribute that cannot be told does not keep back the others", fills_in_what_it_can);
}
