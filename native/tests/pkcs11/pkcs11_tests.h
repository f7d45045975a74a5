#ifndef ESTPROV_PKCS11_TESTS_H
#define ESTPROV_PKCS11_TESTS_H

#include "cryptoki.h"
#include "fake_daemon.h"

#include <stdbool.h>
#include <stddef.h>

void test_sessions(void);
void test_objects(void);
void test_signatures(void);
void test_changes(void);
void test_misfortunes(void);

/* The module's functions, and daemons for it. */
extern const CK_FUNCTION_LIST *p11;
extern struct fake_daemon *keyd;
extern struct fake_daemon *certd;

/* Begins a test: fresh daemons, the module initialized, one session. */
void begin(void);
void end(void);
extern CK_SESSION_HANDLE session;

/* Answers. Each stays until many more have been made. */
const char *pairs(const char *const entries[], size_t count);
#define PAIRS(...) \
    pairs((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define PAIR(id, state, handle, spki) \
    "{\"keyId\":\"" id "\",\"state\":\"" state "\",\"keyHandle\":\"" handle "\",\"spki\":\"" spki "\"}"
#define PEM(base64) "-----BEGIN CERTIFICATE-----\\n" base64 "\\n-----END CERTIFICATE-----\\n"
#define NO_CREDENTIALS "{\"credentials\":[]}"
#define NO_CERTIFICATE \
    "{\"message\":\"there is no certificate\",\"hint\":\"\",\"code\":\"certificate_not_found\"}"

/* The keys and certificates of most tests: device-id (EC, with certificate and CA), log-key (RSA), sensor
 * (Ed25519), big (P-521). */
void offer_all(void);
/* certd's answers for one search: no other ids, and a certificate (or NULL) for device-id. */
void offer_certificate(const char *body);

/* The objects that match; count at most. */
size_t find(const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *found, size_t most);
/* The one object of a class and id, or 0. */
CK_OBJECT_HANDLE find_one(CK_OBJECT_CLASS class, const char *id);
/* The value of an attribute: its length, or -1 with the code in *value. */
long attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out, size_t room, CK_RV *value);
/* The length of what base64 says. */
size_t decoded(const char *base64, unsigned char *out);

#endif
