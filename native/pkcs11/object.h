#ifndef ESTPROV_PKCS11_OBJECT_H
#define ESTPROV_PKCS11_OBJECT_H

#include "listing.h"
#include "pkix.h"

/* The token's objects: for each key that the caller may use a private and a public key, the certificates of
 * its id, and those of the CAs above them. An object is its id's for good: its handle stays the same, and
 * names what is current when the daemons are asked. Called with the lock held, but for objects_refresh. */

struct object {
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_CLASS class;
    char id[ID_LONGEST + 1]; /* CKA_ID: the key's id; "": a CA's */
    char label[ID_LONGEST + 16];
    struct blob der;  /* SubjectPublicKeyInfo or certificate; no bytes: it is not there now */
    char *key_handle; /* keyd's, of a private key */
    struct public_key key;
    struct certificate certificate;
};

/* Asks the daemons. Where they cannot tell, what they told before stands, and it is an error only where that
 * is nothing. */
CK_RV objects_refresh(void);

/* NULL: there is none, or none now. */
const struct object *object_find(CK_OBJECT_HANDLE handle);
size_t object_count(void);
/* NULL where there is none now. */
const struct object *object_at(size_t index);
void objects_forget(void);

#endif
