#include "check.h"
#include "material.h"
#include "pkcs11_tests.h"

#include <stdlib.h>
#include <string.h>

#define SIGNED "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\x30\x06\x02\x01\x01\x02\x01\x02"
#define LEAF "{\"pem\":\"" PEM(CERTIFICATE_EC) "\"}"
#define NEXT_LEAF "{\"pem\":\"" PEM(CERTIFICATE_EC_NEXT) PEM(CERTIFICATE_CA) "\"}"
#define OLD PAIR("device-id", "current", "v1.old", SPKI_EC)
#define STAGED PAIR("device-id", "next", "v1.new", SPKI_EC_NEXT)
#define NEW PAIR("device-id", "current", "v1.new", SPKI_EC_NEXT)
#define BEFORE PAIR("device-id", "previous", "v1.old", SPKI_EC)

static CK_OBJECT_HANDLE search(const char *keys, const char *certificate, CK_OBJECT_CLASS class)
{
    fake_next_to(keyd, "GET /keypairs?", keys);
    offer_certificate(certificate);
    return find_one(class, "device-id");
}

static CK_RV sign(CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    unsigned char digest[] = "0123456789abcdef0123456789abcdef";
    unsigned char out[64];
    CK_ULONG size = sizeof(out);
    const CK_RV value = p11->C_SignInit(session, &mechanism, key);

    return value != CKR_OK ? value : p11->C_Sign(session, digest, 32, out, &size);
}

static bool is_key(CK_OBJECT_HANDLE object, const char *spki)
{
    unsigned char expected[512];
    unsigned char out[512];
    CK_RV value;
    const size_t length = decoded(spki, expected);

    return attribute(object, CKA_PUBLIC_KEY_INFO, out, sizeof(out), &value) == (long)length &&
           memcmp(out, expected, length) == 0;
}

static void follows_rotations(void)
{
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE certificate;

    begin();
    key = search(PAIRS(OLD), LEAF, CKO_PRIVATE_KEY);
    certificate = search(PAIRS(OLD), LEAF, CKO_CERTIFICATE);
    CHECK(is_key(key, SPKI_EC) && is_key(certificate, SPKI_EC));
    CHECK_INT(search(PAIRS(NEW, BEFORE), NEXT_LEAF, CKO_PRIVATE_KEY), (long)key);
    CHECK_INT(search(PAIRS(NEW, BEFORE), NEXT_LEAF, CKO_CERTIFICATE), (long)certificate);
    CHECK(is_key(key, SPKI_EC_NEXT) && is_key(certificate, SPKI_EC_NEXT));
    fake_next_to(keyd, "handle=v1.new&", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    end();
}

/* certd commits a certificate a moment before keyd promotes its key, and may take it back after: the
 * certificate decides. */
static void never_pairs_wrongly(void)
{
    CK_OBJECT_HANDLE key;

    begin();
    key = search(PAIRS(OLD, STAGED), NEXT_LEAF, CKO_PRIVATE_KEY);
    CHECK(is_key(key, SPKI_EC_NEXT));
    CHECK(search(PAIRS(OLD, STAGED), NEXT_LEAF, CKO_CERTIFICATE) != 0);
    key = search(PAIRS(NEW, BEFORE), LEAF, CKO_PRIVATE_KEY);
    CHECK(is_key(key, SPKI_EC));
    CHECK(is_key(search(PAIRS(NEW, BEFORE), LEAF, CKO_CERTIFICATE), SPKI_EC));
    /* A staged pair is nobody's while the certificate is the old one's; nor is a certificate without its key.
     */
    key = search(PAIRS(OLD, STAGED), LEAF, CKO_PRIVATE_KEY);
    CHECK(is_key(key, SPKI_EC));
    CHECK_INT(search(PAIRS(OLD), NEXT_LEAF, CKO_CERTIFICATE), 0);
    CHECK_INT(search(PAIRS(STAGED), NULL, CKO_PRIVATE_KEY), 0);
    end();
}

#define GONE(status, code) fake_json(status, "{\"message\":\"gone\",\"hint\":\"\",\"code\":\"" code "\"}")

/* A caller that found the key long ago, and never searches again. */
static void signs_with_what_the_id_has_now(void)
{
    CK_OBJECT_HANDLE key;

    begin();
    key = search(PAIRS(OLD), LEAF, CKO_PRIVATE_KEY);
    fake_next_to(keyd, "handle=v1.old&", GONE("404 Not Found", "key_not_found"));
    fake_next_to(keyd, "GET /keypairs?", PAIRS(NEW));
    offer_certificate(NEXT_LEAF);
    fake_next_to(keyd, "handle=v1.new&", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    CHECK_INT(fake_left(keyd), 0);
    /* keyd's handles have become void; the key is the same. */
    fake_next_to(keyd, "handle=v1.new&", GONE("400 Bad Request", "handle_invalid"));
    fake_next_to(keyd, "GET /keypairs?", PAIRS(PAIR("device-id", "current", "v1.other", SPKI_EC_NEXT)));
    offer_certificate(NEXT_LEAF);
    fake_next_to(keyd, "handle=v1.other&", SIGNED);
    CHECK_INT(sign(key), CKR_OK);
    /* Another kind of key: what was chosen for the one before does not fit. */
    fake_next_to(keyd, "handle=v1.other&", GONE("404 Not Found", "key_not_found"));
    fake_next_to(keyd, "GET /keypairs?", PAIRS(PAIR("device-id", "current", "v1.rsa", SPKI_RSA)));
    offer_certificate(NULL);
    CHECK_INT(sign(key), CKR_KEY_CHANGED);
    end();
}

static void forgets_what_is_gone(void)
{
    CK_OBJECT_HANDLE key;
    unsigned char out[16];
    CK_RV value;

    begin();
    key = search(PAIRS(OLD), LEAF, CKO_PRIVATE_KEY);
    fake_next_to(keyd, "handle=v1.old&", GONE("404 Not Found", "key_not_found"));
    fake_next_to(keyd, "GET /keypairs?", fake_ok("{\"keypairs\":[],\"more\":false}"));
    CHECK_INT(sign(key), CKR_KEY_HANDLE_INVALID);
    CHECK_INT(sign(key), CKR_KEY_HANDLE_INVALID);
    CHECK_INT(attribute(key, CKA_ID, out, sizeof(out), &value), sizeof(out));
    CHECK_INT(value, CKR_OBJECT_HANDLE_INVALID);
    /* And knows it again. */
    CHECK_INT(search(PAIRS(OLD), LEAF, CKO_PRIVATE_KEY), (long)key);
    end();
}

static void reads_pages(void)
{
    CK_OBJECT_HANDLE found[16];

    begin();
    fake_next_to(keyd, "GET /keypairs?api-version=2021-05-01 ",
                 fake_ok("{\"keypairs\":[" PAIR("a&b", "current", "v1.a", SPKI_EC) "],\"more\":true}"));
    fake_next_to(keyd, "&after=a%26b ",
                 fake_ok("{\"keypairs\":[" PAIR("c", "current", "v1.c", SPKI_RSA) "],\"more\":true}"));
    /* A list without an end ends. */
    fake_next_to(keyd, "&after=c ", fake_ok("{\"keypairs\":[],\"more\":true}"));
    CHECK_INT(find(NULL, 0, found, 16), 4);
    CHECK_INT(fake_left(keyd), 0);
    /* Nor does one that begins again: it is refused, and what was told before stands. */
    fake_otherwise(keyd, fake_ok("{\"keypairs\":[" PAIR("a", "current", "v1.a", SPKI_EC) "," PAIR(
                             "b", "current", "v1.b", SPKI_EC) "],\"more\":true}"));
    CHECK_INT(find(NULL, 0, found, 16), 4);
    end();
}

static void finds_certificates_of_other_ids(void)
{
    CK_OBJECT_HANDLE found[16];
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    char label[] = "hub-client";
    const CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_LABEL, label, sizeof(label) - 1}};

    begin();
    fake_next_to(keyd, "GET /keypairs?", PAIRS(OLD));
    fake_next_to(
        certd, "GET /credentials?",
        fake_ok("{\"credentials\":[{\"id\":\"other\",\"keyId\":\"another\"},{\"id\":\"no-key\"},{\"id\":"
                "\"hub-client\",\"keyId\":\"device-id\"}]}"));
    fake_next_to(certd, "GET /certificates/hub-client?", fake_ok(LEAF));
    CHECK_INT(find(wanted, 2, found, 16), 1);
    end();
}

static void offers_named_keys(void)
{
    /* Fakes answer with texts, and SPKIs have zeros: what is not an SPKI is passed over. */
    begin();
    (void)setenv("ESTPROV_PKCS11_KEYS", "device-id,log key", 1);
    fake_next_to(keyd, "GET /publickey?api-version=2021-05-01&id=device-id ",
                 "HTTP/1.1 200 OK\r\nEstprov-Key-Handle: v1.x\r\nContent-Length: 2\r\n\r\n\x30\x01");
    fake_next_to(keyd, "GET /publickey?api-version=2021-05-01&id=log%20key ",
                 fake_json("401 Unauthorized", "{\"message\":\"no\",\"hint\":\"\",\"code\":\"forbidden\"}"));
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_KEY_FUNCTION_NOT_PERMITTED);
    CHECK_INT(fake_left(keyd), 0);
    (void)setenv("ESTPROV_PKCS11_KEYS", ",", 1);
    CHECK_INT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    (void)unsetenv("ESTPROV_PKCS11_KEYS");
    end();
}

void test_changes(void)
{
    run_test("objects are their ids' through rotations, and keep their handles", follows_rotations);
    run_test("a certificate is never told with a key that is not its own", never_pairs_wrongly);
    run_test("a key that was found long ago signs with what its id has now", signs_with_what_the_id_has_now);
    run_test("a key that is gone is no object any more, until it is back", forgets_what_is_gone);
    run_test("a list comes in pages", reads_pages);
    run_test("a certificate whose id is not its key's is found", finds_certificates_of_other_ids);
    run_test("keys that the environment names are asked for one by one, and missed", offers_named_keys);
}
