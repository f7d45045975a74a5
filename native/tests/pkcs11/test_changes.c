#include "check.h"
#include "material.h"
#include "pkcs11_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* The answer comes in two pieces, between which the library's buffer grows and moves. */
static void keeps_the_handle_of_a_long_answer(void)
{
    static char answer[4200];
    unsigned char der[64] = {0};
    const size_t size = decoded(SPKI_ED25519, der);
    CK_OBJECT_HANDLE found[2] = {0, 0};
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    const CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}};
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    unsigned char message[] = "m";
    unsigned char out[64];
    CK_ULONG length = sizeof(out);
    int used;

    begin();
    used =
        snprintf(answer, sizeof(answer),
                 "HTTP/1.1 200 OK\r\nEstprov-Key-Handle: v1.named\r\nX: %0*d\r\nContent-Length: %zu\r\n\r\n",
                 3990, 0, size);
    for (size_t i = 0; i < size; i++)
        answer[(size_t)used + i] = der[i] == 0 ? '\xff' : (char)der[i];
    atomic_store(&keyd->zero, '\xff');
    (void)setenv("ESTPROV_PKCS11_KEYS", "sensor", 1);
    fake_next_to(keyd, "GET /publickey?", answer);
    CHECK_INT(find(wanted, 1, found, 2), 1);
    (void)unsetenv("ESTPROV_PKCS11_KEYS");
    CHECK_INT(p11->C_SignInit(session, &mechanism, found[0]), CKR_OK);
    (void)p11->C_Sign(session, message, 1, out, &length);
    CHECK_TEXT_HAS(fake_request(keyd), "handle=v1.named&");
    end();
}

/* Pages of many keys: what has no place is said, and does not hide what has. */
static void offers_the_first_of_too_many(void)
{
    enum { PAGE = 64, PAGES = 5 };
    static char body[PAGE * 200 + 64];
    static CK_OBJECT_HANDLE found[600];
    char text[512] = "";
    int ends[2];
    const int saved = dup(STDERR_FILENO);

    begin();
    for (int page = 0; page < PAGES; page++) {
        int used = snprintf(body, sizeof(body), "{\"keypairs\":[");

        for (int i = 0; i < PAGE; i++)
            used +=
                snprintf(body + used, sizeof(body) - (size_t)used,
                         "%s{\"keyId\":\"k%03d\",\"state\":\"current\",\"keyHandle\":\"h\",\"spki\":\"%s\"}",
                         i == 0 ? "" : ",", page * PAGE + i, SPKI_ED25519);
        (void)snprintf(body + used, sizeof(body) - (size_t)used, "],\"more\":%s}",
                       page + 1 < PAGES ? "true" : "false");
        fake_next_to(keyd, "GET /keypairs?", fake_ok(body));
    }
    fake_next_to(certd, "GET /credentials?", fake_ok(NO_CREDENTIALS));
    if (!CHECK_INT(pipe(ends), 0))
        return;
    (void)dup2(ends[1], STDERR_FILENO);
    (void)setenv("ESTPROV_PKCS11_VERBOSE", "1", 1);
    CHECK_INT(find(NULL, 0, found, 600), 512);
    (void)unsetenv("ESTPROV_PKCS11_VERBOSE");
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(ends[1]);
    CHECK(read(ends[0], text, sizeof(text) - 1) > 0);
    (void)close(ends[0]);
    CHECK(strcmp(text, "libestprov-pkcs11: error: there are more than 256 keys: k256 and those after it are "
                       "not offered\n") == 0);
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
    run_test("a handle at the head of a long answer is kept whole", keeps_the_handle_of_a_long_answer);
    run_test("of too many keys the first are offered, and it is said", offers_the_first_of_too_many);
    run_test("keys that the environment names are asked for one by one, and missed", offers_named_keys);
}
