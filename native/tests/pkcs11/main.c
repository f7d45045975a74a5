#include "check.h"
#include "pkcs11_tests.h"

#include "../../common/base64.h"
#include "material.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const CK_FUNCTION_LIST *p11;
struct fake_daemon *keyd;
struct fake_daemon *certd;
CK_SESSION_HANDLE session;

static char folder[40];

void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "%s", fake_folder());
    (void)setenv("ESTPROV_SOCKET_FOLDER", folder, 1);
    keyd = fake_start(folder, "keyd");
    certd = fake_start(folder, "certd");
    fake_otherwise(certd, fake_json("400 Bad Request", NO_CERTIFICATE));
    CHECK_INT(p11->C_Initialize(NULL), CKR_OK);
    CHECK_INT(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
}

void end(void)
{
    (void)p11->C_Finalize(NULL);
    fake_stop(keyd);
    fake_stop(certd);
    (void)rmdir(folder);
}

const char *pairs(const char *const entries[], size_t count)
{
    static char text[64 * 1024];

    (void)snprintf(text, sizeof(text), "{\"keypairs\":[");
    for (size_t i = 0; i < count; i++) {
        strcat(text, i == 0 ? "" : ",");
        strcat(text, entries[i]);
    }
    strcat(text, "],\"more\":false}");
    return fake_ok(text);
}

void offer_certificate(const char *body)
{
    fake_next_to(certd, "GET /credentials?", fake_ok(NO_CREDENTIALS));
    if (body != NULL)
        fake_next_to(certd, "GET /certificates/device-id?", fake_ok(body));
}

void offer_all(void)
{
    fake_next_to(keyd, "GET /keypairs?",
                 PAIRS(PAIR("big", "current", "v1.big", SPKI_EC_521),
                       PAIR("device-id", "current", "v1.dev", SPKI_EC),
                       PAIR("log-key", "current", "v1.log", SPKI_RSA),
                       PAIR("sensor", "current", "v1.sensor", SPKI_ED25519)));
    offer_certificate("{\"pem\":\"" PEM(CERTIFICATE_EC) PEM(CERTIFICATE_CA) "\"}");
}

size_t find(const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *found, size_t most)
{
    CK_ATTRIBUTE copy[8];
    CK_ULONG got = 0;

    if (count > 0)
        memcpy(copy, attributes, count * sizeof(*attributes));
    if (!CHECK_INT(p11->C_FindObjectsInit(session, copy, count), CKR_OK))
        return 0;
    CHECK_INT(p11->C_FindObjects(session, found, most, &got), CKR_OK);
    CHECK_INT(p11->C_FindObjectsFinal(session), CKR_OK);
    return got;
}

CK_OBJECT_HANDLE find_one(CK_OBJECT_CLASS class, const char *id)
{
    char name[64];
    CK_OBJECT_HANDLE found[2] = {0, 0};
    const CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, name, strlen(id)}};

    (void)snprintf(name, sizeof(name), "%s", id);
    return find(wanted, 2, found, 2) == 1 ? found[0] : 0;
}

long attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out, size_t room, CK_RV *value)
{
    CK_ATTRIBUTE wanted = {type, out, room};

    *value = p11->C_GetAttributeValue(session, object, &wanted, 1);
    return (long)wanted.ulValueLen;
}

size_t decoded(const char *base64, unsigned char *out)
{
    return (size_t)base64_decode(base64, strlen(base64), out);
}

int main(int count, char **arguments)
{
    void *module;
    CK_RV (*get)(const CK_FUNCTION_LIST **list);
    void *symbol;

    if (count != 2)
        return 64;
    module = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    if (symbol == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return EXIT_FAILURE;
    }
    memcpy(&get, &symbol, sizeof(get));
    if (get(&p11) != CKR_OK)
        return EXIT_FAILURE;
    test_sessions();
    test_objects();
    test_signatures();
    test_changes();
    test_misfortunes();
    return finish_tests();
}
