/* The PKCS#11 module with hostile daemons: whatever they list, sign or certify, no program that has loaded it
 * is harmed. The first byte chooses what is answered, and whether the rest is the whole answer or only its
 * body. */
#include "fuzz.h"

#include "../pkcs11/functions.h"
#include "../pkcs11/module.h"
#include "../pkcs11/pkix.h"
#include "../tests/pkcs11/material.h"

#include <stdlib.h>
#include <string.h>

enum { LIST, SIGN_EC, SIGN_RSA, KEY, CERTIFICATE, ECDSA, NAMED, WAYS };

#define LISTED(spki) \
    "{\"keypairs\":[{\"keyId\":\"k\",\"state\":\"current\",\"keyHandle\":\"h\",\"spki\":\"" spki "\"}]}"

static void demand(int condition)
{
    if (!condition)
        abort();
}

/* Every attribute that there is of every object that there is. */
static void read_all(CK_SESSION_HANDLE session)
{
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_CLASS,        CKA_ID,        CKA_LABEL,   CKA_VALUE,           CKA_KEY_TYPE,
        CKA_EC_POINT,     CKA_MODULUS,   CKA_SUBJECT, CKA_PUBLIC_EXPONENT, CKA_PUBLIC_KEY_INFO,
        CKA_MODULUS_BITS, CKA_EC_PARAMS, CKA_ISSUER,  CKA_SENSITIVE,       CKA_SERIAL_NUMBER};
    CK_OBJECT_HANDLE found[16];
    unsigned char room[8192] = {0};
    CK_ULONG count = 0;

    if (find_objects_init(session, NULL, 0) != CKR_OK)
        return;
    demand(find_objects(session, found, 16, &count) == CKR_OK && count <= 16);
    demand(find_objects_final(session) == CKR_OK);
    for (CK_ULONG i = 0; i < count; i++)
        for (size_t at = 0; at < sizeof(types) / sizeof(types[0]); at++) {
            CK_ATTRIBUTE wanted = {types[at], room, sizeof(room)};

            (void)get_attribute_value(session, found[i], &wanted, 1);
            demand(wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION || wanted.ulValueLen <= sizeof(room));
        }
}

static void sign_by(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const uint8_t *data, size_t size,
                    bool body)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    unsigned char message[] = "message";
    unsigned char out[LONGEST_SIGNATURE];
    CK_ULONG length = sizeof(out);

    demand(find_objects_init(session, &wanted, 1) == CKR_OK &&
           find_objects(session, &key, 1, &count) == CKR_OK);
    demand(count == 1 && sign_init(session, &mechanism, key) == CKR_OK);
    fuzz_answer(data, size, body);
    if (sign(session, message, 7, out, &length) == CKR_OK)
        demand(length == (type == CKM_ECDSA_SHA256 ? 64 : 256));
}

static void parse(int way, const uint8_t *data, size_t size)
{
    const struct span der = {data, size};
    struct public_key key;
    struct certificate certificate;
    unsigned char out[132];

    if (way == KEY && read_public_key(&der, &key))
        demand(key.unit >= 32 && signature_size(&key) <= LONGEST_SIGNATURE &&
               key.point.length <= LONGEST_POINT);
    else if (way == CERTIFICATE && read_certificate(&der, &certificate))
        demand(certificate.spki.at + certificate.spki.length <= data + size);
    else if (way == ECDSA)
        (void)write_ecdsa(&der, 66, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CK_SESSION_HANDLE session = 0;
    const int way = size > 0 ? data[0] % 64 % WAYS : 0;
    const bool body = size > 0 && (data[0] & 0x80) != 0;
    const char *const listed = way == SIGN_RSA ? LISTED(SPKI_RSA) : LISTED(SPKI_EC);

    if (size < 1)
        return 0;
    if (way >= KEY && way != NAMED) {
        parse(way, data + 1, size - 1);
        return 0;
    }
    if (module_initialize(NULL) != CKR_OK)
        return 0;
    /* One key that the environment names: its public key is the body, and its handle in the head. */
    if (way == NAMED)
        (void)setenv("ESTPROV_PKCS11_KEYS", "k", 1);
    else
        (void)unsetenv("ESTPROV_PKCS11_KEYS");
    demand(open_session(THE_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK);
    if (way == LIST || way == NAMED)
        fuzz_answer(data + 1, size - 1, body);
    else
        fuzz_answer((const uint8_t *)listed, strlen(listed), true);
    if (way == LIST || way == NAMED)
        read_all(session);
    else
        sign_by(session, way == SIGN_EC ? CKM_ECDSA_SHA256 : CKM_SHA256_RSA_PKCS, data + 1, size - 1, body);
    (void)module_finalize(NULL);
    fuzz_hang_up();
    return 0;
}
