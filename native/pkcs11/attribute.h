#ifndef ESTPROV_PKCS11_ATTRIBUTE_H
#define ESTPROV_PKCS11_ATTRIBUTE_H

#include "object.h"

/* The room that values take which stand nowhere: numbers, and a point in its OCTET STRING. */
enum { MADE_ROOM = LONGEST_POINT + 3 };

struct value {
    const void *bytes;
    size_t length;
    union {
        CK_BBOOL flag;
        CK_ULONG number;
        unsigned char bytes[MADE_ROOM];
    } made;
};

/* CKR_ATTRIBUTE_TYPE_INVALID: the object has none such; CKR_ATTRIBUTE_SENSITIVE: nobody is told. */
CK_RV attribute_value(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value);

/* Whether the object has all of these attributes with these values. */
bool attributes_match(const struct object *object, const CK_ATTRIBUTE *attributes, size_t count);

/* Fills them in as C_GetAttributeValue has to. */
CK_RV attributes_tell(const struct object *object, CK_ATTRIBUTE *attributes, size_t count);

#endif
