#include "attribute.h"

#include <string.h>

enum { PRIVATE = 1, PUBLIC = 2, CERTIFICATE = 4, KEYS = PRIVATE | PUBLIC, ALL = KEYS | CERTIFICATE };

struct flag {
    unsigned short type;
    unsigned char classes;
    CK_BBOOL value;
};

/* No object is CKA_PRIVATE: nobody logs in here. */
static const struct flag flags[] = {
    {CKA_TOKEN, ALL, CK_TRUE},
    {CKA_PRIVATE, ALL, CK_FALSE},
    {CKA_MODIFIABLE, ALL, CK_FALSE},
    {CKA_COPYABLE, ALL, CK_FALSE},
    {CKA_DESTROYABLE, ALL, CK_FALSE},
    {CKA_TRUSTED, PUBLIC | CERTIFICATE, CK_FALSE},
    {CKA_DERIVE, KEYS, CK_FALSE},
    {CKA_SENSITIVE, PRIVATE, CK_TRUE},
    {CKA_ALWAYS_SENSITIVE, PRIVATE, CK_TRUE},
    {CKA_EXTRACTABLE, PRIVATE, CK_FALSE},
    {CKA_NEVER_EXTRACTABLE, PRIVATE, CK_TRUE},
    {CKA_ALWAYS_AUTHENTICATE, PRIVATE, CK_FALSE},
    {CKA_WRAP_WITH_TRUSTED, PRIVATE, CK_FALSE},
    {CKA_SIGN, PRIVATE, CK_TRUE},
    {CKA_SIGN_RECOVER, PRIVATE, CK_FALSE},
    {CKA_DECRYPT, PRIVATE, CK_FALSE},
    {CKA_UNWRAP, PRIVATE, CK_FALSE},
    {CKA_VERIFY, PUBLIC, CK_TRUE},
    {CKA_VERIFY_RECOVER, PUBLIC, CK_FALSE},
    {CKA_ENCRYPT, PUBLIC, CK_FALSE},
    {CKA_WRAP, PUBLIC, CK_FALSE},
};

static unsigned char class_of(const struct object *object)
{
    return object->class == CKO_PRIVATE_KEY  ? PRIVATE
           : object->class == CKO_PUBLIC_KEY ? PUBLIC
                                             : CERTIFICATE;
}

static CK_RV value_number(struct value *value, CK_ULONG number)
{
    value->made.number = number;
    value->bytes = &value->made.number;
    value->length = sizeof(value->made.number);
    return CKR_OK;
}

static CK_RV value_span(struct value *value, const struct span *span)
{
    value->bytes = span->at;
    value->length = span->length;
    return CKR_OK;
}

static CK_RV value_text(struct value *value, const char *text)
{
    value->bytes = text;
    value->length = strlen(text);
    return CKR_OK;
}

/* The point within an OCTET STRING. */
static CK_RV value_point(struct value *value, const struct span *point)
{
    unsigned char *out = value->made.bytes;

    *out++ = DER_OCTET_STRING;
    if (point->length >= 0x80)
        *out++ = 0x81;
    *out++ = (unsigned char)point->length;
    memcpy(out, point->at, point->length);
    value->bytes = value->made.bytes;
    value->length = (size_t)(out - value->made.bytes) + point->length;
    return CKR_OK;
}

static CK_ULONG bits_of(const struct span *modulus)
{
    CK_ULONG bits = modulus->length * 8;

    for (unsigned char top = modulus->at[0]; (top & 0x80) == 0; top = (unsigned char)(top << 1))
        bits--;
    return bits;
}

static CK_RV certificate_value(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    const struct span der = {object->der.bytes, object->der.size};

    switch (type) {
    case CKA_CERTIFICATE_TYPE:
        return value_number(value, CKC_X_509);
    case CKA_CERTIFICATE_CATEGORY:
        return value_number(value, object->id[0] == '\0' ? CK_CERTIFICATE_CATEGORY_AUTHORITY
                                                         : CK_CERTIFICATE_CATEGORY_TOKEN_USER);
    case CKA_VALUE:
        return value_span(value, &der);
    case CKA_SUBJECT:
        return value_span(value, &object->certificate.subject);
    case CKA_ISSUER:
        return value_span(value, &object->certificate.issuer);
    case CKA_SERIAL_NUMBER:
        return value_span(value, &object->certificate.serial);
    case CKA_PUBLIC_KEY_INFO:
        return value_span(value, &object->certificate.spki);
    default:
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
}

static CK_RV rsa_value(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    switch (type) {
    case CKA_MODULUS:
        return value_span(value, &object->key.modulus);
    case CKA_PUBLIC_EXPONENT:
        return value_span(value, &object->key.exponent);
    case CKA_MODULUS_BITS:
        return object->class == CKO_PUBLIC_KEY ? value_number(value, bits_of(&object->key.modulus))
                                               : CKR_ATTRIBUTE_TYPE_INVALID;
    default:
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
}

static CK_RV ec_value(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    switch (type) {
    case CKA_EC_PARAMS:
        return value_span(value, &object->key.parameters);
    /* Of the private key as well: callers look there where they have found no public one. */
    case CKA_EC_POINT:
        return value_point(value, &object->key.point);
    default:
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
}

static CK_RV key_value(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    const struct span der = {object->der.bytes, object->der.size};

    if (object->class == CKO_PRIVATE_KEY &&
        (type == CKA_VALUE || (type >= CKA_PRIVATE_EXPONENT && type <= CKA_COEFFICIENT)))
        return CKR_ATTRIBUTE_SENSITIVE;
    switch (type) {
    case CKA_KEY_TYPE:
        return value_number(value, object->key.type);
    case CKA_KEY_GEN_MECHANISM:
        return value_number(value, CK_UNAVAILABLE_INFORMATION);
    case CKA_SUBJECT:
        return value_text(value, "");
    case CKA_PUBLIC_KEY_INFO:
        return value_span(value, &der);
    default:
        return object->key.type == CKK_RSA ? rsa_value(object, type, value) : ec_value(object, type, value);
    }
}

CK_RV attribute_value(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (flags[i].type != type || (flags[i].classes & class_of(object)) == 0)
            continue;
        value->made.flag = flags[i].value;
        value->bytes = &value->made.flag;
        value->length = sizeof(value->made.flag);
        return CKR_OK;
    }
    switch (type) {
    case CKA_CLASS:
        return value_number(value, object->class);
    case CKA_ID:
        return value_text(value, object->id);
    case CKA_LABEL:
        return value_text(value, object->label);
    default:
        return object->class == CKO_CERTIFICATE ? certificate_value(object, type, value)
                                                : key_value(object, type, value);
    }
}

bool attributes_match(const struct object *object, const CK_ATTRIBUTE *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct value value;

        if (attribute_value(object, attributes[i].type, &value) != CKR_OK ||
            value.length != attributes[i].ulValueLen ||
            (value.length > 0 &&
             (attributes[i].pValue == NULL || memcmp(value.bytes, attributes[i].pValue, value.length) != 0)))
            return false;
    }
    return true;
}

static CK_RV tell(const struct object *object, CK_ATTRIBUTE *attribute)
{
    struct value value;
    const CK_RV result = attribute_value(object, attribute->type, &value);
    const CK_ULONG room = attribute->ulValueLen;

    attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    if (result != CKR_OK)
        return result;
    if (attribute->pValue != NULL && room < value.length)
        return CKR_BUFFER_TOO_SMALL;
    attribute->ulValueLen = value.length;
    if (attribute->pValue != NULL && value.length > 0)
        memcpy(attribute->pValue, value.bytes, value.length);
    return CKR_OK;
}

CK_RV attributes_tell(const struct object *object, CK_ATTRIBUTE *attributes, size_t count)
{
    CK_RV result = CKR_OK;

    /* All are looked at, whatever becomes of one. */
    for (size_t i = 0; i < count; i++) {
        const CK_RV told = tell(object, &attributes[i]);

        if (told != CKR_OK)
            result = told;
    }
    return result;
}
